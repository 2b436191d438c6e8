// SPDX-License-Identifier: ISC
//
// What ARP counts (`netstat -s -p arp` of later systems).

import { type CounterGroup, counterIndex } from './counters.ts';

export const ARP: CounterGroup = {
  heading: 'arp',
  counters: [
    ['requestsSent', '%d ARP request%s sent'],
    ['repliesSent', '%d ARP repl%y sent'],
    ['requestsReceived', '%d ARP request%s received'],
    ['repliesReceived', '%d ARP repl%y received'],
    ['malformed', '%d malformed ARP packet%s received'],
    ['notWanted', '%d ARP packet%s on interfaces without ARP'],
    ['badAddress', '%d ARP packet%s with an impossible sender'],
    ['own', '%d ARP packet%s of our own that came back'],
    ['duplicateAddress', '%d duplicate IP address%es seen'],
    ['permanentKept', '%d attempt%s to change a permanent entry'],
    ['held', '%d packet%s held for an answer'],
    ['dropped', '%d packet%s dropped without an answer'],
    ['hostDown', '%d packet%s to hosts that do not answer'],
    ['timeouts', '%d entr%y timed out'],
    ['tableFull', '%d time%s the table was full'],
  ],
};

export const REQUESTS_SENT = counterIndex(ARP, 'requestsSent');
export const REPLIES_SENT = counterIndex(ARP, 'repliesSent');
export const REQUESTS_RECEIVED = counterIndex(ARP, 'requestsReceived');
export const REPLIES_RECEIVED = counterIndex(ARP, 'repliesReceived');
export const MALFORMED = counterIndex(ARP, 'malformed');
export const NOT_WANTED = counterIndex(ARP, 'notWanted');
export const BAD_ADDRESS = counterIndex(ARP, 'badAddress');
export const OWN = counterIndex(ARP, 'own');
export const DUPLICATE_ADDRESS = counterIndex(ARP, 'duplicateAddress');
export const PERMANENT_KEPT = counterIndex(ARP, 'permanentKept');
export const HELD = counterIndex(ARP, 'held');
export const DROPPED = counterIndex(ARP, 'dropped');
export const HOST_DOWN_DROPS = counterIndex(ARP, 'hostDown');
export const TIMEOUTS = counterIndex(ARP, 'timeouts');
export const TABLE_FULL = counterIndex(ARP, 'tableFull');
