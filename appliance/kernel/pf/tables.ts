// SPDX-License-Identifier: ISC
//
// Tables of addresses (pf_table.c): longest-prefix matching with negation, counters, and the walk of pools through them.

import {
  type Address,
  addressBits,
  type Family,
  INET,
  maskWord,
  network,
  type Prefix,
} from '../../abi/address.ts';
import { CallError } from '../../abi/errno.ts';
import type { TableAddressInfo, TableChange, TableEntry, TableInfo } from '../../abi/pf.ts';
import { PrefixTable } from '../route/prefixTable.ts';

/** Columns of a table's counters: in and out, each blocked, passed, passed without a state of this table. */
const COUNTERS = 6;

/** One address of a table (struct pfr_kentry). */
export class TableMember {
  readonly family: Family;
  readonly words: Int32Array;
  readonly length: number;
  readonly negated: boolean;
  cleared: number;
  readonly packets = new Float64Array(COUNTERS);
  readonly bytes = new Float64Array(COUNTERS);

  constructor(prefix: Prefix, negated: boolean, cleared: number) {
    const { family, words, length } = network(prefix);
    this.family = family;
    this.words = Int32Array.from(words);
    this.length = length;
    this.negated = negated;
    this.cleared = cleared;
  }
}

export class Table {
  readonly anchor: string;
  readonly name: string;
  persist = false;
  constant = false;
  counters = false;
  /** Named by rules; by rules of its own anchor, and by others that fall back to it. */
  references = 0;
  match = 0;
  noMatch = 0;
  cleared = 0;
  readonly packets = new Float64Array(COUNTERS);
  readonly bytes = new Float64Array(COUNTERS);
  private prefixes = { 4: new PrefixTable<TableMember>(), 6: new PrefixTable<TableMember>() };
  private members = new Map<string, TableMember>();
  /** Usable addresses of each family in the order of addresses, for pools; made when first asked for. */
  private ordered: { [F in Family]: readonly TableMember[] } | undefined;

  constructor(anchor: string, name: string) {
    this.anchor = anchor;
    this.name = name;
  }

  get size(): number {
    return this.members.size;
  }

  /** Whether the address is in the table: the longest prefix that holds it is there, and is not negated. */
  contains(family: Family, words: Int32Array): boolean {
    const member =
      family === INET
        ? this.prefixes[4].lookup(words[0]!, 0, 0, 0)
        : this.prefixes[6].lookup(words[0]!, words[1]!, words[2]!, words[3]!);
    return member !== undefined && !member.negated;
  }

  /** As `contains`, and counts the evaluation. */
  test(family: Family, words: Int32Array): boolean {
    const found = this.contains(family, words);
    if (found) this.match++;
    else this.noMatch++;
    return found;
  }

  /** Members of a family that are not negated, in the order of their addresses. */
  inOrder(family: Family): readonly TableMember[] {
    if (this.ordered === undefined) {
      const usable = [...this.members.values()].filter((member) => !member.negated).sort(compareMembers);
      this.ordered = {
        4: usable.filter((member) => member.family === INET),
        6: usable.filter((member) => member.family !== INET),
      };
    }
    return this.ordered[family];
  }

  add(entries: readonly TableEntry[], now: number, dryRun = false): TableChange {
    let added = 0;
    let changed = 0;
    for (const { prefix, negated } of entries) {
      const known = this.members.get(keyOf(prefix));
      if (known?.negated === negated) continue;
      if (known === undefined) added++;
      else changed++;
      if (!dryRun) this.put(new TableMember(prefix, negated, now));
    }
    return { added, deleted: 0, changed };
  }

  delete(entries: readonly TableEntry[], dryRun = false): TableChange {
    let deleted = 0;
    for (const { prefix } of entries) {
      const known = this.members.get(keyOf(prefix));
      if (known === undefined) continue;
      deleted++;
      if (!dryRun) this.remove(known);
    }
    return { added: 0, deleted, changed: 0 };
  }

  /** Swaps the content; members that stay keep their counters. */
  replace(entries: readonly TableEntry[], now: number, dryRun = false): TableChange {
    const wanted = new Map(entries.map((entry) => [keyOf(entry.prefix), entry]));
    const gone = [...this.members].filter(([key]) => !wanted.has(key)).map(([, member]) => member);
    const { added, changed } = this.add([...wanted.values()], now, dryRun);
    if (!dryRun) for (const member of gone) this.remove(member);
    return { added, deleted: gone.length, changed };
  }

  flush(dryRun = false): TableChange {
    const deleted = this.members.size;
    if (!dryRun) {
      this.prefixes = { 4: new PrefixTable(), 6: new PrefixTable() };
      this.members = new Map();
      this.ordered = undefined;
    }
    return { added: 0, deleted, changed: 0 };
  }

  /** Clears all counters. */
  zero(now: number): void {
    this.match = 0;
    this.noMatch = 0;
    this.cleared = now;
    this.packets.fill(0);
    this.bytes.fill(0);
    for (const member of this.members.values()) {
      member.cleared = now;
      member.packets.fill(0);
      member.bytes.fill(0);
    }
  }

  addresses(): TableAddressInfo[] {
    return [...this.members.values()].sort(compareMembers).map((member) => ({
      prefix: { family: member.family, words: [...member.words], length: member.length },
      negated: member.negated,
      cleared: member.cleared,
      packets: [...member.packets],
      bytes: [...member.bytes],
    }));
  }

  info(): TableInfo {
    return {
      anchor: this.anchor,
      name: this.name,
      persist: this.persist,
      constant: this.constant,
      counters: this.counters,
      active: true,
      addresses: this.members.size,
      references: [0, this.references],
      cleared: this.cleared,
      evaluations: { match: this.match, noMatch: this.noMatch },
      packets: [...this.packets],
      bytes: [...this.bytes],
    };
  }

  private put(member: TableMember): void {
    this.members.set(
      keyOf({ family: member.family, words: [...member.words], length: member.length }),
      member,
    );
    this.prefixes[member.family].set(member.words, member.length, member);
    this.ordered = undefined;
  }

  private remove(member: TableMember): void {
    this.members.delete(keyOf({ family: member.family, words: [...member.words], length: member.length }));
    this.prefixes[member.family].delete(member.words, member.length);
    this.ordered = undefined;
  }
}

/** Identity of a prefix: its network bits and length. */
function keyOf(prefix: Prefix): string {
  const words = prefix.words.map((word, i) => word & maskWord(prefix.length, i));
  return `${words.join(' ')}/${prefix.length}/${prefix.family}`;
}

function compareMembers(a: TableMember, b: TableMember): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let i = 0; i < a.words.length; i++) {
    const difference = (a.words[i]! >>> 0) - (b.words[i]! >>> 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** All tables by anchor and name. A rule finds its table in its own anchor, else in the main ruleset. */
export class Tables {
  private readonly tables = new Map<string, Table>();
  private readonly limits: { readonly tables: () => number; readonly entries: () => number };

  constructor(limits: { readonly tables: () => number; readonly entries: () => number }) {
    this.limits = limits;
  }

  find(anchor: string, name: string): Table | undefined {
    return this.tables.get(`${anchor}/${name}`);
  }

  /** The table that a rule of `anchor` means. */
  resolve(anchor: string, name: string): Table | undefined {
    return this.find(anchor, name) ?? this.find('', name);
  }

  get(anchor: string, name: string): Table {
    const table = this.find(anchor, name);
    if (table === undefined) throw new CallError('ESRCH', 'Table does not exist.');
    return table;
  }

  /** The table, made where it is missing. */
  make(anchor: string, name: string): Table {
    const known = this.find(anchor, name);
    if (known !== undefined) return known;
    if (this.tables.size >= this.limits.tables()) throw new CallError('ENOMEM', 'too many tables');
    const table = new Table(anchor, name);
    this.tables.set(`${anchor}/${name}`, table);
    return table;
  }

  /** Refuses what would be more entries in all tables together than the limit allows. */
  checkRoom(more: number): void {
    const total = [...this.tables.values()].reduce((sum, table) => sum + table.size, 0);
    if (total + more > this.limits.entries()) throw new CallError('ENOMEM', 'too many table entries');
  }

  delete(table: Table): void {
    this.tables.delete(`${table.anchor}/${table.name}`);
  }

  list(anchor?: string): Table[] {
    return [...this.tables.values()].filter((table) => anchor === undefined || table.anchor === anchor);
  }
}

/** A host as a table entry. */
export function hostEntry(address: Address): TableEntry {
  return { prefix: { ...address, length: addressBits(address.family) }, negated: false };
}
