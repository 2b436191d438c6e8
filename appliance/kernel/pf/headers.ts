// SPDX-License-Identifier: ISC
//
// Rewriting header fields of the packet at hand (scrub, set tos); the IPv4 header's checksum follows by difference.

import { u16 } from '../../wire/bytes.ts';
import * as checksum from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as tcpOptions from '../../wire/tcpOptions.ts';
import type { Random } from '../random.ts';
import { type Descriptor, PROTOCOL_TCP } from './descriptor.ts';
import { hops, setHops } from './hops.ts';
import type { ScrubSettings } from './scrubSettings.ts';
import { update16 } from './translate.ts';

/** Does to the packet what the settings say. */
export function applyScrub(packet: Descriptor, settings: ScrubSettings, random: Random): void {
  if (hops(packet) < settings.minTtl) setHops(packet, settings.minTtl);
  if (settings.tos >= 0) setTypeOfService(packet, settings.tos);
  if (settings.maxMss > 0) lowerMss(packet, settings.maxMss);
  if (packet.family === 6) return;
  if (settings.noDf) clearDontFragment(packet);
  if (settings.randomId && !packet.isFragment) setIdentification(packet, random.word() & 0xffff);
}

function setTypeOfService(packet: Descriptor, tos: number): void {
  const { bytes, network } = packet.packet;
  packet.tos = tos;
  if (packet.family === 6) return ipv6.setTrafficClass(bytes, network, tos);
  const from = ipv4.typeOfService(bytes, network);
  ipv4.setTypeOfService(bytes, network, tos);
  fix4(packet, from, tos);
}

export function clearDontFragment(packet: Descriptor): void {
  const { bytes, network } = packet.packet;
  setFragment(packet, ipv4.fragment(bytes, network) & ~ipv4.FRAGMENT_DF);
}

/** Whole packets have no other bit than DF in that word. */
export function clearFragmentBits(packet: Descriptor): void {
  const { bytes, network } = packet.packet;
  setFragment(packet, ipv4.fragment(bytes, network) & ipv4.FRAGMENT_DF);
}

function setFragment(packet: Descriptor, to: number): void {
  const { bytes, network } = packet.packet;
  const from = ipv4.fragment(bytes, network);
  if (from === to) return;
  ipv4.setFragment(bytes, network, to);
  fix4(packet, from, to);
}

function setIdentification(packet: Descriptor, to: number): void {
  const { bytes, network } = packet.packet;
  const from = ipv4.identification(bytes, network);
  ipv4.setIdentification(bytes, network, to);
  fix4(packet, from, to);
}

function fix4(packet: Descriptor, from: number, to: number): void {
  const { bytes, network } = packet.packet;
  ipv4.setChecksum(bytes, network, checksum.update16(ipv4.checksum(bytes, network), from, to));
}

/** An MSS option larger than `maximum` becomes that. */
function lowerMss(packet: Descriptor, maximum: number): void {
  if (packet.protocol !== PROTOCOL_TCP || !packet.hasPorts) return;
  const { bytes, transport } = packet.packet;
  const at = tcpOptions.find(bytes, transport, tcpOptions.MSS);
  if (at < 0) return;
  const from = tcpOptions.mss(bytes, at);
  if (from <= maximum) return;
  tcpOptions.setMss(bytes, at, maximum);
  // At an odd place the bytes of the sum change places (RFC 1071 2 (B)).
  const odd = ((at - transport) & 1) !== 0;
  update16(packet, odd ? checksum.swap(from) : from, odd ? checksum.swap(maximum) : maximum);
}

/** TCP flags that no honest segment has are refused, others are mended (pf_normalize_tcp). False when it is to be dropped. */
export function normalizeTcp(packet: Descriptor): boolean {
  const { bytes, transport } = packet.packet;
  const before = tcp.flags(bytes, transport);
  let flags = before;
  if ((flags & tcp.FLAG_SYN) !== 0) {
    if ((flags & tcp.FLAG_RST) !== 0) return false;
    flags &= ~tcp.FLAG_FIN;
  } else if ((flags & (tcp.FLAG_ACK | tcp.FLAG_RST)) === 0) {
    return false;
  }
  const needsAck = tcp.FLAG_FIN | tcp.FLAG_PSH | tcp.FLAG_URG;
  if ((flags & tcp.FLAG_ACK) === 0 && (flags & needsAck) !== 0) return false;
  mendFlags(packet, flags);
  if ((flags & tcp.FLAG_URG) === 0) clearUrgent(packet);
  return true;
}

/** Writes the flags and clears the reserved bits beside them. */
function mendFlags(packet: Descriptor, flags: number): void {
  const { bytes, transport } = packet.packet;
  const at = tcp.flagWordAt(transport);
  const from = u16(bytes, at);
  tcp.setHeaderLength(bytes, transport, tcp.headerLength(bytes, transport));
  tcp.setFlags(bytes, transport, flags);
  packet.tcpFlags = flags;
  update16(packet, from, u16(bytes, at));
}

function clearUrgent(packet: Descriptor): void {
  const { bytes, transport } = packet.packet;
  const from = tcp.urgentPointer(bytes, transport);
  if (from === 0) return;
  tcp.setUrgentPointer(bytes, transport, 0);
  update16(packet, from, 0);
}
