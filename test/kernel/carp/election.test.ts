// SPDX-License-Identifier: ISC
//
// The election's table: who hears what, and what follows.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CarpState } from '../../../appliance/abi/carp.ts';
import { type Candidate, type Decision, decide } from '../../../appliance/kernel/carp/election.ts';

/** `base.skew+demotion`. */
function candidate(text: string): Candidate {
  const [, advbase, advskew, demotion] = /^(\d+)\.(\d+)\+(\d+)$/.exec(text)!.map(Number);
  return { advbase: advbase!, advskew: advskew!, demotion: demotion! };
}

const CASES: readonly (readonly [CarpState, own: string, peer: string, preempt: boolean, Decision])[] = [
  ['INIT', '1.0+0', '1.100+9', true, 'stay'],
  // A master gives way to the less demoted, to the faster, and to the equal.
  ['MASTER', '1.0+1', '1.100+0', false, 'backup'],
  ['MASTER', '1.100+0', '1.0+0', false, 'backup'],
  ['MASTER', '1.50+0', '1.50+0', false, 'backup'],
  ['MASTER', '1.50+3', '1.50+3', false, 'backup'],
  ['MASTER', '1.0+0', '1.100+0', false, 'stay'],
  ['MASTER', '1.100+0', '1.0+1', false, 'stay'],
  ['MASTER', '2.0+0', '1.255+0', false, 'backup'],
  // A backup takes over from the slower only with preempt, and never from the less demoted.
  ['BACKUP', '1.0+0', '1.100+0', true, 'master'],
  ['BACKUP', '1.0+0', '1.100+0', false, 'wait'],
  ['BACKUP', '1.0+1', '1.100+0', true, 'wait'],
  ['BACKUP', '1.0+0', '1.0+0', true, 'wait'],
  // From the more demoted always.
  ['BACKUP', '1.100+0', '1.0+1', false, 'master'],
  ['BACKUP', '1.100+5', '1.0+5', false, 'wait'],
  // A bow-out, and anyone so slow that he would be missed.
  ['BACKUP', '1.100+0', '255.255+0', false, 'master'],
  ['BACKUP', '1.0+0', '3.1+0', false, 'master'],
  ['BACKUP', '1.0+0', '3.0+0', false, 'wait'],
  ['BACKUP', '0.10+0', '255.255+0', false, 'wait'],
];

for (const [state, own, peer, preempt, decision] of CASES) {
  test(`${state} ${own} hears ${peer}${preempt ? ', preempt' : ''}: ${decision}`, () => {
    assert.equal(decide(state, candidate(own), candidate(peer), preempt), decision);
  });
}
