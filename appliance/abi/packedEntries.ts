// SPDX-License-Identifier: ISC
//
// Entries of a table as a buffer: what a hundred thousand of them are handed over in without making an object of each.

import type { Family } from './address.ts';
import type { TableEntry } from './pf.ts';

/** Words of an entry: family, length, 1 if negated, weight (0: none given), four words of the address. */
export const ENTRY_WORDS = 8;
const LENGTH = 1;
const NEGATED = 2;
const WEIGHT = 3;
const ADDRESS = 4;

/** `count` entries from the `from`th on. */
export function packEntries(entries: readonly TableEntry[], from: number, count: number): Int32Array {
  const end = Math.min(entries.length, from + count);
  const packed = new Int32Array((end - from) * ENTRY_WORDS);
  for (let i = from; i < end; i++) {
    const { prefix, negated, weight } = entries[i]!;
    const at = (i - from) * ENTRY_WORDS;
    packed[at] = prefix.family;
    packed[at + LENGTH] = prefix.length;
    packed[at + NEGATED] = negated ? 1 : 0;
    packed[at + WEIGHT] = weight ?? 0;
    packed.set(prefix.words, at + ADDRESS);
  }
  return packed;
}

/** The entry at `at`. */
export function unpackEntry(packed: Int32Array, at: number): TableEntry {
  const family: Family = packed[at] === 4 ? 4 : 6;
  const words = [...packed.subarray(at + ADDRESS, at + ADDRESS + (family === 4 ? 1 : 4))];
  return {
    prefix: { family, words, length: packed[at + LENGTH]! },
    negated: packed[at + NEGATED] === 1,
    weight: packed[at + WEIGHT] || undefined,
  };
}
