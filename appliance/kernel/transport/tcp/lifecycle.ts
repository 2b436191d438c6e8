// SPDX-License-Identifier: ISC
//
// Connections begin, become established, wait and end; the tables follow and userland is told.

import * as tcps from '../../../abi/counters/tcp.ts';
import type { Errno } from '../../../abi/errno.ts';
import { SECOND } from '../../clock.ts';
import { type Connection, RECEIVE_SHIFT } from './connection.ts';
import type { TcpContext } from './context.ts';
import { CLOSED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, TIME_WAIT } from './states.ts';
import { sendReset } from './transmit.ts';

/** Twice the maximum segment lifetime of 30 seconds, as the original and others have it (RFC 9293 3.4.2: two minutes). */
const TIME_WAIT_LENGTH = 60 * SECOND;
/** How long a peer may take to send its FIN when nobody here waits for it. */
const FIN_WAIT_2_LENGTH = 60 * SECOND;
/** sysctl net.inet.tcp.keepidle and keepintvl count half seconds. */
const HALF_SECOND = SECOND / 2;
/** Connections that may end in order without their user; one more is reset. */
const MAXIMUM_ORPHANS = 4096;
/** Connections that may be in TIME_WAIT; beyond it the oldest ends early. */
const MAXIMUM_TIME_WAIT = 8192;

/** Both ends are set: chooses sequence numbers, learns the path, enters the table. The offers of our SYN are in `offers`. */
export function begin(
  context: TcpContext,
  c: Connection,
  offers: { scaling: boolean; timestamps: boolean; sack: boolean },
): void {
  startAt(c, context.secret.initialSequence(c, context.clock.now));
  c.timestampOffset = context.secret.timestampOffset(c);
  c.pathMtu = c.network.mtu(c.remote);
  c.dontFragment = context.sysctl.get('net.inet.ip.mtudisc') !== 0;
  c.scaling = offers.scaling;
  c.timestamps = offers.timestamps;
  c.sackPermitted = offers.sack;
  c.receiveShift = 0;
  c.heardAt = context.clock.now;
  c.updateSegment();
  context.table.insertConnected(c);
}

/** Sets the initial sequence number; nothing has been sent. */
export function startAt(c: Connection, initial: number): void {
  c.initialSend = initial;
  c.sendUnacknowledged = initial;
  c.sendNext = initial;
  c.sendHighest = initial;
  c.bufferSequence = (initial + 1) | 0;
}

/** What our SYN offers of its own accord (RFC 7323, RFC 2018). */
export function ownOffers(context: TcpContext): { scaling: boolean; timestamps: boolean; sack: boolean } {
  const extended = context.sysctl.get('net.inet.tcp.rfc1323') !== 0;
  return { scaling: extended, timestamps: extended, sack: context.sysctl.get('net.inet.tcp.sack') !== 0 };
}

/** Both SYNs are acknowledged. False when there was no room for another socket, and the connection is gone. */
export function establish(context: TcpContext, c: Connection): boolean {
  c.state = ESTABLISHED;
  c.receiveShift = c.scaling ? RECEIVE_SHIFT : 0;
  c.congestion.start(c.segment, c.roundTrip.backoff > 0);
  c.roundTrip.backoff = 0;
  c.lastSentAt = context.clock.now;
  c.retransmit.clear();
  c.slow.clear();
  c.softError = undefined;
  context.counters.count(tcps.ESTABLISHED);
  if (c.listener === undefined) {
    if (c.id !== 0) context.emit({ event: 'socket.connected', data: { id: c.id, local: c.localEndpoint } });
  } else if (!accept(context, c, c.listener)) {
    return false;
  }
  if (c.shutdown) c.state = FIN_WAIT_1;
  if (c.keepAlive) startKeepalive(context, c);
  return true;
}

/** Hands a connection of a listening socket to userland. */
function accept(context: TcpContext, c: Connection, listener: Connection): boolean {
  const listening = listener.listening!;
  listening.halfOpen.delete(c);
  if (context.sockets.full) {
    c.listener = undefined;
    sendReset(context, c);
    end(context, c, undefined);
    return false;
  }
  c.id = context.sockets.add((id) => context.makers.socket(id, c));
  listening.accepting++;
  context.counters.count(tcps.ACCEPTS);
  context.emit({
    event: 'socket.accepted',
    data: { listener: listener.id, id: c.id, local: c.localEndpoint, remote: c.remoteEndpoint },
  });
  return true;
}

/** The connection leaves its listener's queues. */
export function leaveListener(c: Connection): void {
  const listening = c.listener?.listening;
  if (listening !== undefined && !listening.halfOpen.delete(c)) listening.accepting--;
  c.listener = undefined;
}

/** The connection is over: out of the table, memory and timers given back, userland told (no error: it ended in order). */
export function end(context: TcpContext, c: Connection, error: Errno | undefined): void {
  if (c.state === CLOSED) return;
  const told = c.state === TIME_WAIT;
  if (c.state < ESTABLISHED) context.counters.count(tcps.EMBRYONIC_DROPS);
  if (error !== undefined) context.counters.count(tcps.DROPS);
  context.counters.count(tcps.CLOSED);
  c.state = CLOSED;
  if (c.id === 0) leaveListener(c);
  context.timeWait.delete(c);
  context.table.removeConnected(c);
  release(context, c);
  c.slow.clear();
  if (c.id !== 0 && !told) tellClosed(context, c, error);
}

function release(context: TcpContext, c: Connection): void {
  if (c.orphan) context.orphans--;
  c.orphan = false;
  c.retransmit.clear();
  c.delayed.clear();
  c.buffer.release();
  c.reassembly.release();
  c.scoreboard.clear();
}

function tellClosed(context: TcpContext, c: Connection, error: Errno | undefined): void {
  const data = error === undefined ? { id: c.id } : { id: c.id, error };
  context.emit({ event: 'socket.closed', data });
}

/** Resets the peer and ends. */
export function abort(context: TcpContext, c: Connection, error: Errno | undefined): void {
  sendReset(context, c);
  end(context, c, error);
}

/** Both FINs are acknowledged, ours perhaps last: wait for what may still be in the network (RFC 9293 3.6). */
export function enterTimeWait(context: TcpContext, c: Connection): void {
  if (context.timeWait.size >= MAXIMUM_TIME_WAIT) {
    for (const oldest of context.timeWait) {
      context.counters.count(tcps.TIME_WAIT_RECYCLED);
      end(context, oldest, undefined);
      break;
    }
  }
  c.state = TIME_WAIT;
  release(context, c);
  context.timeWait.add(c);
  if (c.id !== 0) tellClosed(context, c, undefined);
  restartTimeWait(c);
}

export function restartTimeWait(c: Connection): void {
  c.slow.set(TIME_WAIT_LENGTH);
}

/** Our FIN is acknowledged and the peer's has not come. With nobody to read, it is not waited for longer than this. */
export function enterFinWait2(c: Connection): void {
  c.state = FIN_WAIT_2;
  waitForFin(c);
}

/** The user leaves a connection that still has to end. False when there are too many of those. */
export function orphan(context: TcpContext, c: Connection): boolean {
  if (context.orphans >= MAXIMUM_ORPHANS) return false;
  context.orphans++;
  c.orphan = true;
  waitForFin(c);
  return true;
}

function waitForFin(c: Connection): void {
  if (c.state === FIN_WAIT_2 && c.id === 0) c.slow.set(FIN_WAIT_2_LENGTH);
}

/** (Re)starts keepalive from when the peer was last heard of. */
export function startKeepalive(context: TcpContext, c: Connection): void {
  const idle = context.sysctl.get('net.inet.tcp.keepidle') * HALF_SECOND;
  c.slow.set(Math.max(c.heardAt + idle - context.clock.now, 0));
}

/** Time between keepalive probes that are not answered. */
export function keepaliveInterval(context: TcpContext): number {
  return context.sysctl.get('net.inet.tcp.keepintvl') * HALF_SECOND;
}
