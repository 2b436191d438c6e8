// SPDX-License-Identifier: ISC
//
// `check icmp`: an echo that is answered.

import type { CheckResult, CheckTarget, CheckWorld } from './check.ts';
import { CheckFailure, type Deadline } from './deadline.ts';

/** Up when the host's own address answers in time. */
export async function checkIcmp(
  target: CheckTarget,
  deadline: Deadline,
  world: CheckWorld,
): Promise<CheckResult> {
  try {
    await world.network.echo({ address: target.address, timeout: deadline.left });
  } catch (error) {
    const isTimeout = (error as { code?: string }).code === 'ETIMEDOUT';
    throw new CheckFailure(isTimeout ? 'icmp read timeout' : 'icmp write timeout');
  }
  return { state: 'up', message: 'icmp ok' };
}
