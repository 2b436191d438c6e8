// SPDX-License-Identifier: ISC
//
// Sends all states to whoever asked (pfsync_bulk_start, pfsync_bulk_update): one packet every 20 ms as the original does; many more towards
// machines that speak our own messages, so many in a second, however seldom this one gets round to it.

import type { Clock } from '../clock.ts';
import { SECOND } from '../clock.ts';
import type { Settings } from '../pf/settings.ts';
import type { States } from '../pf/states.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import type { Outbox } from './outbox.ts';

const PACE = SECOND / 50;
const FAST_PACE = SECOND / 1000;
/** Packets for each FAST_PACE that has passed: four states each, so that a million take some 20 s. */
const AT_ONCE = 14;
/** Of a step that comes late, for other things must not wait for long, nor the peer's queue run over. */
const MOST = 4 * AT_ONCE;
/** Parts that wait to be sent again, as pairs of places. */
const MOST_RANGES = 512;

export class BulkAnswer {
  private readonly states: States;
  private readonly settings: Settings;
  private readonly clock: Clock;
  private readonly outbox: Outbox;
  private readonly speaksOwn: () => boolean;
  private readonly timer: Timeout;
  /** Pairs of places: the next one to send, and the one behind the last. */
  private readonly ranges: number[] = [];
  private begun = false;
  private running = false;
  private again = false;
  /** When the last fast step was. */
  private last = 0;

  constructor(parts: {
    states: States;
    settings: Settings;
    clock: Clock;
    timeouts: Timeouts;
    outbox: Outbox;
    speaksOwn: () => boolean;
  }) {
    this.states = parts.states;
    this.settings = parts.settings;
    this.clock = parts.clock;
    this.outbox = parts.outbox;
    this.speaksOwn = parts.speaksOwn;
    this.timer = new Timeout(parts.timeouts, () => this.step());
  }

  /** Somebody asks; while an update is under way he has to wait for the next. */
  start(): void {
    if (this.running) {
      this.again = true;
      return;
    }
    this.begun = false;
    this.ranges.push(0, this.states.end);
    this.run();
  }

  /** Somebody has missed a part: it comes before the end, or before another one. */
  repeat(from: number, to: number): void {
    if (from > to || this.ranges.length >= MOST_RANGES) return;
    const { end } = this.states;
    this.ranges.push(Math.min(from, end), Math.min(to, end));
    if (this.running) return;
    this.begun = true;
    this.run();
  }

  private run(): void {
    this.running = true;
    this.last = this.clock.now;
    this.timer.set(0);
  }

  stop(): void {
    this.timer.clear();
    this.ranges.length = 0;
    this.running = false;
    this.again = false;
  }

  private step(): void {
    const fast = this.speaksOwn();
    const many = fast ? this.due() : 1;
    for (let i = 0; i < many && this.ranges.length > 0; i++) this.sendOne();
    if (this.ranges.length > 0) return this.timer.set(fast ? FAST_PACE : PACE);
    const { again } = this;
    this.stop();
    if (again) this.start();
  }

  private sendOne(): void {
    const { ranges, begun } = this;
    const [from, to] = [ranges[0]!, ranges[1]!];
    const isLast = ranges.length === 2;
    const next = this.outbox.sendBulk(from, to, this.settings.hostId | 0, !begun, isLast);
    this.begun = true;
    ranges[0] = next;
    if (next > to || (next === to && !isLast)) ranges.splice(0, 2);
  }

  /** Packets for the time since the last step. */
  private due(): number {
    const { now } = this.clock;
    const many = Math.ceil(((now - this.last) * AT_ONCE) / FAST_PACE);
    this.last = now;
    return Math.min(MOST, Math.max(1, many));
  }
}
