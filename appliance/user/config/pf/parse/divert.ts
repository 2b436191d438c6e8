// SPDX-License-Identifier: ISC
//
// `divert-to`, `divert-reply` and `divert-packet` of a filter rule, checked (pf.conf(5), "divert-to"). FreeBSD knows sockets by
// their port alone.

import { type Family, ipv4 } from '../../../../abi/address.ts';
import type { Divert } from '../../../../abi/rule.ts';
import type { Parsing } from '../parsing.ts';
import type { DivertNode, RuleHead } from '../syntax.ts';

interface BuiltDivert {
  readonly divert: Divert;
  readonly family?: Family;
}

/** Where a rule diverts to, as its dialect allows it. */
export function buildDivert(
  p: Parsing,
  node: DivertNode,
  head: RuleHead,
  family: Family | undefined,
): BuiltDivert {
  if (p.traits.classicRules) checkClassicDivert(p, node, head);
  else checkDivert(p, node, head);
  if (node.kind !== 'to') return { divert: node };
  if (p.traits.divertPortOnly) return { divert: { kind: 'to', address: ipv4(0), port: node.port } };
  const classicHosts = node.hosts.slice(0, 1);
  const hosts = p.traits.classicRules ? classicHosts : node.hosts;
  const host = hosts.find((entry) => family === undefined || entry.family === family);
  const missing = host === undefined || (p.traits.classicRules && family === undefined);
  if (missing) {
    const text = p.traits.classicRules
      ? 'divert address family mismatch'
      : 'divert-to address family mismatch';
    return p.cursor.fail(text);
  }
  if (host.address.kind !== 'prefix') return p.cursor.fail('divert-to address family mismatch');
  const { family: chosen, words } = host.address.prefix;
  return { divert: { kind: 'to', address: { family: chosen, words }, port: node.port }, family: chosen };
}

function checkClassicDivert(p: Parsing, node: DivertNode, head: RuleHead): void {
  const outgoing = head.direction === 'out';
  if (outgoing && node.kind === 'to') p.cursor.fail('address specified for outgoing divert');
  if (!outgoing && node.kind === 'reply') p.cursor.fail('no address specified for incoming divert');
}

function checkDivert(p: Parsing, node: DivertNode, head: RuleHead): void {
  if (node.kind === 'to' && head.direction === 'out') p.cursor.fail('divert-to used with outgoing rule');
  if (node.kind === 'reply' && head.direction === 'in') p.cursor.fail('divert-reply used with incoming rule');
}
