// SPDX-License-Identifier: ISC
//
// Tables of relayd.conf(5): the blocks that name hosts, and the uses of them by redirections, relays and routers.

import { parseAddress } from '../../../abi/addressText.ts';
import { parseCheck } from './checks.ts';
import type { Cursor, Draft } from './cursor.ts';
import type { HostConf, Mode, TableConf, TableUse } from './model.ts';

const MODES = ['random', 'roundrobin', 'source-hash', 'least-states', 'hash', 'loadbalance'] as const;
const KEYED: readonly Mode[] = ['source-hash', 'hash', 'loadbalance'];
const REFUSED: Readonly<Record<Owner, readonly Mode[]>> = {
  redirections: ['hash', 'loadbalance'],
  relays: ['least-states'],
  routers: [],
};
const MAXIMUM_PRIORITY = 63;

/** Who uses a table; which modes there are depends on it. */
export type Owner = 'redirections' | 'relays' | 'routers';

/** What globals say so far; a use of a table takes what it does not say itself from here. */
export interface Globals {
  readonly interval: number;
  readonly timeout: number;
}

/** `<name>` */
export function parseTableName(cursor: Cursor): string {
  cursor.expectMark('<');
  const name = cursor.name('table name');
  cursor.expectMark('>');
  return name;
}

/** `table <name> [disable] { host … }`, from behind the keyword. */
export function parseTable(cursor: Cursor, tables: Map<string, TableConf>): void {
  const place = cursor.token;
  const name = parseTableName(cursor);
  let disabled = false;
  const hosts: HostConf[] = [];
  do {
    if (cursor.takeWord('disable')) disabled = true;
    else parseHosts(cursor, hosts);
  } while (!cursor.atLineEnd);
  if (tables.has(name)) cursor.note(`table ${name} defined twice`, place);
  if (hosts.length === 0) cursor.note(`table ${name} has no hosts`, place);
  tables.set(name, { name, disabled, hosts });
}

/** A host that cannot be read costs its line only. */
function parseHosts(cursor: Cursor, hosts: HostConf[]): void {
  cursor.expectMark('{');
  for (cursor.skipNewlines(); !cursor.takeMark('}'); cursor.skipNewlines()) {
    if (cursor.atEnd) cursor.fail("syntax error: '}' is missing");
    cursor.recovering(() => {
      if (!cursor.takeMark(',')) hosts.push(parseHost(cursor));
    });
  }
}

function parseHost(cursor: Cursor): HostConf {
  const place = cursor.token;
  const name = cursor.text('a host');
  const address = parseAddress(name) ?? cursor.fail(`host ${name}: an address is needed`, place);
  const host: Draft<HostConf> = {};
  for (;;) {
    if (cursor.takeWord('retry')) host.retry = cursor.number('retry', 0, 0x7fffffff);
    else if (cursor.takeWord('parent')) host.parent = cursor.number('parent', 1, 0x7fffffff);
    else if (cursor.takeWord('priority')) host.priority = cursor.number('priority', 0, MAXIMUM_PRIORITY);
    else if (cursor.takeWord('ip')) {
      cursor.expectWord('ttl');
      host.ttl = cursor.number('ttl', 1, 255);
    } else return { retry: 0, ...host, name, address };
  }
}

/** `<name> option …`, from its `<`; `defaultPort` is that of the first `listen on`. */
export function parseTableUse(
  cursor: Cursor,
  tables: ReadonlyMap<string, TableConf>,
  around: { readonly owner: Owner; readonly globals: Globals; readonly defaultPort: number | undefined },
): TableUse {
  const place = cursor.token;
  const name = parseTableName(cursor);
  const table = tables.get(name) ?? cursor.fail(`no such table: ${name}`, place);
  const use: Draft<TableUse> = {};
  while (parseUseOption(cursor, around.owner, use));
  const { interval = around.globals.interval, timeout = around.globals.timeout } = use;
  if (interval % around.globals.interval !== 0) {
    cursor.fail('table interval must be divisible by global interval', place);
  }
  const port = use.port ?? around.defaultPort ?? cursor.fail('invalid port', place);
  return { ...use, table, port, namesPort: use.port !== undefined, interval, timeout };
}

function parseUseOption(cursor: Cursor, owner: Owner, use: Draft<TableUse>): boolean {
  if (cursor.takeWord('check')) use.check = parseCheck(cursor);
  else if (cursor.takeWord('port')) use.port = cursor.port();
  else if (cursor.takeWord('timeout')) use.timeout = cursor.number('timeout', 1, 0x7fffffff);
  else if (cursor.takeWord('interval')) use.interval = cursor.number('interval', 1, 0x7fffffff);
  else if (cursor.takeWord('demote')) use.demote = cursor.name('group', 16);
  else if (cursor.takeWord('mode')) parseMode(cursor, owner, use);
  else return false;
  return true;
}

function parseMode(cursor: Cursor, owner: Owner, use: Draft<TableUse>): void {
  const place = cursor.token;
  // 2008 let the word stand alone.
  const mode = MODES.find((name) => cursor.isWord(name));
  if (mode === undefined && !cursor.atLineEnd) cursor.fail(`syntax error: ${cursor.here()} is no mode`);
  if (mode !== undefined) cursor.advance();
  use.mode = mode ?? 'roundrobin';
  if (REFUSED[owner].includes(use.mode)) cursor.fail(`mode not supported for ${owner}`, place);
  if (cursor.token.kind !== 'string') return;
  if (!KEYED.includes(use.mode)) cursor.fail('key not supported by mode');
  const key = cursor.text('a key');
  if (key.startsWith('0x') && !/^0x[0-9a-fA-F]{32}$/.test(key)) {
    cursor.fail('hex key must be 128 bits (32 hex digits) long', place);
  }
  use.key = key;
}
