// SPDX-License-Identifier: ISC
//
// Counters of UDP (struct udpstat), in the order and words of `netstat -s -p udp`.

import { type CounterGroup, counterIndex } from './counters.ts';

export const UDP: CounterGroup = {
  heading: 'udp',
  counters: [
    ['received', '%d datagram%s received'],
    ['incomplete', '%d with incomplete header'],
    ['badLength', '%d with bad data length field'],
    ['badChecksum', '%d with bad checksum'],
    ['noChecksum', '%d with no checksum'],
    ['noSocket', '%d dropped due to no socket'],
    ['noSocketBroadcast', '%d broadcast/multicast datagram%s dropped due to no socket'],
    ['fullSocket', '%d dropped due to full socket buffers'],
    ['delivered', '%d delivered'],
    ['sent', '%d datagram%s output'],
    ['sendErrors', '%d datagram%s that could not be sent'],
  ],
};

export const RECEIVED = counterIndex(UDP, 'received');
export const INCOMPLETE = counterIndex(UDP, 'incomplete');
export const BAD_LENGTH = counterIndex(UDP, 'badLength');
export const BAD_CHECKSUM = counterIndex(UDP, 'badChecksum');
export const NO_CHECKSUM = counterIndex(UDP, 'noChecksum');
export const NO_SOCKET = counterIndex(UDP, 'noSocket');
export const NO_SOCKET_BROADCAST = counterIndex(UDP, 'noSocketBroadcast');
export const FULL_SOCKET = counterIndex(UDP, 'fullSocket');
export const DELIVERED = counterIndex(UDP, 'delivered');
export const SENT = counterIndex(UDP, 'sent');
export const SEND_ERRORS = counterIndex(UDP, 'sendErrors');
