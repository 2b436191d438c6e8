// SPDX-License-Identifier: ISC
//
// States in an order: the numbers to sort them by, and the few that are then looked at. A listing of all of them would take a hundred
// times as long.

import type { PageRequest } from './page.ts';
import type { StateInfo } from './pf.ts';

/**
 * What states can be put in order by, and how many numbers say it, the first of them counting most. An address and its port take three;
 * IPv4 comes before IPv6. `place` is the order of the table.
 */
export const STATE_COLUMNS = {
  place: 1,
  bytes: 1,
  packets: 1,
  age: 1,
  expires: 1,
  source: 3,
  destination: 3,
} as const;
export type StateColumn = keyof typeof STATE_COLUMNS;

/** States that are described in one call. */
export const STATES_AT_ONCE = 100;

export interface StateOrderCalls {
  /** Of the states on one page of the table: the place of each, and its numbers one behind the other. */
  'pf.stateColumn': [
    PageRequest & { readonly column: StateColumn },
    { readonly places: Int32Array; readonly values: Float64Array; readonly next?: number },
  ];
  /** The states at these places, STATES_AT_ONCE at most; undefined for those that are gone meanwhile. */
  'pf.statesAt': [{ readonly places: Int32Array }, readonly (StateInfo | undefined)[]];
}
