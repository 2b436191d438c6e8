// SPDX-License-Identifier: ISC
//
// What a valid advertisement means for the one who hears it (carp_proto_input_c), as a pure table of decisions.

import type { CarpState } from '../../abi/carp.ts';
import { SECOND } from '../clock.ts';
import { intervalOf } from './vhost.ts';

/** Go on as before; give way; take over; the master lives: wait for it anew. */
export type Decision = 'stay' | 'backup' | 'master' | 'wait';

/** One side of the election. */
export interface Candidate {
  readonly advbase: number;
  readonly advskew: number;
  readonly demotion: number;
}

/** The first rule that holds decides. */
export function decide(state: CarpState, own: Candidate, peer: Candidate, preempt: boolean): Decision {
  const ours = intervalOf(own.advbase, own.advskew);
  const theirs = intervalOf(peer.advbase, peer.advskew);
  switch (state) {
    case 'INIT':
      return 'stay';
    case 'MASTER':
      // Equal ones give way, too: whoever hears first, else both would stay.
      if (peer.demotion < own.demotion) return 'backup';
      return theirs <= ours && peer.demotion <= own.demotion ? 'backup' : 'stay';
    case 'BACKUP':
      if (preempt && ours < theirs && peer.demotion >= own.demotion) return 'master';
      if (peer.demotion > own.demotion) return 'master';
      // It advertises so seldom that it would be missed: what a bow-out says on purpose.
      if (own.advbase !== 0 && patienceOf(own) < theirs) return 'master';
      return 'wait';
  }
}

function patienceOf({ advbase, advskew }: Candidate): number {
  return 3 * advbase * SECOND + Math.floor((advskew * SECOND) / 256);
}
