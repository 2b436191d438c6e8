// SPDX-License-Identifier: ISC
//
// The user's calls (RFC 9293 3.10.1 to 3.10.6): what userland does with a TCP socket.

import type { Address } from '../../../abi/address.ts';
import * as tcps from '../../../abi/counters/tcp.ts';
import { CallError } from '../../../abi/errno.ts';
import type { Endpoint, SocketCalls } from '../../../abi/socket.ts';
import { FLAG_SYN } from '../../../wire/tcp.ts';
import { MILLISECOND, SECOND } from '../../clock.ts';
import { errnoOf } from '../../inet/errors.ts';
import { bindLocal, bindRemote } from '../bind.ts';
import { isAny } from '../pcb.ts';
import { notSupported, type Socket } from '../socket.ts';
import { type Connection, RECEIVE_BUFFER } from './connection.ts';
import type { TcpContext } from './context.ts';
import { abort, begin, end, leaveListener, orphan, ownOffers, startKeepalive } from './lifecycle.ts';
import { newListening, stopListening } from './listen.ts';
import { output, startRetransmitTimer, startTiming } from './output.ts';
import {
  CLOSE_WAIT,
  CLOSED,
  ESTABLISHED,
  FIN_WAIT_1,
  LAST_ACK,
  LISTEN,
  receives,
  SYN_SENT,
  synchronized,
  TIME_WAIT,
} from './states.ts';
import { sendAck, sendSyn } from './transmit.ts';

/** A connection not established by then is given up, if the user does not say otherwise (TCPTV_KEEP_INIT). */
const CONNECT_LENGTH = 75 * SECOND;

export class TcpSocket implements Socket {
  private readonly context: TcpContext;
  private readonly connection: Connection;

  constructor(context: TcpContext, connection: Connection) {
    this.context = context;
    this.connection = connection;
  }

  bind(address: Address | undefined, port: number): Endpoint {
    const c = this.taken();
    if (c.localPort !== 0) throw new CallError('EINVAL');
    bindLocal(this.context, this.context.table, c, c.network, address, port);
    return c.localEndpoint;
  }

  listen(backlog: number): void {
    const c = this.taken();
    if (c.state !== CLOSED || !isAny(c.remote)) throw new CallError('EISCONN');
    if (c.localPort === 0) this.bind(undefined, 0);
    c.listening = newListening(backlog);
    c.state = LISTEN;
  }

  connect(remote: Endpoint, timeout: number | undefined): void {
    const c = this.taken();
    if (c.state === LISTEN) notSupported();
    if (c.state !== CLOSED || !isAny(c.remote)) throw new CallError('EISCONN');
    bindRemote(this.context, this.context.table, c, c.network, remote);
    c.state = SYN_SENT;
    begin(this.context, c, ownOffers(this.context));
    this.context.counters.count(tcps.CONNECTION_REQUESTS);
    const errno = errnoOf(sendSyn(this.context, c, FLAG_SYN));
    if (errno !== undefined) {
      const id = c.id;
      c.id = 0; // the answer tells, not an event
      end(this.context, c, errno);
      c.id = id;
      throw new CallError(errno);
    }
    startTiming(this.context, c, c.sendHighest);
    startRetransmitTimer(c);
    c.slow.set(timeout === undefined ? CONNECT_LENGTH : timeout * MILLISECOND);
  }

  /** Takes what fits into the send buffer; 'socket.drained' follows if that was not all. */
  send(data: Uint8Array): number {
    const c = this.taken();
    if (c.shutdown) throw new CallError('EPIPE');
    if (c.state === CLOSED || c.state === LISTEN) throw new CallError(isAny(c.remote) ? 'ENOTCONN' : 'EPIPE');
    const count = c.buffer.append(data);
    if (count < data.length) c.wantsDrained = true;
    if (synchronized(c.state)) output(this.context, c);
    return count;
  }

  sendTo(): never {
    throw new CallError('EISCONN');
  }

  /** Room in the receive buffer: told to the peer when it at least doubles the window or opens half of it (RFC 9293 3.8.6.2.2). */
  consumed(bytes: number): void {
    const c = this.taken();
    c.unconsumed = Math.max(c.unconsumed - bytes, 0);
    if (!receives(c.state)) return;
    const advertised = (c.receiveEdge - c.receiveNext) | 0;
    const gain = c.receiveWindow - advertised;
    if (gain >= RECEIVE_BUFFER / 2 || (gain >= advertised && gain >= c.peerSegment)) sendAck(this.context, c);
  }

  shutdown(): void {
    const c = this.taken();
    if (c.state === CLOSED || c.state === LISTEN) throw new CallError('ENOTCONN');
    this.finish(c);
  }

  /** A FIN follows what is in the buffer. */
  private finish(c: Connection): void {
    if (c.shutdown || c.state === TIME_WAIT) return;
    c.shutdown = true;
    c.wantsDrained = false;
    if (c.state === ESTABLISHED) c.state = FIN_WAIT_1;
    else if (c.state === CLOSE_WAIT) c.state = LAST_ACK;
    if (synchronized(c.state)) output(this.context, c);
  }

  close(abortive: boolean): void {
    const c = this.taken();
    this.context.sockets.delete(c.id);
    c.id = 0;
    if (c.state === LISTEN) stopListening(this.context, c);
    if (c.state === CLOSED || c.state === LISTEN) {
      this.context.table.removeBound(c);
      c.state = CLOSED;
    } else if (c.state === SYN_SENT) {
      end(this.context, c, undefined);
    } else if (c.state !== TIME_WAIT) {
      this.closeConnection(c, abortive);
    }
  }

  /** What was received and not read is lost, and the peer must know (RFC 9293 3.6.1); else it ends in order without us. */
  private closeConnection(c: Connection, abortive: boolean): void {
    if (abortive || c.unconsumed > 0 || !synchronized(c.state)) {
      abort(this.context, c, undefined);
      return;
    }
    this.finish(c);
    if (!orphan(this.context, c)) abort(this.context, c, undefined);
  }

  set(options: SocketCalls['socket.set'][0]): void {
    const c = this.taken();
    c.noDelay = options.noDelay ?? c.noDelay;
    c.hops = options.hops ?? c.hops;
    c.dontFragment = options.dontFragment ?? c.dontFragment;
    if (options.keepAlive !== undefined) this.setKeepAlive(c, options.keepAlive);
    if (options.noDelay && synchronized(c.state)) output(this.context, c);
  }

  private setKeepAlive(c: Connection, on: boolean): void {
    c.keepAlive = on;
    if (c.state < ESTABLISHED || c.state === TIME_WAIT) return;
    if (on) startKeepalive(this.context, c);
    else c.slow.clear();
  }

  /** The first call that names an accepted connection takes it out of its listener's queue. */
  private taken(): Connection {
    if (this.connection.listener !== undefined) leaveListener(this.connection);
    return this.connection;
  }
}
