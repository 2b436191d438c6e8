// SPDX-License-Identifier: ISC
//
// Counters of the neighbour cache and of duplicate address detection; rhine's own, laid out as the groups of netstat(1).

import { type CounterGroup, counterIndex } from './counters.ts';

export const ND6: CounterGroup = {
  heading: 'nd6',
  counters: [
    ['solicitationsSent', '%d neighbor solicitation%s sent'],
    ['solicitationsReceived', '%d neighbor solicitation%s received'],
    ['advertisementsSent', '%d neighbor advertisement%s sent'],
    ['advertisementsReceived', '%d neighbor advertisement%s received'],
    ['held', '%d packet%s held for resolution'],
    ['heldDropped', '%d held packet%s dropped for want of space'],
    ['unresolved', '%d packet%s dropped because the neighbor did not answer'],
    ['evicted', '%d neighbor%s evicted from a full cache'],
    ['notFromNeighbor', '%d solicitation%s from addresses that are not on link'],
    ['duplicates', '%d duplicate address%es detected'],
  ],
};

export const SOLICITATIONS_SENT = counterIndex(ND6, 'solicitationsSent');
export const SOLICITATIONS_RECEIVED = counterIndex(ND6, 'solicitationsReceived');
export const ADVERTISEMENTS_SENT = counterIndex(ND6, 'advertisementsSent');
export const ADVERTISEMENTS_RECEIVED = counterIndex(ND6, 'advertisementsReceived');
export const HELD = counterIndex(ND6, 'held');
export const HELD_DROPPED = counterIndex(ND6, 'heldDropped');
export const UNRESOLVED = counterIndex(ND6, 'unresolved');
export const EVICTED = counterIndex(ND6, 'evicted');
export const NOT_FROM_NEIGHBOR = counterIndex(ND6, 'notFromNeighbor');
export const DUPLICATES = counterIndex(ND6, 'duplicates');
