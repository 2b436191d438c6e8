// SPDX-License-Identifier: ISC
//
// Mixing addresses: under a pool's key for source-hash, under a salt for the tables of states.

import type { Family } from '../../abi/address.ts';

/**
 * A hash of an address under a key, 31 bits: the same address gets the same number as long as the key stays. The originals' hashes
 * differ among themselves; this is one more. `which` makes as many of them as are needed.
 */
export function hashAddress(
  words: Int32Array,
  family: Family,
  key: readonly number[] | undefined,
  which = 0,
): number {
  let mixed = Math.imul((key?.[0] ?? 0) + which, 0x9e3779b1);
  const width = family === 4 ? 1 : 4;
  for (let i = 0; i < width; i++) mixed = mix(mixed, words[i]! ^ (key?.[i & 3] ?? 0));
  for (let i = 1; i < 4; i++) mixed = mix(mixed, key?.[i] ?? 0);
  return mixed >>> 1;
}

/** One step of murmur3's mixing, finished enough for a table whose size is a power of two. */
export function mix(state: number, word: number): number {
  let mixed = Math.imul(state ^ word, 0x85ebca6b);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 13);
}
