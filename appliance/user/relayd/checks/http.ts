// SPDX-License-Identifier: ISC
//
// `check http` and `check https`: HEAD and a status, or GET and the digest of the page (check_tcp.c).

import { createHash } from 'node:crypto';
import type { HttpCheck } from '../../config/relayd/model.ts';
import type { CheckResult, CheckTarget, CheckWorld } from './check.ts';
import { CheckFailure, type Deadline } from './deadline.ts';
import { exchange } from './exchange.ts';
import { open } from './tcp.ts';

/** Judged when the server closes, or at the deadline by what has come until then. */
export async function checkHttp(
  check: HttpCheck,
  target: CheckTarget,
  deadline: Deadline,
  world: CheckWorld,
): Promise<CheckResult> {
  const stream = await open(check.tls, target, deadline, world);
  const { data, ended } = await exchange(stream, requestOf(check), deadline, () => false);
  if (data.length === 0) {
    throw new CheckFailure(ended ? 'tcp read failed' : `${check.tls ? 'tls' : 'tcp'} read timeout`);
  }
  return check.code === undefined ? judgeDigest(check.digest!, data) : judgeCode(check.code, data);
}

/** HTTP/1.0 as long as no host name asks for 1.1. */
export function requestOf(check: HttpCheck): string {
  const method = check.code === undefined ? 'GET' : 'HEAD';
  if (check.host === undefined) return `${method} ${check.path} HTTP/1.0\r\n\r\n`;
  return `${method} ${check.path} HTTP/1.1\r\nHost: ${check.host}\r\nConnection: close\r\n\r\n`;
}

function judgeCode(wanted: number, data: Buffer): CheckResult {
  const [, digits] = /^HTTP\/1\.[01] ([1-9]\d\d)../s.exec(data.toString('latin1', 0, 32)) ?? [];
  if (digits === undefined) throw new CheckFailure('http code malformed');
  const code = Number(digits);
  if (code !== wanted) throw new CheckFailure('http code mismatch', { code });
  return { state: 'up', message: 'http code ok', code };
}

/** The page is what follows the first empty line, to its first NUL. */
function judgeDigest(wanted: string, data: Buffer): CheckResult {
  const head = data.indexOf('\r\n\r\n');
  if (head < 0) throw new CheckFailure('http digest malformed');
  const rest = data.subarray(head + 4);
  const nul = rest.indexOf(0);
  const page = nul < 0 ? rest : rest.subarray(0, nul);
  const digest = createHash(wanted.length === 32 ? 'md5' : 'sha1')
    .update(page)
    .digest('hex');
  if (digest !== wanted) throw new CheckFailure('http digest mismatch');
  return { state: 'up', message: 'http digest ok' };
}
