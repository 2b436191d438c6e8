// SPDX-License-Identifier: ISC
//
// The ruleset optimizer (pf.conf(5), "set ruleset-optimization basic"): within blocks of like rules it drops rules that
// others cover, puts many addresses into a table, and sorts for long skip steps. It never changes what a ruleset means.

import { addressBits, contains } from '../../../abi/address.ts';
import type { TableEntry } from '../../../abi/pf.ts';
import type { NumberMatch, Rule, RuleHost } from '../../../abi/rule.ts';
import type { Traits } from './dialect.ts';
import { reorder } from './reorder.ts';
import { addressText, skipFields } from './skip.ts';

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
  const blocks: { readonly kind: string; readonly rules: Rule[] }[] = [];
  for (const rule of rules) {
    const block = blocks[blocks.length - 1];
    const kind = kindText(rule);
    if (block?.kind === kind && belongs(block.rules[0]!, rule)) block.rules.push(rule);
    else blocks.push({ kind, rules: [rule] });
  }
  return blocks.map((block) => block.rules);
}

function belongs(first: Rule, rule: Rule): boolean {
  if (standsAlone(first) || standsAlone(rule)) return false;
  const name = rule.interface?.name ?? '';
  const firstName = first.interface?.name ?? '';
  // Members of a group are not known, so rules on it stay where they are among others.
  return name === firstName || !(isGroup(name) || isGroup(firstName));
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
    rule.maxPacketSize !== undefined ||
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
    rule.ridentifier,
    rule.dummynet,
    rule.limiters,
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

/** Numbers for texts, equal for equal ones; 0 for the empty text. Rules are compared with all others, so it must be quick. */
class Numbering {
  private readonly numbers = new Map<string, number>([['', 0]]);

  of(text: string): number {
    const number = this.numbers.get(text) ?? this.numbers.size;
    this.numbers.set(text, number);
    return number;
  }

  port(port: NumberMatch | undefined): number {
    return this.of(port === undefined ? '' : JSON.stringify(port));
  }

  address(host: RuleHost): number {
    return this.of(addressText(host.address, undefined));
  }
}

/** A rule with what comparing it with many others takes, worked out once. */
interface Compared {
  readonly rule: Rule;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sourceAddress: number;
  readonly destinationAddress: number;
  /** What a rule and one that covers it have in common. */
  readonly rest: number;
  gone: boolean;
}

function compared(rule: Rule, numbering: Numbering): Compared {
  const { source, destination, blockReturn } = rule;
  const rest = [
    rule.interface?.negated ?? false,
    rule.onAny,
    rule.routingDomain,
    rule.tagged,
    rule.os,
    rule.state?.options.timeouts,
    blockReturn?.icmp,
    blockReturn?.icmp6,
    rule.user,
    rule.group,
    rule.icmp,
    rule.tos,
    source.negated,
    destination.negated,
  ];
  return {
    rule,
    sourcePort: numbering.port(source.port),
    destinationPort: numbering.port(destination.port),
    sourceAddress: numbering.address(source),
    destinationAddress: numbering.address(destination),
    rest: numbering.of(JSON.stringify(rest)),
    gone: false,
  };
}

/** Drops rules that an earlier or a later one of the block covers. */
function removeCovered(block: readonly Rule[]): Rule[] {
  const numbering = new Numbering();
  const all = block.map((rule) => compared(rule, numbering));
  all.forEach((one, i) => {
    for (let j = i + 1; j < all.length && !one.gone; j++) {
      const other = all[j]!;
      if (other.gone) continue;
      if (covers(one, other)) other.gone = true;
      else if (covers(other, one)) one.gone = true;
    }
  });
  return all.filter((one) => !one.gone).map((one) => one.rule);
}

/** Whether every packet that `part` matches is matched by `whole`. What differs most often is asked first. */
function covers(whole: Compared, part: Compared): boolean {
  const a = whole.rule;
  const b = part.rule;
  return (
    coversPort(whole.destinationPort, part.destinationPort) &&
    coversPort(whole.sourcePort, part.sourcePort) &&
    coversAddress(a.source, b.source, whole.sourceAddress === part.sourceAddress) &&
    coversAddress(a.destination, b.destination, whole.destinationAddress === part.destinationAddress) &&
    covered(a.interface?.name, b.interface?.name) &&
    covered(a.direction, b.direction) &&
    covered(a.protocol, b.protocol) &&
    covered(a.family, b.family) &&
    coversFlags(a, b) &&
    whole.rest === part.rest
  );
}

function covered<T>(whole: T | undefined, part: T | undefined): boolean {
  return whole === undefined || whole === part;
}

function coversPort(whole: number, part: number): boolean {
  return whole === 0 || whole === part;
}

function coversFlags(whole: Rule, part: Rule): boolean {
  if (whole.flags === undefined) return true;
  return whole.flags.set === part.flags?.set && whole.flags.mask === part.flags.mask;
}

function coversAddress(whole: RuleHost, part: RuleHost, same: boolean): boolean {
  const a = whole.address;
  const b = part.address;
  if (a.kind === 'any' && !whole.negated && !part.negated) return true;
  if (a.kind === 'prefix' && b.kind === 'prefix') {
    if (a.prefix.length === 0 && !whole.negated && !part.negated) return true;
    return a.prefix.length <= b.prefix.length && contains(a.prefix, b.prefix);
  }
  return same;
}

/** A rule on its way into a table. */
interface Candidate {
  readonly rule: Rule;
  readonly source: number;
  readonly destination: number;
  readonly rest: number;
  table?: { readonly side: 'source' | 'destination'; readonly entries: TableEntry[]; name?: string };
}

/** Puts rules that differ in one address only into one rule with a table. */
function combine(block: readonly Rule[], makeTable: MakeTable): Rule[] {
  const numbering = new Numbering();
  // What is negated is part of `rest`.
  const candidates = block.map(
    (rule): Candidate => ({
      rule,
      source: numbering.address(rule.source),
      destination: numbering.address(rule.destination),
      rest: numbering.of(mergeText(rule)),
    }),
  );
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
  const side = differingSide(first, second);
  if (side === undefined || first.rest !== second.rest) return 0;
  if (first.table !== undefined && first.table.side !== side) return 0;
  const entries = [first.rule, second.rule].map((rule) => entryOf(rule[side], rule));
  if (entries.some((entry) => entry === undefined)) return 0;
  first.table ??= { side, entries: [entries[0]!] };
  first.table.entries.push(entries[1]!);
  second.table = first.table;
  return first.table.entries.length;
}

function differingSide(a: Candidate, b: Candidate): 'source' | 'destination' | undefined {
  const source = a.source === b.source;
  if (source === (a.destination === b.destination)) return undefined;
  return source ? 'destination' : 'source';
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
