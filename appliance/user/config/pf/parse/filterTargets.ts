// SPDX-License-Identifier: ISC
//
// What a filter rule of today does to where its packets go: nat-to, rdr-to, binat-to, af-to, route-to and kin, divert-to
// (pf.conf(5), "TRANSLATION", "ROUTING").

import type { Parsing } from '../parsing.ts';
import { resolveHost } from '../resolve.ts';
import type { DivertNode, FilterOptions } from '../syntax.ts';
import { parseFamily, parsePort } from './criteria.ts';
import { parsePoolHosts, parsePoolOptions, parseRedirection } from './pools.ts';

export function setNat(p: Parsing, options: FilterOptions, binat: boolean): void {
  const target = parseRedirection(p);
  if (options.nat !== undefined) p.cursor.fail('cannot respecify nat-to/binat-to');
  options.nat = binat ? { ...target, options: { ...target.options, staticPort: true } } : target;
  options.binat = binat || undefined;
}

export function parseAfTo(p: Parsing, options: FilterOptions): void {
  const { cursor } = p;
  const family = parseFamily(p);
  cursor.require('from');
  const from = parseRedirection(p);
  const to = cursor.accept('to') ? parseRedirection(p) : undefined;
  if (options.nat !== undefined) cursor.fail('cannot respecify af-to');
  if (family === undefined) {
    p.cursor.fail(`no ${to === undefined ? 'target ' : ''}address family specified`);
  }
  const strays = [from, to].some((target) => {
    const first = target?.hosts[0]?.family;
    return first !== undefined && first !== family;
  });
  if (to !== undefined && strays) cursor.fail('af-to addresses must be in the target address family');
  options.afTo = family;
  options.nat = from;
  options.rdr = to;
}

export function setRoute(p: Parsing, options: FilterOptions, kind: 'route-to' | 'reply-to' | 'dup-to'): void {
  const hosts = parsePoolHosts(p);
  const target = { hosts, options: parsePoolOptions(p) };
  if (options.route !== undefined) p.cursor.fail('cannot respecify route-to/reply-to/dup-to');
  options.route = { kind, target };
}

export function parseDivertTo(p: Parsing): DivertNode {
  const { cursor } = p;
  // FreeBSD prints, and so must read, a port without an address.
  if (p.traits.divertPortOnly && cursor.atNumber()) {
    return { kind: 'to', hosts: [], port: parseDivertPort(p) };
  }
  const text = cursor.string('address');
  cursor.require('port');
  const port = parseDivertPort(p);
  const hosts = resolveHost(text, p.facts, p.diagnostics);
  if (hosts === undefined) return cursor.fail(`could not parse divert address: ${text}`);
  return { kind: 'to', hosts, port };
}

export function parseDivertPort(p: Parsing): number {
  const port = parsePort(p);
  if (port.range) p.cursor.fail("':' cannot be used with an other port operator");
  if (port.low === 0) p.cursor.fail('invalid divert port: 0');
  return port.low;
}
