// SPDX-License-Identifier: ISC
//
// From rules as they are written to rules as they are tested: names to numbers, addresses to words and masks. A pure function, so
// that it can run on the thread of whoever loads.

import { maskWord } from '../../abi/address.ts';
import type { NumberMatch, Pool, Rule, RuleAddress, RuleHost } from '../../abi/rule.ts';
import * as timeouts from './timeouts.ts';

export const ACTION_PASS = 0;
export const ACTION_BLOCK = 1;
export const ACTION_MATCH = 2;
export const ACTION_ANCHOR = 3;
export const ACTION_TRANSLATE = 4;
export const ACTION_SCRUB = 5;

/** How a host is tested. */
export const HOST_ANY = 0;
export const HOST_PREFIX = 1;
export const HOST_RANGE = 2;
export const HOST_TABLE = 3;
export const HOST_DYNAMIC = 4;
export const HOST_NO_ROUTE = 5;
export const HOST_URPF_FAILED = 6;
export const HOST_ROUTE_LABEL = 7;

/** How a number is tested (PF_OP_*). */
export const OP_NONE = 0;
export const OP_EQ = 1;
export const OP_NE = 2;
export const OP_LT = 3;
export const OP_LE = 4;
export const OP_GT = 5;
export const OP_GE = 6;
export const OP_INSIDE = 7;
export const OP_OUTSIDE = 8;
export const OP_RANGE = 9;

const OPERATORS: Readonly<Record<NumberMatch['operator'], number>> = {
  '=': OP_EQ,
  '!=': OP_NE,
  '<': OP_LT,
  '<=': OP_LE,
  '>': OP_GT,
  '>=': OP_GE,
  '><': OP_INSIDE,
  '<>': OP_OUTSIDE,
  ':': OP_RANGE,
};

/** A number against an operator and its bounds. */
export function matchesNumber(operator: number, low: number, high: number, value: number): boolean {
  switch (operator) {
    case OP_NONE:
      return true;
    case OP_EQ:
      return value === low;
    case OP_NE:
      return value !== low;
    case OP_LT:
      return value < low;
    case OP_LE:
      return value <= low;
    case OP_GT:
      return value > low;
    case OP_GE:
      return value >= low;
    case OP_INSIDE:
      return value > low && value < high;
    case OP_OUTSIDE:
      return value < low || value > high;
    default:
      return value >= low && value <= high;
  }
}

/** One side of a rule. */
export class CompiledHost {
  readonly kind: number;
  readonly negated: boolean;
  /** Prefix: network and mask; range: first and last address. */
  readonly low = new Int32Array(4);
  readonly high = new Int32Array(4);
  /** Table, interface or label. */
  readonly name: string;
  readonly address: RuleAddress;
  readonly operator: number;
  readonly portLow: number;
  readonly portHigh: number;

  constructor(host: RuleHost) {
    this.address = host.address;
    this.kind = kindOf(host.address);
    this.negated = host.negated;
    this.name = nameOf(host.address);
    this.operator = host.port === undefined ? OP_NONE : OPERATORS[host.port.operator];
    this.portLow = host.port?.low ?? 0;
    this.portHigh = host.port?.high ?? 0;
    if (host.address.kind === 'prefix') {
      const { words, length } = host.address.prefix;
      words.forEach((word, i) => {
        this.high[i] = maskWord(length, i);
        this.low[i] = word & this.high[i]!;
      });
    } else if (host.address.kind === 'range') {
      this.low.set(host.address.from.words);
      this.high.set(host.address.to.words);
    }
  }
}

function kindOf(address: RuleAddress): number {
  switch (address.kind) {
    case 'any':
      return HOST_ANY;
    case 'prefix':
      return address.prefix.length === 0 ? HOST_ANY : HOST_PREFIX;
    case 'range':
      return HOST_RANGE;
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

function nameOf(address: RuleAddress): string {
  if (address.kind === 'table') return address.name;
  if (address.kind === 'dynamic') return address.interface;
  return address.kind === 'route' ? address.label : '';
}

/** A rule ready for testing, with its counters (struct pf_rule as the kernel has it). */
export class CompiledRule {
  readonly rule: Rule;
  /** Path of the ruleset it is in. */
  readonly anchor: string;
  /** Number in its list. */
  number: number;
  readonly action: number;
  /** 0 both. */
  readonly direction: number;
  readonly family: number;
  readonly protocol: number;
  readonly interfaceName: string;
  readonly interfaceNegated: boolean;
  readonly source: CompiledHost;
  readonly destination: CompiledHost;
  readonly quick: boolean;
  readonly flagsSet: number;
  readonly flagsMask: number;
  readonly icmpType: number;
  readonly icmpCode: number;
  readonly tos: number;
  readonly tag: number;
  readonly tagged: number;
  readonly taggedNegated: boolean;
  /** Of 2^32; 0 always matches. */
  readonly probability: number;
  readonly timeouts: Int32Array | undefined;
  readonly maxStates: number;
  evaluations = 0;
  readonly packets = new Float64Array(2);
  readonly bytes = new Float64Array(2);
  states = 0;
  statesCreated = 0;
  /** Place of each pool's round-robin pointer, per family. */
  readonly poolPlaces = new Map<Pool, Int32Array>();

  constructor(rule: Rule, anchor: string, number: number, tags: Tags) {
    this.rule = rule;
    this.anchor = anchor;
    this.number = number;
    this.action = actionOf(rule);
    this.direction = rule.direction === undefined ? 0 : rule.direction === 'in' ? 1 : 2;
    this.family = rule.family ?? 0;
    this.protocol = rule.protocol ?? 0;
    this.interfaceName = rule.interface?.name ?? '';
    this.interfaceNegated = rule.interface?.negated ?? false;
    this.source = new CompiledHost(rule.source);
    this.destination = new CompiledHost(rule.destination);
    this.quick = rule.quick;
    this.flagsSet = rule.flags?.set ?? 0;
    this.flagsMask = rule.flags?.mask ?? 0;
    this.icmpType = rule.icmp?.type ?? -1;
    this.icmpCode = rule.icmp?.code ?? -1;
    this.tos = rule.tos ?? 0;
    this.tag = rule.tag === undefined ? 0 : tags.numberOf(rule.tag);
    this.tagged = rule.tagged === undefined ? 0 : tags.numberOf(rule.tagged.name);
    this.taggedNegated = rule.tagged?.negated ?? false;
    this.probability = rule.probability ?? 0;
    const max = rule.state?.options.max;
    this.timeouts = timeouts.ruleTimeouts(withAdaptive(rule.state?.options.timeouts, max));
    this.maxStates = max ?? 0;
  }

  /** What is counted for a packet that this rule decided; `direction` 0 in, 1 out. */
  count(direction: number, length: number): void {
    this.packets[direction] = this.packets[direction]! + 1;
    this.bytes[direction] = this.bytes[direction]! + length;
  }
}

function actionOf(rule: Rule): number {
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

/** `max N` scales the rule's own timeouts between 6/10 and 12/10 of N unless the rule says otherwise. */
function withAdaptive(
  values: Readonly<Record<string, number>> | undefined,
  max: number | undefined,
): Readonly<Record<string, number>> | undefined {
  if (max === undefined || values?.['adaptive.start'] !== undefined) return values;
  const tenth = Math.floor(max / 10);
  return { ...values, 'adaptive.start': tenth * 6, 'adaptive.end': tenth * 12 };
}

/** Numbers of tag names; the same name is the same number as long as pf runs. */
export class Tags {
  private readonly numbers = new Map<string, number>();

  numberOf(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) return known;
    const number = this.numbers.size + 1;
    this.numbers.set(name, number);
    return number;
  }
}

/** Whether words lie in a prefix or range of a host. Both families compare unsigned, most significant word first. */
export function inAddresses(host: CompiledHost, words: Int32Array, family: number): boolean {
  const count = family === 4 ? 1 : 4;
  if (host.kind === HOST_PREFIX) {
    for (let i = 0; i < count; i++) if ((words[i]! & host.high[i]!) !== host.low[i]) return false;
    return true;
  }
  return compareWords(words, host.low, count) >= 0 && compareWords(words, host.high, count) <= 0;
}

function compareWords(a: Int32Array, b: Int32Array, count: number): number {
  for (let i = 0; i < count; i++) {
    const difference = (a[i]! >>> 0) - (b[i]! >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Family of a host's addresses; 0 where it can be either. */
export function familyOfHost(address: RuleAddress): number {
  if (address.kind === 'prefix') return address.prefix.family;
  return address.kind === 'range' ? address.from.family : 0;
}
