// SPDX-License-Identifier: ISC
//
// What few states have, kept beside the table of records: more rules that count, scrub settings, timestamps, a tag.

import type { ActiveRule } from './activeRule.ts';
import type { ScrubSettings } from './scrubSettings.ts';
import type { TimestampPeer } from './timestamps.ts';

export class StateExtra {
  /** Today's `match` rules on the way to the verdict: they count the state's packets. */
  matchRules: readonly ActiveRule[] = [];
  /** Done to every packet of the state. */
  scrub: ScrubSettings | undefined;
  /** `reassemble tcp`: what is known of the timestamps of who made the state, and of the other. */
  timestamps: readonly [TimestampPeer, TimestampPeer] | undefined;
  /** Number of the tag that every packet of the state gets; 0 for none. */
  tag = 0;
}
