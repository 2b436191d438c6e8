// SPDX-License-Identifier: ISC
//
// What IGMP counts, with the lines of `netstat -s -p igmp`.

import { type CounterGroup, counterIndex } from './counters.ts';

export const IGMP: CounterGroup = {
  heading: 'igmp',
  counters: [
    ['received', '%d message%s received'],
    ['tooShort', '%d message%s received with too few bytes'],
    ['badChecksum', '%d message%s received with bad checksum'],
    ['queries', '%d membership query message%s received'],
    ['badQueries', '%d membership query message%s received with invalid fields'],
    ['reports', '%d membership report%s received'],
    ['badReports', '%d membership report%s received with invalid fields'],
    ['ourReports', '%d membership report%s received for groups to which we belong'],
    ['reportsSent', '%d membership report%s sent'],
    ['leavesSent', '%d leave message%s sent'],
  ],
};

export const RECEIVED = counterIndex(IGMP, 'received');
export const TOO_SHORT = counterIndex(IGMP, 'tooShort');
export const BAD_CHECKSUM = counterIndex(IGMP, 'badChecksum');
export const QUERIES = counterIndex(IGMP, 'queries');
export const BAD_QUERIES = counterIndex(IGMP, 'badQueries');
export const REPORTS = counterIndex(IGMP, 'reports');
export const BAD_REPORTS = counterIndex(IGMP, 'badReports');
export const OUR_REPORTS = counterIndex(IGMP, 'ourReports');
export const REPORTS_SENT = counterIndex(IGMP, 'reportsSent');
export const LEAVES_SENT = counterIndex(IGMP, 'leavesSent');
