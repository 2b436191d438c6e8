// SPDX-License-Identifier: ISC
//
// Interfaces and groups as rules name them (pf_if.c): a number for each name, who is a member now, and what pf counts on each.

import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';

/** Columns of the counters: family, direction, verdict; packets in the first half, bytes in the second. */
const COLUMNS = 8;

/** What pf counted on one interface. */
export class KifCounters {
  readonly values = new Float64Array(2 * COLUMNS);
  /** Second of the last clearing. */
  cleared = 0;

  count(isSix: boolean, isOut: boolean, isBlocked: boolean, length: number): void {
    const column = (isSix ? 4 : 0) + (isOut ? 2 : 0) + (isBlocked ? 1 : 0);
    this.values[column] = this.values[column]! + 1;
    this.values[COLUMNS + column] = this.values[COLUMNS + column]! + length;
  }

  /** [IPv4, IPv6][in, out][pass, block] of packets, or of bytes. */
  table(bytes: boolean): [number, number][][] {
    const start = bytes ? COLUMNS : 0;
    const pair = (at: number): [number, number] => [this.values[start + at]!, this.values[start + at + 1]!];
    return [
      [pair(0), pair(2)],
      [pair(4), pair(6)],
    ];
  }
}

export class Kifs {
  /** Grows with every change of interfaces, groups or addresses: what was worked out before is stale. */
  generation = 0;
  private readonly interfaces: Interfaces;
  private readonly numbers = new Map<string, number>();
  /** By number: 1 for each interface index that is meant; made again when stale. */
  private members: Uint8Array[] = [];
  private membersOf = -1;
  private readonly counters: (KifCounters | undefined)[] = [];
  private skipped: readonly string[] = [];

  constructor(interfaces: Interfaces) {
    this.interfaces = interfaces;
    const changed = () => {
      this.generation++;
      this.markSkipped();
    };
    interfaces.listen({
      attached: changed,
      detached: (on) => {
        this.counters[on.index] = undefined;
        changed();
      },
      stateChanged: changed,
      addressAdded: changed,
      addressRemoved: changed,
      groupsChanged: changed,
    });
  }

  /** The number of a name; the same name has the same number for good. Interfaces of that name need not exist. */
  numberOf(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.numbers.size;
    this.numbers.set(name, number);
    this.membersOf = -1;
    return number;
  }

  /** Whether a name's number means this interface: it is its name or that of a group it is in. */
  has(number: number, on: Interface): boolean {
    if (this.membersOf !== this.generation) this.refresh();
    return this.members[number]![on.index] === 1;
  }

  private refresh(): void {
    const all = [...this.interfaces];
    const size = all.reduce((most, on) => Math.max(most, on.index), 0) + 1;
    this.members = Array.from(this.numbers.keys(), (name) => {
      const row = new Uint8Array(size);
      for (const on of all) if (on.name === name || on.groups.includes(name)) row[on.index] = 1;
      return row;
    });
    this.membersOf = this.generation;
  }

  /** `set skip on`: pf looks away on these interfaces, and on members of these groups, now and later. */
  skip(names: readonly string[]): void {
    this.skipped = names;
    this.markSkipped();
  }

  private markSkipped(): void {
    for (const on of this.interfaces) {
      on.skipFilter = this.skipped.some((name) => name === on.name || on.groups.includes(name));
    }
  }

  /** The counters of an interface. */
  countersOf(on: Interface): KifCounters {
    let counters = this.counters[on.index];
    if (counters === undefined) {
      counters = new KifCounters();
      this.counters[on.index] = counters;
    }
    return counters;
  }
}
