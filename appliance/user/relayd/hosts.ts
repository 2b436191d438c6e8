// SPDX-License-Identifier: ISC
//
// A host of a table and its table: how results of checks change a host's state, and what is counted (hce_notify_done).

import type { HostInstance, TableInstance } from '../config/relayd/instances.ts';
import type { HostConf, TableUse } from '../config/relayd/model.ts';
import type { CheckResult } from './checks/check.ts';

export type HostState = 'unknown' | 'up' | 'down';

export class Host {
  readonly id: number;
  readonly conf: HostConf;
  /** Hosts that follow the checks of this one. */
  readonly children: Host[] = [];
  state: HostState = 'unknown';
  disabled = false;
  /** New connections are kept away; those there are go on, and so do its checks. */
  draining = false;
  checks = 0;
  up = 0;
  /** Failures that are still forgiven. */
  retries = 0;
  /** What the last check said. */
  message = 'none';

  constructor({ id, conf }: HostInstance) {
    this.id = id;
    this.conf = conf;
  }

  /** What the host has become; a failure is forgiven as often as `retry` says, and then counts as the success before it. */
  take({ state, message }: CheckResult): void {
    if (state === 'down' && this.retries > 0) {
      this.retries--;
    } else {
      this.retries = this.conf.retry;
      this.state = state;
    }
    this.message = message;
    if (this.state === 'unknown') return;
    this.checks++;
    if (this.state === 'up') this.up++;
  }

  /** Out of service until it is enabled, its children with it; what was counted is forgotten. */
  disable(): void {
    this.forget();
    this.disabled = true;
    for (const child of this.children) child.disable();
  }

  /** Unknown until the next check. */
  enable(): void {
    this.disabled = false;
    this.draining = false;
    this.state = 'unknown';
    for (const child of this.children) child.enable();
  }

  forget(): void {
    this.state = 'unknown';
    this.checks = 0;
    this.up = 0;
    this.retries = 0;
  }

  /** Goes on as the host that it was before a reload. */
  continue(old: Host): void {
    this.state = old.state;
    this.disabled = old.disabled;
    this.draining = old.draining;
    this.checks = old.checks;
    this.up = old.up;
    this.retries = Math.min(old.retries, this.conf.retry);
    this.message = old.message;
  }

  /** Share of good checks, empty before the first. */
  get availability(): string {
    return this.checks === 0 ? '' : `${((100 * this.up) / this.checks).toFixed(2)}%`;
  }
}

/** A use of a table, with its hosts. */
export class Table {
  readonly id: number;
  readonly name: string;
  readonly use: TableUse;
  readonly hosts: readonly Host[];
  disabled: boolean;

  constructor({ id, name, use, hosts }: TableInstance) {
    this.id = id;
    this.name = name;
    this.use = use;
    this.hosts = hosts.map((host) => new Host(host));
    this.disabled = use.table.disabled;
  }

  /** Hosts that take new connections. */
  get up(): readonly Host[] {
    return this.disabled ? [] : this.hosts.filter((host) => host.state === 'up' && !host.draining);
  }

  switch(on: boolean): void {
    this.disabled = !on;
    for (const host of this.hosts) host.state = 'unknown';
  }
}
