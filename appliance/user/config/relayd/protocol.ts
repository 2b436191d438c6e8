// SPDX-License-Identifier: ISC
//
// `protocol` blocks of relayd.conf(5), of 2008 and of today. No relay runs here, so options and rules are kept as their words; what is
// checked is that each is one that there is.

import type { Cursor } from './cursor.ts';
import type { ProtocolConf } from './model.ts';

const TLS = [
  'no',
  'session',
  'ciphers',
  'edh',
  'ecdhe',
  'ca',
  'keypair',
  'client',
  'client-renegotiation',
].concat(['cipher-server-preference', 'sslv2', 'sslv3', 'tlsv1', 'tlsv1.0', 'tlsv1.1', 'tlsv1.2', 'tlsv1.3']);
const TCP = ['no', 'sack', 'nodelay', 'splice', 'backlog', 'socket', 'ip'];
const HTTP = ['no', 'headerlen', 'websockets'];
const BAGS: Readonly<Record<string, readonly string[]>> = { tls: TLS, ssl: TLS, tcp: TCP, http: HTTP };
/** Filter rules of today, actions of 2008, and what both have. */
const RULES = ['pass', 'block', 'match', 'return', 'label', 'no', 'request', 'response'].concat([
  'header',
  'query',
  'cookie',
  'path',
  'url',
]);

/** What stands behind `protocol`; the block may be missing. */
export function parseProtocol(cursor: Cursor, type: ProtocolConf['type']): ProtocolConf {
  const name = cursor.name('protocol name');
  const lines: string[] = [];
  if (!cursor.atLineEnd) cursor.block(() => protocolLine(cursor, lines));
  return { name, type, lines };
}

function protocolLine(cursor: Cursor, lines: string[]): void {
  const kind = Object.keys(BAGS).find((name) => cursor.isWord(name));
  if (kind === undefined) {
    if (!cursor.isWord(...RULES)) cursor.fail(`syntax error: ${cursor.here()} is no option of a protocol`);
    lines.push(words(cursor));
    return;
  }
  cursor.advance();
  cursor.bag(() => {
    if (!cursor.isWord(...BAGS[kind]!)) cursor.fail(`syntax error: ${cursor.here()} is no option of ${kind}`);
    lines.push(`${kind === 'ssl' ? 'tls' : kind} ${words(cursor)}`);
  });
}

/** Words to the end of a line or of an item of a bag. Braces of `return error { style … }` are left out: they say nothing. */
function words(cursor: Cursor): string {
  const parts = [cursor.advance().text];
  let braces = 0;
  while (!cursor.atLineEnd && !cursor.isMark(',') && (braces > 0 || !cursor.isMark('}'))) {
    const { kind, text } = cursor.advance();
    if (kind === 'mark' && text === '{') braces++;
    else if (kind === 'mark' && text === '}') braces--;
    else parts.push(kind === 'string' ? quote(text) : text);
  }
  return parts.join(' ').replace(/< (\S+) >/g, '<$1>');
}

/** The text as a quoted string that is read as the same text. */
export function quote(text: string): string {
  const mark = text.includes('"') && !text.includes("'") ? "'" : '"';
  return mark + text.replaceAll(mark, `\\${mark}`).replace(/\\([ \t])/g, '\\\\$1') + mark;
}
