// SPDX-License-Identifier: ISC
//
// A packet in the other family's header (pf_translate_af, RFC 7915 4.1 and 5.1). What is behind the header stays where it is, also of
// a large segment; its checksum changes by difference.

import { setU16, u16 } from '../../wire/bytes.ts';
import * as checksum from '../../wire/checksum.ts';
import * as fragment6 from '../../wire/fragment6.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as siit from '../../wire/siit.ts';
import * as udp from '../../wire/udp.ts';
import { finishChecksum, pieceLength } from '../link/offload.ts';
import { GSO_ECN, GSO_NONE, GSO_TCP4, GSO_TCP6, type Packet } from '../packet.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_UDP } from './descriptor.ts';
import type { Ends } from './ends.ts';
import { hops } from './hops.ts';
import { changePort, checksumField, update16 } from './translate.ts';

/** How many bytes longer the packet's header is in the other family. */
export function growth({ packet, family }: Descriptor): number {
  const header = packet.transport - packet.network;
  return (family === 4 ? ipv6.HEADER_LENGTH : ipv4.HEADER_LENGTH) - header;
}

/** Whether it can be said in the other family at all: of ICMP only echo, and nothing that is longer than a header can say. */
export function isTranslatable(packet: Descriptor): boolean {
  if (packet.isFragment) return false;
  const isIcmp = packet.protocol === PROTOCOL_ICMP || packet.protocol === PROTOCOL_ICMP6;
  if (isIcmp && echoType(packet) === siit.NONE) return false;
  return packet.family === 4 || packet.length + growth(packet) <= ipv4.MAXIMUM_LENGTH;
}

/** The type of an echo message in the other family. */
export function echoType(packet: Descriptor): number {
  return packet.family === 4 ? siit.echoTo6(packet.icmpType) : siit.echoTo4(packet.icmpType);
}

/** Rewrites a translatable packet; `id` is the identification that an IPv4 header gets. */
export function changeFamily(packet: Descriptor, ends: Ends, id: number): void {
  const { packet: frame } = packet;
  const isIcmp = packet.protocol === PROTOCOL_ICMP || packet.protocol === PROTOCOL_ICMP6;
  if (isIcmp) changeEcho(packet, ends);
  else if (packet.hasPorts) {
    changePort(packet, ends.sourcePort, true);
    changePort(packet, ends.destinationPort, false);
  }
  const before = pseudoSum(frame, packet.protocol);
  if (ends.family === 4) write4(packet, ends, id);
  else write6(packet, ends);
  frame.family = ends.family;
  frame.protocol = ends.protocol;
  changeChecksum(packet, before, pseudoSum(frame, ends.protocol));
  packet.protocol = ends.protocol;
  packet.family = ends.family === 4 ? 4 : 6;
}

function changeEcho(packet: Descriptor, ends: Ends): void {
  const { bytes, transport } = packet.packet;
  finishChecksum(packet.packet);
  const typeWord = u16(bytes, transport);
  const id = icmp.identifier(bytes, transport);
  icmp.setType(bytes, transport, echoType(packet));
  icmp.setIdentifier(bytes, transport, packet.isIcmpReply ? ends.destinationPort : ends.sourcePort);
  update16(packet, typeWord, u16(bytes, transport));
  update16(packet, id, icmp.identifier(bytes, transport));
}

/** What the pseudo header adds to the transport checksum; ICMP of IPv4 has none. */
function pseudoSum({ bytes, network, transport, end, family }: Packet, protocol: number): number {
  if (family === 6) return checksum.pseudo6(bytes, ipv6.sourceAt(network), protocol, end - transport);
  if (protocol === PROTOCOL_ICMP) return 0;
  const source = ipv4.source(bytes, network);
  return checksum.pseudo4(source, ipv4.destination(bytes, network), protocol, end - transport);
}

function changeChecksum(packet: Descriptor, before: number, after: number): void {
  const field = checksumField(packet);
  if (field < 0) return;
  const { bytes, network, transport, needsChecksum } = packet.packet;
  const was = u16(bytes, field);
  if (needsChecksum) return setU16(bytes, field, checksum.sumUpdate16(was, before, after));
  const isUdp = packet.protocol === PROTOCOL_UDP;
  if (isUdp && was === 0) {
    // IPv6 wants one (RFC 8200 8.1).
    return udp.fillChecksum6(bytes, network, transport, transport + udp.length(bytes, transport));
  }
  const updated = checksum.update16(was, before, after);
  setU16(bytes, field, isUdp && updated === 0 ? 0xffff : updated);
}

function write4(packet: Descriptor, ends: Ends, id: number): void {
  const { packet: frame, tos } = packet;
  const left = hops(packet);
  frame.network = frame.transport - ipv4.HEADER_LENGTH;
  if (frame.fragmentSize > 0) {
    frame.fragmentSize = Math.max(ipv4.MINIMUM_MTU, frame.fragmentSize - FRAGMENT_DIFFERENCE);
  }
  changeSegmentType(frame, GSO_TCP6, GSO_TCP4);
  const mayFragment = frame.fragmentSize > 0 || pieceLength(frame) <= siit.FRAGMENTABLE;
  const length = frame.end - frame.network;
  const flags = mayFragment ? 0 : ipv4.FRAGMENT_DF;
  const from = ends.source[0]!;
  const to = ends.destination[0]!;
  ipv4.write(frame.bytes, frame.network, tos, length, id, flags, left, ends.protocol, from, to);
}

function write6(packet: Descriptor, { protocol, source, destination }: Ends): void {
  const { packet: frame, tos } = packet;
  const { bytes } = frame;
  const left = hops(packet);
  const mayFragment = !ipv4.dontFragment(bytes, frame.network) && frame.gsoType === GSO_NONE;
  frame.network = frame.transport - ipv6.HEADER_LENGTH;
  // The longer header begins in front of where the frame did, and who keeps a packet copies it from `link` on.
  frame.link = Math.min(frame.link, frame.network);
  const { network } = frame;
  changeSegmentType(frame, GSO_TCP4, GSO_TCP6);
  // What an IPv4 router may cut is cut here, to what every link of IPv6 carries (RFC 7915 4).
  const isLong = frame.end - network > ipv6.MINIMUM_MTU;
  frame.fragmentSize = mayFragment && isLong ? ipv6.MINIMUM_MTU : 0;
  ipv6.write(bytes, network, tos, 0, frame.end - frame.transport, protocol, left);
  for (let i = 0; i < 4; i++) {
    ipv6.setSourceWord(bytes, network, i, source[i]!);
    ipv6.setDestinationWord(bytes, network, i, destination[i]!);
  }
}

/** IPv6 has its fragment header besides. */
const FRAGMENT_DIFFERENCE = siit.HEADER_DIFFERENCE + fragment6.HEADER_LENGTH;

function changeSegmentType(frame: Packet, from: number, to: number): void {
  if ((frame.gsoType & ~GSO_ECN) === from) frame.gsoType = (frame.gsoType & GSO_ECN) | to;
}
