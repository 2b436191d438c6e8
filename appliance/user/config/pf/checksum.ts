// SPDX-License-Identifier: ISC
//
// The checksum of a ruleset: MD5 over the rules of the main ruleset as the kernel of 2008 lays them out (pf(4),
// pf_setup_pfsync_matching). pfsync peers compare it before they trust each other's rule numbers.

import { INET, maskWord } from '../../../abi/address.ts';
import type { Dialect, NumberMatch, Rule, RuleAddress, RuleHost, RuleList } from '../../../abi/rule.ts';
import { md5Hex } from './md5.ts';

const LISTS: readonly RuleList[] = ['filter', 'nat', 'binat', 'rdr'];

const ADDRESS_TYPES: Readonly<Record<RuleAddress['kind'], number>> = {
  any: 0,
  prefix: 0,
  'no-route': 1,
  dynamic: 2,
  table: 3,
  route: 4,
  'urpf-failed': 5,
  range: 6,
};

const OPERATORS: Readonly<Record<NumberMatch['operator'], number>> = {
  '><': 1,
  '=': 2,
  '!=': 3,
  '<': 4,
  '<=': 5,
  '>': 6,
  '>=': 7,
  '<>': 8,
  ':': 9,
};

const ACTIONS: Readonly<Record<string, number>> = {
  pass: 0,
  block: 1,
  nat: 4,
  'no nat': 5,
  binat: 6,
  'no binat': 7,
  rdr: 8,
  'no rdr': 9,
  match: 12,
};

const KEEP = { keep: 1, modulate: 2, synproxy: 3 };
const ROUTES = { fastroute: 1, 'route-to': 2, 'dup-to': 3, 'reply-to': 4 };
const BLOCK_FLAGS = { drop: 0, rst: 0x1, icmp: 0x4, return: 0x8 };

const NAME_SIZE = { interface: 16, table: 32, route: 32 };

/** 32 hexadecimal digits over the rules of the main ruleset. Scrub rules do not count. */
export function rulesetChecksum(rules: readonly Rule[], dialect: Dialect): string {
  const lists = dialect === 'openbsd' ? (['filter'] as const) : LISTS;
  const writer = new Writer();
  for (const list of lists) {
    for (const rule of rules) if (rule.list === list) writer.rule(rule);
  }
  return md5Hex(writer.bytes());
}

/** Little endian where the kernel takes a number as it lies in memory. */
class Writer {
  private readonly data: number[] = [];

  bytes(): Uint8Array {
    return Uint8Array.from(this.data);
  }

  rule(rule: Rule): void {
    this.host(rule.source);
    this.host(rule.destination);
    this.text(rule.label ?? '');
    this.text(rule.onAny ? 'any' : (rule.interface?.name ?? ''));
    this.text(rule.tagged?.name ?? '');
    this.big(0, 2);
    this.big(0, 4);
    this.big(rule.probability ?? 0, 4);
    this.owner(rule.user);
    this.owner(rule.group);
    this.big(ruleFlags(rule), 4);
    const { action, list, no } = rule;
    const name = action === 'anchor' ? (list === 'filter' ? 'pass' : list) : action;
    this.byte(ACTIONS[no ? `no ${name}` : name] ?? 0);
    this.byte(rule.direction === 'in' ? 1 : rule.direction === 'out' ? 2 : 0);
    this.byte(rule.family === undefined ? 0 : rule.family === INET ? 2 : 24);
    this.byte(Number(rule.quick));
    this.byte(Number(rule.interface?.negated ?? false));
    this.byte(Number(rule.tagged?.negated ?? false));
    this.byte(Number(rule.pass ?? false));
    this.byte(rule.state === undefined ? 0 : KEEP[rule.state.keep]);
    this.byte(rule.protocol ?? 0);
    this.byte(rule.icmp === undefined ? 0 : rule.icmp.type + 1);
    this.byte(rule.icmp?.code === undefined ? 0 : rule.icmp.code + 1);
    this.byte(rule.flags?.set ?? 0);
    this.byte(rule.flags?.mask ?? 0);
    this.byte(Number(rule.allowOptions ?? false));
    this.byte(rule.route === undefined ? 0 : ROUTES[rule.route.kind]);
    this.byte(rule.tos ?? 0);
  }

  private host(host: RuleHost): void {
    this.byte(ADDRESS_TYPES[host.address.kind]);
    this.address(host.address);
    this.big(host.port?.low ?? 0, 2);
    this.big(host.port?.high ?? 0, 2);
    this.byte(Number(host.negated));
    this.byte(host.port === undefined ? 0 : OPERATORS[host.port.operator]);
  }

  private address(address: RuleAddress): void {
    switch (address.kind) {
      case 'any':
        this.words([]);
        this.words([]);
        break;
      case 'prefix': {
        const { words, length } = address.prefix;
        this.words(words);
        this.words(words.map((_, i) => maskWord(length, i)));
        break;
      }
      case 'dynamic': {
        this.padded(address.interface, NAME_SIZE.interface);
        const { network, broadcast, peer, noAlias } = address;
        this.byte(Number(network) | (Number(broadcast) << 1) | (Number(peer) << 2) | (Number(noAlias) << 3));
        break;
      }
      case 'table':
        this.padded(address.name, NAME_SIZE.table);
        break;
      case 'route':
        this.padded(address.label, NAME_SIZE.route);
        break;
      default:
        break;
    }
  }

  /** 16 bytes, whatever the family. */
  private words(words: readonly number[]): void {
    for (let i = 0; i < 4; i++) this.big((words[i] ?? 0) >>> 0, 4);
  }

  private owner(match: NumberMatch | undefined): void {
    this.big(match?.low ?? 0, 4);
    this.big(match?.high ?? 0, 4);
    this.byte(match === undefined ? 0 : OPERATORS[match.operator]);
  }

  private byte(value: number): void {
    this.data.push(value & 0xff);
  }

  private big(value: number, size: number): void {
    for (let i = size - 1; i >= 0; i--) this.byte(value >>> (8 * i));
  }

  private text(text: string): void {
    this.data.push(...new TextEncoder().encode(text));
  }

  private padded(text: string, size: number): void {
    const bytes = new TextEncoder().encode(text);
    for (let i = 0; i < size; i++) this.byte(bytes[i] ?? 0);
  }
}

/** PFRULE_* of pfvar.h, as of 2008. */
function ruleFlags(rule: Rule): number {
  const options = rule.state?.options;
  let flags = rule.blockReturn === undefined ? 0 : BLOCK_FLAGS[rule.blockReturn.kind];
  if (rule.fragment) flags |= 0x2;
  if (options?.noSync) flags |= 0x10;
  if (options?.sourceTrack !== undefined) flags |= 0x20;
  if (options?.sourceTrack === 'rule') flags |= 0x40;
  if (options?.ifBound) flags |= 0x10000;
  if (options?.sloppy) flags |= 0x20000;
  return flags;
}
