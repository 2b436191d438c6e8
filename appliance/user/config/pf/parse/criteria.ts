// SPDX-License-Identifier: ISC
//
// Criteria of a rule before and behind its hosts: direction, log, interface, family, protocol, ports, users and groups,
// TCP flags, ICMP types, type of service (pf.conf(5), "PARAMETERS").

import { type Family, INET, INET6 } from '../../../../abi/address.ts';
import { DSCP_NAMES, icmpCodeByName, icmpTypeByName, TOS_NAMES, UNKNOWN_ID } from '../../../../abi/names.ts';
import type { Direction, NumberMatch, PortOperator, RuleLog } from '../../../../abi/rule.ts';
import { parseUnsigned } from '../cursor.ts';
import type { NameTable } from '../facts.ts';
import type { Parsing } from '../parsing.ts';
import { interfaceExists } from '../resolve.ts';
import type { IcmpNode, InterfaceNode } from '../syntax.ts';

const PROTOCOL_ICMP = 1;
const PROTOCOL_ICMPV6 = 58;
const MAX_INTERFACE_NAME = 15;
const MAX_PFLOG = 255;

export function parseDirection(p: Parsing): Direction | undefined {
  if (p.cursor.accept('in')) return 'in';
  return p.cursor.accept('out') ? 'out' : undefined;
}

/** `log` and `quick` in either order. */
export function parseLogQuick(p: Parsing): { log?: RuleLog; quick: boolean } {
  const early = p.cursor.accept('quick');
  const log = parseLog(p);
  const quick = early || (log !== undefined && p.cursor.accept('quick'));
  return { log, quick };
}

export function parseLog(p: Parsing): RuleLog | undefined {
  const { cursor } = p;
  if (!cursor.accept('log')) return undefined;
  const log = { all: false, matches: false, user: false, interface: 0 };
  if (!cursor.acceptOperator('(')) return log;
  cursor.parenthesized(() => {
    if (cursor.accept('all')) log.all = true;
    else if (p.traits.todaysRules && cursor.accept('matches')) log.matches = true;
    else if (cursor.accept('user') || (p.traits.classicRules && cursor.accept('group'))) log.user = true;
    else {
      cursor.require('to');
      log.interface = parsePflog(p);
    }
  });
  return log;
}

function parsePflog(p: Parsing): number {
  const name = p.cursor.strings();
  if (!name.startsWith('pflog')) p.cursor.fail(`${name}: should be a pflog interface`);
  const unit = name.slice(5);
  if (!/^\d+$/.test(unit)) p.cursor.fail(`${name}: invalid`);
  if (Number(unit) > MAX_PFLOG) p.cursor.fail(`${name}: too large`);
  return Number(unit);
}

/** `on IF`, `on { … }`, `on any`, `on rdomain N`. */
export function parseInterfaces(p: Parsing): InterfaceNode[] | undefined {
  if (!p.cursor.accept('on')) return undefined;
  return p.cursor.listOf(() => {
    const negated = p.cursor.acceptOperator('!');
    return { ...parseInterfaceItem(p), negated };
  });
}

export function parseInterfaceItem(p: Parsing): InterfaceNode {
  const { cursor } = p;
  if (p.traits.todaysRules && cursor.accept('any')) return { name: 'any', negated: false, loopback: false };
  if (!p.traits.classicRules && cursor.accept('rdomain')) return parseRoutingDomain(p);
  const name = cursor.string('interface');
  if (name.length > MAX_INTERFACE_NAME) cursor.fail('interface name too long');
  const known = interfaceExists(name, p.facts);
  return { name, negated: false, loopback: known && (p.facts.interfaces.get(name)?.loopback ?? false) };
}

function parseRoutingDomain(p: Parsing): InterfaceNode {
  const routingDomain = p.cursor.number();
  if (routingDomain < 0 || routingDomain > 255) p.cursor.error(`rdomain ${routingDomain} outside range`);
  return { name: '', negated: false, loopback: false, routingDomain };
}

export function parseFamily(p: Parsing): Family | undefined {
  if (p.cursor.accept('inet')) return INET;
  return p.cursor.accept('inet6') ? INET6 : undefined;
}

export function parseProtocols(p: Parsing): number[] | undefined {
  if (!p.cursor.accept('proto')) return undefined;
  return p.cursor.listOf(() => {
    const protocol = parseProtocol(p);
    if (protocol === 0) p.cursor.fail('proto 0 cannot be used');
    return protocol;
  });
}

function parseProtocol(p: Parsing): number {
  const { cursor } = p;
  if (cursor.atNumber()) {
    const number = cursor.number();
    if (number < 0 || number > 255) cursor.fail('protocol outside range');
    return number;
  }
  const name = cursor.string('protocol');
  return p.facts.protocols.number(name) ?? cursor.fail(`unknown protocol ${name}`);
}

/** `=` and its kin before a number; undefined where there is none. */
function parseUnaryOperator(p: Parsing): PortOperator | undefined {
  const { cursor } = p;
  if (cursor.acceptOperator('=')) return '=';
  if (p.traits.joinedOperators) {
    for (const operator of ['!=', '<=', '>=', '<', '>'] as const) {
      if (cursor.acceptOperator(operator)) return operator;
    }
    return undefined;
  }
  if (cursor.acceptOperator('!')) {
    cursor.requireOperator('=');
    return '!=';
  }
  if (cursor.acceptOperator('<')) return cursor.acceptOperator('=') ? '<=' : '<';
  if (cursor.acceptOperator('>')) return cursor.acceptOperator('=') ? '>=' : '>';
  return undefined;
}

function parseBinaryOperator(p: Parsing): '><' | '<>' | undefined {
  if (p.cursor.acceptOperator('><')) return '><';
  return p.cursor.acceptOperator('<>') ? '<>' : undefined;
}

/** A port as it is written; `range` for `a:b`, `star` for `a:*`. */
export interface PortNode {
  readonly low: number;
  readonly high: number;
  readonly range: boolean;
  readonly star: boolean;
}

/** One port or range. `star` tells whether `a:*` may be used. */
export function parsePort(p: Parsing, star = false): PortNode {
  const { cursor } = p;
  if (cursor.atNumber()) {
    const number = cursor.number();
    if (number < 0 || number > 65535) cursor.fail(`illegal port value ${number}`);
    return { low: number, high: 0, range: false, star: false };
  }
  const text = cursor.string('port');
  const colon = text.indexOf(':');
  if (colon < 0) return { low: parseService(p, text), high: 0, range: false, star: false };
  const low = parseService(p, text.slice(0, colon));
  if (star && text.slice(colon + 1) === '*') return { low, high: 0, range: true, star: true };
  return { low, high: parseService(p, text.slice(colon + 1)), range: true, star: false };
}

/** A port by number or by the name of a service: tcp first, then udp. */
function parseService(p: Parsing, text: string): number {
  const number = parseUnsigned(text);
  if (number !== undefined) {
    if (number > 65535) p.cursor.fail(`illegal port value ${number}`);
    return number;
  }
  const { tcp, udp } = p.facts.services;
  return tcp.number(text) ?? udp.number(text) ?? p.cursor.fail(`unknown port ${text}`);
}

/** What stands behind `port`. */
export function parsePortList(p: Parsing): NumberMatch[] {
  return p.cursor.listOf(() => parsePortItem(p));
}

function parsePortItem(p: Parsing): NumberMatch {
  const unary = parseUnaryOperator(p);
  const first = parsePort(p);
  if (unary !== undefined) {
    if (first.range) p.cursor.fail("':' cannot be used with an other port operator");
    return { operator: unary, low: first.low, high: 0 };
  }
  const binary = parseBinaryOperator(p);
  if (binary === undefined) {
    if (!first.range) return { operator: '=', low: first.low, high: 0 };
    return checkedRange(p, { operator: ':', low: first.low, high: first.high });
  }
  const second = parsePort(p);
  if (first.range || second.range) p.cursor.fail("':' cannot be used with an other port operator");
  return checkedRange(p, { operator: binary, low: first.low, high: second.low });
}

function checkedRange(p: Parsing, match: NumberMatch): NumberMatch {
  const empty = match.operator === '><' ? match.low >= match.high : match.low > match.high;
  if (p.traits.checkRanges && empty) p.cursor.fail('invalid port range');
  return match;
}

/** What stands behind `user` or `group`. */
export function parseOwners(p: Parsing, what: 'user' | 'group'): NumberMatch[] {
  const table = what === 'user' ? p.facts.users : p.facts.groups;
  return p.cursor.listOf(() => {
    const unary = parseUnaryOperator(p);
    const low = parseOwner(p, what, table);
    if (unary !== undefined) {
      if (low === UNKNOWN_ID && unary !== '=' && unary !== '!=') failUnknownOwner(p, what);
      return { operator: unary, low, high: low };
    }
    const binary = parseBinaryOperator(p);
    if (binary === undefined) return { operator: '=', low, high: low };
    const high = parseOwner(p, what, table);
    if (low === UNKNOWN_ID || high === UNKNOWN_ID) failUnknownOwner(p, what);
    return { operator: binary, low, high };
  });
}

function failUnknownOwner(p: Parsing, what: string): never {
  return p.cursor.fail(`${what} unknown requires operator = or !=`);
}

function parseOwner(p: Parsing, what: 'user' | 'group', table: NameTable): number {
  const { cursor } = p;
  if (cursor.atNumber()) {
    const number = cursor.number();
    if (number < 0 || number >= UNKNOWN_ID)
      cursor.fail(`illegal ${what === 'user' ? 'uid' : 'gid'} value ${number}`);
    return number;
  }
  const name = cursor.string(what);
  if (name === 'unknown') return UNKNOWN_ID;
  return table.number(name) ?? cursor.fail(`unknown ${what} ${name}`);
}

const FLAG_LETTERS = 'FSRPAUEW';
const ALL_FLAGS = 0xff;

/** What stands behind `flags`: SET/MASK, /MASK, or any (null). */
export function parseFlags(p: Parsing): { readonly set: number; readonly mask: number } | null {
  const { cursor } = p;
  if (cursor.accept('any')) return null;
  const set = cursor.atOperator('/') ? 0 : parseFlagLetters(p);
  cursor.requireOperator('/');
  return { set, mask: parseFlagLetters(p) };
}

function parseFlagLetters(p: Parsing): number {
  const text = p.cursor.string('flags');
  let flags = 0;
  for (const letter of text) {
    const bit = FLAG_LETTERS.indexOf(letter);
    if (bit < 0) p.cursor.fail(`bad flags ${text}`);
    flags |= 1 << bit;
  }
  return flags === 0 ? ALL_FLAGS : flags;
}

/** What stands behind `icmp-type` or `icmp6-type`. */
export function parseIcmpList(p: Parsing, family: Family): IcmpNode[] {
  return p.cursor.listOf(() => {
    const type = parseIcmpType(p, family);
    const code = p.cursor.accept('code') ? parseIcmpCode(p, type, family) : undefined;
    return { protocol: family === INET ? PROTOCOL_ICMP : PROTOCOL_ICMPV6, type, code };
  });
}

function parseIcmpType(p: Parsing, family: Family): number {
  const { cursor } = p;
  const what = family === INET ? 'icmp-type' : 'icmp6-type';
  if (cursor.atNumber()) {
    const number = cursor.number();
    if (number < 0 || number > 255) cursor.fail(`illegal ${what} ${number}`);
    return number;
  }
  const name = cursor.string(what);
  return icmpTypeByName(name, family) ?? cursor.fail(`unknown ${what} ${name}`);
}

function parseIcmpCode(p: Parsing, type: number, family: Family): number {
  const { cursor } = p;
  if (cursor.atNumber()) {
    const number = cursor.number();
    if (number < 0 || number > 255) cursor.fail(`illegal icmp-code ${number}`);
    return number;
  }
  const name = cursor.string('code');
  const what = family === INET ? 'icmp-code' : 'icmp6-code';
  return icmpCodeByName(name, type, family) ?? cursor.fail(`unknown ${what} ${name}`);
}

/** A type of service: a name, or a number in decimal or 0x hexadecimal. */
export function parseTos(p: Parsing): number {
  const { cursor } = p;
  const text = cursor.atNumber() ? cursor.take().text : cursor.string('tos');
  const value = TOS_NAMES[text] ?? (p.traits.dscpNames ? DSCP_NAMES[text] : undefined) ?? tosNumber(text);
  const legal = value !== undefined && value <= 255 && (value > 0 || p.traits.dscpNames);
  if (!legal) cursor.fail(`illegal tos value ${text}`);
  return value!;
}

function tosNumber(text: string): number | undefined {
  if (/^0x[0-9a-fA-F]+$/.test(text)) return Number.parseInt(text, 16);
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** A fraction, or a percentage with `%`. */
export function parseProbability(p: Parsing): number {
  const { cursor } = p;
  const text = cursor.atNumber() ? cursor.take().text : cursor.string('probability');
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(%?)$/.exec(text);
  if (match === null) return cursor.fail(`invalid probability: ${text}`);
  return Number(match[1]) * (match[2] === '%' ? 0.01 : 1);
}

/** What stands behind `rtable`. */
export function parseRtable(p: Parsing): number {
  const id = p.cursor.number();
  if (id < 0 || id > 255) p.cursor.fail('invalid rtable id');
  return id;
}
