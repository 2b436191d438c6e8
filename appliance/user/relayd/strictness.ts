// SPDX-License-Identifier: ISC
//
// Whether the connections of a strict redirection are checked in full: a router has to tell of the hosts' answers.

import type { ObservedCounters } from '../../abi/pf.ts';
import type { Log } from './network.ts';

export class Strictness {
  private seen = { states: 0, unobserved: 0 };
  private isStrict = true;

  /** Takes the counters of now, and logs once when connections have to be sloppy, and once when they need be no longer. */
  follow(name: string, { states, unobserved }: ObservedCounters, log: Log): void {
    // The counters begin again with the rules.
    const isNew = states + unobserved < this.seen.states + this.seen.unobserved;
    const before = isNew ? { states: 0, unobserved: 0 } : this.seen;
    this.seen = { states, unobserved };
    if (states > before.states && !this.isStrict) {
      this.isStrict = true;
      log(
        `redirection ${name}: a router tells of the hosts' answers, new connections are checked in full`,
        'notice',
      );
    } else if (states <= before.states && unobserved > before.unobserved && this.isStrict) {
      this.isStrict = false;
      log(`redirection ${name}: no router tells of the hosts' answers, so its states are sloppy`, 'warning');
    }
  }
}
