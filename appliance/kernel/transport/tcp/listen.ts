// SPDX-License-Identifier: ISC
//
// A segment for a listening socket (RFC 9293 3.10.7.2): half-open connections, bounded so that a flood of SYNs only harms itself.

import * as tcps from '../../../abi/counters/tcp.ts';
import * as tcp from '../../../wire/tcp.ts';
import { SECOND } from '../../clock.ts';
import { sameWords } from '../pcb.ts';
import { boundedShift, type Connection, type Listening } from './connection.ts';
import type { TcpContext } from './context.ts';
import { begin, end, ownOffers, startAt } from './lifecycle.ts';
import { startRetransmitTimer, startTiming } from './output.ts';
import type { Segment } from './segment.ts';
import { SYN_RCVD } from './states.ts';
import { sendReset, sendSyn } from './transmit.ts';

/** Half-open connections of one listener at least, whatever its backlog; the oldest goes when a new one needs its place. */
const HALF_OPEN = 256;
/** A half-open connection that is not completed by then is forgotten. */
const HALF_OPEN_LENGTH = 30 * SECOND;
/** Connections of all states that there may be before SYNs are refused. */
const MAXIMUM_CONNECTIONS = 65_536;
/** How far behind the highest number of the last incarnation a new one starts. */
const BEYOND_OLD = 128_000;
/** As much as a caller may ask for. */
const LARGEST_BACKLOG = 1024;

export function newListening(backlog: number): Listening {
  return {
    backlog: Math.min(Math.max(backlog, 1), LARGEST_BACKLOG),
    halfOpen: new Set(),
    accepting: 0,
  };
}

/**
 * False when a reset is due. `above` is the highest sequence number of the connection in TIME_WAIT that the SYN takes the place
 * of, if it does; the new one starts behind it (RFC 9293 3.10.7.4).
 */
export function listenerInput(
  context: TcpContext,
  listener: Connection,
  s: Segment,
  above: number | undefined,
): boolean {
  if (s.has(tcp.FLAG_RST)) return true;
  if (s.has(tcp.FLAG_ACK)) return false;
  if (!s.has(tcp.FLAG_SYN)) context.counters.count(tcps.NO_ACK);
  else if (s.localPort === s.remotePort && sameWords(s.local, s.remote))
    context.counters.count(tcps.BAD_ADDRESS);
  else synArrives(context, listener, s, above);
  return true;
}

function synArrives(context: TcpContext, listener: Connection, s: Segment, above: number | undefined): void {
  const listening = listener.listening!;
  if (listening.accepting >= listening.backlog || context.table.size >= MAXIMUM_CONNECTIONS) {
    context.counters.count(tcps.SYN_OVERFLOW);
    return;
  }
  makeRoom(context, listening);
  const c = halfOpen(context, listener, s);
  if (c.pathMtu === 0) {
    context.counters.count(tcps.SYN_NO_SPACE);
    end(context, c, undefined);
    return;
  }
  if (above !== undefined) startAt(c, (above + BEYOND_OLD) | 0);
  sendSyn(context, c, tcp.FLAG_SYN | tcp.FLAG_ACK);
  startTiming(context, c, c.sendHighest);
  startRetransmitTimer(c);
  c.slow.set(HALF_OPEN_LENGTH);
}

/** A genuine client completes its handshake soon; the oldest half-open connection is the one least likely to be one. */
function makeRoom(context: TcpContext, listening: Listening): void {
  if (listening.halfOpen.size < Math.max(HALF_OPEN, listening.backlog)) return;
  for (const oldest of listening.halfOpen) {
    context.counters.count(tcps.SYN_OVERFLOW);
    end(context, oldest, undefined);
    return;
  }
}

function halfOpen(context: TcpContext, listener: Connection, s: Segment): Connection {
  const c = context.makers.connection(listener.family);
  c.local.set(s.local);
  c.remote.set(s.remote);
  c.localPort = s.localPort;
  c.remotePort = s.remotePort;
  c.listener = listener;
  c.noDelay = listener.noDelay;
  c.keepAlive = listener.keepAlive;
  c.hops = listener.hops;
  listener.listening!.halfOpen.add(c);
  c.state = SYN_RCVD;
  begin(context, c, ownOffers(context));
  learnSyn(context, c, s);
  return c;
}

/** What the peer's SYN says: its sequence number, window and options. What it does not offer is not used. */
export function learnSyn(context: TcpContext, c: Connection, s: Segment): void {
  c.initialReceive = s.sequence;
  c.receiveNext = (s.sequence + 1) | 0;
  c.receiveEdge = c.receiveNext;
  c.sendWindow = s.window;
  c.largestWindow = s.window;
  c.windowSequence = s.sequence;
  c.windowAcknowledgment = s.acknowledgment;
  c.peerMss = s.mss;
  c.scaling &&= s.shift >= 0;
  c.sendShift = c.scaling ? boundedShift(s.shift) : 0;
  c.sackPermitted &&= s.sackPermitted;
  c.timestamps &&= s.hasTimestamps;
  c.timestampRecent = s.timestampValue;
  c.timestampRecentAt = context.clock.now;
  c.lastAckSent = c.receiveNext;
  c.updateSegment();
  c.peerSegment = Math.min(c.segment, c.advertisedMss);
}

/** The listening socket closes: those who had not got through are told. */
export function stopListening(context: TcpContext, listener: Connection): void {
  for (const c of listener.listening!.halfOpen) {
    sendReset(context, c);
    end(context, c, undefined);
  }
}
