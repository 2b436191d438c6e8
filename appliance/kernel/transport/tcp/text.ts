// SPDX-License-Identifier: ISC
//
// The data of a segment and its FIN (RFC 9293 3.10.7.4, seventh and eighth): trimmed to the window, put in order, handed up.

import * as tcps from '../../../abi/counters/tcp.ts';
import * as tcp from '../../../wire/tcp.ts';
import { MILLISECOND } from '../../clock.ts';
import type { Connection } from './connection.ts';
import type { TcpContext } from './context.ts';
import { abort, enterTimeWait } from './lifecycle.ts';
import type { Segment } from './segment.ts';
import { CLOSE_WAIT, CLOSING, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, receives } from './states.ts';

/** How long an acknowledgment may wait for company (RFC 9293 3.8.6.3: less than half a second). */
const DELAYED_ACK = 100 * MILLISECOND;

/** Takes in data and FIN of an acceptable segment. False when the connection has ended. */
export function processText(context: TcpContext, c: Connection, s: Segment): boolean {
  // Behind the peer's FIN there can be nothing.
  if (!receives(c.state)) return true;
  trimToWindow(context, c, s);
  if (s.length > 0) {
    if (c.id === 0) return refuse(context, c);
    takeData(context, c, s);
  }
  if (s.has(tcp.FLAG_FIN)) {
    c.finReceived = true;
    c.finSequence = (s.sequence + s.length) | 0;
  }
  if (c.finReceived && c.receiveNext === c.finSequence) takeFin(context, c);
  return true;
}

/** Data that nobody can read any more: the peer must know (RFC 9293 3.6.1, RFC 1122 4.2.2.13). */
function refuse(context: TcpContext, c: Connection): false {
  context.counters.count(tcps.AFTER_CLOSE);
  abort(context, c, undefined);
  return false;
}

/** Cuts what was received before and what lies beyond the window. */
function trimToWindow(context: TcpContext, c: Connection, s: Segment): void {
  const old = (c.receiveNext - s.sequence) | 0;
  if (old > 0) trimLeft(context, c, s, old);
  const beyond = (s.sequence + s.length - c.receiveNext - c.receiveWindow) | 0;
  if (beyond > 0) trimRight(context, c, s, beyond);
}

function trimLeft(context: TcpContext, c: Connection, s: Segment, old: number): void {
  c.ackNow = true;
  if (old > s.length || (old === s.length && !s.has(tcp.FLAG_FIN))) {
    context.counters.count(tcps.DUPLICATES);
    s.flags &= ~tcp.FLAG_FIN;
    s.length = 0;
    return;
  }
  if (s.length > 0) context.counters.count(tcps.PARTLY_DUPLICATES);
  s.sequence = c.receiveNext;
  s.at += old;
  s.length -= old;
}

function trimRight(context: TcpContext, c: Connection, s: Segment, beyond: number): void {
  context.counters.count(c.receiveWindow === 0 ? tcps.WINDOW_PROBES : tcps.AFTER_WINDOW);
  s.flags &= ~tcp.FLAG_FIN;
  s.length = Math.max(s.length - beyond, 0);
  c.ackNow = true;
}

function takeData(context: TcpContext, c: Connection, s: Segment): void {
  c.peerSegment = Math.max(c.peerSegment, Math.min(s.pieceLength, c.advertisedMss));
  if (s.sequence === c.receiveNext && c.reassembly.empty) {
    context.counters.count(tcps.IN_SEQUENCE);
    deliver(context, c, s.bytes.slice(s.at, s.at + s.length));
    acknowledgeSometime(c);
    return;
  }
  takeOutOfOrder(context, c, s);
  // RFC 5681 4.2: at once, so that the peer sees duplicates, and that a gap has been filled.
  c.ackNow = true;
}

function takeOutOfOrder(context: TcpContext, c: Connection, s: Segment): void {
  context.counters.count(tcps.OUT_OF_ORDER);
  if (!c.reassembly.add(c.receiveNext, s.sequence, s.bytes, s.at, s.length)) {
    context.counters.count(tcps.OUT_OF_ORDER_DROPPED);
    s.flags &= ~tcp.FLAG_FIN;
  }
  const data = c.reassembly.take(c.receiveNext);
  if (data !== undefined) deliver(context, c, data);
}

function deliver(context: TcpContext, c: Connection, data: Uint8Array): void {
  context.counters.add(tcps.IN_SEQUENCE_BYTES, data.length);
  c.receiveNext = (c.receiveNext + data.length) | 0;
  c.unconsumed += data.length;
  c.unacknowledged += data.length;
  context.emit({ event: 'socket.data', data: { id: c.id, data } });
}

/** At once for every second full segment (RFC 9293 3.8.6.3), else a little later. */
function acknowledgeSometime(c: Connection): void {
  if (c.unacknowledged >= 2 * c.peerSegment) c.ackNow = true;
  else if (!c.delayed.armed) c.delayed.set(DELAYED_ACK);
}

/** The peer's FIN, everything before it received. */
function takeFin(context: TcpContext, c: Connection): void {
  c.receiveNext = (c.receiveNext + 1) | 0;
  c.ackNow = true;
  if (c.id !== 0) {
    context.emit({ event: 'socket.data', data: { id: c.id, data: new Uint8Array(0) } });
  }
  switch (c.state) {
    case ESTABLISHED:
      c.state = CLOSE_WAIT;
      return;
    case FIN_WAIT_1:
      // Its acknowledgment of our FIN, had it come, would have been processed before: FIN_WAIT_2.
      c.state = CLOSING;
      return;
    case FIN_WAIT_2:
      enterTimeWait(context, c);
  }
}
