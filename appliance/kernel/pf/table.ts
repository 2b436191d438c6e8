// SPDX-License-Identifier: ISC
//
// A table of addresses (pf_table.c): longest-prefix matching with negation, changes, counters.

import { addressBits, comparePrefixes, type Family, INET, maskWord, type Prefix } from '../../abi/address.ts';
import { ENTRY_WORDS, unpackEntry } from '../../abi/packedEntries.ts';
import type { PrefixCount, TableAddressInfo, TableChange, TableEntry, TableInfo } from '../../abi/pf.ts';
import { PrefixTable } from '../route/prefixTable.ts';

/** Columns of the counters: in and out, each blocked, passed, passed by a state although the table does not match any more. */
const COLUMNS = 6;
export const COLUMN_BLOCK = 0;
export const COLUMN_PASS = 1;
/** Added for packets that go out. */
export const COLUMN_OUT = 3;

/** One address of a table (struct pfr_kentry). */
export class TableMember {
  readonly family: Family;
  /** Host bits are zero. A plain array takes a quarter of the memory of a typed one, which counts with a hundred thousand. */
  readonly words: readonly number[];
  readonly length: number;
  negated: boolean;
  /** 1 where none was given. */
  readonly weight: number;
  readonly isWeighted: boolean;
  cleared: number;
  /** States of pools that chose this address (least-states). */
  states = 0;
  /** Packets, then bytes; only where the table keeps counters for addresses, from the first packet on. */
  counters: Float64Array | undefined;

  constructor(entry: TableEntry, cleared: number) {
    const { family, words, length } = entry.prefix;
    this.family = family;
    this.words = words.map((word, i) => word & maskWord(length, i));
    this.length = length;
    this.negated = entry.negated;
    this.weight = entry.weight ?? 1;
    this.isWeighted = entry.weight !== undefined;
    this.cleared = cleared;
  }

  get isHost(): boolean {
    return this.length === addressBits(this.family);
  }
}

/**
 * Content that a table gets all at once, made ready beside what it has. Members that stay are the same ones, with their counters;
 * those whose sign or weight changes are new ones with them.
 */
export class StagedEntries {
  readonly prefixes: Prefixes;
  readonly members = new Set<TableMember>();
  /** Of those, known before; and of these, with another sign. */
  kept = 0;
  changed = 0;
  private readonly table: Table;

  constructor(table: Table, sizes: readonly PrefixCount[]) {
    this.table = table;
    this.prefixes = { 4: new PrefixTable(), 6: new PrefixTable() };
    for (const { family, length, count } of sizes) this.prefixes[family].reserve(length, count);
  }

  /** Entries as abi/packedEntries.ts has them; of one that comes twice the first counts. */
  add(packed: Int32Array, now: number): void {
    for (let at = 0; at < packed.length; at += ENTRY_WORDS) {
      const entry = unpackEntry(packed, at);
      const { family, words, length } = entry.prefix;
      if (this.prefixes[family].get(words, length) !== undefined) continue;
      const member = this.memberFor(entry, now);
      this.members.add(member);
      this.prefixes[family].set(member.words, member.length, member);
    }
  }

  private memberFor(entry: TableEntry, now: number): TableMember {
    const known = this.table.find(entry.prefix);
    if (known !== undefined) this.kept++;
    if (known !== undefined && known.negated !== entry.negated) this.changed++;
    const weight = known?.isWeighted ? known.weight : undefined;
    if (known?.negated === entry.negated && weight === entry.weight) return known;
    const member = new TableMember(entry, known?.cleared ?? now);
    if (known !== undefined) {
      member.counters = known.counters;
      member.states = known.states;
    }
    return member;
  }
}

type Prefixes = { [F in Family]: PrefixTable<TableMember> };

export class Table {
  readonly anchor: string;
  readonly name: string;
  persist = false;
  constant = false;
  counters = false;
  /** Defined or filled; one that rules only name is not, and the main ruleset's of that name is used in its place. */
  active = false;
  /** Rules that name it: its own anchor's, and those of anchors that have none of that name. */
  ruleReferences = 0;
  anchorReferences = 0;
  match = 0;
  noMatch = 0;
  cleared: number;
  /** Packets, then bytes. */
  private readonly traffic = new Float64Array(2 * COLUMNS);
  private prefixes: Prefixes = { 4: new PrefixTable(), 6: new PrefixTable() };
  private members = new Set<TableMember>();
  /** Addresses that pools may choose, in order; made when asked for. */
  private ordered: { [F in Family]: readonly TableMember[] } | undefined;

  constructor(anchor: string, name: string, now: number) {
    this.anchor = anchor;
    this.name = name;
    this.cleared = now;
  }

  get size(): number {
    return this.members.size;
  }

  /** The member with the longest prefix that holds the address, negated or not. */
  lookup(family: Family, words: Int32Array): TableMember | undefined {
    return family === INET
      ? this.prefixes[4].lookup(words[0]!, 0, 0, 0)
      : this.prefixes[6].lookup(words[0]!, words[1]!, words[2]!, words[3]!);
  }

  /** Whether the address is in the table. */
  contains(family: Family, words: Int32Array): boolean {
    const member = this.lookup(family, words);
    return member !== undefined && !member.negated;
  }

  /** As `contains` for a rule: counts the evaluation (pfr_match_addr). */
  test(family: Family, words: Int32Array): boolean {
    const found = this.contains(family, words);
    if (found) this.match++;
    else this.noMatch++;
    return found;
  }

  /** Members of a family that are not negated, in the order of their addresses, of equal ones the longer prefix first. */
  inOrder(family: Family): readonly TableMember[] {
    if (this.ordered === undefined) {
      const usable = [...this.members].filter((member) => !member.negated).sort(comparePrefixes);
      this.ordered = {
        4: usable.filter((member) => member.family === INET),
        6: usable.filter((member) => member.family !== INET),
      };
    }
    return this.ordered[family];
  }

  /** Counts a packet that a rule with this table decided on (pfr_update_stats). `column` is a COLUMN_*. */
  count(family: Family, words: Int32Array, column: number, expected: boolean, length: number): void {
    const member = this.lookup(family, words);
    const isIn = member !== undefined && !member.negated;
    const used = isIn === expected || column % COLUMN_OUT !== COLUMN_PASS ? column : column + 1;
    this.traffic[used] = this.traffic[used]! + 1;
    this.traffic[COLUMNS + used] = this.traffic[COLUMNS + used]! + length;
    if (!this.counters || member === undefined || !isIn) return;
    member.counters ??= new Float64Array(2 * COLUMNS);
    member.counters[used] = member.counters[used]! + 1;
    member.counters[COLUMNS + used] = member.counters[COLUMNS + used]! + length;
  }

  // Changes. `dryRun` only counts what would be done.

  /** Adds what is not there. An address that is there with the other sign stays as it is. */
  add(entries: readonly TableEntry[], now: number, dryRun = false): TableChange {
    const seen = dryRun ? this.scratch() : this.prefixes;
    let added = 0;
    for (const entry of entries) {
      const { prefix } = entry;
      if (this.find(prefix) !== undefined || seen[prefix.family].get(prefix.words, prefix.length)) continue;
      added++;
      const member = new TableMember(entry, now);
      if (dryRun) seen[prefix.family].set(member.words, member.length, member);
      else this.insert(member);
    }
    return { added, deleted: 0, changed: 0 };
  }

  delete(entries: readonly TableEntry[], dryRun = false): TableChange {
    const gone = new Set<TableMember>();
    for (const { prefix, negated } of entries) {
      const known = this.find(prefix);
      if (known === undefined || known.negated !== negated) continue;
      gone.add(known);
    }
    if (!dryRun) for (const member of gone) this.remove(member);
    return { added: 0, deleted: gone.size, changed: 0 };
  }

  /** Swaps the content; members that stay keep their counters, and their weights. */
  replace(entries: readonly TableEntry[], now: number, dryRun = false): TableChange {
    const kept = new Set<TableMember>();
    let changed = 0;
    for (const { prefix, negated } of entries) {
      const known = this.find(prefix);
      if (known === undefined || kept.has(known)) continue;
      kept.add(known);
      if (known.negated !== negated) changed++;
      if (dryRun) continue;
      if (known.negated !== negated) this.ordered = undefined;
      known.negated = negated;
    }
    const gone = [...this.members].filter((member) => !kept.has(member));
    const { added } = this.add(entries, now, dryRun);
    if (!dryRun) for (const member of gone) this.remove(member);
    return { added, deleted: gone.length, changed };
  }

  /** New content, to be filled and then taken. `sizes` says how much there will be. */
  stage(sizes: readonly PrefixCount[]): StagedEntries {
    return new StagedEntries(this, sizes);
  }

  /** Puts staged content in place of what there is. */
  take(staged: StagedEntries): TableChange {
    const { kept, changed } = staged;
    const change = { added: staged.members.size - kept, deleted: this.members.size - kept, changed };
    this.prefixes = staged.prefixes;
    this.members = staged.members;
    this.ordered = undefined;
    return change;
  }

  flush(dryRun = false): TableChange {
    const deleted = this.members.size;
    if (!dryRun) {
      this.prefixes = this.scratch();
      this.members.clear();
      this.ordered = undefined;
    }
    return { added: 0, deleted, changed: 0 };
  }

  /** Clears all counters. */
  zero(now: number): void {
    this.match = 0;
    this.noMatch = 0;
    this.cleared = now;
    this.traffic.fill(0);
    for (const member of this.members) {
      member.cleared = now;
      member.counters = undefined;
    }
  }

  private scratch(): Prefixes {
    return { 4: new PrefixTable(), 6: new PrefixTable() };
  }

  find(prefix: Prefix): TableMember | undefined {
    return this.prefixes[prefix.family].get(prefix.words, prefix.length);
  }

  private insert(member: TableMember): void {
    this.members.add(member);
    this.prefixes[member.family].set(member.words, member.length, member);
    this.ordered = undefined;
  }

  private remove(member: TableMember): void {
    this.members.delete(member);
    this.prefixes[member.family].delete(member.words, member.length);
    this.ordered = undefined;
  }

  // Descriptions.

  /** `count` members from the `from`th on, in the order in which they came. */
  addresses(from: number, count: number): TableAddressInfo[] {
    const result: TableAddressInfo[] = [];
    let place = 0;
    for (const member of this.members) {
      if (place++ < from) continue;
      if (result.length === count) break;
      const counters = member.counters ?? NO_COUNTERS;
      result.push({
        prefix: { family: member.family, words: [...member.words], length: member.length },
        negated: member.negated,
        ...(member.isWeighted ? { weight: member.weight } : {}),
        cleared: member.cleared,
        packets: [...counters.subarray(0, COLUMNS)],
        bytes: [...counters.subarray(COLUMNS)],
      });
    }
    return result;
  }

  info(): TableInfo {
    return {
      anchor: this.anchor,
      name: this.name,
      persist: this.persist,
      constant: this.constant,
      counters: this.counters,
      active: this.active,
      addresses: this.members.size,
      references: [this.ruleReferences, this.anchorReferences],
      cleared: this.cleared,
      evaluations: { match: this.match, noMatch: this.noMatch },
      packets: [...this.traffic.subarray(0, COLUMNS)],
      bytes: [...this.traffic.subarray(COLUMNS)],
    };
  }
}

const NO_COUNTERS = new Float64Array(2 * COLUMNS);
