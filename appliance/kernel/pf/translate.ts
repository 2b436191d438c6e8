// SPDX-License-Identifier: ISC
//
// Writing other addresses and ports into a packet (pf_change_ap): headers and checksums change by difference, and unfinished
// checksums (pseudo-header sums only) in their own way.

import { setU16, u16 } from '../../wire/bytes.ts';
import * as checksum from '../../wire/checksum.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { Packet } from '../packet.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from './descriptor.ts';

/** Replaces the source address and port; ICMP has an id in place of ports. */
export function changeSource(packet: Descriptor, words: Int32Array, port: number): void {
  changeAddress(packet, words, true);
  changePort(packet, port, true);
}

export function changeDestination(packet: Descriptor, words: Int32Array, port: number): void {
  changeAddress(packet, words, false);
  changePort(packet, port, false);
}

function changeAddress(packet: Descriptor, words: Int32Array, isSource: boolean): void {
  const own = isSource ? packet.source : packet.destination;
  const { bytes, network } = packet.packet;
  if (packet.family === 4) {
    const from = own[0]!;
    const to = words[0]!;
    if (from === to) return;
    own[0] = to;
    if (isSource) ipv4.setSource(bytes, network, to);
    else ipv4.setDestination(bytes, network, to);
    ipv4.setChecksum(bytes, network, checksum.update32(ipv4.checksum(bytes, network), from, to));
    updatePseudo32(packet, from, to);
    return;
  }
  for (let i = 0; i < 4; i++) {
    const from = own[i]!;
    const to = words[i]!;
    if (from === to) continue;
    own[i] = to;
    if (isSource) ipv6.setSourceWord(bytes, network, i, to);
    else ipv6.setDestinationWord(bytes, network, i, to);
    updatePseudo32(packet, from, to);
  }
}

/** Place of the checksum that covers the addresses; -1 where none does. */
function pseudoField(packet: Descriptor): number {
  const { transport } = packet.packet;
  if (packet.isFragment) return -1;
  switch (packet.protocol) {
    case PROTOCOL_TCP:
      return transport + tcp.CHECKSUM_OFFSET;
    case PROTOCOL_UDP:
      return transport + udp.CHECKSUM_OFFSET;
    case PROTOCOL_ICMP6:
      return transport + ICMP_CHECKSUM;
    default:
      return -1;
  }
}

const ICMP_CHECKSUM = 2;

function updatePseudo32(packet: Descriptor, from: number, to: number): void {
  const field = pseudoField(packet);
  if (field < 0) return;
  const { bytes, needsChecksum } = packet.packet;
  const old = u16(bytes, field);
  if (needsChecksum) {
    setU16(bytes, field, checksum.sumUpdate32(old, from, to));
    return;
  }
  if (packet.protocol === PROTOCOL_UDP && packet.family === 4 && old === 0) return;
  const updated = checksum.update32(old, from, to);
  setU16(bytes, field, packet.protocol === PROTOCOL_UDP && updated === 0 ? 0xffff : updated);
}

function changePort(packet: Descriptor, port: number, isSource: boolean): void {
  const { bytes, transport, needsChecksum } = packet.packet;
  if (packet.isFragment) return;
  if (packet.protocol === PROTOCOL_ICMP || packet.protocol === PROTOCOL_ICMP6) {
    return changeIcmpId(packet, port);
  }
  if (packet.protocol !== PROTOCOL_TCP && packet.protocol !== PROTOCOL_UDP) return;
  const from = isSource ? packet.sourcePort : packet.destinationPort;
  if (from === port) return;
  if (isSource) packet.sourcePort = port;
  else packet.destinationPort = port;
  // Ports stand in the same place in TCP and UDP. An unfinished checksum does not cover them yet.
  if (isSource) tcp.setSourcePort(bytes, transport, port);
  else tcp.setDestinationPort(bytes, transport, port);
  if (needsChecksum) return;
  const field = pseudoField(packet);
  const old = u16(bytes, field);
  if (packet.protocol === PROTOCOL_UDP && packet.family === 4 && old === 0) return;
  const updated = checksum.update16(old, from, port);
  setU16(bytes, field, packet.protocol === PROTOCOL_UDP && updated === 0 ? 0xffff : updated);
}

function changeIcmpId(packet: Descriptor, id: number): void {
  if (packet.isIcmpError || packet.sourcePort === id) return;
  const { bytes, transport } = packet.packet;
  const old = icmp.checksum(bytes, transport);
  icmp.setChecksum(bytes, transport, checksum.update16(old, packet.sourcePort, id));
  icmp.setIdentifier(bytes, transport, id);
  packet.sourcePort = id;
  packet.destinationPort = id;
}

/** The inner packet of an ICMP error gets the addresses that its sender knows it by; the outer checksum is made anew. */
export function finishIcmpError(packet: Packet): void {
  const { bytes, transport, end, network } = packet;
  if (packet.family === 4) {
    icmp.fillChecksum(bytes, transport, end);
    return;
  }
  icmp6.fillChecksum(bytes, network, transport, end);
}
