// SPDX-License-Identifier: ISC
//
// Sending something and reading what comes back, within the deadline of a check.

import type { Duplex } from 'node:stream';
import { CheckFailure, type Deadline } from './deadline.ts';

/** An answer longer than this is not read on. */
const MAXIMUM_ANSWER = 64 * 1024;

export interface Answer {
  readonly data: Buffer;
  /** The peer has closed (or said more than is read); false: the time was up, or `isEnough` was satisfied. */
  readonly ended: boolean;
}

/** Sends `request` and reads until the peer closes, `isEnough` says so, or the time is up. The stream is destroyed after it. */
export async function exchange(
  stream: Duplex,
  request: string | Uint8Array | undefined,
  deadline: Deadline,
  isEnough: (data: Buffer) => boolean,
): Promise<Answer> {
  let data = Buffer.alloc(0);
  const answer = await deadline.wait<Answer>(
    stream,
    (done, fail) => {
      stream.on('data', (piece: Buffer) => {
        data = Buffer.concat([data, piece]).subarray(0, MAXIMUM_ANSWER);
        if (isEnough(data)) done({ data, ended: false });
        else if (data.length === MAXIMUM_ANSWER) done({ data, ended: true });
      });
      stream.once('end', () => done({ data, ended: true }));
      // Stays after the wait: a late error of a stream that is done with is of no interest.
      stream.on('error', () => fail(new CheckFailure('tcp read failed')));
      stream.once('close', () => fail(new CheckFailure('tcp read failed')));
      if (request !== undefined && request.length > 0) stream.write(request);
    },
    () => ({ data, ended: false }),
  );
  stream.destroy();
  return answer;
}
