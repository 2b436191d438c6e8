// SPDX-License-Identifier: ISC
//
// All tables by anchor and name. A rule means the table of its own anchor, or the main ruleset's where its anchor has none.

import { addressBits, type Family } from '../../abi/address.ts';
import { CallError } from '../../abi/errno.ts';
import { Table } from './table.ts';

export class Tables {
  /** Grows when tables come, go or become active: rules look again which one they mean. */
  generation = 0;
  private readonly tables = new Map<string, Table>();
  private readonly limits: { readonly tables: () => number; readonly entries: () => number };

  constructor(limits: { readonly tables: () => number; readonly entries: () => number }) {
    this.limits = limits;
  }

  find(anchor: string, name: string): Table | undefined {
    return this.tables.get(keyOf(anchor, name));
  }

  /** The table that a rule of `anchor` means. */
  resolve(anchor: string, name: string): Table | undefined {
    const own = this.find(anchor, name);
    return own?.active ? own : (this.find('', name) ?? own);
  }

  /** CallError ESRCH when there is none. */
  get(anchor: string, name: string): Table {
    const table = this.find(anchor, name);
    if (table === undefined) throw new CallError('ESRCH', 'Table does not exist.');
    return table;
  }

  /** The table, made where it is missing, not active then. */
  make(anchor: string, name: string, now: number): Table {
    const known = this.find(anchor, name);
    if (known !== undefined) return known;
    this.checkTables(1);
    const table = new Table(anchor, name, now);
    this.tables.set(keyOf(anchor, name), table);
    this.generation++;
    return table;
  }

  activate(table: Table): void {
    if (table.active) return;
    table.active = true;
    this.generation++;
  }

  /** Rules that named it mean the main ruleset's again. */
  deactivate(table: Table): void {
    table.active = false;
    this.generation++;
  }

  delete(table: Table): void {
    this.tables.delete(keyOf(table.anchor, table.name));
    this.generation++;
  }

  /** Refuses what would be more tables than the limit allows. */
  checkTables(more: number): void {
    if (this.tables.size + more > this.limits.tables()) throw new CallError('ENOMEM', 'too many tables');
  }

  /** A table that is nowhere yet. */
  unmade(anchor: string, name: string): Table {
    return new Table(anchor, name, 0);
  }

  /** Refuses what would be more entries in all tables together than the limit allows. */
  checkRoom(more: number, limit = this.limits.entries()): void {
    if (!this.hasRoom(more, limit)) throw new CallError('ENOMEM', 'too many table entries');
  }

  private hasRoom(more: number, limit = this.limits.entries()): boolean {
    let total = more;
    for (const table of this.tables.values()) total += table.size;
    return total <= limit;
  }

  list(anchor?: string): Table[] {
    return [...this.tables.values()].filter((table) => anchor === undefined || table.anchor === anchor);
  }

  /** Puts one host into a table (overload); one that is there, negated or not, stays. False when there is no room. */
  addHost(table: Table, family: Family, words: Int32Array, now: number): boolean {
    if (!this.hasRoom(1)) return false;
    const prefix = {
      family,
      words: [...words.subarray(0, family === 4 ? 1 : 4)],
      length: addressBits(family),
    };
    table.add([{ prefix, negated: false }], now);
    this.activate(table);
    return true;
  }
}

function keyOf(anchor: string, name: string): string {
  return `${anchor}/${name}`;
}
