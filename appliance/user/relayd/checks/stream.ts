// SPDX-License-Identifier: ISC
//
// The connection that most checks begin with: TCP, or TLS on top of it, closed with the attempt.

import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { Attempt } from './attempt.ts';
import { type CheckResult, down, isTimeout } from './result.ts';

/** An answer longer than this is judged as it is. */
const MAX_ANSWER = 1024 * 1024;

/** A connection to the attempt's host, or why there is none. */
export async function openStream(attempt: Attempt, tls: boolean): Promise<Duplex | CheckResult> {
  const { target, world } = attempt;
  attempt.atTimeout = () => down('tcp connect timeout');
  let stream: Duplex;
  try {
    stream = await world.network.connect({
      address: target.address,
      port: target.port,
      timeout: attempt.remaining,
    });
  } catch (error) {
    return down(isTimeout(error) ? 'tcp connect timeout' : 'tcp connect failed');
  }
  // Errors of a stream that is no longer looked at have nobody to tell.
  stream.on('error', () => undefined);
  attempt.atEnd(() => stream.destroy());
  return tls ? handshake(attempt, stream) : stream;
}

/** TLS without a look at the certificate and without a server name, as the original does it. */
function handshake(attempt: Attempt, stream: Duplex): Promise<Duplex | CheckResult> {
  attempt.atTimeout = () => down('tls connect timeout');
  return new Promise((resolve) => {
    const session = connectTls({ socket: stream, rejectUnauthorized: false });
    attempt.atEnd(() => session.destroy());
    session.once('secureConnect', () => resolve(session));
    session.on('error', () => resolve(down('tls connect failed')));
    session.once('close', () => resolve(down('tls connect failed')));
  });
}

/** What has come so far. */
export class Received {
  length = 0;
  private pieces: Buffer[] = [];

  add(piece: Buffer): void {
    this.pieces.push(piece);
    this.length += piece.length;
  }

  bytes(): Buffer {
    const all = Buffer.concat(this.pieces);
    this.pieces = [all];
    return all;
  }
}

/**
 * Reads until `judge` has an answer. It is asked after each piece, and with `ended` once there will be no more: the peer
 * closed, or has said too much. What is there when time is over is for `atTimeout` of the attempt.
 */
export function readStream(
  stream: Duplex,
  received: Received,
  judge: (ended: boolean) => CheckResult | undefined,
): Promise<CheckResult> {
  return new Promise((resolve) => {
    const look = (ended: boolean) => {
      const result = judge(ended);
      if (result !== undefined) resolve(result);
    };
    stream.on('data', (piece: Buffer) => {
      received.add(piece);
      look(received.length > MAX_ANSWER);
      if (received.length > MAX_ANSWER) stream.destroy();
    });
    stream.once('end', () => look(true));
    stream.once('error', () => resolve(down('tcp read failed')));
    stream.once('close', () => look(true));
  });
}

export function isStream(opened: Duplex | CheckResult): opened is Duplex {
  return 'destroy' in opened;
}
