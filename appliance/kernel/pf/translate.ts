// SPDX-License-Identifier: ISC
//
// Writing other numbers into a packet (pf_change_ap, pf_change_a): addresses, ports, ids, sequence numbers. Checksums change by difference,
// and unfinished ones (which hold only the pseudo header's sum) in their own way.

import { i32, setI32, setU16, u16 } from '../../wire/bytes.ts';
import * as checksum from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as tcpOptions from '../../wire/tcpOptions.ts';
import * as udp from '../../wire/udp.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from './descriptor.ts';

/** Replaces the source address and port; of ICMP the id, which `port` is then. */
export function changeSource(packet: Descriptor, words: Int32Array, port: number): void {
  changeAddress(packet, words, 0, true);
  changePort(packet, port, true);
}

export function changeDestination(packet: Descriptor, words: Int32Array, port: number): void {
  changeAddress(packet, words, 0, false);
  changePort(packet, port, false);
}

/** Replaces an address by the words at `at`. */
export function changeAddress(packet: Descriptor, words: Int32Array, at: number, isSource: boolean): void {
  const own = isSource ? packet.source : packet.destination;
  const width = packet.family === 4 ? 1 : 4;
  for (let i = 0; i < width; i++) {
    const from = own[i]!;
    const to = words[at + i]!;
    if (from === to) continue;
    own[i] = to;
    writeWord(packet, i, to, isSource);
    updatePseudo(packet, from, to);
  }
}

function writeWord(packet: Descriptor, i: number, to: number, isSource: boolean): void {
  const { bytes, network } = packet.packet;
  if (packet.family === 4) {
    const from = isSource ? ipv4.source(bytes, network) : ipv4.destination(bytes, network);
    if (isSource) ipv4.setSource(bytes, network, to);
    else ipv4.setDestination(bytes, network, to);
    ipv4.setChecksum(bytes, network, checksum.update32(ipv4.checksum(bytes, network), from, to));
  } else if (isSource) ipv6.setSourceWord(bytes, network, i, to);
  else ipv6.setDestinationWord(bytes, network, i, to);
}

/** Place of the transport checksum; -1 where there is none, and in a fragment, where it covers what is not here. */
export function checksumField(packet: Descriptor): number {
  const { transport } = packet.packet;
  if (packet.isFragment) return -1;
  switch (packet.protocol) {
    case PROTOCOL_TCP:
      return transport + tcp.CHECKSUM_OFFSET;
    case PROTOCOL_UDP:
      return transport + udp.CHECKSUM_OFFSET;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6:
      return icmp.checksumAt(transport);
    default:
      return -1;
  }
}

/** One word of an address that the checksum covers through the pseudo header. */
function updatePseudo(packet: Descriptor, from: number, to: number): void {
  const field = checksumField(packet);
  if (field < 0 || packet.protocol === PROTOCOL_ICMP) return;
  const { bytes } = packet.packet;
  if (packet.packet.needsChecksum) setU16(bytes, field, checksum.sumUpdate32(u16(bytes, field), from, to));
  else updateFinished(packet, field, checksum.update32(u16(bytes, field), from, to));
}

/** A number of 16 bits that the checksum covers; an unfinished one does not cover it yet. */
export function update16(packet: Descriptor, from: number, to: number): void {
  const field = checksumField(packet);
  if (field < 0 || from === to || packet.packet.needsChecksum) return;
  updateFinished(packet, field, checksum.update16(u16(packet.packet.bytes, field), from, to));
}

/** A number of 32 bits that the checksum covers, `odd` when it begins at an odd place. */
export function update32(packet: Descriptor, from: number, to: number, odd = false): void {
  const field = checksumField(packet);
  if (field < 0 || from === to || packet.packet.needsChecksum) return;
  const was = u16(packet.packet.bytes, field);
  const swapped = odd ? checksum.swap(was) : was;
  const updated = checksum.update32(swapped, from, to);
  updateFinished(packet, field, odd ? checksum.swap(updated) : updated);
}

/** A UDP checksum of zero says that there is none, so it stays zero, and one that becomes zero is written as 0xffff (RFC 768). */
function updateFinished(packet: Descriptor, field: number, updated: number): void {
  const { bytes } = packet.packet;
  if (packet.protocol !== PROTOCOL_UDP) return setU16(bytes, field, updated);
  if (u16(bytes, field) === 0) return;
  setU16(bytes, field, updated === 0 ? 0xffff : updated);
}

export function changePort(packet: Descriptor, port: number, isSource: boolean): void {
  if (packet.isFragment) return;
  if (packet.protocol === PROTOCOL_ICMP || packet.protocol === PROTOCOL_ICMP6) {
    return changeIcmpId(packet, port, isSource);
  }
  if (!packet.hasPorts) return;
  const from = isSource ? packet.sourcePort : packet.destinationPort;
  if (from === port) return;
  const { bytes, transport } = packet.packet;
  // Ports stand in the same place in TCP and UDP.
  if (isSource) tcp.setSourcePort(bytes, transport, port);
  else tcp.setDestinationPort(bytes, transport, port);
  if (isSource) packet.sourcePort = port;
  else packet.destinationPort = port;
  update16(packet, from, port);
}

/** The id of a query changes where it stands for a port: in 2008 on both sides, today on the side that asks. */
function changeIcmpId(packet: Descriptor, id: number, isSource: boolean): void {
  const from = isSource ? packet.sourcePort : packet.destinationPort;
  if (packet.isIcmpError || from === id) return;
  const { bytes, transport } = packet.packet;
  const isType = !packet.hasTwoIds && isSource === packet.isIcmpReply;
  if (isType) return;
  const was = icmp.identifier(bytes, transport);
  icmp.setIdentifier(bytes, transport, id);
  if (isSource || packet.hasTwoIds) packet.sourcePort = id;
  if (!isSource || packet.hasTwoIds) packet.destinationPort = id;
  update16(packet, was, id);
}

/** Writes another sequence number into a TCP segment. */
export function changeSequence(packet: Descriptor, to: number): void {
  const { bytes, transport } = packet.packet;
  const from = tcp.sequence(bytes, transport);
  tcp.setSequence(bytes, transport, to);
  update32(packet, from, to);
}

export function changeAcknowledgment(packet: Descriptor, to: number): void {
  const { bytes, transport } = packet.packet;
  const from = tcp.acknowledgment(bytes, transport);
  tcp.setAcknowledgment(bytes, transport, to);
  update32(packet, from, to);
}

/** Lowers the edges of SACK blocks: they are acknowledgments too (pf_modulate_sack). */
export function lowerSack(packet: Descriptor, by: number): void {
  const { bytes, transport } = packet.packet;
  const at = tcpOptions.find(bytes, transport, tcpOptions.SACK);
  if (at < 0) return;
  const odd = ((at - transport) & 1) !== 0;
  for (let i = 0; i < tcpOptions.sackCount(bytes, at); i++) {
    const left = tcpOptions.sackLeft(bytes, at, i);
    const right = tcpOptions.sackRight(bytes, at, i);
    tcpOptions.setSackBlock(bytes, at, i, (left - by) | 0, (right - by) | 0);
    update32(packet, left, (left - by) | 0, odd);
    update32(packet, right, (right - by) | 0, odd);
  }
}

/** Writes a word into data that the packet's checksum covers (a quoted packet within an ICMP error). */
export function changeWord(packet: Descriptor, at: number, to: number): void {
  const { bytes, transport } = packet.packet;
  const from = i32(bytes, at);
  setI32(bytes, at, to);
  update32(packet, from, to, ((at - transport) & 1) !== 0);
}

/** The same for half a word, at an even place. */
export function changeHalf(packet: Descriptor, at: number, to: number): void {
  const { bytes } = packet.packet;
  const from = u16(bytes, at);
  setU16(bytes, at, to);
  update16(packet, from, to);
}

/** Makes the checksum of an ICMP message anew. */
export function refillIcmp(packet: Descriptor): void {
  const { bytes, network, transport, end } = packet.packet;
  if (packet.family === 4) icmp.fillChecksum(bytes, transport, end);
  else icmp6.fillChecksum(bytes, network, transport, end);
}
