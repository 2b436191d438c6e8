// SPDX-License-Identifier: ISC
//
// `relay name { … }`: listeners of layer 7 and what they connect to.

import {
  acceptWord,
  block,
  bounded,
  boundedName,
  complete,
  name,
  type Parsing,
  placeOf,
  portSpec,
} from '../parsing.ts';
import type { RelayForward, RelayListen, RelayStatement, RelayTarget } from '../syntax.ts';
import { sessionTimeout } from './redirect.ts';
import { acceptTls, tableUse } from './tables.ts';

const NAME_SIZE = 64;

type Draft = { -readonly [K in keyof RelayStatement]: RelayStatement[K] } & {
  listens: RelayListen[];
  forwards: RelayForward[];
};

/** The word `relay` has been taken. */
export function parseRelay(p: Parsing): void {
  const { cursor } = p;
  const place = placeOf(p);
  const text = boundedName(p, 'relay name', NAME_SIZE);
  if (p.statements.some((one) => one.kind === 'relay' && one.name === text)) {
    cursor.error(`relay ${text} or listener defined twice`);
  }
  const draft: Draft = { kind: 'relay', name: text, listens: [], forwards: [], disabled: false, place };
  if (!block(p, () => relayOption(p, draft))) return;
  const kinds = draft.forwards.map((one) => one.target.kind);
  const whole = complete(
    p,
    draft.listens.length === 0 && `relay ${text} has no listener`,
    draft.forwards.length === 0 && `relay ${text} has no target`,
    kinds.includes('nat lookup') &&
      kinds.includes('destination') &&
      `relay ${text}: nat lookup and destination exclude each other`,
  );
  if (whole) p.statements.push(draft);
}

function relayOption(p: Parsing, draft: Draft): void {
  const { cursor } = p;
  if (cursor.accept('listen')) draft.listens.push(listen(p));
  else if (cursor.at('forward') || cursor.at('transparent')) draft.forwards.push(forward(p, draft));
  else if (cursor.accept('route')) cursor.fail('no route to here');
  else if (cursor.accept('session')) draft.sessionTimeout = sessionTimeout(p);
  else if (cursor.accept('protocol')) draft.protocol = name(p, 'protocol');
  else if (cursor.accept('disable')) draft.disabled = true;
  else cursor.syntaxError();
}

function listen(p: Parsing): RelayListen {
  p.cursor.require('on');
  const address = name(p, 'address');
  p.cursor.require('port');
  const port = portSpec(p);
  if (port.high !== undefined) p.cursor.fail('invalid port');
  return { address, port, tls: acceptTls(p) };
}

/** `[transparent] forward [with tls] to TARGET [interface IF] [inet | inet6 PREFIX] [proxy-protocol v1|v2]` */
function forward(p: Parsing, draft: Draft): RelayForward {
  const { cursor } = p;
  const transparent = cursor.accept('transparent');
  cursor.require('forward');
  const tls = cursor.accept('with');
  if (tls && !acceptTls(p)) cursor.syntaxError();
  cursor.require('to');
  const target = relayTarget(p, draft.listens[0]?.port.low);
  const egress = cursor.accept('interface') ? { interface: name(p, 'interface') } : {};
  return { transparent, tls, target, ...egress, ...family(p), ...proxyProtocol(p) };
}

function relayTarget(p: Parsing, listenPort: number | undefined): RelayTarget {
  const { cursor } = p;
  if (cursor.atOperator('<')) {
    const use = tableUse(p, listenPort);
    if (use.port === undefined && use.listenPort === undefined) cursor.fail('invalid port');
    if (use.mode === 'least-states') cursor.fail('mode not supported for relays');
    return { kind: 'table', use };
  }
  if (cursor.accept('nat')) {
    cursor.require('lookup');
    return { kind: 'nat lookup', ...retry(p) };
  }
  if (cursor.accept('destination')) return { kind: 'destination', ...retry(p) };
  const address = name(p, 'address');
  cursor.require('port');
  return { kind: 'address', address, port: portSpec(p), ...retry(p) };
}

function retry(p: Parsing): { retry?: number } {
  return p.cursor.accept('retry') ? { retry: bounded(p, 0, 0x7fffffff, 'invalid retry value') } : {};
}

function family(p: Parsing): Pick<RelayForward, 'family'> {
  if (p.cursor.accept('inet')) return { family: { kind: 'inet' } };
  return p.cursor.accept('inet6') ? { family: { kind: 'inet6', prefix: name(p, 'prefix') } } : {};
}

function proxyProtocol(p: Parsing): Pick<RelayForward, 'proxyProtocol'> {
  if (!p.cursor.accept('proxy-protocol')) return {};
  if (acceptWord(p, 'v1')) return { proxyProtocol: 'v1' };
  return acceptWord(p, 'v2') ? { proxyProtocol: 'v2' } : p.cursor.syntaxError();
}
