// SPDX-License-Identifier: ISC
//
// `check send … expect …`: everything received so far must match a shell pattern, or begin with the given bytes.

import type { Check } from '../../config/relayd/syntax.ts';
import { matchesGlob, unescapePattern } from '../glob.ts';
import type { CheckFunction } from './attempt.ts';
import { down, up } from './result.ts';
import { isStream, openStream, Received, readStream } from './stream.ts';

type SendCheck = Extract<Check, { kind: 'send' }>;

export function checkSendExpect(check: SendCheck): CheckFunction {
  const matches = matcher(check);
  return async (attempt) => {
    const opened = await openStream(attempt, check.tls);
    if (!isStream(opened)) return opened;
    attempt.atTimeout = () => down(check.tls ? 'tls read timeout' : 'tcp read timeout');
    if (check.data !== undefined) opened.write(Buffer.from(check.data, check.binary ? 'hex' : 'latin1'));
    const received = new Received();
    return readStream(opened, received, (ended) => {
      if (matches(received.bytes())) return up('send/expect ok');
      // A server that closes without the answer is not judged, says the original (relayd.md 4.1).
      return ended ? { status: 'unknown', message: 'send/expect failed' } : undefined;
    });
  };
}

function matcher(check: SendCheck): (received: Buffer) => boolean {
  if (check.binary) {
    const wanted = Buffer.from(check.expect, 'hex');
    return (received) => received.subarray(0, wanted.length).equals(wanted);
  }
  const pattern = unescapePattern(check.expect);
  return (received) => matchesGlob(pattern, received.toString('latin1'));
}
