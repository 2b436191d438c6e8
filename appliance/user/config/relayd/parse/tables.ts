// SPDX-License-Identifier: ISC
//
// `table <name> { hosts }`, and the uses of tables with their checks: `<name> port 80 check tcp mode random`.

import { atWord, bounded, boundedName, include, name, type Parsing, placeOf, portSpec } from '../parsing.ts';
import {
  type Check,
  DEFAULT_INTERVAL,
  DEFAULT_TIMEOUT,
  MODES,
  type Mode,
  type TableHost,
  type TableUse,
} from '../syntax.ts';

const NAME_SIZE = 64;
/** Interface groups are as long as interface names. */
const GROUP_SIZE = 16;
/** The routing table's lowest rank. */
const MAX_PRIORITY = 63;
const MAX_PATTERN = 256;

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** `<name>` */
export function tableName(p: Parsing): string {
  p.cursor.requireOperator('<');
  const text = boundedName(p, 'table name', NAME_SIZE);
  p.cursor.requireOperator('>');
  return text;
}

/** The word `table` has been taken. */
export function parseTable(p: Parsing): void {
  const { cursor } = p;
  const place = placeOf(p);
  const table = tableName(p);
  if (p.statements.some((one) => one.kind === 'table' && one.name === table)) {
    cursor.fail(`table ${table} defined twice`);
  }
  const hosts: TableHost[] = [];
  let disabled = false;
  do {
    if (cursor.accept('disable')) disabled = true;
    else hosts.push(...hostList(p));
  } while (cursor.at('disable') || cursor.atOperator('{'));
  if (hosts.length === 0) cursor.fail(`table ${table} has no hosts`);
  p.statements.push({
    kind: 'table',
    name: table,
    disabled,
    hosts,
    timeout: p.globals.timeout ?? DEFAULT_TIMEOUT,
    place,
  });
}

function hostList(p: Parsing): TableHost[] {
  const { cursor } = p;
  const hosts: TableHost[] = [];
  cursor.requireOperator('{');
  cursor.skipNewlines();
  while (!cursor.acceptOperator('}')) {
    if (cursor.accept('include')) include(p);
    else hosts.push(host(p));
    cursor.acceptOperator(',');
    cursor.skipNewlines();
  }
  return hosts;
}

function host(p: Parsing): TableHost {
  const { cursor } = p;
  const options: Writable<Omit<TableHost, 'name' | 'place'>> = {};
  const text = name(p, 'host');
  const place = placeOf(p);
  const set = (option: keyof typeof options, value: number) => {
    if (options[option] !== undefined) cursor.fail(`${option} was already set`);
    options[option] = value;
  };
  for (;;) {
    if (cursor.accept('retry')) set('retry', bounded(p, 0, 0x7fffffff, 'invalid retry value'));
    else if (cursor.accept('parent')) set('parent', bounded(p, 1, 0x7ffffffe, 'invalid parent value'));
    else if (cursor.accept('priority'))
      set('priority', bounded(p, 0, MAX_PRIORITY, 'invalid priority value'));
    else if (cursor.accept('ip')) {
      cursor.require('ttl');
      set('ttl', bounded(p, 1, 255, 'invalid TTL value'));
    } else return { name: text, ...options, place };
  }
}

/**
 * `<name> options`, all on one line. `listenPort` is that of the block's first `listen on`; `ownOption` takes a word that
 * only this kind of use has.
 */
export function tableUse(
  p: Parsing,
  listenPort: number | undefined,
  ownOption: () => boolean = () => false,
): TableUse {
  const { cursor } = p;
  const place = placeOf(p);
  const table = tableName(p);
  if (!p.statements.some((one) => one.kind === 'table' && one.name === table)) {
    cursor.fail(`no such table: ${table}`);
  }
  const use: Writable<Omit<TableUse, 'table' | 'place'>> = {};
  while (ownOption() || tableOption(p, use));
  return {
    table,
    ...use,
    ...(use.port === undefined && listenPort !== undefined ? { listenPort } : {}),
    place,
  };
}

function tableOption(p: Parsing, use: Writable<Omit<TableUse, 'table' | 'place'>>): boolean {
  const { cursor } = p;
  if (cursor.accept('check')) use.check = check(p);
  else if (cursor.accept('port')) use.port = singlePort(p);
  else if (cursor.accept('timeout')) use.timeout = bounded(p, 1, 0x7fffffff, 'invalid timeout');
  else if (cursor.accept('interval')) use.interval = interval(p);
  else if (cursor.accept('demote')) use.demote = boundedName(p, 'interface group', GROUP_SIZE);
  else if (cursor.accept('mode')) Object.assign(use, mode(p));
  else return false;
  return true;
}

function singlePort(p: Parsing): number {
  const { low, high } = portSpec(p);
  if (high !== undefined) p.cursor.fail('invalid port');
  return low;
}

function interval(p: Parsing): number {
  const seconds = bounded(p, 1, 0x7fffffff, 'invalid interval');
  const global = p.globals.interval ?? DEFAULT_INTERVAL;
  if (seconds % global !== 0) p.cursor.fail('table interval must be divisible by global interval');
  return seconds;
}

/** `mode` alone is the default of both languages, roundrobin. */
function mode(p: Parsing): { mode: Mode; key?: string } {
  const { cursor } = p;
  const found = MODES.find((one) => cursor.accept(one)) ?? 'roundrobin';
  if (!cursor.atString('key')) return { mode: found };
  if (found !== 'source-hash' && found !== 'hash' && found !== 'loadbalance') {
    cursor.fail('key not supported by mode');
  }
  const key = cursor.string();
  if (key.startsWith('0x') && !/^0x[0-9a-fA-F]{32}$/.test(key)) {
    cursor.fail('hex key must be 128 bits (32 hex digits) long');
  }
  return { mode: found, key };
}

function check(p: Parsing): Check {
  const { cursor } = p;
  if (cursor.accept('icmp')) return { kind: 'icmp' };
  if (cursor.accept('tcp')) return { kind: 'tcp' };
  if (acceptTls(p)) return { kind: 'tls' };
  if (cursor.accept('http')) return httpCheck(p, false);
  if (atWord(p, 'https')) {
    cursor.take();
    return httpCheck(p, true);
  }
  if (cursor.accept('script')) return { kind: 'script', path: name(p, 'path') };
  const binary = cursor.accept('binary');
  if (cursor.accept('send')) return sendCheck(p, binary);
  return cursor.syntaxError();
}

/** `tls`, which was `ssl`. */
export function acceptTls(p: Parsing): boolean {
  return p.cursor.accept('tls') || p.cursor.accept('ssl');
}

function httpCheck(p: Parsing, tls: boolean): Check {
  const { cursor } = p;
  const path = name(p, 'path');
  const host = cursor.accept('host') ? { host: name(p, 'host name') } : {};
  if (cursor.accept('code')) {
    return { kind: 'http', tls, path, ...host, expect: { code: bounded(p, 100, 999, 'invalid HTTP code') } };
  }
  cursor.require('digest');
  return { kind: 'http', tls, path, ...host, expect: { digest: digest(p) } };
}

/** SHA-1 or MD5 in hexadecimal. */
export function digest(p: Parsing): string {
  const text = name(p, 'digest');
  if (!/^([0-9a-fA-F]{32}|[0-9a-fA-F]{40})$/.test(text)) p.cursor.fail(`invalid digest: ${text}`);
  return text.toLowerCase();
}

function sendCheck(p: Parsing, binary: boolean): Check {
  const { cursor } = p;
  const pattern = (what: string) => {
    const text = name(p, what);
    if (text.length >= MAX_PATTERN) cursor.fail(`${what} too long`);
    if (binary && !/^([0-9a-fA-F]{2})+$/.test(text)) cursor.fail(`invalid hex string: ${text}`);
    return text;
  };
  const data = cursor.accept('nothing') ? {} : { data: pattern('text to send') };
  cursor.require('expect');
  const expect = pattern('pattern');
  return { kind: 'send', binary, ...data, expect, tls: acceptTls(p) };
}
