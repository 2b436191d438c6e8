// SPDX-License-Identifier: ISC
//
// Sending a datagram in fragments (RFC 791 3.2, ip_fragment): options that must be copied are, checksums are finished first; a large
// segment is cut into its pieces before.

import * as ips from '../../abi/counters/ip.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import type { Counters } from '../counters.ts';
import type { Interface } from '../link/interface.ts';
import { cut, finishChecksum, type PieceSink } from '../link/offload.ts';
import { GSO_NONE, type Packet, type PacketPool } from '../packet.ts';
import { OK } from './errors.ts';

export class Fragmenter4 implements PieceSink {
  private readonly pool: PacketPool;
  private readonly counters: Counters;
  /** The way of the datagram at hand; sending never leads back here before it is done. */
  private on: Interface | undefined;
  private readonly nextHop = new Int32Array(1);
  private mtu = 0;
  private outcome = OK;

  constructor(pool: PacketPool, counters: Counters) {
    this.pool = pool;
    this.counters = counters;
  }

  /** Sends the packet in fragments of at most `mtu`; answers the last error of inet/errors.ts. The packet itself stays as it is. */
  send(packet: Packet, on: Interface, nextHop: Int32Array, mtu: number): number {
    this.on = on;
    this.nextHop[0] = nextHop[0]!;
    this.mtu = mtu;
    this.outcome = OK;
    this.counters.count(ips.FRAGMENTED);
    if (packet.gsoType === GSO_NONE) this.piece(packet);
    else cut(packet, this.pool, this);
    return this.outcome;
  }

  /** A datagram that may still be too long. */
  piece(packet: Packet): void {
    finishChecksum(packet);
    const { bytes, network } = packet;
    if (packet.end - network <= this.mtu) return this.hand(packet);
    const start = ipv4.payloadAt(bytes, network);
    for (let at = start; at < packet.end; ) {
      const fragment = this.pool.take();
      at = fill(packet, fragment, start, at, this.mtu);
      this.hand(fragment);
      this.pool.give(fragment);
    }
  }

  private hand(fragment: Packet): void {
    this.counters.count(ips.FRAGMENTS_CREATED);
    const outcome = this.on!.out.output(fragment, this.on!, this.nextHop);
    if (outcome !== OK) this.outcome = outcome;
  }
}

/** Makes the fragment whose payload begins at `at` (that of the whole begins at `start`); answers where the next one begins. */
function fill(whole: Packet, fragment: Packet, start: number, at: number, mtu: number): number {
  const { bytes, network } = whole;
  fragment.copyNotes(whole);
  const header = at === start ? copyHeader(whole, fragment) : copyLaterHeader(whole, fragment);
  const end = Math.min(whole.end, at + ((mtu - header) & ~7));
  fragment.bytes.set(bytes.subarray(at, end), network + header);
  fragment.transport = network + header;
  fragment.end = fragment.transport + (end - at);
  const word = ipv4.fragment(bytes, network);
  const more = end < whole.end ? ipv4.FRAGMENT_MF : word & ipv4.FRAGMENT_MF;
  const flags = word & (ipv4.FRAGMENT_DF | ipv4.FRAGMENT_RESERVED);
  const offset = ipv4.fragmentOffset(bytes, network) + at - start;
  ipv4.setTotalLength(fragment.bytes, network, fragment.end - network);
  ipv4.setFragment(fragment.bytes, network, flags | more | (offset >>> 3));
  ipv4.fillChecksum(fragment.bytes, network);
  return end;
}

function copyHeader(whole: Packet, fragment: Packet): number {
  const { bytes, network } = whole;
  const length = ipv4.headerLength(bytes, network);
  fragment.bytes.set(bytes.subarray(network, network + length), network);
  return length;
}

/** The header of a later fragment: options without the copied flag stay behind. */
function copyLaterHeader(whole: Packet, fragment: Packet): number {
  const { bytes, network } = whole;
  const end = ipv4.payloadAt(bytes, network);
  const first = ipv4.optionsAt(network);
  fragment.bytes.set(bytes.subarray(network, first), network);
  let to = first;
  for (let at = first; at < end && bytes[at] !== ipv4.OPTION_END; ) {
    const length = ipv4.optionLength(bytes, at, end);
    if (length === 0) break;
    if (ipv4.optionCopied(bytes, at)) {
      fragment.bytes.set(bytes.subarray(at, at + length), to);
      to += length;
    }
    at += length;
  }
  while (((to - network) & 3) !== 0) fragment.bytes[to++] = ipv4.OPTION_END;
  ipv4.setHeaderLength(fragment.bytes, network, to - network);
  return to - network;
}
