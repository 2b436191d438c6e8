// SPDX-License-Identifier: ISC
//
// `check icmp`: an echo request is answered by the host itself.

import type { CheckFunction } from './attempt.ts';
import { down, isTimeout, up } from './result.ts';

export const checkIcmp: CheckFunction = async (attempt) => {
  const { target, world } = attempt;
  attempt.atTimeout = () => down('icmp read timeout');
  try {
    await world.network.echo({
      address: target.address,
      timeout: attempt.remaining,
      ...(target.ttl === undefined ? {} : { hops: target.ttl }),
    });
    return up('icmp ok');
  } catch (error) {
    return down(isTimeout(error) ? 'icmp read timeout' : 'icmp write timeout');
  }
};
