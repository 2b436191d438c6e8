// SPDX-License-Identifier: ISC
//
// Counters of IPv6 (struct ip6stat), in the order and words of `netstat -s -p ip6`; the last ones are rhine's own.

import { type CounterGroup, counterIndex } from './counters.ts';

export const IP6: CounterGroup = {
  heading: 'ip6',
  counters: [
    ['received', '%d total packet%s received'],
    ['tooSmall', '%d with size smaller than minimum'],
    ['tooShort', '%d with data size < data length'],
    ['badOptions', '%d with bad options'],
    ['badVersion', '%d with incorrect version number'],
    ['fragments', '%d fragment%s received'],
    ['fragmentsDropped', '%d fragment%s dropped (duplicates or out of space)'],
    ['fragmentsTimedOut', '%d fragment%s dropped after timeout'],
    ['reassembled', '%d packet%s reassembled ok'],
    ['delivered', '%d packet%s for this host'],
    ['forwarded', '%d packet%s forwarded'],
    ['cannotForward', '%d packet%s not forwardable'],
    ['redirectsSent', '%d redirect%s sent'],
    ['localOut', '%d packet%s sent from this host'],
    ['noBuffers', '%d output packet%s dropped due to no bufs, etc.'],
    ['noRoute', '%d output packet%s discarded due to no route'],
    ['fragmented', '%d output datagram%s fragmented'],
    ['fragmentsCreated', '%d fragment%s created'],
    ['cannotFragment', "%d datagram%s that can't be fragmented"],
    ['badScope', '%d packet%s that violated scope rules'],
    ['notMember', "%d multicast packet%s which we don't join"],
    ['tooManyHeaders', '%d packet%s discarded due to too many headers'],
    ['notOurShare', '%d balanced packet%s left to other carp nodes'],
    ['wrongInterface', '%d packet%s received on the wrong interface'],
    ['noProtocol', '%d packet%s for unknown/unsupported protocol'],
    ['notUsable', '%d packet%s for a tentative or duplicated address'],
    ['fragmentsMalformed', '%d malformed fragment%s dropped'],
    ['fragmentsOverlapping', '%d fragment%s dropped with a datagram that overlaps itself'],
    ['blackholed', '%d packet%s discarded by a blackhole route'],
    ['filtered', '%d packet%s taken by the filter'],
  ],
};

export const RECEIVED = counterIndex(IP6, 'received');
export const TOO_SMALL = counterIndex(IP6, 'tooSmall');
export const TOO_SHORT = counterIndex(IP6, 'tooShort');
export const BAD_OPTIONS = counterIndex(IP6, 'badOptions');
export const BAD_VERSION = counterIndex(IP6, 'badVersion');
export const FRAGMENTS = counterIndex(IP6, 'fragments');
export const FRAGMENTS_DROPPED = counterIndex(IP6, 'fragmentsDropped');
export const FRAGMENTS_TIMED_OUT = counterIndex(IP6, 'fragmentsTimedOut');
export const REASSEMBLED = counterIndex(IP6, 'reassembled');
export const DELIVERED = counterIndex(IP6, 'delivered');
export const FORWARDED = counterIndex(IP6, 'forwarded');
export const CANNOT_FORWARD = counterIndex(IP6, 'cannotForward');
export const REDIRECTS_SENT = counterIndex(IP6, 'redirectsSent');
export const LOCAL_OUT = counterIndex(IP6, 'localOut');
export const NO_BUFFERS = counterIndex(IP6, 'noBuffers');
export const NO_ROUTE = counterIndex(IP6, 'noRoute');
export const FRAGMENTED = counterIndex(IP6, 'fragmented');
export const FRAGMENTS_CREATED = counterIndex(IP6, 'fragmentsCreated');
export const CANNOT_FRAGMENT = counterIndex(IP6, 'cannotFragment');
export const BAD_SCOPE = counterIndex(IP6, 'badScope');
export const NOT_MEMBER = counterIndex(IP6, 'notMember');
export const TOO_MANY_HEADERS = counterIndex(IP6, 'tooManyHeaders');
export const NOT_OUR_SHARE = counterIndex(IP6, 'notOurShare');
export const WRONG_INTERFACE = counterIndex(IP6, 'wrongInterface');
export const NO_PROTOCOL = counterIndex(IP6, 'noProtocol');
export const NOT_USABLE = counterIndex(IP6, 'notUsable');
export const FRAGMENTS_MALFORMED = counterIndex(IP6, 'fragmentsMalformed');
export const FRAGMENTS_OVERLAPPING = counterIndex(IP6, 'fragmentsOverlapping');
export const BLACKHOLED = counterIndex(IP6, 'blackholed');
export const FILTERED = counterIndex(IP6, 'filtered');
