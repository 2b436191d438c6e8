// SPDX-License-Identifier: ISC
//
// Reassembly of IPv6 fragments (RFC 8200 4.5, RFC 5722, RFC 6946): for local delivery, and for pf with limits of its own. The twin of
// inet/fragments.ts; what differs are the headers in front, the atomic fragment, and that an overlap poisons what is yet to come.

import * as extension6 from '../../wire/extension6.ts';
import * as fragment6 from '../../wire/fragment6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import {
  COMPLETE,
  DUPLICATE,
  type FragmentLimits,
  HELD,
  MALFORMED,
  NO_SPACE,
  OVERLAP,
} from '../inet/fragments.ts';
import type { Packet } from '../packet.ts';
import { Timeout, type Timeouts } from '../timeout.ts';

/** Fragments that one datagram may have, whatever the limit of all. */
const PER_DATAGRAM = 64;
const MAXIMUM_PAYLOAD = 65_535;

interface Piece {
  readonly offset: number;
  readonly data: Uint8Array;
}

/** A datagram that is being put together. */
class Datagram {
  readonly key: string;
  readonly timeout: Timeout;
  pieces: Piece[] = [];
  /** Bytes in all pieces, and the length of the fragmentable part once the last fragment is known. */
  bytes = 0;
  length = -1;
  largest = 0;
  /** The first fragment up to its data: what stands in front of the fragment header, and that header. */
  header: Uint8Array | undefined;
  receivedOn = 0;
  /** Fragments overlapped: whatever else of it comes is discarded unseen (RFC 5722 4). */
  poisoned = false;

  constructor(key: string, timeouts: Timeouts, expire: (datagram: Datagram) => void) {
    this.key = key;
    this.timeout = new Timeout(timeouts, () => expire(this));
  }
}

/** Told of an incomplete datagram that was given up: how many fragments, and the first one, with its interface, if it came. */
export type Expired6Listener = (fragments: number, first: Uint8Array | undefined, receivedOn: number) => void;

export class Fragments6 {
  private readonly timeouts: Timeouts;
  private readonly limits: FragmentLimits;
  private readonly expired: Expired6Listener;
  private readonly dropped: (fragments: number) => void;
  private readonly datagrams = new Map<string, Datagram>();
  private readonly walk = new extension6.Walk();
  /** Fragments held now. */
  count = 0;

  /** `dropped` is told of fragments that were held and had to go: for space, or with a datagram that overlaps itself. */
  constructor(parts: {
    timeouts: Timeouts;
    limits: FragmentLimits;
    expired: Expired6Listener;
    dropped: (fragments: number) => void;
  }) {
    this.timeouts = parts.timeouts;
    this.limits = parts.limits;
    this.expired = parts.expired;
    this.dropped = parts.dropped;
  }

  /**
   * Takes a fragment whose header chain is in order. On COMPLETE the packet has become the datagram (its `fragmentSize` the
   * length of the largest fragment, 0 where the first one was all of it) and `transport` and `protocol` are set; otherwise the
   * caller is done with it.
   */
  add(packet: Packet): number {
    const { bytes, network } = packet;
    extension6.walk(bytes, network, packet.end, this.walk);
    const at = this.walk.fragment;
    if (at < 0) return MALFORMED;
    if (fragment6.isAtomic(bytes, at)) return this.complete(packet, at, 0);
    if (malformedAt(packet, at) !== 0) return MALFORMED;
    if (this.isFull) this.dropOldest();
    if (this.isFull) return NO_SPACE;
    const datagram = this.datagramOf(bytes, network, at);
    if (datagram.poisoned) return OVERLAP;
    const outcome = this.insert(datagram, packet, at);
    if (outcome === OVERLAP) this.poison(datagram);
    if (outcome === NO_SPACE) this.drop(datagram);
    if (outcome !== HELD || datagram.length < 0 || datagram.bytes < datagram.length) return outcome;
    this.assemble(datagram, packet);
    this.forget(datagram);
    return COMPLETE;
  }

  private datagramOf(bytes: Uint8Array, network: number, at: number): Datagram {
    const key = keyOf(bytes, network, at);
    const known = this.datagrams.get(key);
    if (known !== undefined) return known;
    const datagram = new Datagram(key, this.timeouts, (one) => this.expire(one));
    datagram.timeout.set(this.limits.lifetime());
    this.datagrams.set(key, datagram);
    return datagram;
  }

  /** Poisoned datagrams hold no fragments, yet they take a place. */
  private get isFull(): boolean {
    return Math.max(this.count, this.datagrams.size) >= this.limits.fragments();
  }

  private insert(datagram: Datagram, packet: Packet, at: number): number {
    const { bytes } = packet;
    const start = at + fragment6.HEADER_LENGTH;
    const offset = fragment6.fragmentOffset(bytes, at);
    const length = packet.end - start;
    const end = offset + length;
    for (const piece of datagram.pieces) {
      // A copy of what is there harms nobody (RFC 8200 4.5).
      if (piece.offset === offset && piece.data.length === length) return DUPLICATE;
      if (offset < piece.offset + piece.data.length && piece.offset < end) return OVERLAP;
    }
    const last = !fragment6.moreFragments(bytes, at);
    if (datagram.length >= 0 && (end > datagram.length || last)) return OVERLAP;
    if (last && datagram.pieces.some((piece) => piece.offset + piece.data.length > end)) return OVERLAP;
    if (datagram.pieces.length >= PER_DATAGRAM) return NO_SPACE;
    datagram.pieces.push({ offset, data: bytes.slice(start, packet.end) });
    this.count++;
    datagram.bytes += length;
    datagram.largest = Math.max(datagram.largest, packet.end - packet.network);
    if (last) datagram.length = end;
    if (offset === 0) {
      // The headers of the first fragment are those of the datagram (RFC 8200 4.5).
      datagram.header = bytes.slice(packet.network, start);
      datagram.receivedOn = packet.receivedOn;
    }
    return HELD;
  }

  private assemble(datagram: Datagram, packet: Packet): void {
    const { bytes, network } = packet;
    const header = datagram.header!;
    bytes.set(header, network);
    for (const piece of datagram.pieces) bytes.set(piece.data, network + header.length + piece.offset);
    packet.end = network + header.length + datagram.length;
    this.complete(packet, network + header.length - fragment6.HEADER_LENGTH, datagram.largest);
  }

  /** Takes the fragment header out, moving what is in front of it, and finds the transport behind. */
  private complete(packet: Packet, at: number, largest: number): number {
    const { bytes, network } = packet;
    bytes[namedAt(packet, at)] = fragment6.nextHeader(bytes, at);
    bytes.copyWithin(network + fragment6.HEADER_LENGTH, network, at);
    packet.network = network + fragment6.HEADER_LENGTH;
    ipv6.setPayloadLength(bytes, packet.network, packet.end - ipv6.payloadAt(packet.network));
    packet.clearOffload();
    packet.fragmentSize = largest;
    if (extension6.walk(bytes, packet.network, packet.end, this.walk) !== extension6.OK) return MALFORMED;
    packet.transport = this.walk.transport;
    packet.protocol = this.walk.protocol;
    return COMPLETE;
  }

  private poison(datagram: Datagram): void {
    this.dropped(datagram.pieces.length);
    this.count -= datagram.pieces.length;
    datagram.pieces = [];
    datagram.header = undefined;
    datagram.poisoned = true;
  }

  private expire(datagram: Datagram): void {
    const fragments = datagram.pieces.length;
    const data = datagram.pieces.find((piece) => piece.offset === 0)?.data;
    this.forget(datagram);
    if (datagram.poisoned) return;
    const header = datagram.header;
    this.expired(fragments, header && data ? joined(header, data) : undefined, datagram.receivedOn);
  }

  private forget(datagram: Datagram): void {
    datagram.timeout.clear();
    this.count -= datagram.pieces.length;
    this.datagrams.delete(datagram.key);
  }

  private drop(datagram: Datagram): void {
    this.dropped(datagram.pieces.length);
    this.forget(datagram);
  }

  private dropOldest(): void {
    for (const oldest of this.datagrams.values()) {
      this.drop(oldest);
      return;
    }
  }
}

/**
 * What is wrong with the fragment whose header is at `at`: 0 nothing, the position of the field that a parameter problem
 * points at (RFC 8200 4.5), or -1 for what is not worth an answer (no data at all).
 */
export function malformedAt(packet: Packet, at: number): number {
  const { bytes, network } = packet;
  const length = packet.end - at - fragment6.HEADER_LENGTH;
  if (fragment6.moreFragments(bytes, at) && (length & 7) !== 0) return ipv6.payloadLengthAt(network);
  const before = at - ipv6.payloadAt(network);
  if (before + fragment6.fragmentOffset(bytes, at) + length > MAXIMUM_PAYLOAD) {
    return fragment6.fragmentOffsetAt(at);
  }
  return length > 0 ? 0 : -1;
}

/** Position of the byte that names the header at `at`, which the walk from the fixed header comes by. */
function namedAt(packet: Packet, at: number): number {
  const { bytes, network } = packet;
  let named = ipv6.nextHeaderAt(network);
  let next = ipv6.payloadAt(network);
  while (next < at) {
    const length = extension6.headerLength(bytes, bytes[named]!, next, packet.end);
    named = next;
    next += length;
  }
  return named;
}

function keyOf(bytes: Uint8Array, network: number, at: number): string {
  let key = `${fragment6.identification(bytes, at)}`;
  for (let i = 0; i < 4; i++) key += ` ${ipv6.sourceWord(bytes, network, i)}`;
  for (let i = 0; i < 4; i++) key += ` ${ipv6.destinationWord(bytes, network, i)}`;
  return key;
}

function joined(header: Uint8Array, data: Uint8Array): Uint8Array {
  const whole = new Uint8Array(header.length + data.length);
  whole.set(header);
  whole.set(data, header.length);
  return whole;
}
