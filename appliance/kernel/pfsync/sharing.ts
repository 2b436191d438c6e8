// SPDX-License-Identifier: ISC
//
// Which states other machines are to have.

import { PROTOCOL_PFSYNC } from '../../wire/ipv4.ts';
import type { PfParts } from '../pf/parts.ts';
import { FLAG_NO_SYNC, FLAGS, KIND, WIRE } from '../pf/stateRecord.ts';

/** Not what a rule keeps here (no-sync), not pfsync's own traffic, and not what has run out. */
export function isShared({ states, life, settings }: PfParts, state: number): boolean {
  const records = states.records(state);
  const at = states.at(state);
  return (
    (records[at + FLAGS]! & FLAG_NO_SYNC) === 0 &&
    (records[at + WIRE + KIND]! & 0xff) !== PROTOCOL_PFSYNC &&
    life.expires(state) > settings.seconds
  );
}
