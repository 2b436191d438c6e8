// SPDX-License-Identifier: ISC
//
// `redirect` blocks of relayd.conf(5).

import { parseAddress } from '../../../abi/addressText.ts';
import { PROTOCOL_ALIASES, PROTOCOLS } from '../../../abi/names.ts';
import type { Cursor, Draft } from './cursor.ts';
import type { ListenConf, RedirectConf, TableConf } from './model.ts';
import { type Globals, parseTableUse } from './tables.ts';

/** relayd.conf(5): seconds. */
export const DEFAULT_SESSION_TIMEOUT = 600;

type RedirectDraft = Draft<RedirectConf> & { listen: ListenConf[] };

/** The block behind `redirect`; undefined when it holds mistakes, which are noted. */
export function parseRedirect(
  cursor: Cursor,
  tables: ReadonlyMap<string, TableConf>,
  globals: Globals,
): RedirectConf | undefined {
  const place = cursor.token;
  const draft: RedirectDraft = { name: cursor.name('redirection name'), listen: [] };
  if (!cursor.block(() => redirectLine(cursor, draft, tables, globals))) return undefined;
  const { main, kind, name = '' } = draft;
  if (main === undefined || kind === undefined) {
    cursor.note(`redirection ${name} has no table`, place);
    return undefined;
  }
  if (draft.listen.length === 0) cursor.note(`redirection ${name} has no virtual ip`, place);
  if (draft.backup !== undefined && draft.backup.port !== main.port) {
    cursor.note(`redirection ${name} uses two different ports for its table and backup table`, place);
  }
  for (const use of [main, draft.backup]) {
    if (use !== undefined && use.check === undefined)
      cursor.note(`table ${use.table.name} has no check`, place);
  }
  const defaults = {
    disabled: false,
    sticky: false,
    matchTag: false,
    sessionTimeout: DEFAULT_SESSION_TIMEOUT,
  };
  return { ...defaults, ...draft, name, main, kind };
}

function redirectLine(
  cursor: Cursor,
  draft: RedirectDraft,
  tables: ReadonlyMap<string, TableConf>,
  globals: Globals,
): void {
  const word = cursor.text('an option');
  switch (word) {
    case 'listen':
      cursor.expectWord('on');
      draft.listen.push(parseListen(cursor));
      return;
    case 'forward':
    case 'route':
      return parseForward(cursor, word, draft, tables, globals);
    case 'transparent':
      return cursor.fail('no transparent forward here');
    case 'disable':
      draft.disabled = true;
      return;
    case 'sticky-address':
      draft.sticky = true;
      return;
    case 'tag': // the name of 2008
    case 'pftag':
      draft.tag = cursor.name('tag');
      return;
    case 'match':
      cursor.expectWord('pftag');
      draft.tag = cursor.name('tag');
      draft.matchTag = true;
      return;
    case 'session':
      cursor.expectWord('timeout');
      draft.sessionTimeout = cursor.number('timeout', 1, 0x7fffffff);
      return;
    default:
      cursor.back();
      cursor.fail(`syntax error: ${cursor.here()} is no option of a redirection`);
  }
}

function parseListen(cursor: Cursor): ListenConf {
  const place = cursor.token;
  const text = cursor.text('an address');
  const address = parseAddress(text) ?? cursor.fail(`invalid virtual ip: ${text}`, place);
  let protocol = PROTOCOLS.tcp!;
  if (!cursor.atLineEnd && !cursor.isWord('port')) {
    const name = cursor.text('a protocol');
    protocol = PROTOCOLS[PROTOCOL_ALIASES[name] ?? name] ?? cursor.fail(`unknown protocol ${name}`, place);
  }
  cursor.expectWord('port');
  const [port, lastPort] = cursor.portRange(protocol);
  const listen: Draft<ListenConf> = {};
  for (;;) {
    if (cursor.takeWord('interface')) listen.interface = cursor.name('interface', 16);
    else if (cursor.takeWord('pflog')) listen.log = true;
    else return { log: false, ...listen, address, protocol, port, lastPort };
  }
}

/** The first use is the main table, a second one its backup: what is said of mode and egress there is not used. */
function parseForward(
  cursor: Cursor,
  kind: 'forward' | 'route',
  draft: RedirectDraft,
  tables: ReadonlyMap<string, TableConf>,
  globals: Globals,
): void {
  cursor.expectWord('to');
  const place = cursor.token;
  const defaultPort = draft.listen[0]?.port;
  const use = parseTableUse(cursor, tables, { owner: 'redirections', globals, defaultPort });
  if (kind === 'forward' && cursor.isWord('interface')) cursor.fail('superfluous interface');
  if (kind === 'route' && !cursor.takeWord('interface')) cursor.fail('missing interface to route to');
  const egress = kind === 'route' ? cursor.name('interface', 16) : undefined;
  if (draft.main === undefined) {
    draft.main = use;
    draft.kind = kind;
    if (egress !== undefined) draft.interface = egress;
  } else if (draft.backup !== undefined) {
    cursor.fail('only one backup table is allowed', place);
  } else {
    if (draft.kind !== kind) cursor.fail(`backup table for ${draft.name} with different mode`, place);
    draft.backup = use;
  }
}
