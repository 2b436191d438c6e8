// SPDX-License-Identifier: ISC
//
// What this machine has removed before its time, to be told again: who missed it, and never speaks of the state, would keep it for good.

import { Marks } from './marks.ts';

/** Removals remembered; older ones are told no more. */
const RING = 1 << 12;
const WORDS = 3;

type Tell = (high: number, low: number, creator: number) => void;

export class Obituaries {
  private readonly ring = new Int32Array(RING * WORDS);
  /** Removals in all, those that were there at the last telling, and those that have been told again. */
  private noted = 0;
  private seen = 0;
  private told = 0;
  /** Up to which id all states of a creator were removed at once. */
  private readonly cleared = new Marks();

  add(high: number, low: number, creator: number): void {
    const at = (this.noted % RING) * WORDS;
    this.ring[at] = high;
    this.ring[at + 1] = low;
    this.ring[at + 2] = creator;
    this.noted++;
  }

  clear(high: number, low: number, creator: number): void {
    this.cleared.raise(high, low, creator);
  }

  /** Somebody may have missed more than the last: all are to be told again. */
  rewind(): void {
    this.told = 0;
    this.seen = this.noted;
  }

  /** Tells what was removed before the last time. */
  tell(removed: Tell): void {
    this.told = Math.max(this.told, this.noted - RING);
    for (; this.told < this.seen; this.told++) {
      const at = (this.told % RING) * WORDS;
      removed(this.ring[at]!, this.ring[at + 1]!, this.ring[at + 2]!);
    }
    this.seen = this.noted;
  }

  tellCleared(cleared: Tell): void {
    const { cleared: marks } = this;
    for (let i = 0; i < marks.count; i++) cleared(marks.high(i), marks.low(i), marks.creator(i));
  }
}
