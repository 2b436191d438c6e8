// SPDX-License-Identifier: ISC
//
// `check tcp`, `check tls`, and the connections of the other checks.

import type { Duplex } from 'node:stream';
import { connect as tlsConnect } from 'node:tls';
import type { CheckResult, CheckTarget, CheckWorld } from './check.ts';
import { CheckFailure, type Deadline } from './deadline.ts';

/** Up when the connection comes about; it is closed at once. */
export async function checkTcp(
  target: CheckTarget,
  deadline: Deadline,
  world: CheckWorld,
): Promise<CheckResult> {
  (await openTcp(target, deadline, world)).destroy();
  return { state: 'up', message: 'tcp connect ok' };
}

/** Up when the handshake succeeds. */
export async function checkTls(
  target: CheckTarget,
  deadline: Deadline,
  world: CheckWorld,
): Promise<CheckResult> {
  (await openTls(target, deadline, world)).destroy();
  return { state: 'up', message: 'tls connect ok' };
}

/** A connection to the host, with TLS on top where the check says so. */
export function open(
  tls: boolean,
  target: CheckTarget,
  deadline: Deadline,
  world: CheckWorld,
): Promise<Duplex> {
  return tls ? openTls(target, deadline, world) : openTcp(target, deadline, world);
}

async function openTcp(target: CheckTarget, deadline: Deadline, world: CheckWorld): Promise<Duplex> {
  const { address, port } = target;
  try {
    return await world.network.connect({ address, port, timeout: deadline.left });
  } catch (error) {
    const isTimeout = (error as { code?: string }).code === 'ETIMEDOUT';
    throw new CheckFailure(isTimeout ? 'tcp connect timeout' : 'tcp connect failed');
  }
}

/** A TLS session on top; as in the original the certificate is not looked at, and no name is sent. */
async function openTls(target: CheckTarget, deadline: Deadline, world: CheckWorld): Promise<Duplex> {
  const stream = await openTcp(target, deadline, world);
  const session = tlsConnect({ socket: stream, rejectUnauthorized: false });
  // A late error of a stream that is done with is of no interest.
  stream.on('error', () => {});
  session.on('error', () => {});
  return deadline.wait<Duplex>(
    session,
    (done, fail) => {
      session.once('secureConnect', () => done(session));
      session.once('error', () => fail(new CheckFailure('tls connect failed')));
      session.once('close', () => fail(new CheckFailure('tls connect failed')));
    },
    () => {
      throw new CheckFailure('tls connect timeout');
    },
  );
}
