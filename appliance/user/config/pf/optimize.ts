// SPDX-License-Identifier: ISC
//
// The ruleset optimizer (pf.conf(5), "set ruleset-optimization basic"): within blocks of like rules it drops rules that
// others cover, puts many addresses into a table, and sorts for long skip steps. It never changes what a ruleset means.

import { addressBits, contains } from '../../../abi/address.ts';
import type { TableEntry } from '../../../abi/pf.ts';
import type { Rule, RuleHost } from '../../../abi/rule.ts';
import type { Traits } from './dialect.ts';
import { addressText, type SkipField, skipFields } from './skip.ts';

/** So many rules that differ in one address become one with a table. */
const TABLE_THRESHOLD = 6;

/** Answers the name of a new table with these entries. */
export type MakeTable = (entries: readonly TableEntry[]) => string;

/** The rules of a ruleset as the optimizer leaves them. Lists other than the filter rules are not touched. */
export function optimize(rules: readonly Rule[], traits: Traits, makeTable: MakeTable): readonly Rule[] {
  const others = rules.filter((rule) => rule.list !== 'filter');
  const blocks = superblocks(rules.filter((rule) => rule.list === 'filter'));
  const optimized = blocks.flatMap((block) => {
    if (block.length === 1) return block;
    return reorder(combine(removeCovered(block), makeTable), skipFields(traits));
  });
  return [...others, ...optimized];
}

/** Cuts the rules where reordering would change their meaning. */
function superblocks(rules: readonly Rule[]): Rule[][] {
  const blocks: Rule[][] = [];
  for (const rule of rules) {
    const block = blocks[blocks.length - 1];
    if (block !== undefined && belongs(block[0]!, rule)) block.push(rule);
    else blocks.push([rule]);
  }
  return blocks;
}

function belongs(first: Rule, rule: Rule): boolean {
  if (standsAlone(first) || standsAlone(rule)) return false;
  const name = rule.interface?.name ?? '';
  const firstName = first.interface?.name ?? '';
  // Members of a group are not known, so rules on it stay where they are among others.
  if ((isGroup(name) || isGroup(firstName)) && name !== firstName) return false;
  return kindText(first) === kindText(rule);
}

function isGroup(name: string): boolean {
  return name !== '' && !/\d$/.test(name);
}

/** Rules with a label, a probability, limits or addresses to choose from, and anchor calls, are not moved. */
function standsAlone(rule: Rule): boolean {
  const options = rule.state?.options;
  return (
    rule.label !== undefined ||
    rule.probability !== undefined ||
    rule.action === 'anchor' ||
    rule.route?.pool !== undefined ||
    rule.nat !== undefined ||
    rule.rdr !== undefined ||
    rule.maxPacketRate !== undefined ||
    options?.max !== undefined ||
    options?.maxSrcStates !== undefined ||
    options?.sourceTrack === 'rule'
  );
}

/** What must be the same in all rules of a block. */
function kindText(rule: Rule): string {
  const { timeouts: _timeouts, ...options } = rule.state?.options ?? {};
  const kind = rule.blockReturn && { kind: rule.blockReturn.kind, ttl: rule.blockReturn.ttl };
  return JSON.stringify([
    rule.action,
    kind,
    rule.quick,
    rule.log,
    rule.tag,
    rule.state?.keep,
    options,
    rule.set,
    rule.scrub,
    rule.route,
    rule.afTo,
    rule.divert,
    rule.allowOptions,
    rule.fragment,
    rule.rtable,
    rule.once,
    rule.prio,
    rule.receivedOn,
  ]);
}

/** What must be the same for two rules of a block to become one, addresses apart. */
function mergeText(rule: Rule): string {
  const { blockReturn, source, destination } = rule;
  return JSON.stringify([
    rule.family,
    rule.interface,
    rule.onAny,
    rule.routingDomain,
    rule.tagged,
    rule.os,
    rule.state?.options.timeouts,
    blockReturn?.icmp,
    blockReturn?.icmp6,
    rule.user,
    rule.group,
    rule.direction,
    rule.protocol,
    rule.icmp,
    rule.flags,
    rule.tos,
    source.port,
    source.negated,
    destination.port,
    destination.negated,
  ]);
}

/** Drops rules that an earlier or a later one of the block covers. */
function removeCovered(block: readonly Rule[]): Rule[] {
  const left = [...block];
  for (let i = 0; i < left.length; i++) {
    for (let j = i + 1; j < left.length; j++) {
      if (covers(left[i]!, left[j]!)) {
        left.splice(j, 1);
        j--;
      } else if (covers(left[j]!, left[i]!)) {
        left.splice(i, 1);
        i--;
        break;
      }
    }
  }
  return left;
}

/** Whether every packet that `part` matches is matched by `whole`. */
function covers(whole: Rule, part: Rule): boolean {
  const rest = (rule: Rule) =>
    JSON.stringify([
      rule.interface?.negated ?? false,
      rule.onAny,
      rule.routingDomain,
      rule.tagged,
      rule.os,
      rule.state?.options.timeouts,
      rule.blockReturn?.icmp,
      rule.blockReturn?.icmp6,
      rule.user,
      rule.group,
      rule.icmp,
      rule.tos,
      rule.source.negated,
      rule.destination.negated,
    ]);
  return (
    covered(whole.interface?.name, part.interface?.name) &&
    covered(whole.direction, part.direction) &&
    covered(whole.protocol, part.protocol) &&
    covered(whole.family, part.family) &&
    coversFlags(whole, part) &&
    coversHost(whole.source, part.source) &&
    coversHost(whole.destination, part.destination) &&
    rest(whole) === rest(part)
  );
}

function covered<T>(whole: T | undefined, part: T | undefined): boolean {
  return whole === undefined || whole === part;
}

function coversFlags(whole: Rule, part: Rule): boolean {
  if (whole.flags === undefined) return true;
  return whole.flags.set === part.flags?.set && whole.flags.mask === part.flags.mask;
}

function coversHost(whole: RuleHost, part: RuleHost): boolean {
  const port = JSON.stringify(whole.port) === JSON.stringify(part.port);
  if (whole.port !== undefined && !port) return false;
  const a = whole.address;
  const b = part.address;
  if (a.kind === 'any' && !whole.negated && !part.negated) return true;
  if (a.kind === 'prefix' && b.kind === 'prefix') {
    if (a.prefix.length === 0 && !whole.negated && !part.negated) return true;
    return a.prefix.length <= b.prefix.length && contains(a.prefix, b.prefix);
  }
  return addressText(a, undefined) === addressText(b, undefined);
}

/** A rule on its way into a table. */
interface Candidate {
  readonly rule: Rule;
  table?: { readonly side: 'source' | 'destination'; readonly entries: TableEntry[]; name?: string };
}

/** Puts rules that differ in one address only into one rule with a table. */
function combine(block: readonly Rule[], makeTable: MakeTable): Rule[] {
  const candidates: Candidate[] = block.map((rule) => ({ rule }));
  for (let i = 0; i < candidates.length; i++) {
    for (let j = i + 1; j < candidates.length; j++) {
      if (gather(candidates[i]!, candidates[j]!) >= TABLE_THRESHOLD) {
        candidates.splice(j, 1);
        j--;
      }
    }
  }
  return candidates.flatMap((candidate) => settle(candidate, makeTable));
}

/** Adds the second rule to the first one's table where they fit; answers how large it is then, else 0. */
function gather(first: Candidate, second: Candidate): number {
  if (second.table !== undefined) return 0;
  const side = differingSide(first.rule, second.rule);
  if (side === undefined || (first.table !== undefined && first.table.side !== side)) return 0;
  const entries = [first.rule, second.rule].map((rule) => entryOf(rule[side], rule));
  if (entries.some((entry) => entry === undefined)) return 0;
  if (mergeText(first.rule) !== mergeText(second.rule)) return 0;
  first.table ??= { side, entries: [entries[0]!] };
  first.table.entries.push(entries[1]!);
  second.table = first.table;
  return first.table.entries.length;
}

function differingSide(a: Rule, b: Rule): 'source' | 'destination' | undefined {
  const source = sameHost(a.source, b.source);
  if (source === sameHost(a.destination, b.destination)) return undefined;
  return source ? 'destination' : 'source';
}

function sameHost(a: RuleHost, b: RuleHost): boolean {
  return a.negated === b.negated && addressText(a.address, undefined) === addressText(b.address, undefined);
}

function entryOf(host: RuleHost, rule: Rule): TableEntry | undefined {
  const { address } = host;
  if (address.kind === 'prefix') return { prefix: address.prefix, negated: false };
  if (address.kind !== 'any' || rule.family === undefined) return undefined;
  const words = Array.from({ length: addressBits(rule.family) / 32 }, () => 0);
  return { prefix: { family: rule.family, words, length: 0 }, negated: false };
}

/** The first rule of a full table refers to it, the others are in it. */
function settle(candidate: Candidate, makeTable: MakeTable): Rule[] {
  const { rule, table } = candidate;
  if (table === undefined || table.entries.length < TABLE_THRESHOLD) return [rule];
  if (table.name !== undefined) return [];
  table.name = makeTable(table.entries);
  const host = { ...rule[table.side], address: { kind: 'table' as const, name: table.name } };
  return [table.side === 'source' ? { ...rule, source: host } : { ...rule, destination: host }];
}

/** Rules that restrict a field in the same way. `count` 0: of no use for sorting. */
interface Group {
  readonly value: string | undefined;
  rules: Rule[];
  count: number;
}

/** Brings rules together that share most: the largest group first, and inside it again. */
function reorder(rules: readonly Rule[], fields: readonly SkipField[]): Rule[] {
  const groups = fields.map((skip) => groupBy(rules, skip));
  for (const list of groups) {
    const [first] = list;
    if (first!.count === rules.length || first!.count === 1) first!.count = 0;
  }
  if (groups.every((list) => list[0]!.count === 0)) return [...rules];
  const split: Rule[] = [];
  const own: Rule[] = [];
  let left = [...rules];
  while (left.length > 0) {
    const best = largestGroup(groups);
    if (best === undefined) {
      own.push(...left);
      break;
    }
    const [group] = groups[best]!.splice(0, 1);
    const members = group!.rules;
    left = left.filter((rule) => !members.includes(rule));
    for (const rule of members) removeFromGroups(groups, rule);
    if (group!.count > 2) split.push(...reorder(members, fields));
    else own.push(...members);
  }
  return [...split, ...own];
}

/** Groups of rules with one field, larger ones first; a rule that does not restrict it is alone. */
function groupBy(rules: readonly Rule[], skip: SkipField): Group[] {
  const groups: Group[] = [];
  for (const rule of rules) {
    const value = skip.restriction(rule);
    let place = value === undefined ? -1 : groups.findIndex((group) => group.value === value);
    if (place < 0) place = groups.push({ value, rules: [], count: 0 }) - 1;
    const group = groups[place]!;
    group.rules.push(rule);
    group.count++;
    while (place > 0 && groups[place - 1]!.count < group.count) {
      groups[place] = groups[place - 1]!;
      groups[--place] = group;
    }
  }
  return groups;
}

function largestGroup(groups: readonly (readonly Group[])[]): number | undefined {
  let largest = 1;
  let best: number | undefined;
  groups.forEach((list, i) => {
    const count = list[0]?.count ?? 0;
    if (count <= largest) return;
    largest = count;
    best = i;
  });
  return best;
}

/** Takes a rule that has found its place out of the groups of the other fields, which stay sorted. */
function removeFromGroups(groups: readonly Group[][], rule: Rule): void {
  for (const list of groups) {
    if ((list[0]?.count ?? 0) <= 1) continue;
    let place = list.findIndex((group) => group.rules.includes(rule));
    if (place < 0) continue;
    const group = list[place]!;
    group.rules = group.rules.filter((member) => member !== rule);
    group.count--;
    while (place + 1 < list.length && list[place + 1]!.count > group.count) {
      list[place] = list[place + 1]!;
      list[++place] = group;
    }
  }
}
