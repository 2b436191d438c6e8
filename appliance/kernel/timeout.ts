// SPDX-License-Identifier: ISC
//
// timeout(9): everything in the kernel that happens later. A heap of deadlines; ties fire in the order they were set,
// so that two runs with the same input are the same run.

import type { Clock } from './clock.ts';

/** One deadline that its owner sets and clears as often as it likes. Setting an armed one moves it. */
export class Timeout {
  deadline = 0;
  /** Order of setting, for ties. */
  order = 0;
  /** Place in the heap, -1 when not armed. */
  place = -1;
  readonly fire: () => void;
  private readonly queue: Timeouts;

  constructor(queue: Timeouts, fire: () => void) {
    this.queue = queue;
    this.fire = fire;
  }

  get armed(): boolean {
    return this.place >= 0;
  }

  /** Fires `delay` microseconds from now. */
  set(delay: number): void {
    this.queue.arm(this, delay);
  }

  clear(): void {
    this.queue.disarm(this);
  }
}

export class Timeouts {
  private readonly clock: Clock;
  private readonly heap: Timeout[] = [];
  private orders = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The earliest deadline in microseconds since boot, Infinity when nothing is armed. */
  get next(): number {
    return this.heap.length === 0 ? Number.POSITIVE_INFINITY : this.heap[0]!.deadline;
  }

  arm(timeout: Timeout, delay: number): void {
    this.disarm(timeout);
    timeout.deadline = this.clock.now + delay;
    timeout.order = this.orders++;
    timeout.place = this.heap.length;
    this.heap.push(timeout);
    this.up(timeout.place);
  }

  disarm(timeout: Timeout): void {
    const place = timeout.place;
    if (place < 0) return;
    timeout.place = -1;
    const last = this.heap.pop()!;
    if (last === timeout) return;
    this.heap[place] = last;
    last.place = place;
    this.up(place);
    this.down(last.place);
  }

  /** Fires what is due, oldest deadline first. What is set meanwhile for now or earlier fires too. */
  run(): void {
    while (this.heap.length > 0 && this.heap[0]!.deadline <= this.clock.now) {
      const timeout = this.heap[0]!;
      this.disarm(timeout);
      timeout.fire();
    }
  }

  private before(a: Timeout, b: Timeout): boolean {
    return a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);
  }

  private up(from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.before(this.heap[place]!, this.heap[parent]!)) return;
      this.swap(place, parent);
      place = parent;
    }
  }

  private down(from: number): void {
    let place = from;
    for (;;) {
      const left = 2 * place + 1;
      if (left >= this.heap.length) return;
      const right = left + 1;
      const child =
        right < this.heap.length && this.before(this.heap[right]!, this.heap[left]!) ? right : left;
      if (!this.before(this.heap[child]!, this.heap[place]!)) return;
      this.swap(place, child);
      place = child;
    }
  }

  private swap(a: number, b: number): void {
    const first = this.heap[a]!;
    const second = this.heap[b]!;
    this.heap[a] = second;
    this.heap[b] = first;
    second.place = a;
    first.place = b;
  }
}
