// SPDX-License-Identifier: ISC
//
// Rulesets and anchors (pf_ruleset.c): a tree of paths, each with its lists of rules; a list is replaced whole, between two packets.

import type { CompiledRules } from '../../abi/compiledRules.ts';
import { CallError } from '../../abi/errno.ts';
import type { RuleList } from '../../abi/rule.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { ActiveRule } from './activeRule.ts';
import { Dynamic } from './dynamic.ts';
import type { Kifs } from './kifs.ts';
import type { RuleSet } from './ruleIndex.ts';
import { ROW_WORDS } from './ruleRow.ts';
import type { Table } from './table.ts';
import type { Tables } from './tables.ts';
import type { Tags } from './tags.ts';

/** A compiled list in force: names are bound to what they mean here. */
export class ActiveList {
  readonly compiled: CompiledRules;
  readonly rules: readonly ActiveRule[];
  /** What the names of the compiled list are here, by their numbers. */
  readonly kifs: Int32Array;
  readonly tags: Int32Array;
  readonly dynamics: readonly Dynamic[];
  /** How many walks ended at each rule, or behind the last. */
  readonly stops: Float64Array;
  /** Rules that direction, interface and protocol leave possible, as evaluation has needed them; see evaluate.ts. */
  readonly possible = new Map<number, RuleSet>();
  possibleOf = -1;
  readonly anchor: string;
  private readonly allTables: Tables;
  private boundTables: readonly (Table | undefined)[] = [];
  private boundOf = -1;

  /** `rules` are those that were compiled. */
  constructor(compiled: CompiledRules, rules: readonly ActiveRule[], anchor: string, parts: RulesetParts) {
    if (compiled.rows.length !== rules.length * ROW_WORDS)
      throw new CallError('EINVAL', 'compiled from others');
    this.compiled = compiled;
    this.rules = rules;
    this.anchor = anchor;
    this.allTables = parts.tables;
    this.kifs = Int32Array.from(compiled.interfaces, (name) => parts.kifs.numberOf(name));
    this.tags = Int32Array.from(compiled.tags, (name) => parts.tags.numberOf(name));
    this.dynamics = compiled.dynamics.map((one) => new Dynamic(one, parts.interfaces, parts.kifs));
    this.stops = new Float64Array(rules.length + 1);
  }

  /** The table that a name of this list means now. */
  table(name: number): Table | undefined {
    if (this.boundOf !== this.allTables.generation) {
      this.boundTables = this.compiled.tables.map((one) => this.allTables.resolve(this.anchor, one));
      this.boundOf = this.allTables.generation;
    }
    return this.boundTables[name];
  }

  /** How often each rule was come by: every walk comes by all rules up to the one it ends at. */
  evaluations(): Float64Array {
    const result = this.stops.slice();
    for (let i = result.length - 2; i >= 0; i--) result[i] = result[i]! + result[i + 1]!;
    return result;
  }

  clearCounters(): void {
    this.stops.fill(0);
    for (const rule of this.rules) rule.counters.fill(0);
  }
}

/** Order in which a listing shows the lists. */
export const LISTS: readonly RuleList[] = ['scrub', 'filter', 'nat', 'binat', 'rdr'];

export type Lists = Partial<Record<RuleList, ActiveList>>;

/** A ruleset under a path; '' is the main one. */
export class Ruleset {
  readonly path: string;
  lists: Lists = {};
  /** Direct children in the order of their names (bytes). */
  children: readonly Ruleset[] = [];

  constructor(path: string) {
    this.path = path;
  }

  get isEmpty(): boolean {
    return Object.keys(this.lists).length === 0 && this.children.length === 0;
  }

  get name(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1);
  }
}

export interface RulesetParts {
  readonly tags: Tags;
  readonly kifs: Kifs;
  readonly tables: Tables;
  readonly interfaces: Interfaces;
}

export class Rulesets {
  readonly main = new Ruleset('');
  private readonly byPath = new Map<string, Ruleset>([['', this.main]]);

  find(path: string): Ruleset | undefined {
    return this.byPath.get(path);
  }

  /** Puts lists in place of a ruleset's; one that is empty then, and has no children, goes. */
  replace(path: string, lists: Lists): void {
    this.make(path).lists = lists;
    this.prune(path);
  }

  /** Paths below `anchor`, its direct children or all of them, each before its own children. */
  anchors(anchor: string, recursive: boolean): string[] {
    const above = anchor === '' ? 0 : anchor.split('/').length;
    const paths = [...this.paths()].map((path) => path.split('/'));
    const below = paths.filter((parts) => parts.length > above && parts.slice(0, above).join('/') === anchor);
    const wanted = recursive ? below : below.filter((parts) => parts.length === above + 1);
    return wanted.sort(comparePaths).map((parts) => parts.join('/'));
  }

  /** Whether there is such an anchor: one that has rules, or below which some has, or that a rule calls. */
  has(anchor: string): boolean {
    return this.byPath.has(anchor) || this.paths().has(anchor);
  }

  /** Paths of all anchors but the main ruleset. */
  private paths(): Set<string> {
    const called = [...this.rules()].map((rule) => rule.target);
    const paths = new Set<string>();
    for (const path of [...this.byPath.keys(), ...called]) {
      for (let one = path; one !== '' && !paths.has(one); one = parentOf(one)) paths.add(one);
    }
    return paths;
  }

  /** Every rule of every ruleset. */
  *rules(): Iterable<ActiveRule> {
    for (const list of this.lists()) yield* list.rules;
  }

  *lists(): Iterable<ActiveList> {
    for (const ruleset of this.byPath.values()) yield* Object.values(ruleset.lists);
  }

  private make(path: string): Ruleset {
    const known = this.byPath.get(path);
    if (known !== undefined) return known;
    const ruleset = new Ruleset(path);
    this.byPath.set(path, ruleset);
    const parent = this.make(parentOf(path));
    parent.children = [...parent.children, ruleset].sort((a, b) => (a.name < b.name ? -1 : 1));
    return ruleset;
  }

  private prune(path: string): void {
    const ruleset = this.byPath.get(path);
    if (path === '' || ruleset === undefined || !ruleset.isEmpty) return;
    this.byPath.delete(path);
    const parent = this.byPath.get(parentOf(path))!;
    parent.children = parent.children.filter((child) => child !== ruleset);
    this.prune(parent.path);
  }
}

/** By name, component for component (bytes), each anchor before those below it. */
function comparePaths(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((part, i) => part !== b[i]);
  if (at < 0) return a.length - b.length;
  const other = b[at];
  return other === undefined || a[at]! > other ? 1 : -1;
}

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}
