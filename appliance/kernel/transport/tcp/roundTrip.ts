// SPDX-License-Identifier: ISC
//
// The retransmission timeout from measured round trips (RFC 6298). Microseconds.

import { MILLISECOND, SECOND } from '../../clock.ts';

/** Before anything was measured (RFC 6298 2.1). */
const INITIAL = 1 * SECOND;
/**
 * RFC 6298 2.4 asks for one second because clocks were coarse and acknowledgments delayed up to half a second; with peers that delay
 * them 40 to 200 ms, what is in common use does better after a lost last segment.
 */
const MINIMUM = 200 * MILLISECOND;
const MAXIMUM = 60 * SECOND;

export class RoundTrip {
  /** Smoothed round trip time and its mean deviation; 0 until measured. */
  smoothed = 0;
  private variation = 0;
  private base = INITIAL;
  /** Times that the timeout has doubled since the last acknowledgment of new data. */
  backoff = 0;

  get timeout(): number {
    return Math.min(this.base * 2 ** this.backoff, MAXIMUM);
  }

  /** A measured round trip (RFC 6298 2.2, 2.3). */
  measured(sample: number): void {
    if (this.smoothed === 0) {
      this.smoothed = Math.max(sample, 1);
      this.variation = sample / 2;
    } else {
      this.variation += (Math.abs(this.smoothed - sample) - this.variation) / 4;
      this.smoothed = Math.max(this.smoothed + (sample - this.smoothed) / 8, 1);
    }
    this.base = Math.min(Math.max(this.smoothed + 4 * this.variation, MINIMUM), MAXIMUM);
  }
}
