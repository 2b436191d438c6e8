// SPDX-License-Identifier: ISC
//
// What IPv4 counts, with the lines of `netstat -s -p ip`.

import { type CounterGroup, counterIndex } from './counters.ts';

export const IP: CounterGroup = {
  heading: 'ip',
  counters: [
    ['received', '%d total packet%s received'],
    ['badChecksum', '%d bad header checksum%s'],
    ['tooSmall', '%d with size smaller than minimum'],
    ['tooShort', '%d with data size < data length'],
    ['badHeaderLength', '%d with header length < data size'],
    ['badLength', '%d with data length < header length'],
    ['badOptions', '%d with bad options'],
    ['badVersion', '%d with incorrect version number'],
    ['badAddress', '%d with bad address%es'],
    ['fragments', '%d fragment%s received'],
    ['fragmentsDropped', '%d fragment%s dropped (duplicates or out of space)'],
    ['fragmentsMalformed', '%d malformed fragment%s dropped'],
    ['fragmentsTimedOut', '%d fragment%s dropped after timeout'],
    ['reassembled', '%d packet%s reassembled ok'],
    ['delivered', '%d packet%s for this host'],
    ['noProtocol', '%d packet%s for unknown/unsupported protocol'],
    ['forwarded', '%d packet%s forwarded'],
    ['cannotForward', '%d packet%s not forwardable'],
    ['redirectsSent', '%d redirect%s sent'],
    ['localOut', '%d packet%s sent from this host'],
    ['fragmented', '%d output datagram%s fragmented'],
    ['fragmentsCreated', '%d fragment%s created'],
    ['cannotFragment', "%d datagram%s that can't be fragmented"],
    ['noRoute', '%d output packet%s discarded due to no route'],
    ['noBuffers', '%d output packet%s dropped due to no bufs, etc.'],
    ['notMember', "%d multicast packet%s which we don't join"],
    ['notOurShare', '%d balanced packet%s left to other carp nodes'],
    ['wrongInterface', '%d packet%s received on wrong interface'],
    ['filtered', '%d packet%s taken by the filter'],
  ],
};

export const RECEIVED = counterIndex(IP, 'received');
export const BAD_CHECKSUM = counterIndex(IP, 'badChecksum');
export const TOO_SMALL = counterIndex(IP, 'tooSmall');
export const TOO_SHORT = counterIndex(IP, 'tooShort');
export const BAD_HEADER_LENGTH = counterIndex(IP, 'badHeaderLength');
export const BAD_LENGTH = counterIndex(IP, 'badLength');
export const BAD_OPTIONS = counterIndex(IP, 'badOptions');
export const BAD_VERSION = counterIndex(IP, 'badVersion');
export const BAD_ADDRESS = counterIndex(IP, 'badAddress');
export const FRAGMENTS = counterIndex(IP, 'fragments');
export const FRAGMENTS_DROPPED = counterIndex(IP, 'fragmentsDropped');
export const FRAGMENTS_MALFORMED = counterIndex(IP, 'fragmentsMalformed');
export const FRAGMENTS_TIMED_OUT = counterIndex(IP, 'fragmentsTimedOut');
export const REASSEMBLED = counterIndex(IP, 'reassembled');
export const DELIVERED = counterIndex(IP, 'delivered');
export const NO_PROTOCOL = counterIndex(IP, 'noProtocol');
export const FORWARDED = counterIndex(IP, 'forwarded');
export const CANNOT_FORWARD = counterIndex(IP, 'cannotForward');
export const REDIRECTS_SENT = counterIndex(IP, 'redirectsSent');
export const LOCAL_OUT = counterIndex(IP, 'localOut');
export const FRAGMENTED = counterIndex(IP, 'fragmented');
export const FRAGMENTS_CREATED = counterIndex(IP, 'fragmentsCreated');
export const CANNOT_FRAGMENT = counterIndex(IP, 'cannotFragment');
export const NO_ROUTE = counterIndex(IP, 'noRoute');
export const NO_BUFFERS = counterIndex(IP, 'noBuffers');
export const NOT_MEMBER = counterIndex(IP, 'notMember');
export const NOT_OUR_SHARE = counterIndex(IP, 'notOurShare');
export const WRONG_INTERFACE = counterIndex(IP, 'wrongInterface');
export const FILTERED = counterIndex(IP, 'filtered');
