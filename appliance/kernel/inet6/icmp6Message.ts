// SPDX-License-Identifier: ISC
//
// The frame of every ICMPv6 message that we make: an IPv6 header in front, lengths and checksum at the end (RFC 4443 2).

import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Packet } from '../packet.ts';

/** Writes the IPv6 header into an empty packet; answers the position of the message, which is also where `end` stands then. */
export function start(packet: Packet, hopLimit: number, source: Int32Array, destination: Int32Array): number {
  const bytes = packet.bytes;
  const network = packet.network;
  ipv6.write(bytes, network, 0, 0, 0, ipv6.NEXT_ICMP6, hopLimit);
  setWords(bytes, ipv6.sourceAt(network), source);
  setWords(bytes, ipv6.destinationAt(network), destination);
  packet.family = 6;
  packet.protocol = ipv6.NEXT_ICMP6;
  packet.transport = ipv6.payloadAt(network);
  packet.end = packet.transport;
  return packet.transport;
}

/** The message lies whole between `transport` and `end`: fills in payload length and checksum. */
export function finish(packet: Packet): void {
  const bytes = packet.bytes;
  ipv6.setPayloadLength(bytes, packet.network, packet.end - ipv6.payloadAt(packet.network));
  icmp6.fillChecksum(bytes, packet.network, packet.transport, packet.end);
}

/** Writes an address given as four words. */
export function setWords(bytes: Uint8Array, at: number, words: Int32Array): void {
  ipv6.setAddress(bytes, at, words[0]!, words[1]!, words[2]!, words[3]!);
}

/** Reads the address at a position into four words. */
export function readWords(bytes: Uint8Array, at: number, into: Int32Array): Int32Array {
  for (let i = 0; i < 4; i++) into[i] = ipv6.addressWord(bytes, at, i);
  return into;
}
