// SPDX-License-Identifier: ISC
//
// Rulesets and anchors (pf_ruleset.c): a tree of paths, each with its lists of rules; replaced whole, between two packets.

import type { Rule, RuleList } from '../../abi/rule.ts';
import { CompiledRule, type Tags } from './compile.ts';

/** A ruleset under a path; '' is the main one. */
export class Ruleset {
  readonly path: string;
  readonly lists: Readonly<Record<RuleList, CompiledRule[]>> = {
    scrub: [],
    filter: [],
    nat: [],
    binat: [],
    rdr: [],
  };
  /** Direct children in the order of their names (bytes). */
  children: readonly Ruleset[] = [];

  constructor(path: string) {
    this.path = path;
  }

  get isEmpty(): boolean {
    return Object.values(this.lists).every((list) => list.length === 0) && this.children.length === 0;
  }

  get name(): string {
    return this.path.slice(this.path.lastIndexOf('/') + 1);
  }
}

const LISTS: readonly RuleList[] = ['scrub', 'filter', 'nat', 'binat', 'rdr'];

/** Order in which a listing shows the lists. */
export const LIST_ORDER: readonly RuleList[] = ['scrub', 'filter', 'nat', 'binat', 'rdr'];

/** Path of an anchor that a rule in `from` names; `..` goes up, `/` begins at the top. */
export function resolveAnchor(from: string, name: string): string {
  const parts = name.startsWith('/') || from === '' ? [] : from.split('/');
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '') parts.push(part);
  }
  return parts.join('/');
}

export class Rulesets {
  readonly main = new Ruleset('');
  private readonly byPath = new Map<string, Ruleset>([['', this.main]]);
  private readonly tags: Tags;

  constructor(tags: Tags) {
    this.tags = tags;
  }

  find(path: string): Ruleset | undefined {
    return this.byPath.get(path);
  }

  /** Compiles the rules of a ruleset; nothing is changed yet. */
  compile(path: string, rules: readonly Rule[]): Readonly<Record<RuleList, CompiledRule[]>> {
    const lists: Record<RuleList, CompiledRule[]> = { scrub: [], filter: [], nat: [], binat: [], rdr: [] };
    for (const rule of rules) {
      const list = lists[rule.list];
      list.push(new CompiledRule(rule, path, list.length, this.tags));
    }
    return lists;
  }

  /** Puts compiled lists in place of a ruleset's; an empty one without children goes. */
  replace(path: string, lists: Readonly<Record<RuleList, CompiledRule[]>>): void {
    const ruleset = this.make(path);
    for (const list of LISTS) ruleset.lists[list].splice(0, Number.POSITIVE_INFINITY, ...lists[list]);
    this.prune(path);
  }

  /** Paths below `anchor`, its direct children or all of them, each before its own children. */
  anchors(anchor: string, recursive: boolean): string[] {
    const ruleset = this.byPath.get(anchor);
    if (ruleset === undefined) return [];
    return ruleset.children.flatMap((child) => [
      child.path,
      ...(recursive ? this.anchors(child.path, true) : []),
    ]);
  }

  all(): Iterable<Ruleset> {
    return this.byPath.values();
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

function parentOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}
