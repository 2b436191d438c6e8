// SPDX-License-Identifier: ISC
//
// `check script`: a program decides. The sense is inverted: exit status 0 is down, any other is up. One that cannot be
// run, or is ended because it takes too long, is down.

import type { CheckFunction } from './attempt.ts';
import { down, up } from './result.ts';

export function checkScript(path: string): CheckFunction {
  return async (attempt) => {
    const { target, world } = attempt;
    attempt.atTimeout = () => ({ ...down('script failed'), reason: 'took too long' });
    try {
      const status = await world.runScript(path, target.name, attempt.remaining);
      return status > 0 ? up('script ok') : down('script failed');
    } catch (error) {
      return { ...down('script failed'), reason: (error as Error).message };
    }
  };
}
