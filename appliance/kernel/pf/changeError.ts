// SPDX-License-Identifier: ISC
//
// An ICMP error in the other family (pf_translate_icmp_af, pf_change_icmp_af, RFC 7915 4.2 and 5.2): its header, the header of the packet
// that it quotes, and what of that packet's ports and sums is there. Errors are rare and short, so their checksum is made anew.

import { setU16, u16 } from '../../wire/bytes.ts';
import * as checksum from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as siit from '../../wire/siit.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from './descriptor.ts';
import { type Ends, protocolIn } from './ends.ts';
import { hops } from './hops.ts';
import { refillIcmp } from './translate.ts';

/** The packet that an error quotes, as icmpErrors.ts has read it. */
export interface Quoted {
  readonly network: number;
  readonly transport: number;
  readonly protocol: number;
  readonly destination: Int32Array;
}

/** The largest error of IPv6 (RFC 4443 2.4 (c)). */
const LARGEST = ipv6.MINIMUM_MTU;

/**
 * Rewrites an error about a packet of a state between families. `ends` are what a packet like the error itself would become: the
 * quoted one ran the other way. False when the other family has no such error.
 */
export function changeError(packet: Descriptor, quoted: Quoted, ends: Ends, id: number): boolean {
  const to6 = packet.family === 4;
  const { bytes } = packet.packet;
  const code = to6
    ? siit.errorTo6(packet.icmpType, packet.icmpCode)
    : siit.errorTo4(packet.icmpType, packet.icmpCode);
  if (code === siit.NONE) return false;
  const rest = restOf(packet, quoted, code & 0xff);
  if (rest === siit.NONE) return false;
  const left = hops(packet);
  const header = to6 ? ipv6.HEADER_LENGTH : ipv4.HEADER_LENGTH;
  const network = quoted.transport - header;
  const transport = network - icmp.HEADER_LENGTH;
  changeQuoted(packet, quoted, ends, network);
  setOuterSource(packet, quoted, ends);
  icmp.write(bytes, transport, code >>> 16, (code >>> 8) & 0xff, rest);
  writeOuter(packet, ends, transport, left, id);
  refillIcmp(packet);
  return true;
}

/** The error's second word; NONE when what it points at has no counterpart. */
function restOf(packet: Descriptor, quoted: Quoted, kind: number): number {
  const { bytes, transport } = packet.packet;
  const to6 = packet.family === 4;
  switch (kind) {
    case siit.REST_MTU:
      return to6
        ? siit.mtuTo6(icmp.nextHopMtu(bytes, transport), ipv4.totalLength(bytes, quoted.network))
        : siit.mtuTo4(icmp6.mtu(bytes, transport));
    case siit.REST_PROTOCOL:
      return ipv6.nextHeaderAt(0);
    case siit.REST_POINTER: {
      if (to6) return siit.pointerTo6(icmp.pointer(bytes, transport));
      const at = siit.pointerTo4(icmp6.pointer(bytes, transport));
      return at === siit.NONE ? at : icmp.pointerRest(at);
    }
    default:
      return 0;
  }
}

/**
 * Who sends the error: the far end itself, or a router on the way to it. A router's address can be shown where the far end's is
 * embedded behind 96 bits; elsewhere the error comes from the far end.
 */
function setOuterSource(packet: Descriptor, quoted: Quoted, ends: Ends): void {
  if (packet.family !== 4 || ends.source[3] !== quoted.destination[0]) return;
  ends.source[3] = packet.source[0]!;
}

/** The quoted packet's header, in front of its transport header, with what that sum and ports say. */
function changeQuoted(packet: Descriptor, quoted: Quoted, ends: Ends, network: number): void {
  const { bytes } = packet.packet;
  const to6 = packet.family === 4;
  const at = quoted.network;
  const tos = to6 ? ipv4.typeOfService(bytes, at) : ipv6.trafficClass(bytes, at);
  const left = to6 ? ipv4.ttl(bytes, at) : ipv6.hopLimit(bytes, at);
  const whole = to6 ? ipv4.totalLength(bytes, at) : ipv6.payloadLength(bytes, at) + ipv6.HEADER_LENGTH;
  const length = Math.max(0, whole - (quoted.transport - at));
  const protocol = protocolIn(to6 ? 6 : 4, quoted.protocol);
  const before = quotedSum(bytes, at, packet.family, quoted.protocol, length);
  if (to6) {
    ipv6.write(bytes, network, tos, 0, length, protocol, left);
    for (let i = 0; i < 4; i++) {
      ipv6.setSourceWord(bytes, network, i, ends.destination[i]!);
      ipv6.setDestinationWord(bytes, network, i, ends.source[i]!);
    }
  } else {
    const [from, to] = [ends.destination[0]!, ends.source[0]!];
    const total = Math.min(ipv4.MAXIMUM_LENGTH, length + ipv4.HEADER_LENGTH);
    ipv4.write(bytes, network, tos, total, 0, ipv4.FRAGMENT_DF, left, protocol, from, to);
  }
  const after = quotedSum(bytes, network, to6 ? 6 : 4, protocol, length);
  changeQuotedTransport(packet, quoted, ends, before, after);
}

/** What a pseudo header adds to the sum of the quoted packet. */
function quotedSum(bytes: Uint8Array, at: number, family: number, protocol: number, length: number): number {
  if (family === 6) return checksum.pseudo6(bytes, ipv6.sourceAt(at), protocol, length);
  if (protocol === PROTOCOL_ICMP) return 0;
  return checksum.pseudo4(ipv4.source(bytes, at), ipv4.destination(bytes, at), protocol, length);
}

/** Ports of the quoted packet, or the type and id of an echo, as its sender knows them; the sums of UDP and ICMP follow. */
function changeQuotedTransport(
  packet: Descriptor,
  { transport, protocol }: Quoted,
  ends: Ends,
  before: number,
  after: number,
): void {
  const { bytes } = packet.packet;
  switch (protocol) {
    case PROTOCOL_TCP:
      tcp.setSourcePort(bytes, transport, ends.destinationPort);
      tcp.setDestinationPort(bytes, transport, ends.sourcePort);
      return;
    case PROTOCOL_UDP: {
      let sum = changeHalf(bytes, transport, ends.destinationPort, udp.checksum(bytes, transport));
      sum = changeHalf(bytes, tcp.destinationPortAt(transport), ends.sourcePort, sum);
      if (udp.checksum(bytes, transport) === 0) return;
      return udp.setChecksum(bytes, transport, checksum.update16(sum, before, after) || 0xffff);
    }
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6: {
      const type = icmp.type(bytes, transport);
      const to = packet.family === 4 ? siit.echoTo6(type) : siit.echoTo4(type);
      const isReply = type === icmp.TYPE_ECHO_REPLY || type === icmp6.TYPE_ECHO_REPLY;
      const id = isReply ? ends.sourcePort : ends.destinationPort;
      let sum = changeHalf(bytes, transport, to << 8, icmp.checksum(bytes, transport));
      sum = changeHalf(bytes, icmp.identifierAt(transport), id, sum);
      icmp.setChecksum(bytes, transport, checksum.update16(sum, before, after));
    }
  }
}

/** Writes a number of 16 bits; answers the checksum `sum` as it is then. */
function changeHalf(bytes: Uint8Array, at: number, to: number, sum: number): number {
  const from = u16(bytes, at);
  setU16(bytes, at, to);
  return checksum.update16(sum, from, to);
}

/** The header of the error, and where everything is now. */
function writeOuter(packet: Descriptor, ends: Ends, transport: number, left: number, id: number): void {
  const { packet: frame, tos } = packet;
  const { bytes } = frame;
  const to6 = ends.family === 6;
  const protocol = protocolIn(ends.family, packet.protocol);
  frame.network = transport - (to6 ? ipv6.HEADER_LENGTH : ipv4.HEADER_LENGTH);
  frame.transport = transport;
  frame.family = ends.family;
  frame.protocol = protocol;
  frame.clearOffload();
  if (to6) {
    frame.end = Math.min(frame.end, frame.network + LARGEST);
    ipv6.write(bytes, frame.network, tos, 0, frame.end - transport, protocol, left);
    for (let i = 0; i < 4; i++) {
      ipv6.setSourceWord(bytes, frame.network, i, ends.source[i]!);
      ipv6.setDestinationWord(bytes, frame.network, i, ends.destination[i]!);
    }
  } else {
    const [from, to] = [ends.source[0]!, ends.destination[0]!];
    ipv4.write(bytes, frame.network, tos, frame.end - frame.network, id, 0, left, protocol, from, to);
  }
  packet.family = to6 ? 6 : 4;
  packet.protocol = protocol;
}
