// SPDX-License-Identifier: ISC
//
// State tracking of UDP, ICMP and the other protocols (pf_test_state_udp, _icmp, _other): who has been heard, and for how long that counts.

import { PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_UDP } from './descriptor.ts';
import { PEER_STATE, TIMEOUT, TOUCHED } from './stateRecord.ts';
import * as timeouts from './timeouts.ts';

/** States of a peer. */
export const NO_TRAFFIC = 0;
export const SINGLE = 1;
export const MULTIPLE = 2;

/** What the first packet makes of the peer that sent it, and the timeout that it starts. */
export function create(records: Int32Array, at: number, source: number, protocol: number): void {
  if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMP6) {
    records[at + TIMEOUT] = timeouts.ICMP_FIRST;
    return;
  }
  records[source + PEER_STATE] = SINGLE;
  records[at + TIMEOUT] = protocol === PROTOCOL_UDP ? timeouts.UDP_FIRST : timeouts.OTHER_FIRST;
}

/** A further packet. `source` and `destination` are the peers that sent it and that it is for. */
export function track(
  records: Int32Array,
  at: number,
  source: number,
  destination: number,
  protocol: number,
  now: number,
): void {
  records[at + TOUCHED] = now;
  if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMP6) {
    records[at + TIMEOUT] = timeouts.ICMP_ERROR;
    return;
  }
  if (records[source + PEER_STATE]! < SINGLE) records[source + PEER_STATE] = SINGLE;
  if (records[destination + PEER_STATE] === SINGLE) records[destination + PEER_STATE] = MULTIPLE;
  const both = records[source + PEER_STATE] === MULTIPLE && records[destination + PEER_STATE] === MULTIPLE;
  if (protocol === PROTOCOL_UDP) records[at + TIMEOUT] = both ? timeouts.UDP_MULTIPLE : timeouts.UDP_SINGLE;
  else records[at + TIMEOUT] = both ? timeouts.OTHER_MULTIPLE : timeouts.OTHER_SINGLE;
}
