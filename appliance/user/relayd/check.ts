// SPDX-License-Identifier: ISC
//
// Whether a host works: the kinds of checks of relayd.conf(5), each within one deadline from its start.

import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { Address } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import type { Check } from '../config/relayd/model.ts';
import { matchesGlob, unescapeExpected } from './glob.ts';
import type { Network, ScriptRunner, Timers } from './network.ts';

/** An answer longer than this is not read on. */
const MAXIMUM_ANSWER = 64 * 1024;

export interface CheckTarget {
  readonly address: Address;
  readonly port: number;
  /** Milliseconds for everything. */
  readonly timeout: number;
}

export interface CheckWorld {
  readonly network: Network;
  readonly clock: Timers;
  readonly runScript: ScriptRunner;
}

/** Resolves when the host is well; rejects with the reason when it is not. */
export async function runCheck(check: Check, target: CheckTarget, world: CheckWorld): Promise<void> {
  switch (check.kind) {
    case 'icmp':
      return world.network.echo(target);
    case 'tcp': {
      (await world.network.connect(target)).destroy();
      return;
    }
    case 'tls': {
      (await openTls(target, world)).destroy();
      return;
    }
    case 'script': {
      const status = await world.runScript(check.path, formatAddress(target.address), target.timeout);
      // A script says 0 for down and everything else for up, as the original's do.
      if (status === 0) throw new Error('script failed');
      return;
    }
    case 'http':
      return checkHttp(check, target, world);
    case 'send':
      return checkSend(check, target, world);
  }
}

async function open(tls: boolean, target: CheckTarget, world: CheckWorld): Promise<Duplex> {
  return tls ? openTls(target, world) : world.network.connect(target);
}

/** A TLS session on top; the certificate is not looked at, as in the original. */
async function openTls(target: CheckTarget, world: CheckWorld): Promise<Duplex> {
  const stream = await world.network.connect(target);
  const session = tlsConnect({ socket: stream, rejectUnauthorized: false });
  return within(target.timeout, world.clock, session, (done, fail) => {
    session.once('secureConnect', () => done(session));
    session.once('error', fail);
  });
}

/** HEAD and a status, or GET and the digest of the page. */
async function checkHttp(
  check: Extract<Check, { kind: 'http' }>,
  target: CheckTarget,
  world: CheckWorld,
): Promise<void> {
  const method = check.code === undefined ? 'GET' : 'HEAD';
  const host = check.host === undefined ? '' : `Host: ${check.host}\r\n`;
  const version = check.host === undefined ? '1.0' : '1.1';
  const closing = check.host === undefined ? '' : 'Connection: close\r\n';
  const stream = await open(check.tls, target, world);
  const answer = await exchange(
    stream,
    `${method} ${check.path} HTTP/${version}\r\n${host}${closing}\r\n`,
    target,
    world,
  );
  const text = answer.toString('latin1');
  if (check.code !== undefined) {
    const [, status] = /^HTTP\/1\.[01] (\d{3})/.exec(text) ?? [];
    if (Number(status) !== check.code) throw new Error('http code mismatch');
    return;
  }
  const body = text.indexOf('\r\n\r\n');
  if (body < 0) throw new Error('http digest malformed');
  const algorithm = check.digest!.length === 40 ? 'sha1' : 'md5';
  const digest = createHash(algorithm)
    .update(answer.subarray(body + 4))
    .digest('hex');
  if (digest !== check.digest!.toLowerCase()) throw new Error('http digest mismatch');
}

/** Sends and waits until everything received so far matches the pattern. */
async function checkSend(
  check: Extract<Check, { kind: 'send' }>,
  target: CheckTarget,
  world: CheckWorld,
): Promise<void> {
  const stream = await open(check.tls, target, world);
  const pattern = check.binary ? check.expect : unescapeExpected(check.expect);
  const data =
    check.data === undefined ? undefined : check.binary ? Buffer.from(check.data, 'hex') : check.data;
  await within(target.timeout, world.clock, stream, (done, fail) => {
    let received = Buffer.alloc(0);
    const isThere = () =>
      check.binary
        ? received.toString('hex').startsWith(pattern.toLowerCase())
        : matchesGlob(pattern, received.toString('latin1'));
    stream.on('data', (piece: Buffer) => {
      received = Buffer.concat([received, piece]).subarray(0, MAXIMUM_ANSWER);
      if (isThere()) done(undefined);
    });
    stream.once('end', () => (isThere() ? done(undefined) : fail(new Error('send/expect failed'))));
    stream.once('error', fail);
    if (data !== undefined) stream.write(data);
  });
  stream.destroy();
}

/** Everything that a server says until it closes. */
async function exchange(
  stream: Duplex,
  request: string,
  target: CheckTarget,
  world: CheckWorld,
): Promise<Buffer> {
  const answer = await within<Buffer>(target.timeout, world.clock, stream, (done, fail) => {
    const pieces: Buffer[] = [];
    let length = 0;
    stream.on('data', (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (length > MAXIMUM_ANSWER) done(Buffer.concat(pieces));
    });
    stream.once('end', () => done(Buffer.concat(pieces)));
    stream.once('error', fail);
    stream.write(request);
  });
  stream.destroy();
  return answer;
}

/** Bounds a wait on a stream; when it is over the stream is destroyed. */
function within<T>(
  timeout: number,
  clock: Timers,
  stream: Duplex,
  start: (done: (value: T) => void, fail: (error: Error) => void) => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(timeout, () => {
      stream.destroy();
      reject(new Error('timeout'));
    });
    start(
      (value) => {
        cancel();
        resolve(value);
      },
      (error) => {
        cancel();
        stream.destroy();
        reject(error);
      },
    );
  });
}
