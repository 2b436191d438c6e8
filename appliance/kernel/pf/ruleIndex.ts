// SPDX-License-Identifier: ISC
//
// Which rules of a long list can match a packet at all, without looking at each (the place of pf's skip steps): addresses and ports fall
// into intervals, each interval knows its rules as a set of bits, and the sets of the fields are intersected (Lakshman and Stiliadis,
// SIGCOMM 1998). Most words of such a set are empty in one field or another, so summaries of the sets, a bit for each word, are intersected
// first and only the words that are left are (Baboescu and Varghese, SIGCOMM 2001). What is found is then compared in full, so the index
// may find too much and must never find too little.

import type { FieldIndex, RuleIndex } from '../../abi/compiledRules.ts';
import type { Descriptor } from './descriptor.ts';

/** Order of `RuleIndex.fields`. */
export const FIELD_SOURCE4 = 0;
export const FIELD_SOURCE6 = 1;
export const FIELD_DESTINATION4 = 2;
export const FIELD_DESTINATION6 = 3;
export const FIELD_SOURCE_PORT = 4;
export const FIELD_DESTINATION_PORT = 5;

/** More members than these are not summarized: that costs more than it saves. */
const FEW = 16;

/** A set of rules with its summary. */
export interface RuleSet {
  readonly words: Int32Array;
  readonly summary: Int32Array;
}

/** Words of the summary of a set. */
export function summaryWords(words: number): number {
  return (words + 31) >>> 5;
}

/** A bit for each word of `sets`, from `at` on, that has any: to `into`, from `to` on. */
export function summarize(sets: Int32Array, at: number, words: number, into: Int32Array, to: number): void {
  for (let i = 0; i < words; i++) {
    if (sets[at + i] !== 0) into[to + (i >>> 5)] = into[to + (i >>> 5)]! | (1 << (i & 31));
  }
}

/** The rules of a list that are possible for a packet, asked for word by word in ascending order. */
export class PossibleRules {
  private words = 0;
  private common: Int32Array = new Int32Array(0);
  private summary: Int32Array = new Int32Array(0);
  private summaryLength = 0;
  /** Of the two addresses and the two ports: the field's index, the packet's set in it, and how far its members have been looked at. */
  private readonly fields: (FieldIndex | undefined)[] = [undefined, undefined, undefined, undefined];
  private readonly places = new Int32Array(4);
  private readonly sizes = new Int32Array(4);
  private readonly cursors = new Int32Array(4);

  /** Begins with a packet; `common` is what its interface, direction, family and protocol leave possible. */
  find({ words, fields }: RuleIndex, common: RuleSet, packet: Descriptor): void {
    this.words = words;
    this.common = common.words;
    this.summaryLength = common.summary.length;
    if (this.summary.length < this.summaryLength) this.summary = new Int32Array(this.summaryLength);
    for (let i = 0; i < this.summaryLength; i++) this.summary[i] = common.summary[i]!;
    const isFour = packet.family === 4;
    this.narrow(0, fields[isFour ? FIELD_SOURCE4 : FIELD_SOURCE6], packet.source);
    this.narrow(1, fields[isFour ? FIELD_DESTINATION4 : FIELD_DESTINATION6], packet.destination);
    this.narrowPort(2, fields[FIELD_SOURCE_PORT], packet.hasPorts, packet.sourcePort);
    this.narrowPort(3, fields[FIELD_DESTINATION_PORT], packet.hasPorts, packet.destinationPort);
  }

  private narrow(slot: number, field: FieldIndex | undefined, value: Int32Array): void {
    this.fields[slot] = field;
    if (field === undefined) return;
    const interval = field.width === 1 ? find1(field.bounds, value[0]!) : find4(field.bounds, value);
    this.choose(slot, field, field.places[interval]!, field.sizes[interval]!);
  }

  /** Without a port, rules that do not care for it are left. */
  private narrowPort(slot: number, field: FieldIndex | undefined, hasPorts: boolean, port: number): void {
    this.fields[slot] = field;
    if (field === undefined) return;
    if (!hasPorts) return this.choose(slot, field, 0, 0);
    const interval = find1(field.bounds, port);
    this.choose(slot, field, field.places[interval]!, field.sizes[interval]!);
  }

  private choose(slot: number, field: FieldIndex, place: number, size: number): void {
    this.places[slot] = place;
    this.sizes[slot] = size;
    this.cursors[slot] = place;
    if (size > FEW) return;
    const { summary, summaryLength } = this;
    const { summaries, members } = field;
    const from = size < 0 ? (place / this.words) * summaryLength : 0;
    for (let i = 0; i < summaryLength; i++) {
      let bits = summaries[from + i]!;
      for (let at = place; at < place + size; at++) {
        if (members[at]! >>> 10 === i) bits |= 1 << ((members[at]! >>> 5) & 31);
      }
      summary[i] = summary[i]! & bits;
    }
  }

  /** The first word from `from` on that may have rules; -1 when there is none. */
  next(from: number): number {
    const { summary, summaryLength } = this;
    let mask = -1 << (from & 31);
    for (let i = from >>> 5; i < summaryLength; i++) {
      const bits = summary[i]! & mask;
      if (bits !== 0) return (i << 5) + 31 - Math.clz32(bits & -bits);
      mask = -1;
    }
    return -1;
  }

  /** The rules of a word, as bits. */
  rules(word: number): number {
    let bits = this.common[word]!;
    for (let slot = 0; slot < 4; slot++) {
      const field = this.fields[slot];
      if (field === undefined) continue;
      bits &= this.sizes[slot]! < 0 ? field.sets[this.places[slot]! + word]! : this.sparse(slot, field, word);
    }
    return bits;
  }

  private sparse(slot: number, { sets, members }: FieldIndex, word: number): number {
    let bits = sets[word]!;
    const end = this.places[slot]! + this.sizes[slot]!;
    let at = this.cursors[slot]!;
    while (at < end && members[at]! >>> 5 < word) at++;
    for (; at < end && members[at]! >>> 5 === word; at++) bits |= 1 << (members[at]! & 31);
    this.cursors[slot] = at;
    return bits;
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
