// SPDX-License-Identifier: ISC
//
// What happens when a connection's time has come: retransmission (RFC 6298 5), persist, delayed acknowledgment, keepalive, waits.

import * as tcps from '../../../abi/counters/tcp.ts';
import { FLAG_ACK, FLAG_SYN } from '../../../wire/tcp.ts';
import { SECOND } from '../../clock.ts';
import type { Connection } from './connection.ts';
import type { TcpContext } from './context.ts';
import { abort, end, keepaliveInterval, startKeepalive } from './lifecycle.ts';
import { output, resendAll, sendProbe, startRetransmitTimer } from './output.ts';
import { FIN_WAIT_2, SYN_RCVD, SYN_SENT, synchronized, TIME_WAIT } from './states.ts';
import { sendAck, sendKeepalive, sendSyn } from './transmit.ts';

/** Retransmissions without an acknowledgment before the connection is given up (TCP_MAXRXTSHIFT; R2 of RFC 9293 3.8.3). */
const MAXIMUM_RETRANSMISSIONS = 12;
/** While connecting an error that was reported ends it sooner. */
const ENOUGH_WITH_ERROR = 3;
/** Keepalive probes without an answer (TCPTV_KEEPCNT). */
const MAXIMUM_PROBES = 8;
/** Window probes, answered or not, that a connection gets whose user has left (RFC 6429). */
const PROBES_WITHOUT_USER = 8;
const LONGEST_PERSIST = 60 * SECOND;

export function retransmitOrPersist(context: TcpContext, c: Connection): void {
  if (c.persisting) persist(context, c);
  else retransmit(context, c);
}

function retransmit(context: TcpContext, c: Connection): void {
  context.counters.count(tcps.RETRANSMIT_TIMEOUTS);
  const repeated = c.roundTrip.backoff > 0;
  c.roundTrip.backoff++;
  const impatient = !synchronized(c.state) && c.softError !== undefined;
  if (c.roundTrip.backoff > (impatient ? ENOUGH_WITH_ERROR : MAXIMUM_RETRANSMISSIONS)) {
    context.counters.count(tcps.TIMEOUT_DROPS);
    end(context, c, c.softError ?? 'ETIMEDOUT');
    return;
  }
  c.timedAgain = true;
  if (!synchronized(c.state)) {
    sendSyn(context, c, c.state === SYN_SENT ? FLAG_SYN : FLAG_SYN | FLAG_ACK);
    startRetransmitTimer(c);
    return;
  }
  c.congestion.timedOut(c.outstanding, c.segment, c.sendHighest, repeated);
  c.duplicateAcks = 0;
  distrustScoreboard(c, repeated);
  resendAll(c);
  output(context, c);
}

/**
 * What the peer holds out of order it may have thrown away (RFC 2018 8): it did if it says to hold what is due next, and we
 * believe nothing after a second timeout.
 */
function distrustScoreboard(c: Connection, repeated: boolean): void {
  const reneged = c.scoreboard.skip(c.sendUnacknowledged) !== c.sendUnacknowledged;
  if (repeated || reneged) c.scoreboard.clear();
  c.scoreboard.begin(c.sendUnacknowledged);
}

/** A closed window: ask again, ever more slowly, for as long as the peer answers (RFC 9293 3.8.6.1). */
function persist(context: TcpContext, c: Connection): void {
  context.counters.count(tcps.PERSIST_TIMEOUTS);
  const gone = c.probes >= MAXIMUM_RETRANSMISSIONS;
  if (gone || (c.id === 0 && c.persistBackoff >= PROBES_WITHOUT_USER)) {
    context.counters.count(tcps.TIMEOUT_DROPS);
    abort(context, c, c.softError ?? 'ETIMEDOUT');
    return;
  }
  c.probes++;
  c.persistBackoff++;
  sendProbe(context, c);
  c.retransmit.set(Math.min(c.roundTrip.timeout * 2 ** c.persistBackoff, LONGEST_PERSIST));
}

export function delayedAck(context: TcpContext, c: Connection): void {
  context.counters.count(tcps.DELAYED_ACKS);
  sendAck(context, c);
}

/** The one slow timer: what it means follows from the state. */
export function slow(context: TcpContext, c: Connection): void {
  switch (c.state) {
    case SYN_SENT:
    case SYN_RCVD:
      end(context, c, c.softError ?? 'ETIMEDOUT');
      return;
    case TIME_WAIT:
      end(context, c, undefined);
      return;
    case FIN_WAIT_2:
      if (c.id === 0) {
        end(context, c, undefined);
        return;
      }
  }
  if (c.keepAlive) keepalive(context, c);
}

function keepalive(context: TcpContext, c: Connection): void {
  const idle = context.clock.now - c.heardAt;
  if (c.probes === 0 && idle < context.sysctl.get('net.inet.tcp.keepidle') * (SECOND / 2)) {
    startKeepalive(context, c);
    return;
  }
  context.counters.count(tcps.KEEPALIVE_TIMEOUTS);
  if (c.probes >= MAXIMUM_PROBES) {
    context.counters.count(tcps.KEEPALIVE_DROPS);
    abort(context, c, 'ETIMEDOUT');
    return;
  }
  // Retransmission and persist find out by themselves whether the peer lives.
  if (c.outstanding === 0 && !c.persisting) {
    c.probes++;
    sendKeepalive(context, c);
  }
  c.slow.set(keepaliveInterval(context));
}
