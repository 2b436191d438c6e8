// SPDX-License-Identifier: ISC
//
// What pfsync counts, with the lines of `netstat -s -p pfsync`; those with a tab more are parts of the line before.

import { type CounterGroup, counterIndex } from './counters.ts';

export const PFSYNC: CounterGroup = {
  heading: 'pfsync',
  counters: [
    ['received', '%d packet%s received (IPv4)'],
    ['received6', '%d packet%s received (IPv6)'],
    ['badInterface', '\t%d packet%s discarded for bad interface'],
    ['badTtl', '\t%d packet%s discarded for bad ttl'],
    ['tooShort', '\t%d packet%s shorter than header'],
    ['badVersion', '\t%d packet%s discarded for bad version'],
    ['badHmac', '\t%d packet%s discarded for bad HMAC'],
    ['badAction', '\t%d packet%s discarded for bad action'],
    ['badLength', '\t%d packet%s discarded for short packet'],
    ['badValue', '\t%d state%s discarded for bad values'],
    ['stale', '\t%d stale state%s'],
    ['badState', '\t%d failed state lookup/insert%s'],
    ['sent', '%d packet%s sent (IPv4)'],
    ['sent6', '%d packet%s sent (IPv6)'],
    ['noMemory', '\t%d send failed due to mbuf memory error'],
    ['sendErrors', '\t%d send error%s'],
  ],
};

export const RECEIVED = counterIndex(PFSYNC, 'received');
export const BAD_INTERFACE = counterIndex(PFSYNC, 'badInterface');
export const BAD_TTL = counterIndex(PFSYNC, 'badTtl');
export const TOO_SHORT = counterIndex(PFSYNC, 'tooShort');
export const BAD_VERSION = counterIndex(PFSYNC, 'badVersion');
export const BAD_HMAC = counterIndex(PFSYNC, 'badHmac');
export const BAD_ACTION = counterIndex(PFSYNC, 'badAction');
export const BAD_LENGTH = counterIndex(PFSYNC, 'badLength');
export const BAD_VALUE = counterIndex(PFSYNC, 'badValue');
export const STALE = counterIndex(PFSYNC, 'stale');
export const BAD_STATE = counterIndex(PFSYNC, 'badState');
export const SENT = counterIndex(PFSYNC, 'sent');
export const SEND_ERRORS = counterIndex(PFSYNC, 'sendErrors');
