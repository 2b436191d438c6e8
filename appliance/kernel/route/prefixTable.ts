// SPDX-License-Identifier: ISC
//
// Longest-prefix matching over four int32 words (IPv4 uses the first): one hash table per prefix length that occurs, tried from the
// longest down. Lookups allocate nothing, and a removal costs what a lookup does.

import { maskWord } from '../../abi/address.ts';

const WORDS = 4;

/** Prefixes of one length: open addressing with linear probing. */
class LengthTable<T> {
  readonly length: number;
  readonly m0: number;
  readonly m1: number;
  readonly m2: number;
  readonly m3: number;
  private keys = new Int32Array(8 * WORDS);
  private values: (T | undefined)[] = new Array<T | undefined>(8).fill(undefined);
  private mask = 7;
  size = 0;

  constructor(length: number) {
    this.length = length;
    this.m0 = maskWord(length, 0);
    this.m1 = maskWord(length, 1);
    this.m2 = maskWord(length, 2);
    this.m3 = maskWord(length, 3);
  }

  get(w0: number, w1: number, w2: number, w3: number): T | undefined {
    return this.values[this.slot(w0 & this.m0, w1 & this.m1, w2 & this.m2, w3 & this.m3)];
  }

  set(w0: number, w1: number, w2: number, w3: number, value: T): void {
    if (4 * (this.size + 1) > 3 * this.values.length) this.resize(2 * this.values.length);
    const slot = this.slot(w0 & this.m0, w1 & this.m1, w2 & this.m2, w3 & this.m3);
    if (this.values[slot] === undefined) this.size++;
    this.values[slot] = value;
    const at = slot * WORDS;
    this.keys[at] = w0 & this.m0;
    this.keys[at + 1] = w1 & this.m1;
    this.keys[at + 2] = w2 & this.m2;
    this.keys[at + 3] = w3 & this.m3;
  }

  reserve(count: number): void {
    let slots = this.values.length;
    while (4 * (count + 1) > 3 * slots) slots *= 2;
    if (slots > this.values.length) this.resize(slots);
  }

  delete(w0: number, w1: number, w2: number, w3: number): void {
    let hole = this.slot(w0 & this.m0, w1 & this.m1, w2 & this.m2, w3 & this.m3);
    if (this.values[hole] === undefined) return;
    this.size--;
    // Those behind the hole that it kept from their own slot move up (Knuth, The Art of Computer Programming 3, 6.4, algorithm R).
    for (let next = (hole + 1) & this.mask; this.values[next] !== undefined; next = (next + 1) & this.mask) {
      if (((next - this.home(next)) & this.mask) < ((next - hole) & this.mask)) continue;
      this.values[hole] = this.values[next];
      this.keys.copyWithin(hole * WORDS, next * WORDS, (next + 1) * WORDS);
      hole = next;
    }
    this.values[hole] = undefined;
  }

  /** Where the key in a slot would be if nothing stood in its way. */
  private home(slot: number): number {
    const { keys } = this;
    const at = slot * WORDS;
    return hash(keys[at]!, keys[at + 1]!, keys[at + 2]!, keys[at + 3]!) & this.mask;
  }

  private resize(slots: number): void {
    const { keys, values } = this;
    this.keys = new Int32Array(slots * WORDS);
    this.values = new Array<T | undefined>(slots).fill(undefined);
    this.mask = slots - 1;
    this.size = 0;
    values.forEach((value, slot) => {
      if (value === undefined) return;
      const at = slot * WORDS;
      this.set(keys[at]!, keys[at + 1]!, keys[at + 2]!, keys[at + 3]!, value);
    });
  }

  /** Where the key is, or the free slot where it would go. */
  private slot(w0: number, w1: number, w2: number, w3: number): number {
    let slot = hash(w0, w1, w2, w3) & this.mask;
    while (this.values[slot] !== undefined) {
      const at = slot * WORDS;
      const keys = this.keys;
      if (keys[at] === w0 && keys[at + 1] === w1 && keys[at + 2] === w2 && keys[at + 3] === w3) return slot;
      slot = (slot + 1) & this.mask;
    }
    return slot;
  }
}

function hash(w0: number, w1: number, w2: number, w3: number): number {
  let mixed = Math.imul(
    w0 ^ Math.imul(w1, 0x9e3779b1) ^ Math.imul(w2, 0x85ebca6b) ^ Math.imul(w3, 0xc2b2ae35),
    0x9e3779b1,
  );
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x85ebca6b);
  return mixed ^ (mixed >>> 13);
}

export class PrefixTable<T> {
  /** Longest first. */
  private tables: LengthTable<T>[] = [];

  /** The value of the longest prefix that holds the address. */
  lookup(w0: number, w1: number, w2: number, w3: number): T | undefined {
    const tables = this.tables;
    for (let i = 0; i < tables.length; i++) {
      const value = tables[i]!.get(w0, w1, w2, w3);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** The value of exactly this prefix. Host bits of `words` do not matter. */
  get(words: ArrayLike<number>, length: number): T | undefined {
    return this.tables
      .find((table) => table.length === length)
      ?.get(words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0);
  }

  /** Makes room for so many prefixes of a length. */
  reserve(length: number, count: number): void {
    this.tableFor(length).reserve(count);
  }

  set(words: ArrayLike<number>, length: number, value: T): void {
    this.tableFor(length).set(words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0, value);
  }

  private tableFor(length: number): LengthTable<T> {
    let table = this.tables.find((one) => one.length === length);
    if (table === undefined) {
      table = new LengthTable<T>(length);
      this.tables = [...this.tables, table].sort((a, b) => b.length - a.length);
    }
    return table;
  }

  delete(words: ArrayLike<number>, length: number): void {
    const table = this.tables.find((one) => one.length === length);
    table?.delete(words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0);
    if (table?.size === 0) this.tables = this.tables.filter((one) => one !== table);
  }
}
