// SPDX-License-Identifier: ISC
//
// `from … to …` of a rule and the addresses in it (pf.conf(5), "from source port source os source to dest port dest").

import { addressBits } from '../../../../abi/address.ts';
import type { RuleAddress } from '../../../../abi/rule.ts';
import type { Parsing } from '../parsing.ts';
import { dynamicAddress, modifiersConflict, resolveHost, splitModifiers } from '../resolve.ts';
import type { HostList, HostNode, HostsNode } from '../syntax.ts';
import { parsePortList } from './criteria.ts';

export const MAX_TABLE_NAME = 31;
const MAX_ROUTE_LABEL = 31;
const MAX_INTERFACE_NAME = 15;

/** `all`, or `[from …] [os …] [to …]`. */
export function parseHosts(p: Parsing): HostsNode {
  const { cursor } = p;
  if (cursor.accept('all')) return { source: undefined, destination: undefined };
  const source = cursor.accept('from') ? parseSide(p) : {};
  const os = cursor.accept('os') ? cursor.listOf(() => cursor.string('os')) : undefined;
  const destination = cursor.accept('to') ? parseSide(p) : {};
  if (destination.hosts?.some((host) => host.address.kind === 'urpf-failed')) {
    cursor.fail('"urpf-failed" is not permitted in a destination address');
  }
  return {
    source: source.hosts,
    sourcePorts: source.ports,
    os,
    destination: destination.hosts,
    destinationPorts: destination.ports,
  };
}

function parseSide(p: Parsing): { hosts?: HostList; ports?: ReturnType<typeof parsePortList> } {
  const hosts = p.cursor.at('port') ? undefined : parseHostList(p);
  const ports = p.cursor.accept('port') ? parsePortList(p) : undefined;
  return { hosts, ports };
}

/** `any`, one address, or a list of them in braces (which may be nested). Undefined is any. */
export function parseHostList(p: Parsing): HostList {
  const { cursor } = p;
  if (cursor.accept('any')) return undefined;
  if (!cursor.acceptOperator('{')) return parseRuleHost(p);
  return joinHosts(
    p,
    cursor.braced(() => parseHostList(p)),
  );
}

function joinHosts(p: Parsing, lists: readonly HostList[]): HostList {
  const named = lists.filter((list) => list !== undefined);
  if (named.length === 0 || (named.length < lists.length && p.traits.anyAbsorbsList)) return undefined;
  return named.flat();
}

/** One address of a rule, negated or not. */
function parseRuleHost(p: Parsing): HostNode[] {
  const negated = p.cursor.acceptOperator('!');
  const special = parseSpecialHost(p);
  const hosts = special === undefined ? parseHost(p) : [{ address: special, negated: false }];
  return hosts.map((host) => (negated ? { ...host, negated } : host));
}

function parseSpecialHost(p: Parsing): RuleAddress | undefined {
  if (p.cursor.accept('no-route')) return { kind: 'no-route' };
  return p.cursor.accept('urpf-failed') ? { kind: 'urpf-failed' } : undefined;
}

/** An address, range, interface, table or route label, as it may stand in rules and pools alike. */
export function parseHost(p: Parsing): HostNode[] {
  const { cursor } = p;
  if (cursor.atOperator('(')) return [parseDynamicHost(p)];
  if (cursor.acceptOperator('<')) return [{ address: parseTableName(p), negated: false }];
  if (cursor.accept('route')) return [{ address: parseRouteLabel(p), negated: false }];
  if (cursor.atNumber()) {
    const number = cursor.take().text;
    cursor.requireOperator('/');
    return lookUp(p, `${number}/${cursor.number()}`);
  }
  const text = cursor.string('address');
  if (cursor.acceptOperator('/')) return lookUp(p, `${text}/${cursor.number()}`);
  if (cursor.acceptOperator('-')) return [parseRange(p, text, cursor.string('address'))];
  return lookUp(p, text);
}

function lookUp(p: Parsing, text: string): HostNode[] {
  const hosts = resolveHost(text, p.facts, p.diagnostics);
  return hosts === undefined ? p.cursor.fail('could not parse host specification') : [...hosts];
}

function parseRange(p: Parsing, from: string, to: string): HostNode {
  const [first, ...moreFirst] = lookUp(p, from);
  const [last, ...moreLast] = lookUp(p, to);
  const alone = moreFirst.length === 0 && moreLast.length === 0;
  if (!alone || !isPlainHost(first!) || !isPlainHost(last!) || first!.family !== last!.family) {
    return p.cursor.fail('invalid address range');
  }
  return {
    address: { kind: 'range', from: addressOf(first!), to: addressOf(last!) },
    family: first!.family,
    negated: false,
  };
}

function isPlainHost(host: HostNode): boolean {
  const { address } = host;
  return address.kind === 'prefix' && address.prefix.length === addressBits(address.prefix.family);
}

function addressOf(host: HostNode) {
  const { address } = host;
  if (address.kind !== 'prefix') throw new Error('not a plain address');
  return { family: address.prefix.family, words: address.prefix.words };
}

/** `(IF[:modifier…])[/LENGTH]`. */
function parseDynamicHost(p: Parsing): HostNode {
  const { cursor } = p;
  cursor.requireOperator('(');
  const text = cursor.string('interface');
  if (!cursor.acceptOperator(')')) {
    // `(vr0 10.0.0.1)` is how 2008 writes a gateway.
    p.classicSeen = true;
    cursor.syntaxError();
  }
  const address = dynamicFrom(p, text);
  if (!cursor.acceptOperator('/')) return { address, negated: false };
  const length = cursor.number();
  if (length < 0 || length > 128) cursor.fail('bit number too big');
  return { address: { ...address, length }, negated: false };
}

function dynamicFrom(p: Parsing, text: string) {
  const { cursor } = p;
  if (!/^[A-Za-z]/.test(text)) cursor.fail(`invalid interface name '${text}'`);
  const split = splitModifiers(text) ?? cursor.fail(`interface ${text} has bad modifier`);
  if (modifiersConflict(split.modifiers)) cursor.fail('illegal combination of interface modifiers');
  if (split.name.length > MAX_INTERFACE_NAME) cursor.fail('interface name too long');
  return dynamicAddress(split.name, split.modifiers);
}

function parseTableName(p: Parsing): RuleAddress {
  const name = p.cursor.string('table');
  p.cursor.requireOperator('>');
  if (name.length > MAX_TABLE_NAME) p.cursor.fail(`table name '${name}' too long`);
  return { kind: 'table', name };
}

function parseRouteLabel(p: Parsing): RuleAddress {
  const label = p.cursor.string('label');
  if (label.length > MAX_ROUTE_LABEL) {
    p.cursor.fail(`route label too long, max ${MAX_ROUTE_LABEL} chars`);
  }
  return { kind: 'route', label };
}
