// SPDX-License-Identifier: ISC
//
// One host of a table: its state, how results of checks change it, and what is counted (hce_notify_done).

import type { HostConf } from '../config/relayd/model.ts';

export type HostState = 'unknown' | 'up' | 'down';

export class Host {
  readonly id: number;
  readonly conf: HostConf;
  state: HostState = 'unknown';
  disabled = false;
  /** New connections are kept away; those there are go on. */
  draining = false;
  checks = 0;
  up = 0;
  private retries = 0;

  constructor(id: number, conf: HostConf) {
    this.id = id;
    this.conf = conf;
  }

  /** Takes new connections. */
  get usable(): boolean {
    return this.state === 'up' && !this.disabled && !this.draining;
  }

  /** A check has ended; answers the state before when this changed it. A failure is forgiven as often as `retry` says. */
  result(success: boolean): HostState | undefined {
    if (this.disabled) return undefined;
    this.checks++;
    const before = this.state;
    if (success) {
      this.retries = this.conf.retry;
      this.up++;
      this.state = 'up';
    } else if (this.state === 'up' && this.retries > 0) {
      this.retries--;
      this.up++;
    } else {
      this.state = 'down';
    }
    return before === this.state ? undefined : before;
  }

  disable(): void {
    this.disabled = true;
    this.state = 'unknown';
  }

  enable(): void {
    this.disabled = false;
    this.draining = false;
    this.state = 'unknown';
  }

  /** Share of good checks, empty before the first. */
  get availability(): string {
    return this.checks === 0 ? '' : `${((100 * this.up) / this.checks).toFixed(2)}%`;
  }
}
