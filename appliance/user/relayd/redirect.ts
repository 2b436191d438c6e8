// SPDX-License-Identifier: ISC
//
// A redirection at work (pfe_filter.c): which table serves it, what is in pf for it, and the one algorithm that keeps both alike.

import { addressBits } from '../../abi/address.ts';
import type { KernelClient } from '../../abi/client.ts';
import type { TableEntry } from '../../abi/pf.ts';
import type { RedirectConf, TableUse } from '../config/relayd/model.ts';
import type { Host } from './host.ts';
import { anchorOf, rulesOf } from './rules.ts';

/** One use of a table with its hosts. */
export interface TableInstance {
  readonly id: number;
  readonly use: TableUse;
  readonly hosts: readonly Host[];
  disabled: boolean;
}

/** `webservers:80`, as relayctl names it. */
export function instanceName(instance: TableInstance): string {
  return `${instance.use.table.name}:${instance.use.port}`;
}

function usable(instance: TableInstance | undefined): readonly Host[] {
  if (instance === undefined || instance.disabled) return [];
  return instance.hosts.filter((host) => host.usable);
}

export class Redirect {
  readonly id: number;
  readonly conf: RedirectConf;
  readonly main: TableInstance;
  readonly backup: TableInstance | undefined;
  disabled: boolean;
  /** Rules are in the anchor. */
  active = false;
  usesBackup = false;
  /** What is in the pf table, to write only what changed. */
  private written: string | undefined;

  constructor(id: number, conf: RedirectConf, main: TableInstance, backup: TableInstance | undefined) {
    this.id = id;
    this.conf = conf;
    this.main = main;
    this.backup = backup;
    this.disabled = conf.disabled;
  }

  get isDown(): boolean {
    return this.disabled || (usable(this.main).length === 0 && usable(this.backup).length === 0);
  }

  get instances(): TableInstance[] {
    return this.backup === undefined ? [this.main] : [this.main, this.backup];
  }

  /** The table is there and empty before the first round. */
  async prepare(kernel: KernelClient): Promise<void> {
    await this.load(kernel, []);
    await this.change(kernel, 'flush', []);
    this.active = false;
    this.written = undefined;
  }

  /**
   * Brings pf in line with the hosts: content before rules when it comes up, rules last when it goes down, so that no packet meets an
   * empty pool for longer than it takes.
   */
  async sync(kernel: KernelClient): Promise<void> {
    this.usesBackup = usable(this.main).length === 0 && usable(this.backup).length > 0;
    if (this.isDown) {
      if (!this.active) return;
      await this.change(kernel, 'flush', []);
      await this.load(kernel, []);
      this.written = undefined;
      this.active = false;
      return;
    }
    await this.fill(kernel, usable(this.usesBackup ? this.backup : this.main));
    if (this.active) return;
    const { dialect } = await kernel.call('pf.status', {});
    await this.load(kernel, rulesOf(this.conf, dialect));
    this.active = true;
  }

  /** Takes everything of it out of pf. */
  async remove(kernel: KernelClient): Promise<void> {
    await this.load(kernel, []);
    await this.change(kernel, 'kill', []);
    this.active = false;
    this.written = undefined;
  }

  private async fill(kernel: KernelClient, hosts: readonly Host[]): Promise<void> {
    const key = hosts.map((host) => host.id).join(' ');
    if (key === this.written) return;
    await this.change(kernel, 'replace', hosts.map(entryOf));
    this.written = key;
  }

  private async change(
    kernel: KernelClient,
    change: 'replace' | 'flush' | 'kill',
    entries: readonly TableEntry[],
  ): Promise<void> {
    await kernel.call('pf.changeTable', {
      anchor: anchorOf(this.conf),
      name: this.conf.name,
      change,
      entries,
    });
  }

  private async load(kernel: KernelClient, rules: ReturnType<typeof rulesOf>): Promise<void> {
    const { dialect } = await kernel.call('pf.status', {});
    const anchor = anchorOf(this.conf);
    const table = { anchor, name: this.conf.name, persist: true, constant: false, counters: false };
    await kernel.call('pf.load', { dialect, anchors: [{ path: anchor, rules }], tables: [table] });
  }
}

function entryOf(host: Host): TableEntry {
  const { address } = host.conf;
  return { prefix: { ...address, length: addressBits(address.family) }, negated: false };
}
