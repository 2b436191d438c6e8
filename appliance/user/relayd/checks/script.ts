// SPDX-License-Identifier: ISC
//
// `check script`: a program of the administrator's. Mind the sense: it exits with 0 for a host that is down.

import type { CheckResult, CheckTarget, CheckWorld } from './check.ts';
import { CheckFailure, type Deadline } from './deadline.ts';

/** Up for every exit status but 0. A script that is killed counts as down, one that cannot be run tells nothing. */
export async function checkScript(
  path: string,
  target: CheckTarget,
  deadline: Deadline,
  world: CheckWorld,
): Promise<CheckResult> {
  let status: number;
  try {
    status = await world.runScript(path, target.name, deadline.left);
  } catch (error) {
    const isKilled = (error as { killed?: boolean }).killed === true;
    throw new CheckFailure('script failed', { state: isKilled ? 'down' : 'unknown' });
  }
  if (status === 0) throw new CheckFailure('script failed');
  return { state: 'up', message: 'script ok' };
}
