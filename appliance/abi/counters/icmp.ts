// SPDX-License-Identifier: ISC
//
// What ICMP counts, with the lines of `netstat -s -p icmp`.

import { type CounterGroup, counterIndex } from './counters.ts';

export const ICMP: CounterGroup = {
  heading: 'icmp',
  counters: [
    ['errors', '%d call%s to icmp_error'],
    ['errorsAboutIcmp', '%d error%s not generated because old message was icmp'],
    ['errorsForbidden', '%d error%s not generated about broadcasts, multicasts or fragments'],
    ['errorsLimited', '%d error%s not generated because of rate limitation'],
    ['tooShort', '%d message%s < minimum length'],
    ['badChecksum', '%d bad checksum%s'],
    ['badLength', '%d message%s with bad length'],
    ['broadcastEcho', '%d echo request%s to broadcast/multicast rejected'],
    ['replies', '%d message response%s generated'],
    ['received', '%d message%s received'],
    ['redirectsIgnored', '%d redirect%s ignored'],
    ['routesChanged', '%d route%s changed by redirects'],
    ['pathMtuChanges', '%d path MTU value%s learnt'],
    ['notOurs', '%d error%s about packets that are not ours'],
    ['unknownType', '%d message%s of unknown type'],
  ],
};

export const ERRORS = counterIndex(ICMP, 'errors');
export const ERRORS_ABOUT_ICMP = counterIndex(ICMP, 'errorsAboutIcmp');
export const ERRORS_FORBIDDEN = counterIndex(ICMP, 'errorsForbidden');
export const ERRORS_LIMITED = counterIndex(ICMP, 'errorsLimited');
export const TOO_SHORT = counterIndex(ICMP, 'tooShort');
export const BAD_CHECKSUM = counterIndex(ICMP, 'badChecksum');
export const BAD_LENGTH = counterIndex(ICMP, 'badLength');
export const BROADCAST_ECHO = counterIndex(ICMP, 'broadcastEcho');
export const REPLIES = counterIndex(ICMP, 'replies');
export const RECEIVED = counterIndex(ICMP, 'received');
export const REDIRECTS_IGNORED = counterIndex(ICMP, 'redirectsIgnored');
export const ROUTES_CHANGED = counterIndex(ICMP, 'routesChanged');
export const PATH_MTU_CHANGES = counterIndex(ICMP, 'pathMtuChanges');
export const NOT_OURS = counterIndex(ICMP, 'notOurs');
export const UNKNOWN_TYPE = counterIndex(ICMP, 'unknownType');
