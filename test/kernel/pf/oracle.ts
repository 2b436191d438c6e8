// SPDX-License-Identifier: ISC
//
// The plainest evaluation of rules there is: every rule of every list, word by word as pf.conf(5) says it. What the kernel's compiled and
// indexed evaluation must agree with.

import { type Address, contains, type Family, type Prefix } from '../../../appliance/abi/address.ts';
import type { NumberMatch, Rule, RuleAddress, RuleHost } from '../../../appliance/abi/rule.ts';

/** A packet as the rules see it. */
export interface Facts {
  readonly on: string;
  readonly groups: readonly string[];
  readonly direction: 'in' | 'out';
  readonly family: Family;
  readonly protocol: number;
  readonly source: Address;
  readonly destination: Address;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly flags: number;
  readonly icmp?: { readonly type: number; readonly code: number };
  readonly tos: number;
}

export interface TableFacts {
  readonly prefix: Prefix;
  readonly negated: boolean;
}

/** Rulesets by path, and tables by `anchor/name`. */
export interface World {
  readonly rulesets: ReadonlyMap<string, readonly Rule[]>;
  readonly tables: ReadonlyMap<string, readonly TableFacts[]>;
}

export interface Decision {
  /** `path#number` of the rule that decided; undefined where none matched. */
  readonly rule: string | undefined;
  readonly action: 'pass' | 'block';
  readonly tag: string | undefined;
}

export function decide(world: World, facts: Facts): Decision {
  let decided: { path: string; number: number; rule: Rule } | undefined;
  let tag: string | undefined;

  /** Answers whether evaluation goes on, and whether something in there decided. */
  const walk = (path: string): { goesOn: boolean; decided: boolean } => {
    let here = false;
    for (const [number, rule] of (world.rulesets.get(path) ?? []).entries()) {
      if (!matches(world, path, rule, facts, tag)) continue;
      tag = rule.tag ?? tag;
      if (rule.anchor !== undefined) {
        let inside = false;
        for (const child of called(world, path, rule.anchor)) {
          const result = walk(child);
          inside ||= result.decided;
          here ||= result.decided;
          if (!result.goesOn) return { goesOn: false, decided: here };
        }
        if (rule.quick && inside) return { goesOn: false, decided: here };
        continue;
      }
      if (rule.action !== 'match') {
        decided = { path, number, rule };
        here = true;
      }
      if (rule.quick) return { goesOn: false, decided: here };
    }
    return { goesOn: true, decided: here };
  };

  walk('');
  return {
    rule: decided && `${decided.path}#${decided.number}`,
    action: decided?.rule.action === 'block' ? 'block' : 'pass',
    tag,
  };
}

/** Paths that an anchor call stands for. */
function called(world: World, from: string, name: string): string[] {
  const base = name.startsWith('/') || from === '' ? name.replace(/^\//, '') : `${from}/${name}`;
  if (base !== '*' && !base.endsWith('/*')) return [base];
  const parent = base === '*' ? '' : base.slice(0, -2);
  const depth = parent === '' ? 1 : parent.split('/').length + 1;
  const below = [...world.rulesets.keys()].filter((path) =>
    path.startsWith(parent === '' ? '' : `${parent}/`),
  );
  const children = new Set(below.map((path) => path.split('/').slice(0, depth).join('/')));
  children.delete('');
  return [...children].sort();
}

function matches(world: World, path: string, rule: Rule, facts: Facts, tag: string | undefined): boolean {
  if (rule.interface !== undefined) {
    const { name, negated } = rule.interface;
    if ((facts.on === name || facts.groups.includes(name)) === negated) return false;
  }
  if (rule.direction !== undefined && rule.direction !== facts.direction) return false;
  if (rule.family !== undefined && rule.family !== facts.family) return false;
  if (rule.protocol !== undefined && rule.protocol !== facts.protocol) return false;
  if (!matchesHost(world, path, rule.source, facts, facts.source, facts.sourcePort)) return false;
  if (!matchesHost(world, path, rule.destination, facts, facts.destination, facts.destinationPort))
    return false;
  if (rule.flags !== undefined && facts.protocol === 6) {
    if ((facts.flags & rule.flags.mask) !== rule.flags.set) return false;
  }
  if (rule.icmp !== undefined) {
    if (facts.icmp?.type !== rule.icmp.type) return false;
    if (rule.icmp.code !== undefined && facts.icmp.code !== rule.icmp.code) return false;
  }
  if (rule.tos !== undefined && (rule.tos & ~3) !== (facts.tos & ~3)) return false;
  if (rule.tagged !== undefined && (tag === rule.tagged.name) === rule.tagged.negated) return false;
  return true;
}

function matchesHost(
  world: World,
  path: string,
  host: RuleHost,
  facts: Facts,
  address: Address,
  port: number,
): boolean {
  if (inAddress(world, path, host.address, address) === host.negated) return false;
  if (host.port === undefined) return true;
  return (facts.protocol === 6 || facts.protocol === 17) && matchesNumber(host.port, port);
}

function inAddress(world: World, path: string, wanted: RuleAddress, address: Address): boolean {
  switch (wanted.kind) {
    case 'any':
      return true;
    case 'prefix':
      return contains(wanted.prefix, address);
    case 'range':
      return (
        wanted.from.family === address.family &&
        compare(address, wanted.from) >= 0 &&
        compare(address, wanted.to) <= 0
      );
    case 'table':
      return inTable(
        world.tables.get(`${path}/${wanted.name}`) ?? world.tables.get(`/${wanted.name}`) ?? [],
        address,
      );
    default:
      throw new Error(`the oracle knows no ${wanted.kind}`);
  }
}

/** The entry with the longest prefix decides. */
export function inTable(entries: readonly TableFacts[], address: Address): boolean {
  const holding = entries.filter(({ prefix }) => contains(prefix, address));
  const best = holding.sort((a, b) => b.prefix.length - a.prefix.length)[0];
  return best !== undefined && !best.negated;
}

function compare(a: Address, b: Address): number {
  for (const [i, word] of a.words.entries()) {
    const difference = (word >>> 0) - (b.words[i]! >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export function matchesNumber({ operator, low, high }: NumberMatch, value: number): boolean {
  switch (operator) {
    case '=':
      return value === low;
    case '!=':
      return value !== low;
    case '<':
      return value < low;
    case '<=':
      return value <= low;
    case '>':
      return value > low;
    case '>=':
      return value >= low;
    case '><':
      return value > low && value < high;
    case '<>':
      return value < low || value > high;
    case ':':
      return value >= low && value <= high;
  }
}
