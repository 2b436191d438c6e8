// SPDX-License-Identifier: ISC
//
// The rules that a redirection puts into pf's anchor relayd/NAME, in the form of 2008 or of today.

import { createHash } from 'node:crypto';
import { addressBits } from '../../abi/address.ts';
import { PROTOCOLS } from '../../abi/names.ts';
import {
  ANY_HOST,
  type Dialect,
  type NumberMatch,
  type Pool,
  type PoolType,
  type Rule,
} from '../../abi/rule.ts';
import type { ListenConf, Mode, RedirectConf } from '../config/relayd/model.ts';

export function anchorOf(redirect: RedirectConf): string {
  return `relayd/${redirect.name}`;
}

const POOL_TYPES: Readonly<Record<Mode, PoolType>> = {
  random: 'random',
  roundrobin: 'round-robin',
  'source-hash': 'source-hash',
  'least-states': 'least-states',
  hash: 'round-robin',
  loadbalance: 'source-hash',
};

/** One rule for each listen line, the last line first. */
export function rulesOf(redirect: RedirectConf, dialect: Dialect): Rule[] {
  return [...redirect.listen].reverse().map((listen) => ruleOf(redirect, listen, dialect));
}

function ruleOf(redirect: RedirectConf, listen: ListenConf, dialect: Dialect): Rule {
  const isOld = dialect !== 'openbsd';
  const isTcp = listen.protocol === PROTOCOLS.tcp;
  const base = {
    direction: 'in',
    quick: true,
    family: listen.address.family,
    protocol: listen.protocol,
    source: ANY_HOST,
    destination: {
      address: { kind: 'prefix', prefix: { ...listen.address, length: addressBits(listen.address.family) } },
      negated: false,
      port: portMatch(listen),
    },
    ...(listen.interface === undefined ? {} : { interface: { name: listen.interface, negated: false } }),
    ...(redirect.tag === undefined ? {} : { tag: redirect.tag }),
    ...(listen.log ? { log: { all: false, matches: false, user: false, interface: 0 } } : {}),
  } as const;
  const timeouts = isTcp ? { timeouts: { 'tcp.established': redirect.sessionTimeout } } : {};
  if (redirect.kind === 'route') {
    const options = { sloppy: true, ...timeouts };
    const pool = poolOf(redirect, listen, isOld ? redirect.interface : undefined, isOld);
    return {
      ...base,
      ...action(redirect),
      state: { keep: 'keep', options },
      route: { kind: 'route-to', pool },
    };
  }
  const pool = poolOf(redirect, listen, undefined, isOld);
  if (isOld) {
    const { direction: _direction, quick: _quick, ...rest } = base;
    return { ...rest, list: 'rdr', action: 'rdr', quick: false, rdr: pool };
  }
  const flags = isTcp ? { flags: { set: 0x02, mask: 0x12 } } : {};
  return { ...base, ...action(redirect), ...flags, state: { keep: 'keep', options: timeouts }, rdr: pool };
}

function action(redirect: RedirectConf): Pick<Rule, 'list' | 'action' | 'quick'> {
  return redirect.matchTag
    ? { list: 'filter', action: 'match', quick: false }
    : { list: 'filter', action: 'pass', quick: true };
}

function portMatch(listen: ListenConf): NumberMatch {
  const isRange = listen.lastPort !== listen.port;
  return { operator: isRange ? ':' : '=', low: listen.port, high: isRange ? listen.lastPort : 0 };
}

function poolOf(redirect: RedirectConf, listen: ListenConf, on: string | undefined, isOld: boolean): Pool {
  const address = { kind: 'table', name: redirect.name } as const;
  // 2008 knew round-robin only; today other modes can be named, and it is the default still.
  const type = isOld ? 'round-robin' : POOL_TYPES[redirect.main.mode ?? 'roundrobin'];
  // A range keeps the port that the client chose, as long as the file does not name one.
  const isSingle = listen.port === listen.lastPort;
  const rewrites = redirect.kind === 'forward' && (isSingle || redirect.main.namesPort);
  const key = type === 'source-hash' ? keyOf(redirect.main.key ?? redirect.name) : undefined;
  return {
    entries: [on === undefined ? { address } : { address, interface: on }],
    type,
    ...(key === undefined ? {} : { key }),
    stickyAddress: redirect.sticky,
    staticPort: false,
    ...(rewrites ? { ports: { low: redirect.main.port, high: redirect.main.port } } : {}),
  };
}

/** Four words: hexadecimal digits as they are, any other text by its MD5; a file without a key has one of its own by its name. */
function keyOf(text: string): number[] {
  const hex = text.startsWith('0x') ? text.slice(2) : createHash('md5').update(text).digest('hex');
  return [0, 8, 16, 24].map((at) => Number.parseInt(hex.slice(at, at + 8), 16) | 0);
}
