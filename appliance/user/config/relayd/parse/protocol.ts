// SPDX-License-Identifier: ISC
//
// `http protocol name { … }`: what relays do with a protocol. Rules are in rule.ts, the actions of 2008 in actions.ts.

import { acceptWord, bag, block, bounded, boundedName, name, type Parsing, placeOf } from '../parsing.ts';
import type { NamedOption, ProtocolOption, ProtocolStatement, TlsOption } from '../syntax.ts';
import { atAction, parseAction } from './actions.ts';
import { atRule, parseRule } from './rule.ts';

const NAME_SIZE = 64;
const MAX_BACKLOG = 1024;
const MAX_HEADER = 131072;

/** Words of `tls`, with or without `no`, that are written as they are. */
const TLS_FLAGS = [
  'sslv2',
  'sslv3',
  'tlsv1',
  'tlsv1.0',
  'tlsv1.1',
  'tlsv1.2',
  'tlsv1.3',
  'cipher-server-preference',
  'client-renegotiation',
  'edh',
];

/** The type has been taken, and the word `protocol`. */
export function parseProtocol(p: Parsing, type: ProtocolStatement['type']): void {
  const { cursor } = p;
  const place = placeOf(p);
  const text = boundedName(p, 'protocol name', NAME_SIZE);
  if (p.statements.some((one) => one.kind === 'protocol' && one.name === text)) {
    cursor.error(`protocol ${text} defined twice`);
  }
  const options: ProtocolOption[] = [];
  const whole = !cursor.atOperator('{') || block(p, () => options.push(...protocolOption(p, type)));
  if (whole) p.statements.push({ kind: 'protocol', name: text, type, options, place });
}

function protocolOption(p: Parsing, type: ProtocolStatement['type']): readonly ProtocolOption[] {
  const { cursor } = p;
  if (atRule(p)) return [parseRule(p)];
  if (atAction(p)) return parseAction(p);
  if (cursor.accept('tcp')) {
    if (type === 'dns') cursor.fail('can set tcp options only for tcp or http protocols');
    return [{ kind: 'tcp', options: bag(p, () => tcpOption(p)) }];
  }
  if (cursor.accept('tls') || cursor.accept('ssl')) {
    if (type === 'dns') cursor.fail('can set tls options only for tcp or http protocols');
    return [{ kind: 'tls', options: bag(p, () => tlsOption(p)) }];
  }
  if (cursor.accept('http')) {
    if (type !== 'http') cursor.fail('can set http options only for http protocol');
    return [{ kind: 'http', options: bag(p, () => httpOption(p)) }];
  }
  cursor.require('return');
  cursor.require('error');
  return [{ kind: 'return error', ...errorStyle(p) }];
}

/** `style "CSS"`, in braces or not, or nothing. */
function errorStyle(p: Parsing): { style?: string } {
  const { cursor } = p;
  const style = () => {
    cursor.require('style');
    return { style: name(p, 'style') };
  };
  if (cursor.at('style')) return style();
  if (!cursor.atOperator('{')) return {};
  return bag(p, style)[0]!;
}

function tcpOption(p: Parsing): NamedOption {
  const { cursor } = p;
  const on = !cursor.accept('no');
  for (const option of ['sack', 'nodelay', 'splice'] as const) {
    if (cursor.accept(option)) return { name: option, value: on };
  }
  if (!on) cursor.syntaxError();
  if (cursor.accept('backlog'))
    return { name: 'backlog', value: bounded(p, 0, MAX_BACKLOG, 'invalid backlog') };
  if (cursor.accept('socket')) {
    cursor.require('buffer');
    return { name: 'socket buffer', value: bounded(p, 0, 0x7fffffff, 'invalid socket buffer size') };
  }
  cursor.require('ip');
  const option = cursor.accept('minttl') ? 'ip minttl' : 'ip ttl';
  if (option === 'ip ttl') cursor.require('ttl');
  return { name: option, value: bounded(p, 0, 255, 'invalid TTL value') };
}

function httpOption(p: Parsing): NamedOption {
  const { cursor } = p;
  if (cursor.accept('headerlen')) {
    return { name: 'headerlen', value: bounded(p, 0, MAX_HEADER, 'invalid headerlen') };
  }
  const on = !cursor.accept('no');
  cursor.require('websockets');
  return { name: 'websockets', value: on };
}

function tlsOption(p: Parsing): TlsOption {
  const { cursor } = p;
  const on = !cursor.accept('no');
  if (on && cursor.accept('edh')) {
    return cursor.accept('params')
      ? { name: 'edh params', value: name(p, 'file') }
      : { name: 'edh', value: true };
  }
  const flag = TLS_FLAGS.find((one) => acceptWord(p, one));
  if (flag !== undefined) return { name: flag, value: on };
  if (cursor.accept('session')) return sessionOption(p, on);
  if (!on) cursor.syntaxError();
  if (cursor.accept('ciphers')) return { name: 'ciphers', value: name(p, 'ciphers') };
  if (cursor.accept('ecdhe')) return { name: 'ecdhe', value: name(p, 'curves') };
  if (cursor.accept('keypair')) return keypair(p);
  if (cursor.accept('client')) {
    cursor.require('ca');
    return { name: 'client ca', value: name(p, 'file') };
  }
  cursor.require('ca');
  return certificateAuthority(p);
}

/** Today's tickets, and the cache of 2008. */
function sessionOption(p: Parsing, on: boolean): TlsOption {
  const { cursor } = p;
  if (cursor.accept('tickets')) return { name: 'session tickets', value: on };
  if (!on) cursor.syntaxError();
  cursor.require('cache');
  if (cursor.accept('disable')) return { name: 'session cache', value: 'disable' };
  return { name: 'session cache', value: bounded(p, 0, 0x7fffffff, 'invalid session cache size') };
}

function keypair(p: Parsing): TlsOption {
  const { cursor } = p;
  const value = name(p, 'keypair');
  for (const part of ['cert', 'key', 'ocsp'] as const) {
    if (cursor.accept(part)) return { name: 'keypair', value, file: { part, path: name(p, 'file') } };
  }
  return { name: 'keypair', value };
}

function certificateAuthority(p: Parsing): TlsOption {
  const { cursor } = p;
  if (cursor.accept('file')) return { name: 'ca file', value: name(p, 'file') };
  if (cursor.accept('cert')) return { name: 'ca cert', value: name(p, 'file') };
  cursor.require('key');
  const value = name(p, 'file');
  cursor.require('password');
  return { name: 'ca key', value, password: name(p, 'password') };
}
