// SPDX-License-Identifier: ISC
//
// What a connection sends, and when: windows, Nagle, silly window avoidance (RFC 9293 3.8), recovery by SACK (RFC 6675 5).

import * as tcps from '../../../abi/counters/tcp.ts';
import * as tcp from '../../../wire/tcp.ts';
import { OPEN, RECOVERY } from './congestion.ts';
import type { Connection } from './connection.ts';
import type { TcpContext } from './context.ts';
import { synchronized, TIME_WAIT } from './states.ts';
import { LARGEST_DATA, sendAck, transmit } from './transmit.ts';

/** Sends whatever may be sent now, and the acknowledgment that is due if no data carried it. */
export function output(context: TcpContext, c: Connection): void {
  if (synchronized(c.state) && c.state !== TIME_WAIT) sendData(context, c);
  if (c.ackNow) sendAck(context, c);
}

function sendData(context: TcpContext, c: Connection): void {
  if (c.outstanding === 0 && context.clock.now - c.lastSentAt > c.roundTrip.timeout) {
    c.congestion.restart(c.segment);
  }
  c.windowLimited = false;
  const bySack = c.congestion.phase === RECOVERY && c.sackPermitted;
  while (bySack ? sendInRecovery(context, c) : sendNext(context, c, underWay(c)));
  if (!c.retransmit.armed && unsent(c)) startPersisting(c);
}

/** Something waits for the first time, or again after a timeout. */
function unsent(c: Connection): boolean {
  return ((c.bufferEnd - c.sendNext) | 0) + (c.shutdown ? 1 : 0) > 0;
}

/** Nothing is under way and the window lets nothing out: only a probe can tell when it opens (RFC 9293 3.8.6.1). */
function startPersisting(c: Connection): void {
  c.persisting = true;
  c.persistBackoff = 0;
  c.retransmit.set(c.roundTrip.timeout);
}

/** Estimate of what is in the network, outside recovery by SACK. */
function underWay(c: Connection): number {
  const sent = (c.sendNext - c.sendUnacknowledged) | 0;
  if (c.sackPermitted) return sent - c.scoreboard.heldBefore(c.sendNext);
  // Two duplicates may be answered with new data before the third one says loss (RFC 3042).
  return c.congestion.phase === OPEN ? sent - Math.min(c.duplicateAcks, 2) * c.segment : sent;
}

/** One segment in fast recovery: a lost one, else new data, else one that may be lost (RFC 6675 4, NextSeg). */
function sendInRecovery(context: TcpContext, c: Connection): boolean {
  const pipe = c.scoreboard.pipe(c.sendUnacknowledged, c.sendHighest, c.segment);
  const room = c.congestion.window - pipe;
  if (room < c.segment) {
    c.windowLimited = true;
    return false;
  }
  if (c.scoreboard.next(c.sendUnacknowledged, c.segment, false)) return sendHole(context, c, room);
  if (sendNext(context, c, pipe)) return true;
  return c.scoreboard.next(c.sendUnacknowledged, c.segment, true) && sendHole(context, c, room);
}

/** Retransmits from the hole that the scoreboard found, as much as there is room for. */
function sendHole(context: TcpContext, c: Connection, room: number): boolean {
  const left = c.scoreboard.nextLeft;
  const hole = (c.scoreboard.nextRight - left) | 0;
  const whole = Math.min(room, LARGEST_DATA);
  const size = Math.min(hole, whole - (whole % c.segment));
  retransmitRange(context, c, left, size);
  context.counters.count(tcps.SACK_RETRANSMITS);
  context.counters.add(tcps.SACK_RETRANSMITTED_BYTES, size);
  return true;
}

/** Sends again what was sent: `size` sequence numbers from `left` on, of which the last may be the FIN's. */
function retransmitRange(context: TcpContext, c: Connection, left: number, size: number): void {
  const data = Math.min(size, (c.bufferEnd - left) | 0);
  const fin = c.finSent && data === ((c.bufferEnd - left) | 0);
  c.scoreboard.noteRetransmitted((left + size) | 0);
  sendSegment(context, c, left, data, fin);
}

/** The oldest segment again: entering fast recovery, or a partial acknowledgment in it (RFC 6582 3.2). */
export function retransmitFirst(context: TcpContext, c: Connection): void {
  const end = c.scoreboard.holeEnd(c.sendUnacknowledged, c.sendHighest);
  const size = Math.min((end - c.sendUnacknowledged) | 0, c.segment);
  context.counters.count(tcps.FAST_RETRANSMITS);
  retransmitRange(context, c, c.sendUnacknowledged, size);
}

/**
 * Sends from SND.NXT: new data, or after a timeout old data that the peer does not hold. `inNetwork` is what counts against the
 * congestion window. False when nothing may go.
 */
function sendNext(context: TcpContext, c: Connection, inNetwork: number): boolean {
  c.sendNext = c.scoreboard.skip(c.sendNext);
  const sequence = c.sendNext;
  const again = tcp.before(sequence, c.sendHighest);
  const end = again ? endOfHole(c, sequence) : c.bufferEnd;
  const available = (end - sequence) | 0;
  if (available < 0 || (available === 0 && !c.shutdown)) return false;
  const byWindow = Math.max((c.sendEdge - sequence) | 0, 0);
  const byCongestion = congestionRoom(c, inNetwork, Math.min(available, byWindow));
  const most = Math.min(available, byWindow, byCongestion, LARGEST_DATA);
  const length = again && most <= c.segment ? most : worthSending(c, sequence, most, most === available);
  const fin = c.shutdown && length === ((c.bufferEnd - sequence) | 0) && byWindow > length;
  if (length === 0 && !fin) return false;
  sendSegment(context, c, sequence, length, fin);
  return true;
}

/** Where the data to send again from `sequence` on ends: at what the peer holds, or with what there is. */
function endOfHole(c: Connection, sequence: number): number {
  const end = c.scoreboard.holeEnd(sequence, c.bufferEnd);
  return tcp.before(c.bufferEnd, end) ? c.bufferEnd : end;
}

/** What the congestion window lets out: full segments, or all of `wanted`; one segment always when nothing is under way. */
function congestionRoom(c: Connection, inNetwork: number, wanted: number): number {
  const room = Math.max(c.congestion.window - inNetwork, inNetwork <= 0 ? c.segment : 0);
  if (room >= wanted) return room;
  c.windowLimited = true;
  return room - (room % c.segment);
}

/**
 * How many of `most` bytes make segments worth sending. Full ones do. A short last one does if it empties the buffer (`all`)
 * and Nagle does not hold it back (RFC 9293 3.7.4), or if the peer never offers more (3.8.6.2.1).
 */
function worthSending(c: Connection, sequence: number, most: number, all: boolean): number {
  const full = most - (most % c.segment);
  if (most === full) return most;
  const eager = c.noDelay || c.shutdown || (full === 0 && sequence === c.sendUnacknowledged);
  if (all && eager) return most;
  return full === 0 && most >= c.largestWindow / 2 ? most : full;
}

/** Sends data of the buffer, perhaps with the FIN, and keeps the send variables, the measurement and the timer right. */
function sendSegment(
  context: TcpContext,
  c: Connection,
  sequence: number,
  length: number,
  fin: boolean,
): void {
  const end = (sequence + length + (fin ? 1 : 0)) | 0;
  countSegment(context, c, sequence, length);
  if (tcp.before(sequence, c.sendHighest)) c.timedAgain = true;
  else startTiming(context, c, end);
  if (tcp.after(end, c.sendNext) && !tcp.after(sequence, c.sendNext)) c.sendNext = end;
  if (tcp.after(end, c.sendHighest)) c.sendHighest = end;
  c.lastSentAt = context.clock.now;
  if (!c.retransmit.armed || c.persisting) startRetransmitTimer(c);
  const push = length > 0 && ((sequence + length) | 0) === c.bufferEnd;
  const flags = tcp.FLAG_ACK | (push ? tcp.FLAG_PSH : 0) | (fin ? tcp.FLAG_FIN : 0);
  transmit(context, c, flags, sequence, length);
}

function countSegment(context: TcpContext, c: Connection, sequence: number, length: number): void {
  if (length === 0) {
    context.counters.count(tcps.SENT_CONTROL);
  } else if (tcp.before(sequence, c.sendHighest)) {
    context.counters.count(tcps.RETRANSMITTED);
    context.counters.add(tcps.RETRANSMITTED_BYTES, length);
  } else {
    context.counters.count(tcps.SENT_DATA);
    context.counters.add(tcps.SENT_BYTES, length);
  }
}

/** Times this segment's round trip unless another one's is being timed (RFC 6298 3). */
export function startTiming(context: TcpContext, c: Connection, end: number): void {
  if (c.timing) return;
  c.timing = true;
  c.timedAgain = false;
  c.timedSequence = end;
  c.timedAt = context.clock.now;
}

/** (Re)starts the retransmission timer (RFC 6298 5). */
export function startRetransmitTimer(c: Connection): void {
  c.persisting = false;
  c.retransmit.set(c.roundTrip.timeout);
}

/** One byte, or the FIN, into a closed window, or as much as a small one takes (RFC 9293 3.8.6.1). */
export function sendProbe(context: TcpContext, c: Connection): void {
  const sequence = c.sendUnacknowledged;
  const waiting = (c.bufferEnd - sequence) | 0;
  const length = Math.min(Math.max(c.sendWindow, 1), waiting, c.segment);
  const fin = c.shutdown && waiting === length;
  const end = (sequence + length + (fin ? 1 : 0)) | 0;
  if (tcp.after(end, c.sendHighest)) c.sendHighest = end;
  c.timedAgain = true;
  context.counters.count(tcps.SENT_PROBES);
  transmit(context, c, tcp.FLAG_ACK | (fin ? tcp.FLAG_FIN : 0), sequence, length);
}

/** Everything under way counts as lost: it is sent again, from the oldest on (timeout; a path MTU that shrank). */
export function resendAll(c: Connection): void {
  c.sendNext = c.sendUnacknowledged;
  c.timedAgain = true;
}
