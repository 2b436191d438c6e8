// SPDX-License-Identifier: ISC
//
// `check send … expect …`: all that was received so far against a pattern, after every read.

import type { SendCheck } from '../../config/relayd/model.ts';
import { matchesGlob, unescapeExpected } from '../glob.ts';
import type { CheckResult, CheckTarget, CheckWorld } from './check.ts';
import { CheckFailure, type Deadline } from './deadline.ts';
import { exchange } from './exchange.ts';
import { open } from './tcp.ts';

/** Up as soon as the pattern matches; what the host is stays unknown when it closes before (hce). */
export async function checkSend(
  check: SendCheck,
  target: CheckTarget,
  deadline: Deadline,
  world: CheckWorld,
): Promise<CheckResult> {
  const stream = await open(check.tls, target, deadline, world);
  const isThere = expectation(check);
  const { data: send } = check;
  const request = send === undefined ? undefined : check.binary ? Buffer.from(send, 'hex') : send;
  const { data, ended } = await exchange(stream, request, deadline, isThere);
  if (isThere(data)) return { state: 'up', message: 'send/expect ok' };
  if (ended) throw new CheckFailure('send/expect failed', { state: 'unknown' });
  throw new CheckFailure(`${check.tls ? 'tls' : 'tcp'} read timeout`);
}

function expectation(check: SendCheck): (data: Buffer) => boolean {
  if (check.binary) {
    const wanted = Buffer.from(check.expect, 'hex');
    return (data) => data.subarray(0, wanted.length).equals(wanted);
  }
  const pattern = unescapeExpected(check.expect);
  return (data) => matchesGlob(pattern, data.toString('latin1'));
}
