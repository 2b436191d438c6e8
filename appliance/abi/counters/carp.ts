// SPDX-License-Identifier: ISC
//
// What carp counts, with the lines of `netstat -s -p carp`; those with a tab more are parts of the line before.

import { type CounterGroup, counterIndex } from './counters.ts';

export const CARP: CounterGroup = {
  heading: 'carp',
  counters: [
    ['received4', '%d packet%s received (IPv4)'],
    ['received6', '%d packet%s received (IPv6)'],
    ['badInterface', '\t%d packet%s discarded for bad interface'],
    ['badTtl', '\t%d packet%s discarded for wrong TTL'],
    ['tooShort', '\t%d packet%s shorter than header'],
    ['badChecksum', '\t%d discarded for bad checksum%s'],
    ['badVersion', '\t%d discarded packet%s with a bad version'],
    ['badLength', '\t%d discarded because packet too short'],
    ['badAuthentication', '\t%d discarded for bad authentication'],
    ['badVhid', '\t%d discarded for unknown vhid'],
    ['badAddresses', '\t%d discarded because of a bad address list'],
    ['sent4', '%d packet%s sent (IPv4)'],
    ['sent6', '%d packet%s sent (IPv6)'],
    ['sendFailed', '\t%d send failed due to mbuf memory error'],
    ['preempted', '%d transition%s to master'],
  ],
};

export const RECEIVED4 = counterIndex(CARP, 'received4');
export const RECEIVED6 = counterIndex(CARP, 'received6');
export const BAD_INTERFACE = counterIndex(CARP, 'badInterface');
export const BAD_TTL = counterIndex(CARP, 'badTtl');
export const BAD_CHECKSUM = counterIndex(CARP, 'badChecksum');
export const BAD_VERSION = counterIndex(CARP, 'badVersion');
export const BAD_LENGTH = counterIndex(CARP, 'badLength');
export const BAD_AUTHENTICATION = counterIndex(CARP, 'badAuthentication');
export const BAD_VHID = counterIndex(CARP, 'badVhid');
export const SENT4 = counterIndex(CARP, 'sent4');
export const SENT6 = counterIndex(CARP, 'sent6');
export const SEND_FAILED = counterIndex(CARP, 'sendFailed');
export const TO_MASTER = counterIndex(CARP, 'preempted');
