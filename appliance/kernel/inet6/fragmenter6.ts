// SPDX-License-Identifier: ISC
//
// Cutting datagrams into IPv6 fragments, which only their source does, and who put them together (RFC 8200 4.5; ip6_fragment).

import * as ip6s from '../../abi/counters/ip6.ts';
import { copy } from '../../wire/bytes.ts';
import * as extension6 from '../../wire/extension6.ts';
import * as fragment6 from '../../wire/fragment6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Counters } from '../counters.ts';
import { OK, TOO_BIG } from '../inet/errors.ts';
import type { Interface } from '../link/interface.ts';
import { finishChecksum } from '../link/offload.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';

export class Fragmenter6 {
  private readonly pool: PacketPool;
  private readonly random: Random;
  private readonly counters: Counters;

  constructor(pool: PacketPool, random: Random, counters: Counters) {
    this.pool = pool;
    this.random = random;
    this.counters = counters;
  }

  /** Sends the packet in fragments of at most `size` bytes, header included. OK, or the error of the first that did not go. */
  send(packet: Packet, on: Interface, nextHop: Int32Array, size: number): number {
    finishChecksum(packet);
    const { bytes, network, end } = packet;
    const named = lastUnfragmentable(packet);
    const from = startOfNamed(bytes, network, named, end);
    const room = (size - (from - network) - fragment6.HEADER_LENGTH) & ~7;
    if (room < 8) {
      this.counters.count(ip6s.CANNOT_FRAGMENT);
      return TOO_BIG;
    }
    this.counters.count(ip6s.FRAGMENTED);
    const id = this.random.word();
    let outcome = OK;
    for (let at = from; at < end && outcome === OK; at += room) {
      const piece = this.pool.take();
      makePiece(packet, piece, named, from, at, Math.min(room, end - at), id);
      this.counters.count(ip6s.FRAGMENTS_CREATED);
      outcome = on.out.output(piece, on, nextHop);
      this.pool.give(piece);
    }
    return outcome;
  }
}

function makePiece(
  whole: Packet,
  piece: Packet,
  named: number,
  from: number,
  at: number,
  length: number,
  id: number,
): void {
  const bytes = piece.bytes;
  piece.copyNotes(whole);
  piece.fragmentSize = 0;
  copy(whole.bytes, whole.network, bytes, whole.network, from - whole.network);
  bytes[named] = ipv6.NEXT_FRAGMENT;
  fragment6.write(bytes, from, whole.bytes[named]!, at - from, at + length < whole.end, id);
  const data = from + fragment6.HEADER_LENGTH;
  copy(whole.bytes, at, bytes, data, length);
  piece.end = data + length;
  piece.protocol = ipv6.NEXT_FRAGMENT;
  piece.transport = from;
  ipv6.setPayloadLength(bytes, whole.network, piece.end - ipv6.payloadAt(whole.network));
}

/**
 * Position of the byte that names the first header of the fragmentable part: the unfragmentable one ends with the routing
 * header, or with hop-by-hop options where there is none.
 */
function lastUnfragmentable(packet: Packet): number {
  const { bytes, network, end } = packet;
  let named = ipv6.nextHeaderAt(network);
  let at = ipv6.payloadAt(network);
  let last = named;
  while (extension6.isExtension(bytes[named]!)) {
    const protocol = bytes[named]!;
    const length = extension6.headerLength(bytes, protocol, at, end);
    if (length === 0) return last;
    named = at;
    at += length;
    if (protocol === ipv6.NEXT_ROUTING || protocol === ipv6.NEXT_HOP_BY_HOP) last = named;
  }
  return last;
}

/** Where the header begins that the byte at `named` names. */
function startOfNamed(bytes: Uint8Array, network: number, named: number, end: number): number {
  let byte = ipv6.nextHeaderAt(network);
  let at = ipv6.payloadAt(network);
  while (byte !== named) {
    const length = extension6.headerLength(bytes, bytes[byte]!, at, end);
    byte = at;
    at += length;
  }
  return at;
}
