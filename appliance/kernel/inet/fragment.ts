// SPDX-License-Identifier: ISC
//
// Cutting a datagram into fragments (RFC 791 3.2, ip_fragment): options that must be copied are, checksums are finished first.

import * as ipv4 from '../../wire/ipv4.ts';
import { finishChecksum, type PieceSink } from '../link/offload.ts';
import type { Packet, PacketPool } from '../packet.ts';

/** Options with this bit are repeated in every fragment. */
const COPIED = 0x80;

/** Hands the fragments of `packet`, each at most `mtu` long, to `sink` in order. A packet that fits goes whole. */
export function fragment(packet: Packet, mtu: number, pool: PacketPool, sink: PieceSink): void {
  finishChecksum(packet);
  const { bytes, network } = packet;
  if (packet.end - network <= mtu) return sink.piece(packet);
  const start = ipv4.payloadAt(bytes, network);
  const field = ipv4.fragment(bytes, network);
  const flags = field & (ipv4.FRAGMENT_DF | ipv4.FRAGMENT_RESERVED);
  const base = ipv4.fragmentOffset(bytes, network);
  const wasLast = !ipv4.moreFragments(bytes, network);
  for (let at = start; at < packet.end; ) {
    const piece = pool.take();
    piece.copyNotes(packet);
    const header = at === start ? copyHeader(packet, piece) : copyLaterHeader(packet, piece);
    const room = (mtu - header) & ~7;
    const end = Math.min(packet.end, at + Math.max(8, room));
    piece.bytes.set(bytes.subarray(at, end), network + header);
    piece.end = network + header + (end - at);
    piece.transport = network + header;
    const more = end < packet.end || !wasLast ? ipv4.FRAGMENT_MF : 0;
    ipv4.setTotalLength(piece.bytes, network, piece.end - network);
    ipv4.setFragment(piece.bytes, network, flags | more | ((base + at - start) >>> 3));
    ipv4.fillChecksum(piece.bytes, network);
    sink.piece(piece);
    pool.give(piece);
    at = end;
  }
}

function copyHeader(packet: Packet, piece: Packet): number {
  const length = ipv4.headerLength(packet.bytes, packet.network);
  piece.bytes.set(packet.bytes.subarray(packet.network, packet.network + length), packet.network);
  return length;
}

/** The header of a later fragment: options without the copied bit stay behind. */
function copyLaterHeader(packet: Packet, piece: Packet): number {
  const { bytes, network } = packet;
  const end = ipv4.payloadAt(bytes, network);
  piece.bytes.set(bytes.subarray(network, network + ipv4.HEADER_LENGTH), network);
  let to = network + ipv4.HEADER_LENGTH;
  for (let at = ipv4.optionsAt(network); at < end; ) {
    const length = ipv4.optionLength(bytes, at, end);
    if (length === 0) break;
    if ((bytes[at]! & COPIED) !== 0) {
      piece.bytes.set(bytes.subarray(at, at + length), to);
      to += length;
    }
    at += length;
  }
  while (((to - network) & 3) !== 0) piece.bytes[to++] = ipv4.OPTION_END;
  ipv4.setHeaderLength(piece.bytes, network, to - network);
  return to - network;
}
