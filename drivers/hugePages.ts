// SPDX-License-Identifier: ISC
//
// Memory in pages of 2 MB (transparent huge pages, madvise(2)): what is looked up at random in 300 MB misses the translation cache with
// pages of 4 kB, which costs as much again as missing the data. Where the kernel has none of them it is memory like any other.

import { addressOf, madvise } from './libc.ts';

const MADV_HUGEPAGE = 14;
const PAGE = 2 << 20;
/** Memory is asked of the system in pieces of this size, of which only what is touched is there. */
const REGION_WORDS = (32 << 20) / 4;

let region: Int32Array = new Int32Array(0);
let taken = 0;

/** So many words, all zero, never given back. */
export function hugePages(words: number): Int32Array {
  if (words >= REGION_WORDS) return makeRegion(words);
  if (taken + words > region.length) {
    region = makeRegion(REGION_WORDS);
    taken = 0;
  }
  taken += words;
  return region.subarray(taken - words, taken);
}

function makeRegion(words: number): Int32Array {
  const made = new Int32Array(words);
  const begin = addressOf(new Uint8Array(made.buffer));
  const first = Math.ceil(begin / PAGE) * PAGE;
  const length = begin + made.byteLength - first;
  // It is advice: whether it is taken shows in speed alone.
  if (length > 0) madvise(first, length, MADV_HUGEPAGE);
  return made;
}
