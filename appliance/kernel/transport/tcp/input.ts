// SPDX-License-Identifier: ISC
//
// SEGMENT ARRIVES for a connection, in the order of RFC 9293 3.10.7.3 and 3.10.7.4.

import * as tcps from '../../../abi/counters/tcp.ts';
import * as tcp from '../../../wire/tcp.ts';
import { SECOND } from '../../clock.ts';
import { processAck, updateSendWindow } from './acknowledgment.ts';
import { challengeAck } from './challenge.ts';
import type { Connection } from './connection.ts';
import type { TcpContext } from './context.ts';
import { end, establish, restartTimeWait } from './lifecycle.ts';
import { learnSyn } from './listen.ts';
import { output, startRetransmitTimer } from './output.ts';
import type { Segment } from './segment.ts';
import { SYN_RCVD, SYN_SENT, TIME_WAIT } from './states.ts';
import { processText } from './text.ts';
import { sendAck, sendSyn } from './transmit.ts';

/** A timestamp older than this says nothing any more (RFC 7323 5.5). */
const TIMESTAMP_LIFETIME = 24 * 24 * 3600 * SECOND;

/** False when a reset is due. */
export function connectionInput(context: TcpContext, c: Connection, s: Segment): boolean {
  c.heardAt = context.clock.now;
  c.probes = 0;
  return c.state === SYN_SENT ? synSentInput(context, c, s) : otherInput(context, c, s);
}

/** RFC 9293 3.10.7.3. */
function synSentInput(context: TcpContext, c: Connection, s: Segment): boolean {
  const acks = s.has(tcp.FLAG_ACK);
  const acceptable =
    acks && tcp.after(s.acknowledgment, c.initialSend) && !tcp.after(s.acknowledgment, c.sendHighest);
  if (acks && !acceptable) return false;
  if (s.has(tcp.FLAG_RST)) {
    if (acceptable) end(context, c, 'ECONNREFUSED');
    return true;
  }
  if (!s.has(tcp.FLAG_SYN)) return true;
  learnSyn(context, c, s);
  if (acceptable) {
    finishConnect(context, c, s);
  } else {
    // Simultaneous open (RFC 9293 3.5, figure 7).
    c.state = SYN_RCVD;
    c.timedAgain = true;
    sendSyn(context, c, tcp.FLAG_SYN | tcp.FLAG_ACK);
    startRetransmitTimer(c);
  }
  return true;
}

function finishConnect(context: TcpContext, c: Connection, s: Segment): void {
  synAcknowledged(context, c, s);
  if (!establish(context, c)) return;
  c.ackNow = true;
  output(context, c);
}

/** Our SYN is acknowledged; if it went only once, that is a measured round trip. */
function synAcknowledged(context: TcpContext, c: Connection, s: Segment): void {
  if (c.timing && !c.timedAgain) c.roundTrip.measured(context.clock.now - c.timedAt);
  c.timing = false;
  c.sendUnacknowledged = s.acknowledgment;
}

/** RFC 9293 3.10.7.4. */
function otherInput(context: TcpContext, c: Connection, s: Segment): boolean {
  if (repeatedSyn(context, c, s)) return true;
  if (!timestampGood(context, c, s) || !acceptable(context, c, s)) return true;
  if (s.has(tcp.FLAG_RST)) {
    resetArrives(context, c, s);
    return true;
  }
  noteTimestamp(context, c, s);
  if (s.has(tcp.FLAG_SYN)) {
    challengeAck(context, c);
    return true;
  }
  if (!s.has(tcp.FLAG_ACK)) {
    context.counters.count(tcps.NO_ACK);
    return true;
  }
  if (c.state === SYN_RCVD) {
    if (!ackOfSyn(c, s)) return false;
    if (!completeHandshake(context, c, s)) return true;
  }
  // Urgent data is data in its place (RFC 6093): the pointer is not looked at.
  if (processAck(context, c, s) && processText(context, c, s)) output(context, c);
  return true;
}

/**
 * The peer's SYN again in SYN_RCVD. Without ACK it has not seen our SYN and ACK: once more. With ACK it is the other half of a
 * simultaneous open, and what counts of it is the ACK (RFC 9293 3.5, figure 7, line 6).
 */
function repeatedSyn(context: TcpContext, c: Connection, s: Segment): boolean {
  const repeated =
    c.state === SYN_RCVD && s.has(tcp.FLAG_SYN) && !s.has(tcp.FLAG_RST) && s.sequence === c.initialReceive;
  if (!repeated) return false;
  c.timedAgain = true;
  if (s.has(tcp.FLAG_ACK)) {
    s.flags &= ~tcp.FLAG_SYN;
    s.sequence = (s.sequence + 1) | 0;
    c.ackNow = true;
    return false;
  }
  sendSyn(context, c, tcp.FLAG_SYN | tcp.FLAG_ACK);
  return true;
}

/** PAWS (RFC 7323 5.3): a segment with an old timestamp is an old duplicate; one without, where they are agreed on, is no good. */
function timestampGood(context: TcpContext, c: Connection, s: Segment): boolean {
  if (!c.timestamps || s.has(tcp.FLAG_RST)) return true;
  if (!s.hasTimestamps) {
    context.counters.count(tcps.OLD_DUPLICATES);
    return false;
  }
  if (!tcp.before(s.timestampValue, c.timestampRecent)) return true;
  if (context.clock.now - c.timestampRecentAt > TIMESTAMP_LIFETIME) return true;
  context.counters.count(tcps.OLD_DUPLICATES);
  answerUnacceptable(context, c, s);
  return false;
}

/** First, check the sequence number. */
function acceptable(context: TcpContext, c: Connection, s: Segment): boolean {
  if (inWindow(c, s)) return true;
  if (!s.has(tcp.FLAG_RST)) {
    if (s.length > 0) context.counters.count(tcps.DUPLICATES);
    answerUnacceptable(context, c, s);
  }
  return false;
}

/** The table of RFC 9293 3.4, but that a probe of a closed window passes: its acknowledgment counts (3.10.7.4), as does a bare FIN. */
function inWindow(c: Connection, s: Segment): boolean {
  const window = c.receiveWindow;
  const start = (s.sequence - c.receiveNext) | 0;
  const length = (s.end - s.sequence) | 0;
  if (start === 0) return true;
  if (start > 0) return start < window;
  return length > 0 && window > 0 && start + length > 0;
}

/** Data is always acknowledged again; what carries none could make two ends answer each other for ever, so it is limited. */
function answerUnacceptable(context: TcpContext, c: Connection, s: Segment): void {
  if (s.length > 0 || s.has(tcp.FLAG_FIN)) sendAck(context, c);
  else challengeAck(context, c);
  // The peer's FIN again: the wait begins anew.
  if (c.state === TIME_WAIT && s.has(tcp.FLAG_FIN)) restartTimeWait(c);
}

/** TS.Recent follows the segment that spans the last acknowledgment (RFC 7323 4.3 (2)). */
function noteTimestamp(context: TcpContext, c: Connection, s: Segment): void {
  if (!c.timestamps || !s.hasTimestamps || tcp.after(s.sequence, c.lastAckSent)) return;
  c.timestampRecent = s.timestampValue;
  c.timestampRecentAt = context.clock.now;
}

/** Second, check the RST bit: believed only at exactly the next number (RFC 5961 3), never in TIME_WAIT (RFC 1337). */
function resetArrives(context: TcpContext, c: Connection, s: Segment): void {
  if (c.state === TIME_WAIT) return;
  if (s.sequence !== c.receiveNext) {
    challengeAck(context, c);
  } else {
    end(context, c, c.state === SYN_RCVD ? 'ECONNREFUSED' : 'ECONNRESET');
  }
}

function ackOfSyn(c: Connection, s: Segment): boolean {
  return tcp.after(s.acknowledgment, c.initialSend) && !tcp.after(s.acknowledgment, c.sendHighest);
}

function completeHandshake(context: TcpContext, c: Connection, s: Segment): boolean {
  synAcknowledged(context, c, s);
  updateSendWindow(c, s);
  return establish(context, c);
}
