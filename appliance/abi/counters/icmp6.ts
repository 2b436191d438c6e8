// SPDX-License-Identifier: ISC
//
// Counters of ICMPv6 and neighbour discovery's messages (struct icmp6stat), in the order and words of `netstat -s -p icmp6`.

import { type CounterGroup, counterIndex } from './counters.ts';

export const ICMP6: CounterGroup = {
  heading: 'icmp6',
  counters: [
    ['errors', '%d call%s to icmp6_error'],
    ['errorsAboutErrors', '%d error%s not generated because old message was icmp6 or so'],
    ['errorsRateLimited', '%d error%s not generated because rate limitation'],
    ['errorsForbidden', '%d error%s not generated because of addresses'],
    ['badCode', '%d message%s with bad code fields'],
    ['tooShort', '%d message%s < minimum length'],
    ['badChecksum', '%d bad checksum%s'],
    ['badLength', '%d message%s with bad length'],
    ['reflected', '%d message response%s generated'],
    ['badSolicitation', '%d bad neighbor solicitation message%s'],
    ['badAdvertisement', '%d bad neighbor advertisement message%s'],
    ['badRouterSolicitation', '%d bad router solicitation message%s'],
    ['badRouterAdvertisement', '%d bad router advertisement message%s'],
    ['badRedirect', '%d bad redirect message%s'],
    ['pathMtuChanges', '%d path MTU change%s'],
    ['notAnswerable', '%d echo request%s without an address to answer to'],
    ['unknownType', '%d message%s of unknown type'],
    ['routerAdvertisementsIgnored', '%d router advertisement%s ignored'],
    ['redirectsIgnored', '%d redirect message%s ignored'],
    ['badListenerMessage', '%d bad multicast listener message%s'],
  ],
};

export const ERRORS = counterIndex(ICMP6, 'errors');
export const ERRORS_ABOUT_ERRORS = counterIndex(ICMP6, 'errorsAboutErrors');
export const ERRORS_RATE_LIMITED = counterIndex(ICMP6, 'errorsRateLimited');
export const ERRORS_FORBIDDEN = counterIndex(ICMP6, 'errorsForbidden');
export const BAD_CODE = counterIndex(ICMP6, 'badCode');
export const TOO_SHORT = counterIndex(ICMP6, 'tooShort');
export const BAD_CHECKSUM = counterIndex(ICMP6, 'badChecksum');
export const BAD_LENGTH = counterIndex(ICMP6, 'badLength');
export const REFLECTED = counterIndex(ICMP6, 'reflected');
export const BAD_SOLICITATION = counterIndex(ICMP6, 'badSolicitation');
export const BAD_ADVERTISEMENT = counterIndex(ICMP6, 'badAdvertisement');
export const BAD_ROUTER_SOLICITATION = counterIndex(ICMP6, 'badRouterSolicitation');
export const BAD_ROUTER_ADVERTISEMENT = counterIndex(ICMP6, 'badRouterAdvertisement');
export const BAD_REDIRECT = counterIndex(ICMP6, 'badRedirect');
export const PATH_MTU_CHANGES = counterIndex(ICMP6, 'pathMtuChanges');
export const NOT_ANSWERABLE = counterIndex(ICMP6, 'notAnswerable');
export const UNKNOWN_TYPE = counterIndex(ICMP6, 'unknownType');
export const ROUTER_ADVERTISEMENTS_IGNORED = counterIndex(ICMP6, 'routerAdvertisementsIgnored');
export const REDIRECTS_IGNORED = counterIndex(ICMP6, 'redirectsIgnored');
export const BAD_LISTENER_MESSAGE = counterIndex(ICMP6, 'badListenerMessage');
