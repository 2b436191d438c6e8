// SPDX-License-Identifier: ISC
//
// carp demotion (relayd.md 4.8): a table with nobody up counts 1 for its interface group. Only what was added is taken back.

import { CallError } from '../../abi/errno.ts';
import type { Demoter, Log } from './network.ts';
import type { Table } from './objects.ts';

/** What a machine whose daemon does not run is demoted by, with 2008's daemon-wide `demote`. */
const NOT_RUNNING = 128;

export class Demotion {
  private readonly demoter: Demoter | undefined;
  private readonly log: Log;
  /** Group by table name. Kept by name, so that a reload neither loses nor repeats a mark. */
  private readonly marked = new Map<string, string>();
  private told = false;

  constructor(demoter: Demoter | undefined, log: Log) {
    this.demoter = demoter;
    this.log = log;
  }

  /** The daemon runs: its group is not demoted by it. */
  async started(group: string | undefined): Promise<void> {
    if (group !== undefined && this.isPossible(group)) await this.demoter!.set(group, 0);
  }

  /** Marks of these tables as they should be; those of tables that are gone are taken back. */
  async sync(tables: readonly Table[]): Promise<void> {
    const wanted = new Map(
      tables.flatMap(({ conf, usable }) =>
        conf.demote && usable.length === 0 ? [[conf.name, conf.demote]] : [],
      ),
    );
    for (const [table, group] of this.marked) {
      if (wanted.get(table) !== group) await this.change(table, group, -1);
    }
    for (const [table, group] of wanted) {
      if (!this.marked.has(table!)) await this.change(table!, group!, 1);
    }
  }

  /** Takes back everything; the daemon-wide group is left demoted. */
  async stopped(group: string | undefined): Promise<void> {
    await this.sync([]);
    if (group !== undefined && this.isPossible(group)) await this.demoter!.set(group, NOT_RUNNING);
  }

  private async change(table: string, group: string, difference: 1 | -1): Promise<void> {
    if (!this.isPossible(group)) return;
    try {
      await this.demoter!.add(group, difference);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.log(`demote ${group}: ${error.message}`, 'warning');
      return;
    }
    if (difference === 1) this.marked.set(table, group);
    else this.marked.delete(table);
    this.log(`${difference === 1 ? 'incremented' : 'decremented'} the demote state of group '${group}'`);
  }

  private isPossible(group: string): boolean {
    if (this.demoter !== undefined) return true;
    if (!this.told) this.log(`demote ${group}: there is no carp here; not demoted`, 'warning');
    this.told = true;
    return false;
  }
}
