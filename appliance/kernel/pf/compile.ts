// SPDX-License-Identifier: ISC
//
// From rules as they are written to rows of integers that a packet is compared with, and an index over them. A pure function whose
// result is plain data, so that it can run on the thread of whoever loads and be handed over.

import { maskWord } from '../../abi/address.ts';
import type { CompiledRules } from '../../abi/compiledRules.ts';
import type { DynamicAddress, NumberMatch, Rule, RuleAddress, RuleHost } from '../../abi/rule.ts';
import { buildIndex } from './buildIndex.ts';
import {
  ACTION,
  ACTION_ANCHOR,
  ACTION_BLOCK,
  ACTION_MATCH,
  ACTION_PASS,
  ACTION_SCRUB,
  ACTION_TRANSLATE,
  DESTINATION,
  DIRECTION,
  FAMILY,
  FLAGS_MASK,
  FLAGS_SET,
  GROUP,
  HOST_ANY,
  HOST_DYNAMIC,
  HOST_HIGH,
  HOST_KIND,
  HOST_LOW,
  HOST_NAME,
  HOST_NEGATED,
  HOST_NO_ROUTE,
  HOST_OPERATOR,
  HOST_PREFIX4,
  HOST_PREFIX6,
  HOST_RANGE4,
  HOST_RANGE6,
  HOST_ROUTE_LABEL,
  HOST_TABLE,
  HOST_URPF_FAILED,
  ICMP_CODE,
  ICMP_TYPE,
  INTERFACE,
  OPERATOR_EQUAL,
  OPERATOR_GREATER,
  OPERATOR_GREATER_EQUAL,
  OPERATOR_INSIDE,
  OPERATOR_LESS,
  OPERATOR_LESS_EQUAL,
  OPERATOR_NOT,
  OPERATOR_OUTSIDE,
  OPERATOR_RANGE,
  OPTION_FRAGMENT,
  OPTION_INTERFACE_NEGATED,
  OPTION_ON_ANY,
  OPTION_QUICK,
  OPTION_RECEIVED_ANY,
  OPTION_RECEIVED_NEGATED,
  OPTION_STRICT_STATE,
  OPTION_TAGGED_NEGATED,
  OPTIONS,
  OS,
  OS_NAMED,
  OS_UNKNOWN,
  PRIORITY,
  PROBABILITY,
  PROTOCOL,
  RECEIVED,
  ROUTING_DOMAIN,
  ROW_WORDS,
  SOURCE,
  TAGGED,
  TOS,
  USER,
} from './ruleRow.ts';

const OPERATORS: Readonly<Record<NumberMatch['operator'], number>> = {
  '=': OPERATOR_EQUAL,
  '!=': OPERATOR_NOT,
  '<': OPERATOR_LESS,
  '<=': OPERATOR_LESS_EQUAL,
  '>': OPERATOR_GREATER,
  '>=': OPERATOR_GREATER_EQUAL,
  '><': OPERATOR_INSIDE,
  '<>': OPERATOR_OUTSIDE,
  ':': OPERATOR_RANGE,
};

/** Names and the numbers they get in one list. */
class Names {
  readonly list: string[] = [];
  private readonly numbers = new Map<string, number>();

  numberOf(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    this.numbers.set(name, this.list.length);
    this.list.push(name);
    return this.list.length - 1;
  }
}

class Compilation {
  readonly interfaces = new Names();
  readonly tables = new Names();
  readonly labels = new Names();
  readonly tags = new Names();
  readonly systems = new Names();
  readonly dynamics: DynamicAddress[] = [];
  readonly rows: Int32Array;

  constructor(count: number) {
    this.rows = new Int32Array(count * ROW_WORDS);
  }

  rule(rule: Rule, at: number): void {
    const { rows } = this;
    rows[at + ACTION] = actionOf(rule);
    rows[at + OPTIONS] = optionsOf(rule);
    rows[at + DIRECTION] = directionOf(rule);
    rows[at + FAMILY] = rule.family ?? 0;
    rows[at + PROTOCOL] = rule.protocol ?? 0;
    rows[at + INTERFACE] = this.interfaceOf(rule.interface?.name);
    this.host(rule.source, at + SOURCE);
    this.host(rule.destination, at + DESTINATION);
    rows[at + FLAGS_SET] = rule.flags?.set ?? 0;
    rows[at + FLAGS_MASK] = rule.flags?.mask ?? 0;
    rows[at + ICMP_TYPE] = plusOne(rule.icmp?.type);
    rows[at + ICMP_CODE] = plusOne(rule.icmp?.code);
    rows[at + TOS] = rule.action === 'scrub' ? 0 : plusOne(rule.tos);
    rows[at + TAGGED] = rule.tagged === undefined ? 0 : this.tags.numberOf(rule.tagged.name) + 1;
    const received = rule.receivedOn?.name;
    rows[at + RECEIVED] = this.interfaceOf(received === 'any' ? undefined : received);
    rows[at + PROBABILITY] = rule.probability ?? 0;
    this.number(rule.user, at + USER);
    this.number(rule.group, at + GROUP);
    rows[at + OS] = this.systemOf(rule.os);
    rows[at + PRIORITY] = plusOne(rule.prio);
    rows[at + ROUTING_DOMAIN] = plusOne(rule.routingDomain);
  }

  private interfaceOf(name: string | undefined): number {
    return name === undefined ? 0 : this.interfaces.numberOf(name) + 1;
  }

  private systemOf(os: string | undefined): number {
    if (os === undefined) return 0;
    return os === 'unknown' ? OS_UNKNOWN : OS_NAMED + this.systems.numberOf(os);
  }

  private number(match: NumberMatch | undefined, at: number): void {
    if (match === undefined) return;
    this.rows[at] = OPERATORS[match.operator];
    this.rows[at + 1] = match.low;
    this.rows[at + 2] = match.high;
  }

  private host(host: RuleHost, at: number): void {
    const { rows } = this;
    rows[at + HOST_NEGATED] = host.negated ? 1 : 0;
    if (host.port !== undefined) this.number(host.port, at + HOST_OPERATOR);
    rows[at + HOST_KIND] = kindOf(host.address);
    this.address(host.address, at);
  }

  private address(address: RuleAddress, at: number): void {
    const { rows } = this;
    switch (address.kind) {
      case 'prefix':
        address.prefix.words.forEach((word, i) => {
          rows[at + HOST_HIGH + i] = maskWord(address.prefix.length, i);
          rows[at + HOST_LOW + i] = word & rows[at + HOST_HIGH + i]!;
        });
        return;
      case 'range':
        rows.set(address.from.words, at + HOST_LOW);
        rows.set(address.to.words, at + HOST_HIGH);
        return;
      case 'table':
        rows[at + HOST_NAME] = this.tables.numberOf(address.name);
        return;
      case 'route':
        rows[at + HOST_NAME] = this.labels.numberOf(address.label);
        return;
      case 'dynamic':
        rows[at + HOST_NAME] = this.dynamics.push(address) - 1;
    }
  }
}

function plusOne(value: number | undefined): number {
  return value === undefined ? 0 : value + 1;
}

/** rdr rules look at what comes in, nat rules at what goes out, whether they say so or not. */
function directionOf(rule: Rule): number {
  if (rule.list === 'rdr') return 1;
  if (rule.list === 'nat') return 2;
  if (rule.direction === undefined) return 0;
  return rule.direction === 'in' ? 1 : 2;
}

/** ACTION_* of a rule. */
export function actionOf(rule: Rule): number {
  if (rule.anchor !== undefined) return ACTION_ANCHOR;
  switch (rule.action) {
    case 'pass':
      return ACTION_PASS;
    case 'block':
      return ACTION_BLOCK;
    case 'match':
      return ACTION_MATCH;
    case 'scrub':
      return ACTION_SCRUB;
    case 'anchor':
      return ACTION_ANCHOR;
    default:
      return ACTION_TRANSLATE;
  }
}

function optionsOf(rule: Rule): number {
  const isStrict = rule.state !== undefined && rule.state.options.sloppy !== true;
  return (
    (rule.quick ? OPTION_QUICK : 0) |
    (rule.interface?.negated ? OPTION_INTERFACE_NEGATED : 0) |
    (rule.tagged?.negated ? OPTION_TAGGED_NEGATED : 0) |
    (rule.receivedOn?.negated ? OPTION_RECEIVED_NEGATED : 0) |
    (rule.onAny ? OPTION_ON_ANY : 0) |
    (rule.receivedOn?.name === 'any' ? OPTION_RECEIVED_ANY : 0) |
    (rule.fragment ? OPTION_FRAGMENT : 0) |
    (isStrict ? OPTION_STRICT_STATE : 0)
  );
}

function kindOf(address: RuleAddress): number {
  switch (address.kind) {
    case 'any':
      return HOST_ANY;
    case 'prefix':
      return address.prefix.family === 4 ? HOST_PREFIX4 : HOST_PREFIX6;
    case 'range':
      return address.from.family === 4 ? HOST_RANGE4 : HOST_RANGE6;
    case 'table':
      return HOST_TABLE;
    case 'dynamic':
      return HOST_DYNAMIC;
    case 'no-route':
      return HOST_NO_ROUTE;
    case 'urpf-failed':
      return HOST_URPF_FAILED;
    case 'route':
      return HOST_ROUTE_LABEL;
  }
}

/** Compiles one list of a ruleset. */
export function compile(rules: readonly Rule[]): CompiledRules {
  const compilation = new Compilation(rules.length);
  rules.forEach((rule, i) => {
    compilation.rule(rule, i * ROW_WORDS);
  });
  const { rows, interfaces, tables, labels, tags, systems, dynamics } = compilation;
  return {
    rows,
    interfaces: interfaces.list,
    tables: tables.list,
    labels: labels.list,
    tags: tags.list,
    systems: systems.list,
    dynamics,
    // binat rules look at packets from both ends.
    index: rules[0]?.list === 'binat' ? undefined : buildIndex(rows, rules.length),
    references: referencesOf(rules),
  };
}

function referencesOf(rules: readonly Rule[]): CompiledRules['references'] {
  const counts = new Map<string, number>();
  for (const rule of rules) {
    for (const name of tableNames(rule)) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([table, count]) => ({ table, count }));
}

/** Tables that a rule names, as hosts, in pools and for overload. */
function tableNames(rule: Rule): string[] {
  const hosts = [rule.source.address, rule.destination.address];
  const pools = [rule.nat, rule.rdr, rule.route?.pool].flatMap((pool) => pool?.entries ?? []);
  const addresses = [...hosts, ...pools.map((entry) => entry.address)];
  const names = addresses.flatMap((address) => (address.kind === 'table' ? [address.name] : []));
  const overload = rule.state?.options.overload?.table;
  return overload === undefined ? names : [...names, overload];
}
