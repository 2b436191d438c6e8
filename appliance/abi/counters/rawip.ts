// SPDX-License-Identifier: ISC
//
// Counters of raw sockets, both families; rhine's own, laid out as the groups of netstat(1).

import { type CounterGroup, counterIndex } from './counters.ts';

export const RAWIP: CounterGroup = {
  heading: 'rawip',
  counters: [
    ['received', '%d packet%s offered to raw sockets'],
    ['delivered', '%d delivered'],
    ['fullSocket', '%d dropped due to full socket buffers'],
    ['sent', '%d packet%s output'],
    ['sendErrors', '%d packet%s that could not be sent'],
  ],
};

export const RECEIVED = counterIndex(RAWIP, 'received');
export const DELIVERED = counterIndex(RAWIP, 'delivered');
export const FULL_SOCKET = counterIndex(RAWIP, 'fullSocket');
export const SENT = counterIndex(RAWIP, 'sent');
export const SEND_ERRORS = counterIndex(RAWIP, 'sendErrors');
