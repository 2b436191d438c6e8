// SPDX-License-Identifier: ISC
//
// States that are known to have been deleted, so that a late or repeated message does not bring them back: the last so many ids in a ring
// with a hash, and for whole creators whose states were cleared the highest id of then.

import { mix } from '../pf/hash.ts';
import { Marks } from './marks.ts';

/** Deletions remembered. */
const RING = 1 << 14;
const WORDS = 4;
const HIGH = 0;
const LOW = 1;
const CREATOR = 2;
const NEXT = 3;

export class Tombstones {
  private readonly ring = new Int32Array(RING * WORDS);
  private readonly heads = new Int32Array(RING);
  private place = 0;
  private used = 0;
  private readonly cleared = new Marks();

  add(high: number, low: number, creator: number): void {
    if (this.has(high, low, creator)) return;
    const at = this.place * WORDS;
    if (this.used === RING) this.unlink(this.place);
    else this.used++;
    this.ring[at + HIGH] = high;
    this.ring[at + LOW] = low;
    this.ring[at + CREATOR] = creator;
    const bucket = bucketOf(high, low, creator);
    this.ring[at + NEXT] = this.heads[bucket]!;
    this.heads[bucket] = this.place + 1;
    this.place = (this.place + 1) % RING;
  }

  /** Every state of a creator up to this id is removed. */
  clear(high: number, low: number, creator: number): void {
    this.cleared.raise(high, low, creator);
  }

  /** Whether it went with all of its creator's. */
  isCleared(high: number, low: number, creator: number): boolean {
    return this.cleared.covers(high, low, creator);
  }

  has(high: number, low: number, creator: number): boolean {
    if (this.cleared.covers(high, low, creator)) return true;
    let node = this.heads[bucketOf(high, low, creator)]!;
    while (node !== 0) {
      const at = (node - 1) * WORDS;
      if (
        this.ring[at + LOW] === low &&
        this.ring[at + HIGH] === high &&
        this.ring[at + CREATOR] === creator
      ) {
        return true;
      }
      node = this.ring[at + NEXT]!;
    }
    return false;
  }

  private unlink(place: number): void {
    const at = place * WORDS;
    const bucket = bucketOf(this.ring[at + HIGH]!, this.ring[at + LOW]!, this.ring[at + CREATOR]!);
    const after = this.ring[at + NEXT]!;
    let node = this.heads[bucket]!;
    if (node === place + 1) {
      this.heads[bucket] = after;
      return;
    }
    while (node !== 0) {
      const link = (node - 1) * WORDS + NEXT;
      node = this.ring[link]!;
      if (node === place + 1) this.ring[link] = after;
    }
  }
}

function bucketOf(high: number, low: number, creator: number): number {
  return mix(mix(creator, low), high) & (RING - 1);
}
