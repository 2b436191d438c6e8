// SPDX-License-Identifier: ISC
//
// What is to be told to the others: lists of states, each in at most one, and ids of states that are gone, to be acknowledged, or asked for.

import { MARKS, NEXT, PREVIOUS, QUEUE_MASK, type Rows } from './rows.ts';

/** Which queue a state is in. */
export const QUEUE_NONE = 0;
export const QUEUE_UPDATE_COMPRESSED = 1;
export const QUEUE_INSERT = 2;
export const QUEUE_UPDATE = 3;

/** States in the order they came, linked through their rows. */
export class StateQueue {
  count = 0;
  private readonly rows: Rows;
  private readonly number: number;
  private first = 0;
  private last = 0;

  constructor(rows: Rows, number: number) {
    this.rows = rows;
    this.number = number;
  }

  push(state: number): void {
    const page = this.rows.page(state);
    const at = this.rows.at(state);
    page[at + MARKS] = (page[at + MARKS]! & ~QUEUE_MASK) | this.number;
    page[at + NEXT] = 0;
    page[at + PREVIOUS] = this.last;
    if (this.last === 0) this.first = state + 1;
    else this.rows.page(this.last - 1)[this.rows.at(this.last - 1) + NEXT] = state + 1;
    this.last = state + 1;
    this.count++;
  }

  remove(state: number): void {
    const page = this.rows.page(state);
    const at = this.rows.at(state);
    const next = page[at + NEXT]!;
    const previous = page[at + PREVIOUS]!;
    page[at + MARKS] = page[at + MARKS]! & ~QUEUE_MASK;
    if (previous === 0) this.first = next;
    else this.rows.page(previous - 1)[this.rows.at(previous - 1) + NEXT] = next;
    if (next === 0) this.last = previous;
    else this.rows.page(next - 1)[this.rows.at(next - 1) + PREVIOUS] = previous;
    this.count--;
  }

  /** The state that has waited longest; -1 when none does. */
  peek(): number {
    return this.first - 1;
  }
}

const IDENTITY_WORDS = 3;
const SMALLEST = 256;
/** Room that is kept for good. */
const KEPT = 1 << 16;

/** Ids with their creators, in the order they came. */
export class Identities {
  private words = new Int32Array(SMALLEST * IDENTITY_WORDS);
  private start = 0;
  private end = 0;

  get count(): number {
    return (this.end - this.start) / IDENTITY_WORDS;
  }

  push(high: number, low: number, creator: number): void {
    if (this.end === this.words.length) {
      const wider = new Int32Array(2 * this.words.length);
      wider.set(this.words);
      this.words = wider;
    }
    this.words[this.end] = high;
    this.words[this.end + 1] = low;
    this.words[this.end + 2] = creator;
    this.end += IDENTITY_WORDS;
  }

  /** Word 0 to 2 of the first: high, low, creator. */
  word(which: number): number {
    return this.words[this.start + which]!;
  }

  shift(): void {
    this.start += IDENTITY_WORDS;
    if (this.start < this.end) return;
    this.start = 0;
    this.end = 0;
    if (this.words.length > KEPT) this.words = new Int32Array(SMALLEST * IDENTITY_WORDS);
  }

  clear(): void {
    this.start = 0;
    this.end = 0;
  }
}
