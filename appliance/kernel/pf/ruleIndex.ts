// SPDX-License-Identifier: ISC
//
// Which rules of a long list can match a packet at all, without looking at each (the place of pf's skip steps): addresses and ports fall
// into intervals, each interval knows its rules as a set of bits, and the sets of the fields are intersected (Lakshman and Stiliadis,
// SIGCOMM 1998). What is found is then compared in full, so the index may find too much and must never find too little.

import type { FieldIndex } from '../../abi/compiledRules.ts';

/** Order of `RuleIndex.fields`. */
export const FIELD_SOURCE4 = 0;
export const FIELD_SOURCE6 = 1;
export const FIELD_DESTINATION4 = 2;
export const FIELD_DESTINATION6 = 3;
export const FIELD_SOURCE_PORT = 4;
export const FIELD_DESTINATION_PORT = 5;

/** Leaves in `into` the rules that a field's value leaves possible; one word of the value, or four at `value`. */
export function intersect(
  into: Int32Array,
  words: number,
  field: FieldIndex | undefined,
  value: Int32Array,
): void {
  if (field === undefined) return;
  const interval = field.width === 1 ? find1(field.bounds, value[0]!) : find4(field.bounds, value);
  intersectSet(into, words, field, field.places[interval]!, field.sizes[interval]!);
}

/** As `intersect` for a number that need not stand in an array. */
export function intersectNumber(
  into: Int32Array,
  words: number,
  field: FieldIndex | undefined,
  value: number,
): void {
  if (field === undefined) return;
  const interval = find1(field.bounds, value);
  intersectSet(into, words, field, field.places[interval]!, field.sizes[interval]!);
}

/** Leaves the rules that do not care for the field: the packet has no such value. */
export function intersectCareless(into: Int32Array, words: number, field: FieldIndex | undefined): void {
  if (field !== undefined) intersectSet(into, words, field, 0, 0);
}

function intersectSet(into: Int32Array, words: number, field: FieldIndex, place: number, size: number): void {
  const { sets, members } = field;
  if (size < 0) {
    for (let i = 0; i < words; i++) into[i] = into[i]! & sets[place + i]!;
    return;
  }
  const end = place + size;
  let at = place;
  for (let i = 0; i < words; i++) {
    let bits = sets[i]!;
    while (at < end && members[at]! >>> 5 === i) bits |= 1 << (members[at++]! & 31);
    into[i] = into[i]! & bits;
  }
}

/** Number of bounds that are not above the value: its interval. */
function find1(bounds: Int32Array, value: number): number {
  const flipped = value ^ 0x80000000;
  let low = 0;
  let high = bounds.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (bounds[middle]! <= flipped) low = middle + 1;
    else high = middle;
  }
  return low;
}

function find4(bounds: Int32Array, value: Int32Array): number {
  let low = 0;
  let high = bounds.length >>> 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAbove(bounds, middle << 2, value)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function isAbove(bounds: Int32Array, at: number, value: Int32Array): boolean {
  for (let i = 0; i < 4; i++) {
    const word = value[i]! ^ 0x80000000;
    if (bounds[at + i] !== word) return bounds[at + i]! > word;
  }
  return false;
}
