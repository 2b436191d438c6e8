// SPDX-License-Identifier: ISC
//
// The configuration as it grows while its text is read: rulesets by anchor, tables, options, and the lines that
// `pfctl -v` echoes where they stand.

import type { PfOptions, TableDefinition, TableEntry } from '../../../../abi/pf.ts';
import type { Limiter, Rule } from '../../../../abi/rule.ts';
import type { EtherRule } from '../etherRule.ts';
import type { StateOptionNode } from '../syntax.ts';
import type { Queues } from './queues.ts';

/** What a load replaces (`pfctl -A -N -R -O -T load`); everything unless told. */
export interface LoadParts {
  readonly options: boolean;
  readonly queues: boolean;
  readonly translation: boolean;
  readonly filter: boolean;
  readonly tables: boolean;
}

export const ALL_PARTS: LoadParts = {
  options: true,
  queues: true,
  translation: true,
  filter: true,
  tables: true,
};

/** Rules of one anchor, in the order they were written. */
export interface Ruleset {
  readonly path: string;
  readonly rules: Rule[];
  /** How many rules have been numbered ($nr). */
  count: number;
  /** Written in braces behind its call. */
  readonly inline: boolean;
  /** Tables that the optimizer made for this ruleset, as they are printed before its rules. */
  readonly optimizerTables: string[];
}

/** `load anchor NAME from FILE`. */
export interface AnchorLoad {
  readonly path: string;
  readonly file: string;
}

/** Statements must come in this order in 2008. */
export type StatementClass = 'option' | 'scrub' | 'queue' | 'translation' | 'filter';
const STATEMENT_ORDER: readonly StatementClass[] = ['option', 'scrub', 'queue', 'translation', 'filter'];

export class ConfigBuilder {
  readonly echo: string[] = [];
  readonly rulesets = new Map<string, Ruleset>();
  readonly tables: TableDefinition[] = [];
  readonly anchorLoads: AnchorLoad[] = [];
  /** State and source limiters that rules may name. */
  readonly limiters: { readonly kind: Limiter['kind']; readonly name: string; readonly id: number }[] = [];
  /** FreeBSD's rules for frames, of all anchors. */
  readonly etherRules: EtherRule[] = [];
  readonly options: { -readonly [K in keyof PfOptions]: PfOptions[K] } = {};
  readonly parts: LoadParts;
  readonly queues: Queues;
  /** `set ruleset-optimization`. */
  optimization: string | undefined;
  /** `set fingerprints`. */
  fingerprintsFile: string | undefined;
  blockPolicy: 'drop' | 'return' = 'drop';
  ifBound = false;
  stateDefaults: readonly StateOptionNode[] | undefined;
  requireOrder = true;
  /** Files that were included so far. */
  included = 0;
  /** What lists have been multiplied out to so far. */
  combinations = 0;
  reassemble = true;
  /** What was asked for and is read, listed and not done. */
  readonly unenforced = new Set<string>();
  private reached = 0;
  private braces = 0;
  private automaticTables = 0;
  private readonly automaticPrefix: string;
  private readonly stack: Ruleset[];

  constructor(root: string, parts: LoadParts, queues: Queues, automaticPrefix: string) {
    this.parts = parts;
    this.queues = queues;
    this.automaticPrefix = automaticPrefix;
    const main: Ruleset = { path: root, rules: [], count: 0, inline: false, optimizerTables: [] };
    this.stack = [main];
    this.rulesets.set(root, main);
  }

  /** The ruleset that statements go to. */
  get current(): Ruleset {
    return this.stack[this.stack.length - 1]!;
  }

  get depth(): number {
    return this.stack.length - 1;
  }

  /** Goes into the body of an inline anchor. Tells whether that anchor already has rules. */
  enter(name: string | undefined): { readonly ruleset: Ruleset; readonly taken: boolean } {
    this.braces++;
    const path = joinAnchor(this.current.path, name ?? `_${this.braces}`);
    const taken = (this.rulesets.get(path)?.rules.length ?? 0) > 0;
    const ruleset: Ruleset = { path, rules: [], count: 0, inline: true, optimizerTables: [] };
    this.stack.push(ruleset);
    return { ruleset, taken };
  }

  /** Leaves the body; it becomes part of the configuration. */
  leave(): void {
    const ruleset = this.stack.pop()!;
    this.rulesets.set(ruleset.path, ruleset);
  }

  /** Gives up bodies that an error left open. */
  unwind(depth: number): void {
    this.stack.length = depth + 1;
  }

  /** Checks the order of statements; false when this one comes too late. */
  inOrder(statement: StatementClass): boolean {
    const place = STATEMENT_ORDER.indexOf(statement);
    if (this.requireOrder && this.reached > place) return false;
    this.reached = place;
    return true;
  }

  add(rule: Rule): void {
    this.current.rules.push(rule);
  }

  defineTable(table: TableDefinition): void {
    this.tables.push(table);
  }

  /** A table for the addresses of a pool or of merged rules; its name. */
  automaticTable(entries: readonly TableEntry[]): string {
    const name = `__automatic_${this.automaticPrefix}${this.automaticTables++}`;
    const root = this.stack[0]!.path;
    this.defineTable({ anchor: root, name, persist: false, constant: true, counters: false, entries });
    return name;
  }
}

/** The path of `name` seen from the anchor `base`: absolute with a leading slash, `..` goes up. */
export function joinAnchor(base: string, name: string): string {
  const parts = name.startsWith('/') || base === '' ? [] : base.split('/');
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '') parts.push(part);
  }
  return parts.join('/');
}
