// SPDX-License-Identifier: ISC
//
// The sender's side of selective acknowledgment: what the peer holds, what is lost, what goes next (RFC 6675 section 4).

import * as tcp from '../../../wire/tcp.ts';
import { Ranges } from './ranges.ts';

/** Duplicate acknowledgments that mean a loss (RFC 5681 3.2). */
export const DUPLICATE_THRESHOLD = 3;

export class Scoreboard {
  private readonly sacked = new Ranges();
  /** Everything before it has been retransmitted in this recovery, or did not need to be (HighRxt). */
  private retransmitted = 0;
  /** What `next` found: a range to retransmit, within one hole. */
  nextLeft = 0;
  nextRight = 0;

  get empty(): boolean {
    return this.sacked.count === 0;
  }

  /** Bytes the peer holds out of order. */
  get held(): number {
    return this.sacked.total;
  }

  /** Notes a block; true when it says something new. A block that does not fit is forgotten: it will be said again. */
  add(left: number, right: number): boolean {
    const before = this.sacked.total;
    return this.sacked.add(left, right) && this.sacked.total !== before;
  }

  acknowledged(sequence: number): void {
    this.sacked.removeBefore(sequence);
    if (tcp.before(this.retransmitted, sequence)) this.retransmitted = sequence;
  }

  clear(): void {
    this.sacked.clear();
  }

  /** A recovery begins; nothing from `sequence` on has been retransmitted in it. */
  begin(sequence: number): void {
    this.retransmitted = sequence;
  }

  noteRetransmitted(right: number): void {
    if (tcp.before(this.retransmitted, right)) this.retransmitted = right;
  }

  /** Bytes held before `sequence`. */
  heldBefore(sequence: number): number {
    return this.sacked.totalBefore(sequence);
  }

  /** The first number at or behind `sequence` that the peer does not hold. */
  skip(sequence: number): number {
    const index = this.sacked.holding(sequence);
    return index < 0 ? sequence : this.sacked.right(index);
  }

  /** Where the peer's holdings begin again behind `sequence`, which it does not hold; `end` when nowhere before that. */
  holeEnd(sequence: number, end: number): number {
    for (let i = 0; i < this.sacked.count; i++) {
      if (tcp.after(this.sacked.left(i), sequence)) return this.sacked.left(i);
    }
    return end;
  }

  /** Whether the segment at `first`, the oldest one not acknowledged, is lost (IsLost). */
  firstLost(segment: number): boolean {
    return this.lost(this.sacked.total, this.sacked.count, segment);
  }

  /** Estimate of what is under way between `first` and `end` (SetPipe). */
  pipe(first: number, end: number, segment: number): number {
    let above = 0;
    let pipe = 0;
    let right = end;
    for (let i = this.sacked.count - 1; i >= 0; i--) {
      const rangesAbove = this.sacked.count - 1 - i;
      pipe += this.underWay(this.sacked.right(i), right, this.lost(above, rangesAbove, segment));
      above += (this.sacked.right(i) - this.sacked.left(i)) | 0;
      right = this.sacked.left(i);
    }
    return pipe + this.underWay(first, right, this.lost(above, this.sacked.count, segment));
  }

  /**
   * Finds the next range to retransmit (NextSeg rules 1 and 3) and leaves it in `nextLeft`, `nextRight`. With `evenIfNotLost` that is
   * the first hole not retransmitted yet, otherwise the first one that is lost. False when there is none.
   */
  next(first: number, segment: number, evenIfNotLost: boolean): boolean {
    let left = first;
    let above = this.sacked.total;
    for (let i = 0; i < this.sacked.count; i++) {
      const right = this.sacked.left(i);
      const from = tcp.before(left, this.retransmitted) ? this.retransmitted : left;
      if (tcp.before(from, right)) {
        this.nextLeft = from;
        this.nextRight = right;
        return evenIfNotLost || this.lost(above, this.sacked.count - i, segment);
      }
      above -= (this.sacked.right(i) - right) | 0;
      left = this.sacked.right(i);
    }
    return false;
  }

  private lost(bytesAbove: number, rangesAbove: number, segment: number): boolean {
    return rangesAbove >= DUPLICATE_THRESHOLD || bytesAbove > (DUPLICATE_THRESHOLD - 1) * segment;
  }

  /** What of the hole [left, right) is under way: it all unless it is lost, and once more what was retransmitted. */
  private underWay(left: number, right: number, lost: boolean): number {
    const size = (right - left) | 0;
    const again = Math.min(Math.max((this.retransmitted - left) | 0, 0), size);
    return (lost ? 0 : size) + again;
  }
}
