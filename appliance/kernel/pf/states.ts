// SPDX-License-Identifier: ISC
//
// The state table (struct pf_state, pf_state_key): records of int32 words in pages, two hashes over the wire and the stack key.
//
// It looks unusual for speed's sake: a state is a row of one page, found by comparing integers, and none of it is an object that
// the collector would have to follow. `records` and `at` of a state index are what every accessor of other files goes through.

import type { Family } from '../../abi/address.ts';

/** Fields of a record, in words. Addresses take four, IPv4 uses the first. See pf.conf(5) for what they mean. */
export const WIRE_0 = 0;
export const WIRE_1 = 4;
/** port[0] << 16 | port[1] */
export const WIRE_PORTS = 8;
export const STACK_0 = 9;
export const STACK_1 = 13;
export const STACK_PORTS = 17;
/** family << 8 | protocol */
export const PROTOCOL = 18;
/** Index of the interface a state is bound to; 0 is floating. */
export const INTERFACE = 19;
/** FLAG_*; the low two bits are the direction of the packet that made it. */
export const FLAGS = 20;
/** Peers: source (who made it) and destination, PEER_WORDS each. */
export const SOURCE = 21;
export const DESTINATION = 27;
export const RULE = 33;
export const ROUTE_INTERFACE = 34;
export const ROUTE = 35;
export const CREATED = 39;
/** Second of the last packet. */
export const TOUCHED = 40;
/** Which timeout runs: an index of timeouts.ts. */
export const TIMEOUT = 41;
export const ID_HIGH = 42;
export const ID_LOW = 43;
export const NEXT_WIRE = 44;
export const NEXT_STACK = 45;
export const TAG = 46;
/** Even while the record is free, odd while it is in use: a handle that outlives its state is recognised. */
export const GENERATION = 47;
const WORDS = 48;

/** Words of a peer. */
export const PEER_STATE = 0;
export const SEQ_LOW = 1;
export const SEQ_HIGH = 2;
export const MAX_WINDOW = 3;
/** Shift in the low bits; WSCALE_SEEN when the option was there. */
export const WINDOW_SCALE = 4;
export const SEQ_DIFFERENCE = 5;
export const WSCALE_SEEN = 0x80;

export const FLAG_DIRECTION = 3;
export const FLAG_SLOPPY = 4;
export const FLAG_TRANSLATED = 8;
export const FLAG_LOG_ALL = 16;
export const FLAG_ALLOW_OPTIONS = 32;
export const FLAG_ROUTE_TO = 64;
export const FLAG_REPLY_TO = 128;
export const FLAG_NO_SYNC = 256;

/** States in one page. */
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
/** Packets and bytes, in the direction of creation and against it. */
const COUNTERS = 4;

/** A key to look for: what a packet looks like, or what a new state will. */
export class Key {
  readonly words = new Int32Array(8);
  ports = 0;
  protocol = 0;

  set(family: Family, protocol: number, a0: Int32Array, a1: Int32Array, port0: number, port1: number): void {
    const { words } = this;
    words[0] = a0[0]!;
    words[4] = a1[0]!;
    const six = family === 6;
    for (let i = 1; i < 4; i++) {
      words[i] = six ? a0[i]! : 0;
      words[4 + i] = six ? a1[i]! : 0;
    }
    this.ports = (port0 << 16) | port1;
    this.protocol = (family << 8) | protocol;
  }

  copyFrom(other: Key): void {
    this.words.set(other.words);
    this.ports = other.ports;
    this.protocol = other.protocol;
  }

  equals(other: Key): boolean {
    for (let i = 0; i < 8; i++) if (this.words[i] !== other.words[i]) return false;
    return this.ports === other.ports && this.protocol === other.protocol;
  }
}

export class States {
  private readonly pages: Int32Array[] = [];
  private readonly counterPages: Float64Array[] = [];
  private wireHeads: Int32Array;
  private stackHeads: Int32Array;
  private mask: number;
  private free: number[] = [];
  private used = 0;
  /** Highest index ever used + 1: where listings and the purge end. */
  private top = 0;
  private readonly salt: number;
  private idHigh: number;
  private idLow = 0;
  searches = 0;
  inserts = 0;
  removals = 0;

  /** `salt` keeps senders from choosing hash collisions; `idHigh` begins the ids (seconds, as on the original). */
  constructor(salt: number, idHigh: number) {
    this.salt = salt;
    this.idHigh = idHigh;
    this.mask = 0;
    this.wireHeads = new Int32Array(1);
    this.stackHeads = new Int32Array(1);
    this.resize(1 << 14);
  }

  get count(): number {
    return this.used;
  }

  get end(): number {
    return this.top;
  }

  /** The page that holds a state; its words begin at `at`. */
  records(state: number): Int32Array {
    return this.pages[state >>> PAGE_BITS]!;
  }

  at(state: number): number {
    return (state & (PAGE - 1)) * WORDS;
  }

  counters(state: number): Float64Array {
    return this.counterPages[state >>> PAGE_BITS]!;
  }

  countersAt(state: number): number {
    return (state & (PAGE - 1)) * COUNTERS;
  }

  isUsed(state: number): boolean {
    return state < this.top && (this.records(state)[this.at(state) + GENERATION]! & 1) === 1;
  }

  /** Makes room in the hashes for so many states; done when the limit is set, not while packets pass. */
  reserve(limit: number): void {
    let size = 1 << 14;
    while (size < limit && size < 1 << 22) size *= 2;
    if (size !== this.wireHeads.length) this.resize(size);
  }

  private resize(size: number): void {
    this.mask = size - 1;
    this.wireHeads = new Int32Array(size).fill(-1);
    this.stackHeads = new Int32Array(size).fill(-1);
    for (let state = 0; state < this.top; state++) if (this.isUsed(state)) this.link(state);
  }

  /** The state whose wire key is `key` and that `interfaceIndex` may use; -1 when there is none. */
  findWire(key: Key, interfaceIndex: number): number {
    this.searches++;
    return this.find(this.wireHeads, key, WIRE_0, WIRE_PORTS, NEXT_WIRE, interfaceIndex);
  }

  findStack(key: Key, interfaceIndex: number): number {
    this.searches++;
    return this.find(this.stackHeads, key, STACK_0, STACK_PORTS, NEXT_STACK, interfaceIndex);
  }

  private find(
    heads: Int32Array,
    key: Key,
    addresses: number,
    ports: number,
    next: number,
    interfaceIndex: number,
  ): number {
    const words = key.words;
    let state = heads[hash(words, 0, key.ports, key.protocol, this.salt) & this.mask]!;
    let floating = -1;
    while (state >= 0) {
      const records = this.records(state);
      const at = this.at(state);
      const from = at + addresses;
      if (
        records[from] === words[0] &&
        records[from + 4] === words[4] &&
        records[at + ports] === key.ports &&
        records[at + PROTOCOL] === key.protocol &&
        records[from + 1] === words[1] &&
        records[from + 2] === words[2] &&
        records[from + 3] === words[3] &&
        records[from + 5] === words[5] &&
        records[from + 6] === words[6] &&
        records[from + 7] === words[7]
      ) {
        // A state bound to this interface goes before one that floats.
        const bound = records[at + INTERFACE]!;
        if (bound === interfaceIndex) return state;
        if (bound === 0) floating = state;
      }
      state = records[at + next]!;
    }
    return floating;
  }

  /**
   * A new record with its keys, linked and with an id; everything else is zero. The caller has made sure that no other state has
   * the wire or the stack key on the same interface.
   */
  insert(wire: Key, stack: Key, interfaceIndex: number): number {
    const state = this.free.pop() ?? this.top++;
    if (state >>> PAGE_BITS >= this.pages.length) {
      this.pages.push(new Int32Array(PAGE * WORDS));
      this.counterPages.push(new Float64Array(PAGE * COUNTERS));
    }
    const records = this.records(state);
    const at = this.at(state);
    const generation = records[at + GENERATION]!;
    records.fill(0, at, at + WORDS);
    for (let i = 0; i < 8; i++) {
      records[at + WIRE_0 + i] = wire.words[i]!;
      records[at + STACK_0 + i] = stack.words[i]!;
    }
    records[at + WIRE_PORTS] = wire.ports;
    records[at + STACK_PORTS] = stack.ports;
    records[at + PROTOCOL] = wire.protocol;
    records[at + INTERFACE] = interfaceIndex;
    records[at + GENERATION] = (generation + 1) | 0;
    records[at + ID_HIGH] = this.idHigh;
    records[at + ID_LOW] = this.idLow;
    this.idLow = (this.idLow + 1) | 0;
    if (this.idLow === 0) this.idHigh = (this.idHigh + 1) | 0;
    const counters = this.countersAt(state);
    this.counters(state).fill(0, counters, counters + COUNTERS);
    this.link(state);
    this.used++;
    this.inserts++;
    return state;
  }

  remove(state: number): void {
    const records = this.records(state);
    const at = this.at(state);
    this.unlink(this.wireHeads, state, WIRE_0, WIRE_PORTS, NEXT_WIRE);
    this.unlink(this.stackHeads, state, STACK_0, STACK_PORTS, NEXT_STACK);
    records[at + GENERATION] = (records[at + GENERATION]! + 1) | 0;
    this.free.push(state);
    this.used--;
    this.removals++;
  }

  private link(state: number): void {
    const records = this.records(state);
    const at = this.at(state);
    const protocol = records[at + PROTOCOL]!;
    const wire = hash(records, at + WIRE_0, records[at + WIRE_PORTS]!, protocol, this.salt) & this.mask;
    const stack = hash(records, at + STACK_0, records[at + STACK_PORTS]!, protocol, this.salt) & this.mask;
    records[at + NEXT_WIRE] = this.wireHeads[wire]!;
    records[at + NEXT_STACK] = this.stackHeads[stack]!;
    this.wireHeads[wire] = state;
    this.stackHeads[stack] = state;
  }

  private unlink(heads: Int32Array, state: number, addresses: number, ports: number, next: number): void {
    const records = this.records(state);
    const at = this.at(state);
    const bucket =
      hash(records, at + addresses, records[at + ports]!, records[at + PROTOCOL]!, this.salt) & this.mask;
    const after = records[at + next]!;
    if (heads[bucket] === state) {
      heads[bucket] = after;
      return;
    }
    let before = heads[bucket]!;
    while (before >= 0) {
      const link = this.at(before) + next;
      if (this.records(before)[link] === state) {
        this.records(before)[link] = after;
        return;
      }
      before = this.records(before)[link]!;
    }
  }
}

/** Mixes eight address words, ports and protocol. IPv4 leaves six of the words zero, and they cost nothing then. */
function hash(words: Int32Array, at: number, ports: number, protocol: number, salt: number): number {
  let mixed = Math.imul(words[at]! ^ salt, 0x9e3779b1) ^ Math.imul(words[at + 4]!, 0x85ebca6b);
  if (protocol >>> 8 === 6) {
    mixed = Math.imul(mixed ^ words[at + 1]! ^ (mixed >>> 15), 0xc2b2ae35) ^ words[at + 2]!;
    mixed = Math.imul(mixed ^ words[at + 3]! ^ (mixed >>> 13), 0x9e3779b1) ^ words[at + 5]!;
    mixed = Math.imul(mixed ^ words[at + 6]! ^ (mixed >>> 15), 0x85ebca6b) ^ words[at + 7]!;
  }
  mixed = Math.imul(mixed ^ ports ^ (mixed >>> 16), 0xc2b2ae35) ^ protocol;
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}
