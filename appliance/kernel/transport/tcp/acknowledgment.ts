// SPDX-License-Identifier: ISC
//
// The ACK field of a segment in a synchronized state (RFC 9293 3.10.7.4, fifth): what is acknowledged, what is lost, the send window.

import * as tcps from '../../../abi/counters/tcp.ts';
import * as tcp from '../../../wire/tcp.ts';
import * as tcpOptions from '../../../wire/tcpOptions.ts';
import { challengeAck } from './challenge.ts';
import { LOSS, OPEN, RECOVERY } from './congestion.ts';
import type { Connection } from './connection.ts';
import type { TcpContext } from './context.ts';
import { end, enterFinWait2, enterTimeWait } from './lifecycle.ts';
import { retransmitFirst, startRetransmitTimer } from './output.ts';
import { DUPLICATE_THRESHOLD } from './scoreboard.ts';
import type { Segment } from './segment.ts';
import { SEND_BUFFER } from './sendBuffer.ts';
import { CLOSING, FIN_WAIT_1, LAST_ACK } from './states.ts';

/** Takes in the acknowledgment. False when the segment is to be dropped, or the connection has ended. */
export function processAck(context: TcpContext, c: Connection, s: Segment): boolean {
  const acknowledgment = s.acknowledgment;
  if (tcp.after(acknowledgment, c.sendHighest)) {
    context.counters.count(tcps.ACKS_UNSENT);
    challengeAck(context, c);
    return false;
  }
  // RFC 5961 5.2: what is older than any window we were offered is a guess.
  if (tcp.before(acknowledgment, (c.sendUnacknowledged - c.largestWindow) | 0)) {
    context.counters.count(tcps.ACKS_OLD);
    challengeAck(context, c);
    return false;
  }
  context.counters.count(tcps.ACKS);
  const news = c.sackPermitted && s.sackAt >= 0 && noteSack(context, c, s);
  if (tcp.after(acknowledgment, c.sendUnacknowledged)) newlyAcknowledged(context, c, s);
  else duplicate(context, c, s, news);
  updateSendWindow(c, s);
  return afterOwnFin(context, c);
}

/** Takes in the blocks of a SACK option; true when one of them says something new. */
function noteSack(context: TcpContext, c: Connection, s: Segment): boolean {
  context.counters.count(tcps.SACK_RECEIVED);
  let news = false;
  const count = tcpOptions.sackCount(s.bytes, s.sackAt);
  for (let i = 0; i < count; i++) {
    const left = tcpOptions.sackLeft(s.bytes, s.sackAt, i);
    const right = tcpOptions.sackRight(s.bytes, s.sackAt, i);
    // Blocks about what is acknowledged report duplicates (RFC 2883); others than these must lie in what was sent.
    const sane =
      tcp.before(left, right) &&
      tcp.after(left, s.acknowledgment) &&
      tcp.after(left, c.sendUnacknowledged) &&
      !tcp.after(right, c.sendHighest);
    if (sane && c.scoreboard.add(left, right)) news = true;
  }
  return news;
}

function newlyAcknowledged(context: TcpContext, c: Connection, s: Segment): void {
  const acknowledgment = s.acknowledgment;
  const count = (acknowledgment - c.sendUnacknowledged) | 0;
  const data = Math.min((acknowledgment - c.bufferSequence) | 0, c.buffer.length);
  context.counters.add(tcps.ACKNOWLEDGED_BYTES, data);
  measure(context, c, s);
  c.buffer.remove(data);
  c.bufferSequence = (c.bufferSequence + data) | 0;
  c.sendUnacknowledged = acknowledgment;
  if (tcp.before(c.sendNext, acknowledgment)) c.sendNext = acknowledgment;
  c.scoreboard.acknowledged(acknowledgment);
  c.roundTrip.backoff = 0;
  c.softError = undefined;
  if (c.outstanding === 0) c.retransmit.clear();
  else startRetransmitTimer(c);
  recover(context, c, count);
  tellDrained(context, c);
}

/** A round trip, if the segment that is being timed is acknowledged (RFC 6298 3; Karn's algorithm; RFC 7323 4.1). */
function measure(context: TcpContext, c: Connection, s: Segment): void {
  if (!c.timing || tcp.before(s.acknowledgment, c.timedSequence)) return;
  c.timing = false;
  if (!c.timedAgain) {
    c.roundTrip.measured(context.clock.now - c.timedAt);
  } else if (c.timestamps && s.hasTimestamps && s.timestampEcho !== 0) {
    const milliseconds = (context.timestamp(c) - s.timestampEcho) | 0;
    if (milliseconds < 0) return;
    c.roundTrip.measured(Math.max(milliseconds, 1) * 1000);
  } else {
    return;
  }
  context.counters.count(tcps.ROUND_TRIPS);
  c.network.confirm?.(c.remote);
}

/** How an acknowledgment of `count` new numbers moves the congestion window and recovery. */
function recover(context: TcpContext, c: Connection, count: number): void {
  const congestion = c.congestion;
  c.duplicateAcks = 0;
  if (congestion.phase !== OPEN && congestion.ends(c.sendUnacknowledged)) {
    congestion.leave(c.outstanding, c.segment);
  } else if (congestion.phase === RECOVERY) {
    if (c.sackPermitted || c.outstanding === 0) return;
    congestion.deflate(count, c.segment);
    retransmitFirst(context, c);
  } else if (congestion.phase === LOSS || c.windowLimited) {
    congestion.grow(count, c.segment);
  }
}

/** Userland may send more once half of the buffer is free. */
function tellDrained(context: TcpContext, c: Connection): void {
  if (!c.wantsDrained || c.buffer.space < SEND_BUFFER / 2) return;
  c.wantsDrained = false;
  if (c.id !== 0) context.emit({ event: 'socket.drained', data: { id: c.id } });
}

/** Nothing new is acknowledged: perhaps a sign that something is missing (RFC 5681 2; with SACK: new blocks, RFC 6675 2). */
function duplicate(context: TcpContext, c: Connection, s: Segment, news: boolean): void {
  if (c.outstanding === 0 || tcp.before(s.acknowledgment, c.sendUnacknowledged)) return;
  const bare = s.length === 0 && !s.has(tcp.FLAG_FIN) && s.window << c.sendShift === c.sendWindow;
  if (!(c.sackPermitted ? news : bare)) return;
  context.counters.count(tcps.DUPLICATE_ACKS);
  c.duplicateAcks++;
  const congestion = c.congestion;
  if (congestion.phase === RECOVERY && !c.sackPermitted) congestion.inflate(c.segment);
  if (congestion.phase !== OPEN || !lossIsCertain(c)) return;
  congestion.enterRecovery(c.outstanding, c.segment, c.sendHighest);
  if (c.sackPermitted) context.counters.count(tcps.SACK_RECOVERIES);
  else congestion.inflate(DUPLICATE_THRESHOLD * c.segment);
  c.scoreboard.begin(c.sendUnacknowledged);
  retransmitFirst(context, c);
}

/** Three duplicates, or blocks that say as much at once; without SACK not those of the last recovery's own making (RFC 6582 4.1). */
function lossIsCertain(c: Connection): boolean {
  if (c.sackPermitted && c.scoreboard.firstLost(c.segment)) return true;
  if (c.duplicateAcks < DUPLICATE_THRESHOLD) return false;
  return c.sackPermitted || !c.congestion.mayBeEcho(c.sendUnacknowledged);
}

/** SND.WND from newer segments only (RFC 9293 3.10.7.4). */
export function updateSendWindow(c: Connection, s: Segment): void {
  const newer =
    tcp.before(c.windowSequence, s.sequence) ||
    (c.windowSequence === s.sequence && !tcp.after(c.windowAcknowledgment, s.acknowledgment));
  if (!newer || tcp.before(s.acknowledgment, c.sendUnacknowledged)) return;
  c.sendWindow = s.window << c.sendShift;
  c.windowSequence = s.sequence;
  c.windowAcknowledgment = s.acknowledgment;
  if (c.sendWindow > c.largestWindow) c.largestWindow = c.sendWindow;
}

/** The state changes that the acknowledgment of our FIN makes. False when the connection has ended. */
function afterOwnFin(context: TcpContext, c: Connection): boolean {
  if (!c.shutdown || c.sendUnacknowledged !== ((c.bufferEnd + 1) | 0)) return true;
  if (c.state === FIN_WAIT_1) {
    enterFinWait2(c);
  } else if (c.state === CLOSING) {
    enterTimeWait(context, c);
  } else if (c.state === LAST_ACK) {
    end(context, c, undefined);
    return false;
  }
  return true;
}
