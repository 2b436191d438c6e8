// SPDX-License-Identifier: ISC
//
// Sends all states to whoever asked (pfsync_bulk_start, pfsync_bulk_update): one packet every 20 ms as the original does; many more towards
// machines that speak our own messages, as many as this one has time for.

import type { Clock } from '../clock.ts';
import { SECOND } from '../clock.ts';
import type { Settings } from '../pf/settings.ts';
import type { States } from '../pf/states.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import type { Outbox } from './outbox.ts';

const PACE = SECOND / 50;
const FAST_PACE = SECOND / 1000;
/** Packets in one fast step: begins with the least, more while steps come in time, fewer when they come late. */
const LEAST = 2;
const MOST = 10;
/** So late is a step that the machine had other things to do. */
const LATE = SECOND / 1000;

export class BulkAnswer {
  private readonly states: States;
  private readonly settings: Settings;
  private readonly clock: Clock;
  private readonly outbox: Outbox;
  private readonly speaksOwn: () => boolean;
  private readonly timer: Timeout;
  private place = 0;
  private end = 0;
  private readonly progress = { states: 0, begun: false };
  private running = false;
  private again = false;
  private burst = LEAST;
  private due = 0;

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
    this.running = true;
    this.place = 0;
    this.end = this.states.end;
    this.progress.states = 0;
    this.progress.begun = false;
    this.burst = LEAST;
    this.wait(0);
  }

  stop(): void {
    this.timer.clear();
    this.running = false;
    this.again = false;
  }

  private wait(delay: number): void {
    this.due = this.clock.now + delay;
    this.timer.set(delay);
  }

  private step(): void {
    const fast = this.speaksOwn();
    if (this.clock.now - this.due >= LATE) this.burst = Math.max(LEAST, this.burst >>> 1);
    else this.burst = Math.min(MOST, this.burst + 1);
    const many = fast ? this.burst : 1;
    for (let i = 0; i < many && this.place <= this.end; i++) {
      this.place = this.outbox.sendBulk(this.place, this.end, this.settings.hostId | 0, this.progress);
    }
    if (this.place <= this.end) return this.wait(fast ? FAST_PACE : PACE);
    const { again } = this;
    this.stop();
    if (again) this.start();
  }
}
