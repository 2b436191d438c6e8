// SPDX-License-Identifier: ISC
//
// The rules that a redirection puts into pf's anchor relayd/NAME, in the form of 2008 or of today (relayd.md 2.3, 2.4).

import { createHash } from 'node:crypto';
import { hostPrefix } from '../../abi/address.ts';
import { PROTOCOLS } from '../../abi/names.ts';
import {
  ANY_HOST,
  type Dialect,
  type NumberMatch,
  type Pool,
  type PoolType,
  type Rule,
  type StateOptions,
} from '../../abi/rule.ts';
import type { RedirectConf, Vip } from '../config/relayd/configuration.ts';
import type { Mode, PortSpec } from '../config/relayd/syntax.ts';

const TH_SYN = 0x02;
const TH_ACK = 0x10;

const POOL_TYPES: Readonly<Partial<Record<Mode, PoolType>>> = {
  random: 'random',
  roundrobin: 'round-robin',
  'source-hash': 'source-hash',
  'least-states': 'least-states',
};

/**
 * One rule for each address that is listened on, the last one first, as the original's list has them. `randomKey` (four
 * 32-bit words) is for source-hash without a key.
 */
export function redirectRules(
  redirect: RedirectConf,
  dialect: Dialect,
  randomKey: readonly number[],
): readonly Rule[] {
  const { key } = redirect.main;
  const hashed = key === undefined ? randomKey : hashKey(key);
  const vips = [...redirect.vips].reverse();
  if (dialect !== 'openbsd') return vips.map((vip) => classicRule(redirect, vip));
  const routed = redirect.kind === 'route' && !redirect.tag?.match ? vips.map(wayOut) : [];
  return [...vips.map((vip) => todaysRule(redirect, vip, hashed)), ...routed];
}

/** `rdr … -> <www> port 80 round-robin`, or `pass in quick … route-to (vr0 <www>) … keep state (sloppy)`. */
function classicRule(redirect: RedirectConf, vip: Vip): Rule {
  if (redirect.kind === 'forward') {
    // The session timeout has no place on a translation rule; the rule that passes makes the state.
    const { tag } = redirect;
    const rule = {
      list: 'rdr',
      action: 'rdr',
      quick: false,
      ...criteria(vip),
      ...(tag && { tag: tag.name }),
    } as const;
    return { ...rule, rdr: { ...pool(redirect, 'round-robin'), ...ports(redirect, vip) } };
  }
  const routed = pool(redirect, 'round-robin', redirect.interface);
  return { ...filterRule(redirect, vip), route: { kind: 'route-to', pool: routed } };
}

/** Forwarding and routing are both targets of a filter rule. */
function todaysRule(redirect: RedirectConf, vip: Vip, key: readonly number[]): Rule {
  const rule = filterRule(redirect, vip);
  const type = POOL_TYPES[redirect.main.mode] ?? 'round-robin';
  const target = { ...pool(redirect, type), ...(type === 'source-hash' ? { key } : {}) };
  // Today's pf takes next hops only: the way out comes from the route to the next hop.
  if (redirect.kind === 'route') return { ...rule, route: { kind: 'route-to', pool: target } };
  const flags = isTcp(vip) ? { flags: { set: TH_SYN, mask: TH_SYN | TH_ACK } } : {};
  return { ...rule, ...flags, rdr: { ...target, ...ports(redirect, vip) } };
}

/**
 * Today's pf looks at a routed packet once more on its way out. There it passes without a state: a strict one of the main
 * ruleset would see half a connection, and stop it when the window that it knows of is used up.
 */
function wayOut(vip: Vip): Rule {
  const { interface: _ingress, ...rest } = criteria(vip);
  return { list: 'filter', action: 'pass', direction: 'out', quick: true, ...rest };
}

/** What a packet must be to be meant. */
function criteria(vip: Vip): Omit<Rule, 'list' | 'action' | 'quick'> {
  return {
    ...(vip.interface === undefined ? {} : { interface: { name: vip.interface, negated: false } }),
    family: vip.address.family,
    protocol: vip.protocol,
    source: ANY_HOST,
    destination: {
      address: { kind: 'prefix', prefix: hostPrefix(vip.address) },
      negated: false,
      port: portMatch(vip.port),
    },
  };
}

function filterRule(redirect: RedirectConf, vip: Vip): Rule {
  const match = redirect.tag?.match ?? false;
  return {
    list: 'filter',
    action: match ? 'match' : 'pass',
    direction: 'in',
    quick: !match,
    ...(vip.log ? { log: { all: false, matches: false, user: false, interface: 0 } } : {}),
    ...criteria(vip),
    state: { keep: 'keep', options: stateOptions(redirect, vip) },
    ...(redirect.tag && { tag: redirect.tag.name }),
  };
}

/** Of a connection that is routed only one half is seen, and a router may tell of the other. */
function stateOptions(redirect: RedirectConf, vip: Vip): StateOptions {
  return {
    ...(redirect.kind === 'route' ? { sloppy: true } : {}),
    ...(redirect.strict && isTcp(vip) ? { observed: true } : {}),
    ...(isTcp(vip) ? { timeouts: { 'tcp.established': redirect.sessionTimeout } } : {}),
  };
}

function isTcp(vip: Vip): boolean {
  return vip.protocol === PROTOCOLS.tcp;
}

function portMatch(port: PortSpec): NumberMatch {
  if (port.high === undefined) return { operator: '=', low: port.low, high: 0 };
  return { operator: ':', low: port.low, high: port.high };
}

/** The table of the redirection, and with 2008's `route-to` the interface to leave by. */
function pool(redirect: RedirectConf, type: PoolType, egress?: string): Pool {
  const address = { kind: 'table', name: redirect.name } as const;
  return {
    entries: [egress === undefined ? { address } : { address, interface: egress }],
    type,
    stickyAddress: redirect.sticky,
    staticPort: false,
  };
}

/** The port that connections are forwarded to. Those of a range keep theirs unless the table's was written. */
function ports(redirect: RedirectConf, vip: Vip): Pick<Pool, 'ports'> {
  const { port } = redirect.main;
  return vip.port.high === undefined || redirect.portWritten ? { ports: { low: port, high: port } } : {};
}

/** 128 bits: hexadecimal digits as they are, any other text by its MD5. */
function hashKey(text: string): readonly number[] {
  const bytes = text.startsWith('0x')
    ? Buffer.from(text.slice(2), 'hex')
    : createHash('md5').update(text).digest();
  return [0, 4, 8, 12].map((offset) => bytes.readUInt32BE(offset));
}
