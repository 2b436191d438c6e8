// SPDX-License-Identifier: ISC
//
// What is counted of divert(4), with the lines of `netstat -s -p divert` and `divert6`: the same for both families.

import { type CounterGroup, counterIndex } from './counters.ts';

const COUNTERS: CounterGroup['counters'] = [
  ['received', '%d total packet%s received'],
  ['noSocket', '%d dropped due to no socket'],
];

export const DIVERT: CounterGroup = { heading: 'divert', counters: COUNTERS };
export const DIVERT6: CounterGroup = { heading: 'divert6', counters: COUNTERS };

export const RECEIVED = counterIndex(DIVERT, 'received');
export const NO_SOCKET = counterIndex(DIVERT, 'noSocket');
