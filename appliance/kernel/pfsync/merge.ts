// SPDX-License-Identifier: ISC
//
// What a peer says of a connection that is known here: each side of it is taken over unless ours is further on.

import * as wire from '../../wire/pfsyncState.ts';
import {
  DESTINATION,
  KIND,
  MAX_WINDOW,
  PEER_STATE,
  SEQ_HIGH,
  SEQ_LOW,
  SOURCE,
  WIRE,
} from '../pf/stateRecord.ts';
import { PROXY_SRC } from '../pf/tcpState.ts';
import { readPeer } from './stateFields.ts';

const PROTOCOL_TCP = 6;

/** Takes over the sides at `sourceAt` and `destinationAt` of a message; answers how many of the two were stale. */
export function merge(
  records: Int32Array,
  at: number,
  bytes: Uint8Array,
  sourceAt: number,
  destinationAt: number,
): number {
  const isTcp = (records[at + WIRE + KIND]! & 0xff) === PROTOCOL_TCP;
  let stale = 0;
  if (isAhead(records, at + SOURCE, bytes, sourceAt, isTcp, true)) stale++;
  else takePeer(records, at + SOURCE, bytes, sourceAt, isTcp);
  if (isAhead(records, at + DESTINATION, bytes, destinationAt, isTcp, false)) stale++;
  else takePeer(records, at + DESTINATION, bytes, destinationAt, isTcp);
  return stale;
}

/** Whether what is known here is further on than what was said: the states only go forward, and sequence numbers do. */
function isAhead(
  records: Int32Array,
  peer: number,
  bytes: Uint8Array,
  at: number,
  isTcp: boolean,
  isSource: boolean,
): boolean {
  const own = records[peer + PEER_STATE]!;
  const said = wire.peerState(bytes, at);
  // Synproxy's states have high numbers and come first: leaving them is no step back.
  const leavesProxy = isTcp && isSource && own >= PROXY_SRC && said < PROXY_SRC;
  if (own > said && !leavesProxy) return true;
  if (!isTcp || own !== said) return false;
  const low = records[peer + SEQ_LOW]!;
  const saidLow = wire.seqLow(bytes, at);
  // Zero is no number: who says it has heard nothing from this side, as one that tracks sloppily.
  if (low === 0 || saidLow === 0) return low !== 0;
  return ((low - saidLow) | 0) > 0;
}

/** Messages overtake each other: in the same state the edge of the window and its size do not go back either. */
function takePeer(records: Int32Array, peer: number, bytes: Uint8Array, at: number, isTcp: boolean): void {
  const keeps = isTcp && records[peer + PEER_STATE] === wire.peerState(bytes, at);
  const edge = records[peer + SEQ_HIGH]!;
  const window = records[peer + MAX_WINDOW]!;
  readPeer(bytes, at, records, peer);
  if (!keeps) return;
  if (((edge - records[peer + SEQ_HIGH]!) | 0) > 0) records[peer + SEQ_HIGH] = edge;
  if (window > records[peer + MAX_WINDOW]!) records[peer + MAX_WINDOW] = window;
}
