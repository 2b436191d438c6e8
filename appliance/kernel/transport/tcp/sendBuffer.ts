// SPDX-License-Identifier: ISC
//
// What the user has sent and the peer has not acknowledged: a ring of bytes that grows to a bound.

import { copy } from '../../../wire/bytes.ts';

/** A power of two; as much as one connection may have under way, so throughput is at most this per round trip. */
export const SEND_BUFFER = 512 * 1024;
const FIRST_SIZE = 16 * 1024;
const NOTHING = new Uint8Array(0);

export class SendBuffer {
  private ring = NOTHING;
  /** Position of the oldest byte in the ring. */
  private start = 0;
  length = 0;

  get space(): number {
    return SEND_BUFFER - this.length;
  }

  /** Appends what fits of `data`; answers how many bytes that was. */
  append(data: Uint8Array): number {
    const taken = Math.min(data.length, this.space);
    this.reserve(this.length + taken);
    const at = (this.start + this.length) & (this.ring.length - 1);
    const first = Math.min(taken, this.ring.length - at);
    copy(data, 0, this.ring, at, first);
    copy(data, first, this.ring, 0, taken - first);
    this.length += taken;
    return taken;
  }

  /** Copies `count` bytes that begin `offset` bytes behind the oldest. */
  read(offset: number, to: Uint8Array, toOffset: number, count: number): void {
    if (count === 0) return;
    const at = (this.start + offset) & (this.ring.length - 1);
    const first = Math.min(count, this.ring.length - at);
    copy(this.ring, at, to, toOffset, first);
    copy(this.ring, 0, to, toOffset + first, count - first);
  }

  /** Forgets the oldest `count` bytes. */
  remove(count: number): void {
    this.length -= count;
    this.start = this.length === 0 ? 0 : (this.start + count) & (this.ring.length - 1);
  }

  /** Gives the memory back; what was in it is lost. */
  release(): void {
    this.ring = NOTHING;
    this.start = 0;
    this.length = 0;
  }

  private reserve(needed: number): void {
    if (needed <= this.ring.length) return;
    let size = Math.max(FIRST_SIZE, this.ring.length);
    while (size < needed) size *= 2;
    const larger = new Uint8Array(size);
    this.read(0, larger, 0, this.length);
    this.ring = larger;
    this.start = 0;
  }
}
