// SPDX-License-Identifier: ISC
//
// `redirect name { … }`: what listens, where it is forwarded or routed to.

import {
  atName,
  block,
  bounded,
  boundedName,
  complete,
  name,
  type Parsing,
  placeOf,
  portSpec,
} from '../parsing.ts';
import type { RedirectForward, RedirectListen, RedirectStatement, TableUse } from '../syntax.ts';
import { tableUse } from './tables.ts';

const NAME_SIZE = 64;
export const MAX_SESSION_TIMEOUT = 2147483647;

type Draft = { -readonly [K in keyof RedirectStatement]: RedirectStatement[K] } & {
  listens: RedirectListen[];
  forwards: RedirectForward[];
};

/** The word `redirect` has been taken. */
export function parseRedirect(p: Parsing): void {
  const { cursor } = p;
  const place = placeOf(p);
  const text = boundedName(p, 'redirection name', NAME_SIZE);
  if (p.statements.some((one) => one.kind === 'redirect' && one.name === text)) {
    cursor.error(`redirection ${text} defined twice`);
  }
  const draft: Draft = {
    kind: 'redirect',
    name: text,
    listens: [],
    forwards: [],
    disabled: false,
    sticky: false,
    place,
  };
  if (!block(p, () => redirectOption(p, draft))) return;
  const whole = complete(
    p,
    draft.forwards.length === 0 && `redirection ${text} has no table`,
    draft.listens.length === 0 && `redirection ${text} has no virtual ip`,
    draft.tag?.match === true &&
      draft.forwards.some((forward) => forward.strict) &&
      `redirection ${text} marks only, which cannot be strict`,
  );
  if (whole) p.statements.push(draft);
}

function redirectOption(p: Parsing, draft: Draft): void {
  const { cursor } = p;
  if (cursor.accept('listen')) draft.listens.push(listen(p));
  else if (cursor.accept('forward')) addForward(p, draft, 'forward');
  else if (cursor.accept('route')) addForward(p, draft, 'route');
  else if (cursor.accept('transparent')) cursor.fail('no transparent forward here');
  else if (cursor.accept('disable')) draft.disabled = true;
  else if (cursor.accept('sticky-address')) draft.sticky = true;
  else if (cursor.accept('match')) {
    cursor.require('pftag');
    draft.tag = { name: boundedName(p, 'tag', NAME_SIZE), match: true };
  } else if (cursor.accept('pftag') || cursor.accept('tag')) {
    draft.tag = { name: boundedName(p, 'tag', NAME_SIZE), match: false };
  } else if (cursor.accept('session')) draft.sessionTimeout = sessionTimeout(p);
  else cursor.syntaxError();
}

/** `timeout 600`, behind `session`. */
export function sessionTimeout(p: Parsing): number {
  p.cursor.require('timeout');
  return bounded(p, 1, MAX_SESSION_TIMEOUT, 'invalid session timeout');
}

/** `on ADDRESS [PROTOCOL] port PORT [interface IF] [pflog]` */
function listen(p: Parsing): RedirectListen {
  const { cursor } = p;
  cursor.require('on');
  const place = placeOf(p);
  const address = name(p, 'address');
  const protocol = ipProtocol(p);
  cursor.require('port');
  const port = portSpec(p);
  const on = cursor.accept('interface') ? { interface: name(p, 'interface') } : {};
  return { address, protocol, port, ...on, pflog: cursor.accept('pflog'), place };
}

function ipProtocol(p: Parsing): string {
  if (p.cursor.accept('tcp') || !atName(p, 'protocol')) return 'tcp';
  const text = name(p, 'protocol');
  if (p.facts.protocols.number(text) === undefined) p.cursor.fail(`invalid IP protocol: ${text}`);
  return text;
}

function addForward(p: Parsing, draft: Draft, kind: 'forward' | 'route'): void {
  const { cursor } = p;
  cursor.require('to');
  if (draft.forwards.length === 2) cursor.fail('only one backup table is allowed');
  let strict = false;
  const use = tableUse(p, draft.listens[0]?.port.low, () => {
    if (kind !== 'route' || !cursor.accept('strict')) return false;
    strict = true;
    return true;
  });
  const egress = cursor.accept('interface') ? name(p, 'interface') : undefined;
  if (kind === 'forward' && egress !== undefined) cursor.fail('superfluous interface');
  if (kind === 'route' && egress === undefined) cursor.fail('missing interface to route to');
  checkUse(p, draft, kind, use);
  draft.forwards.push({ kind, strict, use, ...(egress === undefined ? {} : { interface: egress }) });
}

function checkUse(p: Parsing, draft: Draft, kind: 'forward' | 'route', use: TableUse): void {
  const { cursor } = p;
  const [main] = draft.forwards;
  if (use.port === undefined && use.listenPort === undefined) cursor.fail('invalid port');
  if (use.mode === 'hash' || use.mode === 'loadbalance') cursor.fail('mode not supported for redirections');
  if (use.check === undefined) cursor.fail(`table ${use.table} has no check`);
  if (main === undefined) return;
  if ((main.use.port ?? main.use.listenPort) !== (use.port ?? use.listenPort)) {
    cursor.fail(`redirection ${draft.name} uses two different ports for its table and backup table`);
  }
  if (main.kind !== kind || (main.use.mode ?? 'roundrobin') !== (use.mode ?? 'roundrobin')) {
    cursor.fail(`backup table for ${draft.name} with different mode`);
  }
}
