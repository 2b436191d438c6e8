// SPDX-License-Identifier: ISC
//
// A described packet as bytes, its checksums right; and the description of an IP packet.

import { INET } from '../../abi/address.ts';
import type { PacketDirection } from '../../abi/judgement.ts';
import { i32 } from '../../wire/bytes.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { PacketDescription } from './packetText.ts';

const SEQUENCE = 1;
const WINDOW = 65_535;
const ECHO_ID = 1;

/** The IP packet that a description is of. */
export function packetBytes(packet: PacketDescription): Uint8Array {
  const isV4 = packet.source.family === INET;
  const at = isV4 ? ipv4.HEADER_LENGTH : ipv6.HEADER_LENGTH;
  const end = at + transportHeader(packet.protocol) + packet.data;
  const bytes = new Uint8Array(end);
  const { source, destination, protocol, ttl, tos } = packet;
  if (isV4) {
    ipv4.write(bytes, 0, tos, end, 1, 0, ttl, protocol, source.words[0]!, destination.words[0]!);
    ipv4.fillChecksum(bytes, 0);
  } else {
    ipv6.write(bytes, 0, tos, 0, end - at, protocol, ttl);
    const [a, b] = [source.words, destination.words];
    ipv6.setAddress(bytes, ipv6.sourceAt(0), a[0]!, a[1]!, a[2]!, a[3]!);
    ipv6.setAddress(bytes, ipv6.destinationAt(0), b[0]!, b[1]!, b[2]!, b[3]!);
  }
  writeTransport(bytes, at, end, packet, isV4);
  return bytes;
}

function transportHeader(protocol: number): number {
  if (protocol === ipv4.PROTOCOL_TCP) return tcp.HEADER_LENGTH;
  return protocol === ipv4.PROTOCOL_UDP || protocol === ipv4.PROTOCOL_ICMP || protocol === ipv6.NEXT_ICMP6
    ? 8
    : 0;
}

function writeTransport(
  bytes: Uint8Array,
  at: number,
  end: number,
  packet: PacketDescription,
  isV4: boolean,
): void {
  const { sourcePort, destinationPort, flags, icmpType, icmpCode } = packet;
  switch (packet.protocol) {
    case ipv4.PROTOCOL_TCP: {
      const acknowledgment = (flags & tcp.FLAG_ACK) === 0 ? 0 : SEQUENCE;
      tcp.write(bytes, at, sourcePort, destinationPort, SEQUENCE, acknowledgment, flags, WINDOW);
      if (isV4) tcp.fillChecksum4(bytes, 0, at, end);
      else tcp.fillChecksum6(bytes, 0, at, end);
      return;
    }
    case ipv4.PROTOCOL_UDP:
      udp.write(bytes, at, sourcePort, destinationPort, end - at);
      if (isV4) udp.fillChecksum4(bytes, 0, at, end);
      else udp.fillChecksum6(bytes, 0, at, end);
      return;
    case ipv4.PROTOCOL_ICMP:
      icmp.write(bytes, at, icmpType, icmpCode, icmp.echoRest(ECHO_ID, SEQUENCE));
      icmp.fillChecksum(bytes, at, end);
      return;
    case ipv6.NEXT_ICMP6:
      icmp6.write(bytes, at, icmpType, icmpCode, icmp6.echoRest(ECHO_ID, SEQUENCE));
      icmp6.fillChecksum(bytes, 0, at, end);
      return;
  }
}

/** What an IP packet is, as far as it can be told in words; undefined for bytes that are none. */
export function describePacket(
  bytes: Uint8Array,
  on: string,
  direction: PacketDirection,
): PacketDescription | undefined {
  const isV4 = bytes.length > 0 && ipv4.version(bytes, 0) === 4;
  if (
    isV4 ? ipv4.valid(bytes, 0, bytes.length) !== ipv4.OK : ipv6.valid(bytes, 0, bytes.length) !== ipv6.OK
  ) {
    return undefined;
  }
  const at = isV4 ? ipv4.payloadAt(bytes, 0) : ipv6.payloadAt(0);
  const has = (count: number) => bytes.length - at >= count;
  const protocol = isV4 ? ipv4.protocol(bytes, 0) : ipv6.nextHeader(bytes, 0);
  const words = (place: number) =>
    isV4 ? [i32(bytes, place)] : [0, 4, 8, 12].map((i) => i32(bytes, place + i));
  const family = isV4 ? 4 : 6;
  const hasPorts = (protocol === ipv4.PROTOCOL_TCP || protocol === ipv4.PROTOCOL_UDP) && has(4);
  const isTcp = protocol === ipv4.PROTOCOL_TCP && has(tcp.HEADER_LENGTH);
  const isIcmp = (protocol === ipv4.PROTOCOL_ICMP || protocol === ipv6.NEXT_ICMP6) && has(2);
  return {
    direction,
    interface: on,
    protocol,
    source: { family, words: words(isV4 ? ipv4.sourceAt(0) : ipv6.sourceAt(0)) },
    sourcePort: hasPorts ? udp.sourcePort(bytes, at) : 0,
    destination: { family, words: words(isV4 ? ipv4.destinationAt(0) : ipv6.destinationAt(0)) },
    destinationPort: hasPorts ? udp.destinationPort(bytes, at) : 0,
    flags: isTcp ? tcp.flags(bytes, at) : 0,
    icmpType: isIcmp ? icmp.type(bytes, at) : 0,
    icmpCode: isIcmp ? icmp.code(bytes, at) : 0,
    tos: isV4 ? ipv4.typeOfService(bytes, 0) : ipv6.trafficClass(bytes, 0),
    ttl: isV4 ? ipv4.ttl(bytes, 0) : ipv6.hopLimit(bytes, 0),
    data: Math.max(0, bytes.length - at - transportHeader(protocol)),
  };
}
