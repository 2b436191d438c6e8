// SPDX-License-Identifier: ISC
//
// Reassembly of IPv4 fragments (RFC 791 3.2, RFC 815): for local delivery, and for pf with limits of its own.

import * as ipv4 from '../../wire/ipv4.ts';
import type { Packet } from '../packet.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import { COVERED, Pieces, PLACED } from './pieces.ts';

/** What became of a fragment. */
export const HELD = 0;
/** The packet now holds the whole datagram. */
export const COMPLETE = 1;
export const MALFORMED = 2;
export const OVERLAP = 3;
export const NO_SPACE = 4;
/** All of it is there already. */
export const DUPLICATE = 5;

/** A datagram that is being put together. */
class Datagram {
  readonly key: string;
  readonly timeout: Timeout;
  readonly pieces = new Pieces();
  /** Length of the whole once the last fragment is known. */
  length = -1;
  largest = 0;
  /** The header of the first fragment. */
  header: Uint8Array | undefined;
  /** Don't fragment was set on any piece. */
  dontFragment = false;

  constructor(key: string, timeouts: Timeouts, expire: (datagram: Datagram) => void) {
    this.key = key;
    this.timeout = new Timeout(timeouts, () => expire(this));
  }
}

export interface FragmentLimits {
  /** Fragments held in all. */
  readonly fragments: () => number;
  /** Microseconds that an incomplete datagram is kept. */
  readonly lifetime: () => number;
}

/** Told of an incomplete datagram that was given up: how many fragments, and the first one if it came. */
export type ExpiredListener = (fragments: number, first: Uint8Array | undefined) => void;

export class Fragments {
  private readonly timeouts: Timeouts;
  private readonly limits: FragmentLimits;
  private readonly expired: ExpiredListener;
  private readonly dropped: (fragments: number) => void;
  private readonly datagrams = new Map<string, Datagram>();
  /** Fragments held now. */
  count = 0;

  /** `dropped` is told of fragments that were held and had to go: for space, or because others hold all that they did. */
  constructor(parts: {
    timeouts: Timeouts;
    limits: FragmentLimits;
    expired: ExpiredListener;
    dropped: (fragments: number) => void;
  }) {
    this.timeouts = parts.timeouts;
    this.limits = parts.limits;
    this.expired = parts.expired;
    this.dropped = parts.dropped;
  }

  /**
   * Takes a fragment at `packet.network` (header valid). On COMPLETE the packet has become the datagram, with `fragmentSize` set to
   * the length of the largest fragment; otherwise the caller is done with it.
   */
  add(packet: Packet): number {
    const { bytes, network } = packet;
    const offset = ipv4.fragmentOffset(bytes, network);
    const start = ipv4.payloadAt(bytes, network);
    const length = packet.end - start;
    const more = ipv4.moreFragments(bytes, network);
    if (length <= 0 || (more && (length & 7) !== 0) || offset + length > ipv4.MAXIMUM_LENGTH)
      return MALFORMED;
    if (this.count >= this.limits.fragments()) this.dropOldest();
    if (this.count >= this.limits.fragments()) return NO_SPACE;
    const datagram = this.datagramOf(bytes, network);
    const outcome = this.insert(datagram, packet, offset, start, length, more);
    if (outcome !== HELD) {
      if (outcome === NO_SPACE) this.drop(datagram);
      return outcome;
    }
    if (datagram.length < 0 || datagram.pieces.bytes < datagram.length) return HELD;
    // Each piece ended within 64 KiB, but the options of the first may push it all beyond.
    if (datagram.header!.length + datagram.length > ipv4.MAXIMUM_LENGTH) {
      this.drop(datagram);
      return MALFORMED;
    }
    this.assemble(datagram, packet);
    this.forget(datagram);
    return COMPLETE;
  }

  private datagramOf(bytes: Uint8Array, network: number): Datagram {
    const id = ipv4.identification(bytes, network);
    const key = `${ipv4.source(bytes, network)} ${ipv4.destination(bytes, network)} ${id} ${ipv4.protocol(bytes, network)}`;
    const known = this.datagrams.get(key);
    if (known !== undefined) return known;
    const datagram = new Datagram(key, this.timeouts, (one) => {
      const first = one.header;
      const { count: fragments, first: data } = one.pieces;
      this.forget(one);
      this.expired(fragments, first && data ? joined(first, data) : undefined);
    });
    datagram.timeout.set(this.limits.lifetime());
    this.datagrams.set(key, datagram);
    return datagram;
  }

  private insert(
    datagram: Datagram,
    packet: Packet,
    offset: number,
    start: number,
    length: number,
    more: boolean,
  ): number {
    const end = offset + length;
    const { pieces } = datagram;
    if (endsElsewhere(datagram, end, more)) return MALFORMED;
    const held = pieces.count;
    const outcome = pieces.place(offset, packet.bytes.slice(start, packet.end));
    this.count += pieces.count - held;
    if (outcome !== PLACED) return outcome === COVERED ? DUPLICATE : NO_SPACE;
    if (pieces.count <= held) this.dropped(held + 1 - pieces.count);
    datagram.largest = Math.max(datagram.largest, packet.end - packet.network);
    if (ipv4.dontFragment(packet.bytes, packet.network)) datagram.dontFragment = true;
    if (!more) datagram.length = end;
    if (offset === 0) datagram.header ??= packet.bytes.slice(packet.network, start);
    return HELD;
  }

  private assemble(datagram: Datagram, packet: Packet): void {
    const { bytes, network } = packet;
    const header = datagram.header!;
    bytes.set(header, network);
    datagram.pieces.copyInto(bytes, network + header.length);
    packet.end = network + header.length + datagram.length;
    ipv4.setTotalLength(bytes, network, packet.end - network);
    ipv4.setFragment(bytes, network, datagram.dontFragment ? ipv4.FRAGMENT_DF : 0);
    ipv4.fillChecksum(bytes, network);
    packet.clearOffload();
    packet.fragmentSize = datagram.largest;
    packet.transport = network + header.length;
    packet.protocol = ipv4.protocol(bytes, network);
  }

  private forget(datagram: Datagram): void {
    datagram.timeout.clear();
    this.count -= datagram.pieces.count;
    this.datagrams.delete(datagram.key);
  }

  private drop(datagram: Datagram): void {
    this.dropped(datagram.pieces.count);
    this.forget(datagram);
  }

  private dropOldest(): void {
    for (const oldest of this.datagrams.values()) return this.drop(oldest);
  }
}

/** Whether a fragment says something else of the datagram's length than those that have come. */
function endsElsewhere({ length, pieces }: Datagram, end: number, more: boolean): boolean {
  if (length < 0) return !more && end <= pieces.end;
  return end > length || more === (end === length);
}

function joined(header: Uint8Array, data: Uint8Array): Uint8Array {
  const whole = new Uint8Array(header.length + data.length);
  whole.set(header);
  whole.set(data, header.length);
  return whole;
}
