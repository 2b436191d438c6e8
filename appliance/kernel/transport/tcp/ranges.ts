// SPDX-License-Identifier: ISC
//
// A set of sequence numbers as sorted disjoint ranges [left, right): what arrived out of order, what the peer has selectively
// acknowledged. All numbers of one set lie within half the sequence space.

import * as tcp from '../../../wire/tcp.ts';

/** A window of 512 KiB of Ethernet segments, every second one lost, needs 180. */
const MAXIMUM_RANGES = 256;

export class Ranges {
  private edges = new Int32Array(16);
  count = 0;
  /** Sequence numbers in all ranges. */
  total = 0;

  left(index: number): number {
    return this.edges[2 * index]!;
  }

  right(index: number): number {
    return this.edges[2 * index + 1]!;
  }

  clear(): void {
    this.count = 0;
    this.total = 0;
  }

  /** Index of the first range that ends at or behind `sequence`; `count` when there is none. */
  private firstReaching(sequence: number): number {
    let index = 0;
    while (index < this.count && tcp.before(this.right(index), sequence)) index++;
    return index;
  }

  /** Index of the range that holds `sequence`, or -1. */
  holding(sequence: number): number {
    for (let i = 0; i < this.count; i++) {
      if (tcp.before(sequence, this.right(i))) return tcp.before(sequence, this.left(i)) ? -1 : i;
    }
    return -1;
  }

  /** Adds [left, right), joining ranges that touch. False when the set is full; it is then unchanged. */
  add(left: number, right: number): boolean {
    const first = this.firstReaching(left);
    let last = first;
    let low = left;
    let high = right;
    let absorbed = 0;
    while (last < this.count && !tcp.after(this.left(last), right)) {
      if (tcp.before(this.left(last), low)) low = this.left(last);
      if (tcp.after(this.right(last), high)) high = this.right(last);
      absorbed += (this.right(last) - this.left(last)) | 0;
      last++;
    }
    if (last === first && !this.reserve()) return false;
    this.edges.copyWithin(2 * first + 2, 2 * last, 2 * this.count);
    this.edges[2 * first] = low;
    this.edges[2 * first + 1] = high;
    this.count += 1 - (last - first);
    this.total += ((high - low) | 0) - absorbed;
    return true;
  }

  /** Forgets everything before `sequence`. */
  removeBefore(sequence: number): void {
    let gone = 0;
    while (gone < this.count && !tcp.after(this.right(gone), sequence)) {
      this.total -= (this.right(gone) - this.left(gone)) | 0;
      gone++;
    }
    if (gone > 0) {
      this.edges.copyWithin(0, 2 * gone, 2 * this.count);
      this.count -= gone;
    }
    if (this.count > 0 && tcp.before(this.left(0), sequence)) {
      this.total -= (sequence - this.left(0)) | 0;
      this.edges[0] = sequence;
    }
  }

  /** How many sequence numbers of the set come before `sequence`. */
  totalBefore(sequence: number): number {
    let sum = 0;
    for (let i = 0; i < this.count && tcp.before(this.left(i), sequence); i++) {
      const right = tcp.before(this.right(i), sequence) ? this.right(i) : sequence;
      sum += (right - this.left(i)) | 0;
    }
    return sum;
  }

  /** Makes room for one more range. */
  private reserve(): boolean {
    if (this.count === MAXIMUM_RANGES) return false;
    if (2 * this.count === this.edges.length) {
      const larger = new Int32Array(2 * this.edges.length);
      larger.set(this.edges);
      this.edges = larger;
    }
    return true;
  }
}
