// SPDX-License-Identifier: ISC
//
// A redirection at work (pfe_filter.c): which table serves it, what is in pf for it, and the one algorithm that keeps both alike.

import { isDeepStrictEqual } from 'node:util';
import { hostPrefix } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import type { KernelClient } from '../../abi/client.ts';
import type { Rule } from '../../abi/rule.ts';
import type { RedirectConf } from '../config/relayd/model.ts';
import type { Host, Table } from './hosts.ts';
import { anchorOf, rulesOf } from './rules.ts';
import { Statistics } from './statistics.ts';

export interface FilterListener {
  tableWritten(redirect: Redirect, table: Table, text: string): void;
  rulesPushed(redirect: Redirect): void;
  rulesPulled(redirect: Redirect): void;
}

export class Redirect {
  readonly id: number;
  readonly conf: RedirectConf;
  readonly main: Table;
  readonly backup: Table | undefined;
  statistics = new Statistics();
  disabled: boolean;
  /** Rules are in the anchor. */
  active = false;
  usesBackup = false;
  /** The rules in the anchor are of another configuration. */
  private stale = false;
  /** Hosts in the pf table, to write only what changed. */
  private written: string | undefined;

  constructor(parts: { id: number; conf: RedirectConf; main: Table; backup: Table | undefined }) {
    this.id = parts.id;
    this.conf = parts.conf;
    this.main = parts.main;
    this.backup = parts.backup;
    this.disabled = parts.conf.disabled;
  }

  get isDown(): boolean {
    return this.disabled || (this.main.up.length === 0 && (this.backup?.up.length ?? 0) === 0);
  }

  get tables(): readonly Table[] {
    return this.backup === undefined ? [this.main] : [this.main, this.backup];
  }

  /** Goes on as the redirection of that name before a reload: what is in pf stays in service until the next sync. */
  continue(old: Redirect): void {
    this.active = old.active;
    this.usesBackup = old.usesBackup;
    this.written = old.written;
    this.statistics = old.statistics;
    this.disabled = old.disabled;
    this.stale = old.stale || !isDeepStrictEqual(old.conf, this.conf);
  }

  /** The empty table and anchor of a redirection that begins; what an earlier life has left is gone. */
  async prepare(kernel: KernelClient): Promise<void> {
    await this.load(kernel, () => []);
    await this.change(kernel, 'flush', []);
  }

  /** Content before rules when it comes up, rules last when it goes down: no packet meets rules with an empty pool in between. */
  async sync(kernel: KernelClient, listener: FilterListener): Promise<void> {
    this.usesBackup = this.main.up.length === 0 && (this.backup?.up.length ?? 0) > 0;
    if (this.isDown) {
      if (this.active) await this.pull(kernel, listener);
      return;
    }
    await this.fill(kernel, this.usesBackup ? this.backup! : this.main, listener);
    if (this.active && !this.stale) return;
    await this.load(kernel, (dialect) => rulesOf(this.conf, dialect));
    this.active = true;
    this.stale = false;
    listener.rulesPushed(this);
  }

  private async pull(kernel: KernelClient, listener: FilterListener): Promise<void> {
    await this.change(kernel, 'flush', []);
    await this.change(kernel, 'zero', []);
    await this.load(kernel, () => []);
    this.written = undefined;
    this.active = false;
    listener.rulesPulled(this);
  }

  /** Takes everything of it out of pf; states stay. */
  async remove(kernel: KernelClient): Promise<void> {
    await this.load(kernel, () => []);
    await this.change(kernel, 'kill', []);
    this.active = false;
    this.written = undefined;
  }

  /** Reads the counter of the pf table. */
  async count(kernel: KernelClient): Promise<void> {
    const tables = await kernel.call('pf.tables', { anchor: anchorOf(this.conf) });
    const info = tables.find((table) => table.name === this.conf.name);
    this.statistics.tick(info?.evaluations.match ?? 0);
  }

  private async fill(kernel: KernelClient, table: Table, listener: FilterListener): Promise<void> {
    const hosts = table.up;
    const key = hosts.map((host) => formatAddress(host.conf.address)).join(' ');
    if (key === this.written) return;
    const { added, deleted, changed } = await this.change(kernel, 'replace', hosts);
    this.written = key;
    const killed = this.conf.sticky ? await this.killSourceNodes(kernel, table) : 0;
    const counts = `${added} added, ${deleted} deleted, ${changed} changed, ${killed} killed`;
    listener.tableWritten(this, table, `table ${this.conf.name}: ${counts}`);
  }

  /** Clients that stick to a host that is down are set free; those of a disabled host stay, as in the original. */
  private async killSourceNodes(kernel: KernelClient, table: Table): Promise<number> {
    let killed = 0;
    for (const { state, conf } of table.hosts) {
      if (state !== 'down') continue;
      killed += (await kernel.call('pf.killSourceNodes', { destination: hostPrefix(conf.address) })).killed;
    }
    return killed;
  }

  private change(
    kernel: KernelClient,
    change: 'replace' | 'flush' | 'zero' | 'kill',
    hosts: readonly Host[],
  ) {
    const entries = hosts.map((host) => ({ prefix: hostPrefix(host.conf.address), negated: false }));
    return kernel.call('pf.changeTable', {
      anchor: anchorOf(this.conf),
      name: this.conf.name,
      change,
      entries,
    });
  }

  private async load(
    kernel: KernelClient,
    rules: (dialect: Parameters<typeof rulesOf>[1]) => readonly Rule[],
  ): Promise<void> {
    const { dialect } = await kernel.call('pf.status', {});
    const anchor = anchorOf(this.conf);
    const table = { anchor, name: this.conf.name, persist: true, constant: false, counters: false };
    await kernel.call('pf.load', {
      dialect,
      anchors: [{ path: anchor, rules: rules(dialect) }],
      tables: [table],
    });
  }
}
