// SPDX-License-Identifier: ISC
//
// ppsratecheck(9): at most so many in a second.

import { type Clock, SECOND } from '../clock.ts';

export class RateLimit {
  private readonly clock: Clock;
  private second = -1;
  private count = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Whether one more is within `limit` for this second; 0 allows none. */
  allows(limit: number): boolean {
    const second = Math.floor(this.clock.now / SECOND);
    if (second !== this.second) {
      this.second = second;
      this.count = 0;
    }
    return ++this.count <= limit;
  }
}
