// SPDX-License-Identifier: ISC
//
// `check http` and `check https`: HEAD and a status, or GET and the digest of the body. Judged when the server closes, or
// when time is over and something has come.

import { createHash } from 'node:crypto';
import type { Check } from '../../config/relayd/syntax.ts';
import type { CheckFunction } from './attempt.ts';
import { type CheckResult, down, up } from './result.ts';
import { isStream, openStream, Received, readStream } from './stream.ts';

type HttpCheck = Extract<Check, { kind: 'http' }>;

/** Hexadecimal digits of a SHA-1; an MD5 has fewer. */
const SHA1_DIGITS = 40;

export function checkHttp(check: HttpCheck): CheckFunction {
  return async (attempt) => {
    const opened = await openStream(attempt, check.tls);
    if (!isStream(opened)) return opened;
    const received = new Received();
    attempt.atTimeout = () =>
      received.length > 0
        ? judge(check, received.bytes())
        : down(check.tls ? 'tls read timeout' : 'tcp read timeout');
    opened.write(request(check));
    return readStream(opened, received, (ended) => {
      if (!ended) return undefined;
      if (received.length === 0) return down(check.tls ? 'tls read error' : 'tcp read failed');
      return judge(check, received.bytes());
    });
  };
}

/** 1.0, which closes by itself; with a host name 1.1 and the wish to close. */
function request(check: HttpCheck): string {
  const method = 'code' in check.expect ? 'HEAD' : 'GET';
  if (check.host === undefined) return `${method} ${check.path} HTTP/1.0\r\n\r\n`;
  return `${method} ${check.path} HTTP/1.1\r\nHost: ${check.host}\r\nConnection: close\r\n\r\n`;
}

function judge(check: HttpCheck, received: Buffer): CheckResult {
  return 'code' in check.expect
    ? judgeCode(check.expect.code, received.toString('latin1'))
    : judgeDigest(check.expect.digest, received);
}

function judgeCode(wanted: number, text: string): CheckResult {
  const code = Number(/^HTTP\/1\.[01] ([1-9]\d\d)(?=..)/s.exec(text)?.[1]);
  if (Number.isNaN(code)) return down('http code malformed');
  return code === wanted ? up('http code ok', code) : down('http code mismatch', code);
}

/** The body begins behind the first blank line and ends at the first NUL. */
function judgeDigest(wanted: string, received: Buffer): CheckResult {
  const blank = received.indexOf('\r\n\r\n');
  if (blank < 0) return down('http digest malformed');
  const behind = received.subarray(blank + 4);
  const nul = behind.indexOf(0);
  const body = nul < 0 ? behind : behind.subarray(0, nul);
  const found = createHash(wanted.length === SHA1_DIGITS ? 'sha1' : 'md5')
    .update(body)
    .digest('hex');
  return found === wanted ? up('http digest ok') : down('http digest mismatch');
}
