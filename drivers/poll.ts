// SPDX-License-Identifier: ISC
//
// poll(2) over the TAPs of a machine and the descriptor that wakes it.

import * as libc from './libc.ts';

/** struct pollfd: int fd, short events, short revents. */
const RECORD = 8;
const EVENTS = 2;
const REVENTS = 3;

export class Poll {
  private readonly count: number;
  private readonly wake: number;
  private readonly memory: Uint8Array;
  private readonly shorts: Int16Array;
  private readonly address: number;
  private readonly drained = new Uint8Array(8);
  private readonly drainedAddress = libc.addressOf(this.drained);

  /** `descriptors` in the order of `readable` and `hasCarrier`; `wake` is an eventfd. */
  constructor(descriptors: readonly number[], wake: number) {
    this.count = descriptors.length;
    this.wake = wake;
    this.memory = new Uint8Array(RECORD * (descriptors.length + 1));
    this.shorts = new Int16Array(this.memory.buffer);
    this.address = libc.addressOf(this.memory);
    const ints = new Int32Array(this.memory.buffer);
    [...descriptors, wake].forEach((descriptor, i) => {
      ints[2 * i] = descriptor;
      this.shorts[4 * i + EVENTS] = libc.POLLIN;
    });
  }

  /**
   * Waits until something can be read, the wake descriptor is written to, or so many milliseconds are over. Answers whether the wake
   * descriptor was written to.
   */
  wait(milliseconds: number): boolean {
    libc.poll(this.address, this.count + 1, milliseconds);
    if (this.shorts[4 * this.count + REVENTS] === 0) return false;
    libc.read(this.wake, this.drainedAddress, 8);
    return true;
  }

  readable(index: number): boolean {
    return (this.shorts[4 * index + REVENTS]! & libc.POLLIN) !== 0;
  }

  /** Asks every TAP whether its host side is up: only then is it writable. Overwrites what `wait` found. */
  carrier(): void {
    for (let i = 0; i < this.count; i++) this.shorts[4 * i + EVENTS] = libc.POLLOUT;
    libc.poll(this.address, this.count, 0);
    for (let i = 0; i < this.count; i++) this.shorts[4 * i + EVENTS] = libc.POLLIN;
  }

  /** What the last `carrier` found. */
  hasCarrier(index: number): boolean {
    return (this.shorts[4 * index + REVENTS]! & libc.POLLOUT) !== 0;
  }
}
