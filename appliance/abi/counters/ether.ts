// SPDX-License-Identifier: ISC
//
// What Ethernet input and output count, beside the counters of each interface.

import { type CounterGroup, counterIndex } from './counters.ts';

export const ETHER: CounterGroup = {
  heading: 'ether',
  counters: [
    ['tooShort', '%d frame%s shorter than an Ethernet header'],
    ['badNotes', '%d frame%s with offload notes that do not fit'],
    ['notForUs', '%d frame%s for other stations'],
    ['unknownType', '%d frame%s of an unknown type'],
    ['interfaceDown', '%d frame%s on an interface that is down'],
    ['noVlan', '%d tagged frame%s without a vlan interface'],
    ['loopbackFull', '%d packet%s dropped because the loopback queue was full'],
  ],
};

export const TOO_SHORT = counterIndex(ETHER, 'tooShort');
export const BAD_NOTES = counterIndex(ETHER, 'badNotes');
export const NOT_FOR_US = counterIndex(ETHER, 'notForUs');
export const UNKNOWN_TYPE = counterIndex(ETHER, 'unknownType');
export const INTERFACE_DOWN = counterIndex(ETHER, 'interfaceDown');
export const NO_VLAN = counterIndex(ETHER, 'noVlan');
export const LOOPBACK_FULL = counterIndex(ETHER, 'loopbackFull');
