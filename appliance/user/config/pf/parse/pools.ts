// SPDX-License-Identifier: ISC
//
// Pools of addresses for translation and routing, with how one of them is chosen (pf.conf(5), "POOL OPTIONS").

import type { PortSet } from '../../../../abi/rule.ts';
import { type Md5Words, md5Words } from '../md5.ts';
import type { Parsing } from '../parsing.ts';
import type { HostNode, PoolOptions, RedirectionNode, RouteNode } from '../syntax.ts';
import { parsePort } from './criteria.ts';
import { parseHost } from './hosts.ts';

export const MAX_WEIGHT = 65535;

/** Addresses of a redirection target: one, or a list in braces. */
export function parsePoolHosts(p: Parsing): HostNode[] {
  const { cursor } = p;
  if (!cursor.acceptOperator('{')) return parseWeightedHost(p);
  let first = true;
  return cursor
    .braced(() => {
      const hosts = parseWeightedHost(p);
      if (first && !p.traits.classicRules && !hosts.every(isPoolAddress)) {
        cursor.fail('only addresses can be listed for redirection pools ');
      }
      first = false;
      return hosts;
    })
    .flat();
}

function isPoolAddress(host: HostNode): boolean {
  return host.address.kind === 'prefix';
}

function parseWeightedHost(p: Parsing): HostNode[] {
  const hosts = parseHost(p);
  const weight = parseWeight(p);
  return weight === undefined ? hosts : hosts.map((host) => ({ ...host, weight }));
}

/** `weight N`, where the dialect has weights. */
export function parseWeight(p: Parsing): number | undefined {
  if (p.traits.classicRules || !p.cursor.accept('weight')) return undefined;
  const weight = p.cursor.number();
  if (weight < 1 || weight > MAX_WEIGHT) p.cursor.fail('weight out of range');
  return weight;
}

/** `POOL [port P]` and its options, behind `->`, `nat-to` and their kin. */
export function parseRedirection(p: Parsing): RedirectionNode {
  const hosts = parsePoolHosts(p);
  const port = p.cursor.accept('port') ? parseRedirectionPort(p) : undefined;
  return { hosts, port, options: parsePoolOptions(p) };
}

function parseRedirectionPort(p: Parsing): RedirectionNode['port'] {
  const port = parsePort(p, true);
  const single = !port.range || port.star || port.low === port.high;
  return { low: port.low, high: single ? undefined : port.high, star: port.star };
}

/** `bitmask`, `random`, `source-hash [KEY]`, `round-robin`, `least-states`, `static-port`, `sticky-address`. */
export function parsePoolOptions(p: Parsing): PoolOptions {
  const options: PoolOptions = {};
  while (parsePoolOption(p, options));
  return options;
}

function parsePoolOption(p: Parsing, options: PoolOptions): boolean {
  const { cursor } = p;
  for (const type of ['bitmask', 'random', 'round-robin', 'least-states', 'source-hash'] as const) {
    if (type === 'least-states' && p.traits.classicRules) continue;
    if (!cursor.accept(type)) continue;
    const key = type === 'source-hash' ? parseHashKey(p) : undefined;
    if (options.type !== undefined) cursor.fail('pool type cannot be redefined');
    options.type = type;
    options.key = key;
    return true;
  }
  if (cursor.accept('static-port')) {
    if (options.staticPort) cursor.fail('static-port cannot be redefined');
    options.staticPort = true;
    return true;
  }
  if (parseFreebsdPoolOption(p, options)) return true;
  if (!cursor.accept('sticky-address')) return false;
  if (options.stickyAddress && !p.traits.classicRules) cursor.fail('sticky-address cannot be redefined');
  options.stickyAddress = true;
  return true;
}

/** Words that no other dialect reserves. */
function parseFreebsdPoolOption(p: Parsing, options: PoolOptions): boolean {
  const { cursor } = p;
  if (cursor.accept('endpoint-independent')) {
    if (options.endpointIndependent) cursor.fail('endpoint-independent cannot be redefined');
    options.endpointIndependent = true;
    p.config.unenforced.add('endpoint-independent');
  } else if (cursor.accept('prefer-ipv6-nexthop')) {
    if (options.preferIpv6) cursor.fail('prefer-ipv6-nexthop cannot be redefined');
    options.preferIpv6 = true;
  } else if (cursor.accept('map-e-portset')) {
    const portSet = parsePortSet(p);
    if (options.portSet !== undefined) cursor.fail('map-e-portset cannot be redefined');
    options.portSet = portSet;
  } else return false;
  return true;
}

/** OFFSET/LENGTH/IDENTIFIER (RFC 7597, section 5.1): 16 bits of a port. */
function parsePortSet(p: Parsing): PortSet {
  const { cursor } = p;
  const offset = cursor.number();
  cursor.requireOperator('/');
  const length = cursor.number();
  cursor.requireOperator('/');
  const id = cursor.numberOrHex();
  if (offset < 0 || length < 1 || offset + length > 15)
    cursor.fail('map-e-portset: bits of offset and length out of range');
  if (id < 0 || id >= 2 ** length) cursor.fail('map-e-portset: identifier does not fit into its length');
  return { offset, length, id };
}

/** 32 hexadecimal digits, any words (their MD5 is the key), or nothing (a random key). */
function parseHashKey(p: Parsing): readonly number[] {
  const { cursor } = p;
  if (!cursor.atString('key')) return p.randomKey();
  const text = cursor.strings();
  if (!text.startsWith('0x')) return keyOf(md5Words(new TextEncoder().encode(text)));
  if (text.length !== 34) cursor.fail('hex key must be 128 bits (32 hex digits) long');
  if (!/^0x[0-9a-fA-F]{32}$/.test(text)) cursor.fail('invalid hex key');
  return [0, 1, 2, 3].map((i) => Number.parseInt(text.slice(2 + 8 * i, 10 + 8 * i), 16));
}

/** The digest's words as they are printed: bytes in order, most significant first. */
function keyOf(words: Md5Words): readonly number[] {
  return words.map(
    (word) =>
      (((word & 0xff) << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0,
  );
}

/** The route of a 2008 rule: `fastroute`, or `route-to`, `reply-to`, `dup-to` with interfaces and gateways. */
export function parseClassicRoute(p: Parsing): RouteNode | undefined {
  const { cursor } = p;
  if (cursor.accept('fastroute')) return { kind: 'fastroute', hosts: [], options: {} };
  for (const kind of ['route-to', 'reply-to', 'dup-to'] as const) {
    if (!cursor.accept(kind)) continue;
    const hosts = cursor.acceptOperator('{') ? parseGatewayList(p) : parseGateway(p);
    return { kind, hosts, options: parsePoolOptions(p) };
  }
  return undefined;
}

function parseGatewayList(p: Parsing): HostNode[] {
  let family: HostNode['family'];
  const lists = p.cursor.braced(() => {
    const hosts = parseGateway(p);
    family ??= hosts[0]!.family;
    if (hosts[0]!.family !== family) {
      p.cursor.fail('all pool addresses must be in the same address family');
    }
    return hosts;
  });
  return lists.flat();
}

/** `IF` or `(IF ADDRESS)`. */
function parseGateway(p: Parsing): HostNode[] {
  const { cursor } = p;
  if (!cursor.acceptOperator('(')) {
    return [{ address: { kind: 'any' }, negated: false, egress: cursor.string('interface') }];
  }
  const egress = cursor.string('interface');
  const hosts = parseHost(p);
  cursor.requireOperator(')');
  return hosts.map((host) => ({ ...host, egress }));
}
