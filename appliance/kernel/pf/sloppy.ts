// SPDX-License-Identifier: ISC
//
// TCP state tracking by flags alone (pf_tcp_track_sloppy), for connections of which only one half passes by, as with Direct Server Return.

import * as tcp from '../../wire/tcp.ts';
import { PEER_STATE, SEQ_LOW } from './stateRecord.ts';
import {
  CLOSING,
  chooseTimeout,
  ESTABLISHED,
  FIN_WAIT_2,
  finish,
  raise,
  SYN_SENT,
  TRACK_CONNECTED,
  TRACK_PASS,
} from './tcpState.ts';

/** A further packet: nothing is ever refused, and the timeout starts again. Answers TRACK_PASS or TRACK_CONNECTED. */
export function trackSloppy(
  records: Int32Array,
  at: number,
  source: number,
  destination: number,
  flags: number,
  now: number,
): number {
  let connected = false;
  if ((flags & tcp.FLAG_SYN) !== 0) raise(records, source, SYN_SENT);
  if ((flags & tcp.FLAG_FIN) !== 0) raise(records, source, CLOSING);
  if ((flags & tcp.FLAG_ACK) !== 0) connected = acknowledge(records, source, destination);
  if ((flags & tcp.FLAG_RST) !== 0) finish(records, source, destination);
  chooseTimeout(records, at, source, destination, now);
  return connected ? TRACK_CONNECTED : TRACK_PASS;
}

/** The steps of a half connection stand beside the ordinary ones: the other half's packets never come by here. */
function acknowledge(records: Int32Array, source: number, destination: number): boolean {
  const from = records[source + PEER_STATE]!;
  const to = records[destination + PEER_STATE]!;
  if (to === SYN_SENT) {
    records[destination + PEER_STATE] = ESTABLISHED;
    return from === ESTABLISHED;
  }
  if (to === CLOSING) {
    records[destination + PEER_STATE] = FIN_WAIT_2;
  } else if (from === SYN_SENT && to < SYN_SENT) {
    records[source + PEER_STATE] = ESTABLISHED;
    records[destination + PEER_STATE] = ESTABLISHED;
    return true;
  } else if (from === CLOSING && to === ESTABLISHED && records[destination + SEQ_LOW] === 0) {
    // Nothing was ever heard from there, so its FIN will not be either.
    records[destination + PEER_STATE] = CLOSING;
  }
  return false;
}
