// SPDX-License-Identifier: ISC
//
// `relay` and `router` blocks of relayd.conf(5).

import { addressBits, type Prefix } from '../../../abi/address.ts';
import { parseAddress, parsePrefix } from '../../../abi/addressText.ts';
import type { Cursor, Draft } from './cursor.ts';
import type { RelayConf, RelayForward, RelayTarget, RouterConf, TableConf } from './model.ts';
import { DEFAULT_SESSION_TIMEOUT } from './redirect.ts';
import { type Globals, parseTableUse } from './tables.ts';

const MAXIMUM_RTABLE = 255;
const MAXIMUM_LABEL = 32;
/** What a gateway is known by where no port is given: its checks need none. */
const NO_PORT = 65_535;

type RelayDraft = Draft<RelayConf> & { listen: RelayConf['listen'][number][]; forward: RelayForward[] };

/** The block behind `relay`; undefined when it holds mistakes, which are noted. */
export function parseRelay(
  cursor: Cursor,
  tables: ReadonlyMap<string, TableConf>,
  globals: Globals,
): RelayConf | undefined {
  const place = cursor.token;
  const name = cursor.name('relay name');
  const draft: RelayDraft = { listen: [], forward: [] };
  if (!cursor.block(() => relayLine(cursor, draft, tables, globals))) return undefined;
  if (draft.listen.length === 0) cursor.note(`relay ${name} has no listener`, place);
  if (draft.forward.length === 0) cursor.note(`relay ${name} has no target, rdr, or table`, place);
  return { disabled: false, sessionTimeout: DEFAULT_SESSION_TIMEOUT, ...draft, name };
}

function relayLine(
  cursor: Cursor,
  draft: RelayDraft,
  tables: ReadonlyMap<string, TableConf>,
  globals: Globals,
): void {
  if (cursor.takeWord('listen')) {
    cursor.expectWord('on');
    const place = cursor.token;
    const address =
      parseAddress(cursor.text('an address')) ?? cursor.fail(`invalid listen ip: ${place.text}`, place);
    cursor.expectWord('port');
    draft.listen.push({ address, port: cursor.port(), tls: cursor.takeWord('tls', 'ssl') });
  } else if (cursor.isWord('forward', 'transparent')) {
    draft.forward.push(parseForward(cursor, tables, globals, draft.listen[0]?.port));
  } else if (cursor.takeWord('session')) {
    cursor.expectWord('timeout');
    draft.sessionTimeout = cursor.number('timeout', 1, 0x7fffffff);
  } else if (cursor.takeWord('protocol')) {
    draft.protocol = cursor.name('protocol name');
  } else if (cursor.takeWord('disable')) {
    draft.disabled = true;
  } else {
    cursor.fail(`syntax error: ${cursor.here()} is no option of a relay`);
  }
}

function parseForward(
  cursor: Cursor,
  tables: ReadonlyMap<string, TableConf>,
  globals: Globals,
  defaultPort: number | undefined,
): RelayForward {
  const transparent = cursor.takeWord('transparent');
  cursor.expectWord('forward');
  const tls = cursor.takeWord('with');
  if (tls) cursor.expectWord('tls', 'ssl');
  cursor.expectWord('to');
  const target = parseTarget(cursor, tables, globals, defaultPort);
  const rest: Draft<RelayForward> = {};
  for (;;) {
    if (cursor.takeWord('interface')) rest.interface = cursor.name('interface', 16);
    else if (cursor.takeWord('inet')) rest.family = 'inet';
    else if (cursor.takeWord('inet6')) rest.family = { inet6: cursor.text('an address') };
    else if (cursor.takeWord('proxy-protocol'))
      rest.proxyProtocol = cursor.expectWord('v1', 'v2') as 'v1' | 'v2';
    else return { ...rest, target, transparent, tls };
  }
}

function parseTarget(
  cursor: Cursor,
  tables: ReadonlyMap<string, TableConf>,
  globals: Globals,
  defaultPort: number | undefined,
): RelayTarget {
  if (cursor.isMark('<')) {
    return { kind: 'table', use: parseTableUse(cursor, tables, { owner: 'relays', globals, defaultPort }) };
  }
  if (cursor.takeWord('destination')) return { kind: 'destination', retry: parseRetry(cursor) };
  if (cursor.takeWord('nat')) {
    cursor.expectWord('lookup');
    return { kind: 'nat lookup', retry: parseRetry(cursor) };
  }
  const place = cursor.token;
  const address =
    parseAddress(cursor.text('a target')) ?? cursor.fail(`invalid address ${place.text}`, place);
  cursor.expectWord('port');
  return { kind: 'address', address, port: cursor.port(), retry: parseRetry(cursor) };
}

function parseRetry(cursor: Cursor): number {
  return cursor.takeWord('retry') ? cursor.number('retry', 0, 0x7fffffff) : 0;
}

/** The block behind `router`; undefined when it holds mistakes, which are noted. */
export function parseRouter(
  cursor: Cursor,
  tables: ReadonlyMap<string, TableConf>,
  globals: Globals,
): RouterConf | undefined {
  const place = cursor.token;
  const name = cursor.name('router name');
  const routes: Prefix[] = [];
  const draft: Draft<RouterConf> = {};
  const line = () => {
    if (cursor.takeWord('route')) routes.push(parseRoute(cursor));
    else if (cursor.takeWord('rtable')) draft.rtable = cursor.number('rtable', 0, MAXIMUM_RTABLE);
    else if (cursor.takeWord('rtlabel')) draft.label = cursor.name('label', MAXIMUM_LABEL);
    else if (cursor.takeWord('disable')) draft.disabled = true;
    else {
      cursor.expectWord('forward');
      cursor.expectWord('to');
      if (draft.gateways !== undefined) cursor.fail(`router ${name} already has a table`);
      draft.gateways = parseTableUse(cursor, tables, { owner: 'routers', globals, defaultPort: NO_PORT });
    }
  };
  if (!cursor.block(line)) return undefined;
  const { gateways } = draft;
  if (routes.length === 0) cursor.note(`router ${name} without routes`, place);
  if (gateways === undefined) {
    cursor.note(`router ${name} has no table`, place);
    return undefined;
  }
  const [{ family } = { family: undefined }] = routes;
  const families = [...routes, ...gateways.table.hosts.map((host) => host.address)];
  if (families.some((one) => one.family !== family))
    cursor.note(`router ${name} address family mismatch`, place);
  if (gateways.check === undefined) cursor.note(`table ${gateways.table.name} has no check`, place);
  return { disabled: false, rtable: 0, ...draft, name, routes, gateways };
}

function parseRoute(cursor: Cursor): Prefix {
  const place = cursor.token;
  const prefix = parsePrefix(cursor.text('a prefix'));
  if (prefix === undefined || prefix.length > addressBits(prefix.family)) {
    return cursor.fail(`invalid route ${place.text}`, place);
  }
  return prefix;
}
