// SPDX-License-Identifier: ISC
//
// Challenge acknowledgments (RFC 5961): a segment that a blind attacker might have made is answered with where we are.

import * as tcps from '../../../abi/counters/tcp.ts';
import { MILLISECOND } from '../../clock.ts';
import type { Connection } from './connection.ts';
import type { TcpContext } from './context.ts';
import { sendAck } from './transmit.ts';

/** Not more often per connection. A limit for all connections together would tell an attacker about the others. */
const INTERVAL = 100 * MILLISECOND;

export function challengeAck(context: TcpContext, c: Connection): void {
  const now = context.clock.now;
  if (now - c.lastChallengeAt < INTERVAL) {
    context.counters.count(tcps.CHALLENGES_LIMITED);
    return;
  }
  c.lastChallengeAt = now;
  context.counters.count(tcps.CHALLENGE_ACKS);
  sendAck(context, c);
}
