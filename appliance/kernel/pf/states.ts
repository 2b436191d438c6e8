// SPDX-License-Identifier: ISC
//
// The state table (pf_state_insert, pf_find_state): records in pages, and one hash over wire and stack keys that grows by a bucket with
// every key (linear hashing, Litwin 1980), so that no packet ever waits for it.
//
// It looks unusual for speed's sake: a state is a row of integers found by comparing integers, and the collector has nothing to follow.
// A packet of a known connection costs one probe and no memory (test/bench/pf.ts).

import { type Memory, plainMemory } from '../memory.ts';
import { mix } from './hash.ts';
import type { StateExtra } from './stateExtra.ts';
import {
  ADDRESS_0,
  ADDRESS_1,
  CREATOR,
  FLAG_FAMILIES,
  FLAG_HALF_OPEN,
  FLAG_TRANSLATED,
  FLAGS,
  GENERATION,
  ID_HIGH,
  ID_LOW,
  INTERFACE,
  KIND,
  NEXT,
  PORTS,
  RECORD_WORDS,
  STACK,
  STACK_REST,
  TWIN,
  WIRE,
  WIRE_REST,
} from './stateRecord.ts';

/** States in one page of a megabyte. */
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
/** Buckets at least. */
const SMALLEST = 1 << 10;
const KIND_IPV6 = 6;

/** What a search answers in place of a state: there is none; or there is, but the packet goes no further. */
export const NO_STATE = -1;
export const REFUSED = -2;

/** What a packet looks like, or what a side of a new state will. */
export class Key {
  readonly first = new Int32Array(4);
  readonly second = new Int32Array(4);
  /** First port << 16 | second. */
  ports = 0;
  /** Family << 8 | protocol. */
  kind = 0;

  set(family: number, protocol: number, a0: Int32Array, a1: Int32Array, port0: number, port1: number): void {
    const { first, second } = this;
    first[0] = a0[0]!;
    second[0] = a1[0]!;
    this.ports = (port0 << 16) | port1;
    this.kind = (family << 8) | protocol;
    if (family !== KIND_IPV6) return;
    for (let i = 1; i < 4; i++) {
      first[i] = a0[i]!;
      second[i] = a1[i]!;
    }
  }

  equals(other: Key): boolean {
    if (this.ports !== other.ports || this.kind !== other.kind) return false;
    for (let i = 0; i < this.words; i++) {
      if (this.first[i] !== other.first[i] || this.second[i] !== other.second[i]) return false;
    }
    return true;
  }

  /** How many words of an address count: those behind the first of IPv4's are left from some key before. */
  get words(): number {
    return this.kind >>> 8 === KIND_IPV6 ? 4 : 1;
  }
}

export class States {
  /** Records, and the same memory as doubles for the counters in them. */
  private readonly pages: Int32Array[] = [];
  private readonly counterPages: Float64Array[] = [];
  /** First node of each bucket, 0 for none. A node is (state * 2 + side) + 1; an untranslated state has one, on the wire side. */
  private heads: Int32Array = new Int32Array(SMALLEST);
  private readonly memory: Memory;
  /** Buckets are those below `mask + 1`, and of the next round those whose turn has come: `split` of them. */
  private mask = SMALLEST - 1;
  private split = 0;
  private nodes = 0;
  /** First free record plus 1; the next one is in its NEXT. */
  private free = 0;
  private used = 0;
  private top = 0;
  private readonly salt: number;
  private idHigh: number;
  private idLow = 0;
  private readonly extras: (StateExtra | undefined)[] = [];
  private readonly freeExtras: number[] = [];
  /** States bound to each interface, by its index; floating ones at 0. */
  private readonly boundTo: number[] = [0];
  /** TCP states whose handshake is not complete. */
  halfOpen = 0;
  searches = 0;
  inserts = 0;
  removals = 0;

  /** `salt` keeps senders from choosing hash collisions; `idHigh` begins the ids (seconds, as on the original). */
  constructor(salt: number, idHigh: number, memory: Memory = plainMemory) {
    this.memory = memory;
    this.salt = salt;
    this.idHigh = idHigh;
  }

  get count(): number {
    return this.used;
  }

  /** States bound to an interface; 0 asks for the floating ones. */
  countOn(interfaceIndex: number): number {
    return this.boundTo[interfaceIndex] ?? 0;
  }

  /** Where listings and the purge end. */
  get end(): number {
    return this.top;
  }

  /** The page that holds a state; its words begin at `at`. */
  records(state: number): Int32Array {
    return this.pages[state >>> PAGE_BITS]!;
  }

  at(state: number): number {
    return (state & (PAGE - 1)) * RECORD_WORDS;
  }

  /** The same page as doubles; those of a state begin at half of `at`, plus COUNTERS. */
  counters(state: number): Float64Array {
    return this.counterPages[state >>> PAGE_BITS]!;
  }

  isUsed(state: number): boolean {
    return state < this.top && (this.records(state)[this.at(state) + GENERATION]! & 1) === 1;
  }

  /** Makes room in the hash for so many states; when it is full, buckets get longer. */
  reserve(limit: number): void {
    let size = SMALLEST;
    while (size < 2 * limit && size < 1 << 24) size *= 2;
    if (size <= this.heads.length) return;
    const heads = this.memory(size);
    heads.set(this.heads);
    this.heads = heads;
  }

  /** The state that a packet with this key on side WIRE or STACK belongs to, on this interface; -1 when there is none. */
  find(key: Key, side: number, interfaceIndex: number): number {
    this.searches++;
    let node = this.heads[this.bucket(hashOfKey(key, this.salt))]!;
    let floating = -1;
    while (node !== 0) {
      const state = (node - 1) >>> 1;
      const records = this.pages[state >>> PAGE_BITS]!;
      const at = (state & (PAGE - 1)) * RECORD_WORDS;
      const here = (node & 1) === 1 ? WIRE : STACK;
      if (hasKey(records, at, here, key) && isSought(records[at + FLAGS]!, here, side)) {
        // A state bound to this interface goes before one that floats.
        const bound = records[at + INTERFACE]!;
        if (bound === interfaceIndex) return state;
        if (bound === 0 && floating < 0) floating = state;
      }
      node = records[at + here + NEXT]!;
    }
    return floating;
  }

  /**
   * The same for a packet that came in by the state `came`: most often the one that the packet before it left by, which is found without
   * the hash.
   */
  findTwin(came: number, key: Key, side: number, interfaceIndex: number): number {
    const twin = this.twin(came, key, side, interfaceIndex);
    if (twin !== NO_STATE) return twin;
    const found = this.find(key, side, interfaceIndex);
    if (found !== NO_STATE) {
      this.records(came)[this.at(came) + TWIN] = found + 1;
      this.records(found)[this.at(found) + TWIN] = came + 1;
    }
    return found;
  }

  /** The noted twin, if a search would answer it as well. */
  private twin(came: number, key: Key, side: number, interfaceIndex: number): number {
    const twin = this.records(came)[this.at(came) + TWIN]! - 1;
    if (twin < 0) return NO_STATE;
    const records = this.records(twin);
    const at = this.at(twin);
    const flags = records[at + FLAGS]!;
    const here = (flags & FLAG_TRANSLATED) === 0 ? WIRE : side;
    if ((flags & FLAG_FAMILIES) !== 0 || !hasKey(records, at, here, key)) return NO_STATE;
    const bound = records[at + INTERFACE]!;
    if (bound !== interfaceIndex && (bound !== 0 || this.countOn(interfaceIndex) > 0)) return NO_STATE;
    this.searches++;
    return twin;
  }

  /** Whether any state, on any interface, has this key on side WIRE or STACK. */
  has(key: Key, side: number): boolean {
    let node = this.heads[this.bucket(hashOfKey(key, this.salt))]!;
    while (node !== 0) {
      const state = (node - 1) >>> 1;
      const records = this.records(state);
      const at = this.at(state);
      const here = (node & 1) === 1 ? WIRE : STACK;
      if (isSought(records[at + FLAGS]!, here, side) && hasKey(records, at, here, key)) return true;
      node = records[at + here + NEXT]!;
    }
    return false;
  }

  /**
   * A new record with its keys, linked and with an id; everything else is zero. The caller has made sure that no other state of this
   * direction has one of the keys on the same interface.
   */
  insert(wire: Key, stack: Key, interfaceIndex: number, creator: number): number {
    const state = this.insertForeign(wire, stack, interfaceIndex, creator, this.idHigh, this.idLow);
    this.idLow = (this.idLow + 1) | 0;
    if (this.idLow === 0) this.idHigh = (this.idHigh + 1) | 0;
    return state;
  }

  /** The same for a state that another machine made, and gave its id. */
  insertForeign(
    wire: Key,
    stack: Key,
    interfaceIndex: number,
    creator: number,
    idHigh: number,
    idLow: number,
  ): number {
    const state = this.allocate();
    const records = this.records(state);
    const at = this.at(state);
    const generation = records[at + GENERATION]!;
    records.fill(0, at, at + RECORD_WORDS);
    this.writeSide(records, at, WIRE, wire);
    this.writeSide(records, at, STACK, stack);
    records[at + INTERFACE] = interfaceIndex;
    records[at + GENERATION] = (generation + 1) | 0;
    records[at + CREATOR] = creator;
    records[at + ID_HIGH] = idHigh;
    records[at + ID_LOW] = idLow;
    this.link(state, WIRE);
    if (!wire.equals(stack)) {
      records[at + FLAGS] =
        wire.kind >>> 8 === stack.kind >>> 8 ? FLAG_TRANSLATED : FLAG_TRANSLATED | FLAG_FAMILIES;
      this.link(state, STACK);
    }
    this.used++;
    this.inserts++;
    this.boundTo[interfaceIndex] = (this.boundTo[interfaceIndex] ?? 0) + 1;
    return state;
  }

  remove(state: number): void {
    const records = this.records(state);
    const at = this.at(state);
    this.unlink(state, WIRE);
    if ((records[at + FLAGS]! & FLAG_TRANSLATED) !== 0) this.unlink(state, STACK);
    this.endHandshake(records, at);
    records[at + GENERATION] = (records[at + GENERATION]! + 1) | 0;
    records[at + NEXT] = this.free;
    this.free = state + 1;
    // No twin of whoever still takes it for one.
    records[at + WIRE + KIND] = 0;
    records[at + STACK + KIND] = 0;
    this.used--;
    this.removals++;
    const bound = records[at + INTERFACE]!;
    this.boundTo[bound] = this.boundTo[bound]! - 1;
  }

  beginHandshake(records: Int32Array, at: number): void {
    records[at + FLAGS] = records[at + FLAGS]! | FLAG_HALF_OPEN;
    this.halfOpen++;
  }

  /** The handshake is complete, or the state at its end. */
  endHandshake(records: Int32Array, at: number): void {
    if ((records[at + FLAGS]! & FLAG_HALF_OPEN) === 0) return;
    records[at + FLAGS] = records[at + FLAGS]! & ~FLAG_HALF_OPEN;
    this.halfOpen--;
  }

  private allocate(): number {
    if (this.free !== 0) {
      const state = this.free - 1;
      this.free = this.records(state)[this.at(state) + NEXT]!;
      return state;
    }
    if (this.top >>> PAGE_BITS >= this.pages.length) {
      const page = this.memory(PAGE * RECORD_WORDS);
      this.pages.push(page);
      this.counterPages.push(new Float64Array(page.buffer, page.byteOffset, page.length / 2));
    }
    return this.top++;
  }

  private writeSide(records: Int32Array, at: number, side: number, key: Key): void {
    const from = at + side;
    records[from + PORTS] = key.ports;
    records[from + KIND] = key.kind;
    records[from + ADDRESS_0] = key.first[0]!;
    records[from + ADDRESS_1] = key.second[0]!;
    const rest = at + restOf(side) - 1;
    for (let i = 1; i < key.words; i++) {
      records[rest + i] = key.first[i]!;
      records[rest + 3 + i] = key.second[i]!;
    }
  }

  // The hash.

  private bucket(hash: number): number {
    const bucket = hash & this.mask;
    return bucket < this.split ? hash & (2 * this.mask + 1) : bucket;
  }

  private link(state: number, side: number): void {
    const records = this.records(state);
    const at = this.at(state);
    const bucket = this.bucket(hashOfSide(records, at, side, this.salt));
    records[at + side + NEXT] = this.heads[bucket]!;
    this.heads[bucket] = nodeOf(state, side);
    this.nodes++;
    // Twice as many buckets as keys: what stands before a record in its bucket costs a miss of the cache.
    this.grow();
    this.grow();
  }

  /** One bucket more where it is wanted: what is in the one whose turn it is goes into it or into the new one. */
  private grow(): void {
    const twin = this.split + this.mask + 1;
    if (twin > 2 * this.nodes || twin >= this.heads.length) return;
    let node = this.heads[this.split]!;
    this.heads[this.split] = 0;
    const bucket = this.split++;
    while (node !== 0) {
      const state = (node - 1) >>> 1;
      const side = (node & 1) === 1 ? WIRE : STACK;
      const records = this.records(state);
      const at = this.at(state);
      const next = records[at + side + NEXT]!;
      const isTwin = (hashOfSide(records, at, side, this.salt) & (this.mask + 1)) !== 0;
      const to = isTwin ? twin : bucket;
      records[at + side + NEXT] = this.heads[to]!;
      this.heads[to] = node;
      node = next;
    }
    if (this.split <= this.mask) return;
    this.mask = 2 * this.mask + 1;
    this.split = 0;
  }

  private unlink(state: number, side: number): void {
    const records = this.records(state);
    const at = this.at(state);
    const wanted = nodeOf(state, side);
    const after = records[at + side + NEXT]!;
    const bucket = this.bucket(hashOfSide(records, at, side, this.salt));
    let node = this.heads[bucket]!;
    this.nodes--;
    if (node === wanted) {
      this.heads[bucket] = after;
      return;
    }
    while (node !== 0) {
      const other = (node - 1) >>> 1;
      const link = this.at(other) + ((node & 1) === 1 ? WIRE : STACK) + NEXT;
      node = this.records(other)[link]!;
      if (node !== wanted) continue;
      this.records(other)[link] = after;
      return;
    }
  }

  // What few states have.

  /** Keeps something rare for a state; answers the number that its record holds. */
  addExtra(extra: StateExtra): number {
    const place = this.freeExtras.pop() ?? this.extras.length;
    this.extras[place] = extra;
    return place + 1;
  }

  extra(number: number): StateExtra | undefined {
    return this.extras[number - 1];
  }

  removeExtra(number: number): void {
    this.extras[number - 1] = undefined;
    this.freeExtras.push(number - 1);
  }
}

/** Address 0 or 1 of a side of a record, as four words. */
export function readAddress(
  records: Int32Array,
  at: number,
  side: number,
  which: number,
  into: Int32Array,
): void {
  into[0] = records[at + side + ADDRESS_0 + which]!;
  const rest = at + restOf(side) + 3 * which;
  for (let i = 0; i < 3; i++) into[i + 1] = records[rest + i]!;
}

/** Port 0 or 1 of a side of a record. */
export function readPort(records: Int32Array, at: number, side: number, which: number): number {
  const ports = records[at + side + PORTS]!;
  return which === 0 ? ports >>> 16 : ports & 0xffff;
}

/**
 * Whether a key on side `here` counts in a search for `side`: an untranslated state has one key for both; one between families is
 * met by packets that come in, which show either key as the wire does.
 */
function isSought(flags: number, here: number, side: number): boolean {
  if ((flags & FLAG_FAMILIES) !== 0) return side === WIRE;
  return here === side || (flags & FLAG_TRANSLATED) === 0;
}

function nodeOf(state: number, side: number): number {
  return state * 2 + (side === WIRE ? 1 : 2);
}

function restOf(side: number): number {
  return side === WIRE ? WIRE_REST : STACK_REST;
}

function sameRest(records: Int32Array, at: number, key: Key): boolean {
  const { first, second } = key;
  for (let i = 0; i < 3; i++) {
    if (records[at + i] !== first[i + 1] || records[at + 3 + i] !== second[i + 1]) return false;
  }
  return true;
}

/** Whether a side of a record has this key. */
function hasKey(records: Int32Array, at: number, side: number, key: Key): boolean {
  const from = at + side;
  return (
    records[from + PORTS] === key.ports &&
    records[from + ADDRESS_0] === key.first[0] &&
    records[from + ADDRESS_1] === key.second[0] &&
    records[from + KIND] === key.kind &&
    (key.kind >>> 8 !== KIND_IPV6 || sameRest(records, at + restOf(side), key))
  );
}

function hashOfKey(key: Key, salt: number): number {
  const { first, second } = key;
  let hash = mix(mix(mix(salt, first[0]!), second[0]!), key.ports ^ key.kind);
  if (key.kind >>> 8 === KIND_IPV6) {
    for (let i = 1; i < 4; i++) hash = mix(mix(hash, first[i]!), second[i]!);
  }
  return hash;
}

/** The same from a record. */
function hashOfSide(records: Int32Array, at: number, side: number, salt: number): number {
  const from = at + side;
  const kind = records[from + KIND]!;
  let hash = mix(
    mix(mix(salt, records[from + ADDRESS_0]!), records[from + ADDRESS_1]!),
    records[from + PORTS]! ^ kind,
  );
  if (kind >>> 8 === KIND_IPV6) {
    const rest = at + restOf(side);
    for (let i = 0; i < 3; i++) hash = mix(mix(hash, records[rest + i]!), records[rest + 3 + i]!);
  }
  return hash;
}
