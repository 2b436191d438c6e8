// SPDX-License-Identifier: ISC
//
// For each machine that makes states, one id: all of its states up to there are meant. Ids rise, as unsigned numbers of 64 bits.

/** Creators remembered: machines of the cluster, and what they were before they were restarted. */
const CREATORS = 256;
const WORDS = 3;
const CREATOR = 0;
const HIGH = 1;
const LOW = 2;

export class Marks {
  private readonly words = new Int32Array(CREATORS * WORDS);
  private used = 0;
  /** Which is given up when another creator comes and all places are taken. */
  private oldest = 0;

  get count(): number {
    return this.used;
  }

  creator(index: number): number {
    return this.words[index * WORDS + CREATOR]!;
  }

  high(index: number): number {
    return this.words[index * WORDS + HIGH]!;
  }

  low(index: number): number {
    return this.words[index * WORDS + LOW]!;
  }

  /** Moves the mark of a creator up to this id; a mark never moves down. */
  raise(high: number, low: number, creator: number): void {
    const index = this.find(creator);
    if (index >= 0 && !this.isAbove(high, low, index)) return;
    const at = (index >= 0 ? index : this.place()) * WORDS;
    this.words[at + CREATOR] = creator;
    this.words[at + HIGH] = high;
    this.words[at + LOW] = low;
  }

  /** Whether a state is one of those meant. */
  covers(high: number, low: number, creator: number): boolean {
    const index = this.find(creator);
    return index >= 0 && !this.isAbove(high, low, index);
  }

  private find(creator: number): number {
    for (let index = this.used - 1; index >= 0; index--) {
      if (this.words[index * WORDS + CREATOR] === creator) return index;
    }
    return -1;
  }

  private place(): number {
    if (this.used < CREATORS) return this.used++;
    const index = this.oldest;
    this.oldest = (this.oldest + 1) % CREATORS;
    return index;
  }

  private isAbove(high: number, low: number, index: number): boolean {
    const own = this.high(index);
    return high === own ? low >>> 0 > this.low(index) >>> 0 : high >>> 0 > own >>> 0;
  }
}
