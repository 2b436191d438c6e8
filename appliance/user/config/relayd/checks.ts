// SPDX-License-Identifier: ISC
//
// `check …` of relayd.conf(5): how a host shows that it works.

import type { Cursor } from './cursor.ts';
import type { Check } from './model.ts';

const MAXIMUM_PATTERN = 256;

/** Everything behind `check`. */
export function parseCheck(cursor: Cursor): Check {
  const kind = cursor.expectWord('icmp', 'tcp', 'tls', 'ssl', 'http', 'https', 'send', 'binary', 'script');
  switch (kind) {
    case 'icmp':
    case 'tcp':
      return { kind };
    case 'ssl': // the name of 2008
    case 'tls':
      return { kind: 'tls' };
    case 'http':
    case 'https':
      return httpCheck(cursor, kind === 'https');
    case 'binary':
      cursor.expectWord('send');
      return sendCheck(cursor, true);
    case 'send':
      return sendCheck(cursor, false);
    default:
      return { kind: 'script', path: cursor.name('path', 1024) };
  }
}

function httpCheck(cursor: Cursor, tls: boolean): Check {
  const path = cursor.text('a path');
  const host = cursor.takeWord('host') ? { host: cursor.text('a host name') } : {};
  if (cursor.expectWord('code', 'digest') === 'code') {
    return { kind: 'http', tls, path, ...host, code: cursor.number('code', 100, 999) };
  }
  const place = cursor.token;
  const digest = cursor.text('a digest');
  if (!/^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{40})$/.test(digest)) cursor.fail('invalid digest', place);
  return { kind: 'http', tls, path, ...host, digest: digest.toLowerCase() };
}

function sendCheck(cursor: Cursor, binary: boolean): Check {
  const data = cursor.takeWord('nothing') ? {} : { data: pattern(cursor, binary) };
  cursor.expectWord('expect');
  const expect = pattern(cursor, binary);
  return { kind: 'send', ...data, expect, binary, tls: cursor.takeWord('tls', 'ssl') };
}

function pattern(cursor: Cursor, binary: boolean): string {
  const place = cursor.token;
  const text = cursor.text('a string');
  if (Buffer.byteLength(text) >= MAXIMUM_PATTERN) cursor.fail('string too long', place);
  if (binary && !/^(?:[0-9a-fA-F]{2})+$/.test(text)) cursor.fail('invalid hexadecimal string', place);
  return text;
}
