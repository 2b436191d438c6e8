// SPDX-License-Identifier: ISC
//
// Data that arrived out of order (RFC 9293 3.10.7.4): a ring addressed by sequence number, the ranges that are filled, and which
// of them to report first (RFC 2018 4). Memory of all connections together has a bound.

import { copy } from '../../../wire/bytes.ts';
import * as tcpOptions from '../../../wire/tcpOptions.ts';
import { Ranges } from './ranges.ts';

const FIRST_SIZE = 64 * 1024;
const NOTHING = new Uint8Array(0);

/** Bytes that the rings of all connections may take. */
export class ReassemblyBudget {
  private left = 64 * 1024 * 1024;

  take(bytes: number): boolean {
    if (bytes > this.left) return false;
    this.left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.left += bytes;
  }
}

export class Reassembly {
  private readonly budget: ReassemblyBudget;
  private ring = NOTHING;
  private readonly ranges = new Ranges();
  /** A sequence number of each range to report, the one that changed last first. */
  private readonly recent = new Int32Array(tcpOptions.MAXIMUM_SACK_BLOCKS);
  private recents = 0;

  constructor(budget: ReassemblyBudget) {
    this.budget = budget;
  }

  get empty(): boolean {
    return this.ranges.count === 0;
  }

  /** Bytes waiting. */
  get length(): number {
    return this.ranges.total;
  }

  /**
   * Keeps `length` bytes that begin at `sequence`; `next` is the next number expected, and everything lies within the window.
   * False when there is no room for them.
   */
  add(next: number, sequence: number, bytes: Uint8Array, at: number, length: number): boolean {
    if (
      !this.reserve((sequence + length - next) | 0) ||
      !this.ranges.add(sequence, (sequence + length) | 0)
    ) {
      return false;
    }
    const place = sequence & (this.ring.length - 1);
    const first = Math.min(length, this.ring.length - place);
    copy(bytes, at, this.ring, place, first);
    copy(bytes, at + first, this.ring, 0, length - first);
    this.noteRecent(sequence);
    return true;
  }

  /** The bytes that follow in order from `next`, removed from here; undefined when the next one is missing. */
  take(next: number): Uint8Array | undefined {
    const index = this.ranges.holding(next);
    const right = index < 0 ? next : this.ranges.right(index);
    const data = index < 0 ? undefined : this.read(next, (right - next) | 0);
    this.ranges.removeBefore(right);
    this.forgetRecents(-1);
    if (this.empty) this.release();
    return data;
  }

  /** Number of ranges that a SACK option may report. */
  get blocks(): number {
    return this.recents;
  }

  /** Writes the first `count` of `blocks` into the SACK option at `at`, most recent first. */
  writeBlocks(to: Uint8Array, at: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const range = this.ranges.holding(this.recent[i]!);
      tcpOptions.setSackBlock(to, at, i, this.ranges.left(range), this.ranges.right(range));
    }
  }

  release(): void {
    this.budget.give(this.ring.length);
    this.ring = NOTHING;
    this.ranges.clear();
    this.recents = 0;
  }

  /** Puts the range of `sequence` first; ranges that it has joined are reported as this one. */
  private noteRecent(sequence: number): void {
    this.forgetRecents(this.ranges.holding(sequence));
    if (this.recents === this.recent.length) this.recents--;
    this.recent.copyWithin(1, 0, this.recents);
    this.recent[0] = sequence;
    this.recents++;
  }

  /** Takes out of the list what is in no range any more, or in the one of that index. */
  private forgetRecents(index: number): void {
    let kept = 0;
    for (let i = 0; i < this.recents; i++) {
      const range = this.ranges.holding(this.recent[i]!);
      if (range >= 0 && range !== index) this.recent[kept++] = this.recent[i]!;
    }
    this.recents = kept;
  }

  private read(sequence: number, length: number): Uint8Array {
    const data = new Uint8Array(length);
    this.readInto(data, 0, sequence, length);
    return data;
  }

  private readInto(to: Uint8Array, at: number, sequence: number, length: number): void {
    const place = sequence & (this.ring.length - 1);
    const first = Math.min(length, this.ring.length - place);
    copy(this.ring, place, to, at, first);
    copy(this.ring, 0, to, at + first, length - first);
  }

  /** A ring that `span` bytes from the next expected one fit into. */
  private reserve(span: number): boolean {
    if (span <= this.ring.length) return true;
    let size = Math.max(FIRST_SIZE, this.ring.length);
    while (size < span) size *= 2;
    if (!this.budget.take(size - this.ring.length)) return false;
    const larger = new Uint8Array(size);
    for (let i = 0; i < this.ranges.count; i++) this.move(larger, this.ranges.left(i), this.ranges.right(i));
    this.ring = larger;
    return true;
  }

  private move(larger: Uint8Array, left: number, right: number): void {
    const length = (right - left) | 0;
    const place = left & (larger.length - 1);
    const first = Math.min(length, larger.length - place);
    this.readInto(larger, place, left, first);
    this.readInto(larger, 0, (left + first) | 0, length - first);
  }
}
