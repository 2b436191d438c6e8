// SPDX-License-Identifier: ISC
//
// antispoof: block rules made of an interface's networks and addresses (pf.conf(5), "BLOCKING SPOOFED TRAFFIC").

import type { Family } from '../../../../abi/address.ts';
import type { RuleLog } from '../../../../abi/rule.ts';
import { expandRule } from '../build/expand.ts';
import type { Parsing } from '../parsing.ts';
import { addressesOf, dynamicAddress, NO_MODIFIERS } from '../resolve.ts';
import type { HostNode, InterfaceNode } from '../syntax.ts';
import { parseFamily, parseInterfaceItem, parseLogQuick, parseRtable } from './criteria.ts';
import { checkOrder, endStatement } from './filterRule.ts';

const MAX_LABEL = 63;

interface Antispoof {
  readonly log?: RuleLog;
  readonly quick: boolean;
  readonly family?: Family;
  readonly label?: string;
  readonly rtable?: number;
  readonly ridentifier?: number;
}

/** One statement; `antispoof` has been taken. */
export function parseAntispoof(p: Parsing): void {
  const { cursor } = p;
  const { log, quick } = parseLogQuick(p);
  cursor.require('for');
  const interfaces = cursor.listOf(() => parseSpoofed(p));
  const family = parseFamily(p);
  const options = parseOptions(p);
  endStatement(p);
  if (p.traits.classicRules) checkOrder(p, 'filter');
  for (const entry of interfaces) addRules(p, entry, { log, quick, family, ...options });
}

function parseSpoofed(p: Parsing): InterfaceNode {
  if (!p.cursor.acceptOperator('(')) return parseInterfaceItem(p);
  const entry = parseInterfaceItem(p);
  p.cursor.requireOperator(')');
  return { ...entry, dynamic: true };
}

function parseOptions(p: Parsing): Pick<Antispoof, 'label' | 'rtable' | 'ridentifier'> {
  const { cursor } = p;
  let label: string | undefined;
  let rtable: number | undefined;
  let ridentifier: number | undefined;
  for (;;) {
    if (cursor.accept('label')) {
      if (label !== undefined) cursor.fail('label cannot be redefined');
      label = cursor.string('label');
    } else if (cursor.accept('rtable')) rtable = parseRtable(p);
    else if (cursor.accept('ridentifier')) ridentifier = cursor.number();
    else return { label, rtable, ridentifier };
  }
}

function addRules(p: Parsing, entry: InterfaceNode, options: Antispoof): void {
  if ((options.label?.length ?? 0) > MAX_LABEL) {
    p.cursor.fail(`rule label too long (max ${MAX_LABEL} chars)`);
  }
  block(p, options, spoofableNetworks(p, entry), { ...entry, negated: true });
  if (!entry.loopback) block(p, options, ownAddresses(p, entry), undefined);
}

function spoofableNetworks(p: Parsing, entry: InterfaceNode): readonly HostNode[] {
  const modifiers = { ...NO_MODIFIERS, network: true };
  if (entry.dynamic) return [{ address: dynamicAddress(entry.name, modifiers), negated: false }];
  return addressesOf(entry.name, modifiers, p.facts);
}

function ownAddresses(p: Parsing, entry: InterfaceNode): readonly HostNode[] {
  if (entry.dynamic) return [{ address: dynamicAddress(entry.name, NO_MODIFIERS), negated: false }];
  return addressesOf(entry.name, NO_MODIFIERS, p.facts);
}

/** Nothing comes of an interface without addresses. */
function block(
  p: Parsing,
  options: Antispoof,
  source: readonly HostNode[],
  on: InterfaceNode | undefined,
): void {
  if (source.length === 0) return;
  expandRule(p, {
    template: {
      list: 'filter',
      action: 'block',
      blockReturn: { kind: 'drop' },
      direction: 'in',
      ...options,
      line: { file: p.cursor.file, line: p.cursor.line },
    },
    lists: { interfaces: on && [on], hosts: { source, destination: undefined } },
  });
}
