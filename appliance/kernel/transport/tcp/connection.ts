// SPDX-License-Identifier: ISC
//
// One connection: its state and variables (RFC 9293 3.3.1, with their names), and what follows directly from them. Who changes
// them: input.ts, output.ts, timers.ts, user.ts.

import type { Errno } from '../../../abi/errno.ts';
import type { SocketInfo } from '../../../abi/socket.ts';
import * as tcp from '../../../wire/tcp.ts';
import * as tcpOptions from '../../../wire/tcpOptions.ts';
import { Timeout, type Timeouts } from '../../timeout.ts';
import type { Network } from '../network.ts';
import { isAny, Pcb } from '../pcb.ts';
import { Congestion } from './congestion.ts';
import { Reassembly, type ReassemblyBudget } from './reassembly.ts';
import { RoundTrip } from './roundTrip.ts';
import { Scoreboard } from './scoreboard.ts';
import { SendBuffer } from './sendBuffer.ts';
import { CLOSED, STATE_NAMES } from './states.ts';

/** Bytes that may wait for the reader: the largest receive window. Just below what a shift of three can say. */
export const RECEIVE_BUFFER = 500 * 1024;
/** Window scale that can say RECEIVE_BUFFER (RFC 7323 2.2). */
export const RECEIVE_SHIFT = 3;
/** Segment size where the peer says nothing (RFC 9293 3.7.1). */
const DEFAULT_SEGMENT = { 4: 536, 6: 1220 } as const;
/** Timestamps with two NOPs in front, as every implementation lays them out. */
export const TIMESTAMPS_SPACE = 12;

/** What fires for a connection; timers.ts. */
export interface ConnectionTimers {
  retransmitOrPersist(connection: Connection): void;
  delayedAck(connection: Connection): void;
  /** Keepalive, the wait for a connection, FIN_WAIT_2 without a user, TIME_WAIT: never two of them at once. */
  slow(connection: Connection): void;
}

/** A listening socket's queues; listen.ts. */
export interface Listening {
  readonly backlog: number;
  /** In SYN_RCVD, oldest first. */
  readonly halfOpen: Set<Connection>;
  /** Announced to userland, which has not named them in a call yet. */
  accepting: number;
}

export class Connection extends Pcb {
  /** Socket of userland, 0 when it has closed or not yet got it. */
  id = 0;
  readonly network: Network;
  state = CLOSED;
  /** Its user has left: counted as such until it ends. */
  orphan = false;
  /** In LISTEN: its queues. */
  listening: Listening | undefined = undefined;
  /** Whose queues it is in, until userland has taken it. */
  listener: Connection | undefined = undefined;

  /** Send sequence variables: SND.UNA, SND.NXT (pulled back after a timeout), the highest SND.NXT, SND.WND, SND.WL1, SND.WL2, ISS. */
  sendUnacknowledged = 0;
  sendNext = 0;
  sendHighest = 0;
  sendWindow = 0;
  windowSequence = 0;
  windowAcknowledgment = 0;
  initialSend = 0;
  /** Largest window the peer ever offered, for silly window avoidance (RFC 9293 3.8.6.2.1). */
  largestWindow = 0;
  /** Shift of the windows the peer sends. */
  sendShift = 0;

  /** Receive sequence variables: RCV.NXT, and the right edge of the window as last advertised. IRS. */
  receiveNext = 0;
  receiveEdge = 0;
  initialReceive = 0;
  /** Shift of the windows we send; 0 unless both sides scale. */
  receiveShift = 0;
  /** Handed to userland and not consumed there. */
  unconsumed = 0;
  /** In sequence and not acknowledged yet. */
  unacknowledged = 0;
  /** Size of the segments that the peer sends, for acknowledging every second one. */
  peerSegment = 0;
  /** The peer's FIN came and sits at this sequence number, perhaps behind a gap. */
  finReceived = false;
  finSequence = 0;

  /** Sequence number of the first byte in `buffer`. */
  bufferSequence = 0;
  readonly buffer: SendBuffer = new SendBuffer();
  /** The user will send no more: a FIN follows what is in the buffer. */
  shutdown = false;
  /** Userland was told that the buffer is full and waits for 'socket.drained'. */
  wantsDrained = false;

  /** Largest segment, options included, without IP and TCP headers: what the peer can take and the path carries. */
  largestSegment = 0;
  /** MSS option of the peer. */
  peerMss = 0;
  pathMtu = 0;
  /** Offered or agreed on: window scaling, timestamps, SACK. */
  scaling = false;
  timestamps = false;
  sackPermitted = false;
  timestampOffset = 0;
  /** TS.Recent, when it was taken, and Last.ACK.sent (RFC 7323 4.3). */
  timestampRecent = 0;
  timestampRecentAt = 0;
  lastAckSent = 0;

  readonly congestion: Congestion = new Congestion();
  readonly scoreboard: Scoreboard = new Scoreboard();
  readonly roundTrip: RoundTrip = new RoundTrip();
  readonly reassembly: Reassembly;
  duplicateAcks = 0;
  /** The congestion window, and nothing else, kept the last output from sending more. */
  windowLimited = false;
  /** One segment is timed at a time: up to which number, since when, whether one is, and whether it was sent again (Karn). */
  timing = false;
  timedSequence = 0;
  timedAt = 0;
  timedAgain = false;
  lastSentAt = 0;
  /** When the peer was last heard of. */
  heardAt = 0;
  lastChallengeAt = Number.NEGATIVE_INFINITY;

  ackNow = false;
  /** The retransmission timer is the persist timer, and how often that has doubled. */
  persisting = false;
  persistBackoff = 0;
  noDelay = false;
  keepAlive = false;
  /** Keepalive probes without an answer. */
  probes = 0;
  /** TTL or hop limit, 0 for the system's. */
  hops = 0;
  dontFragment = true;
  /** What ICMP or output said that may pass; the reason if the connection times out. */
  softError: Errno | undefined = undefined;

  readonly retransmit: Timeout;
  readonly delayed: Timeout;
  readonly slow: Timeout;

  constructor(network: Network, timeouts: Timeouts, timers: ConnectionTimers, budget: ReassemblyBudget) {
    super(network.family);
    this.network = network;
    this.reassembly = new Reassembly(budget);
    this.retransmit = new Timeout(timeouts, () => timers.retransmitOrPersist(this));
    this.delayed = new Timeout(timeouts, () => timers.delayedAck(this));
    this.slow = new Timeout(timeouts, () => timers.slow(this));
  }

  /** Data bytes of a full segment. */
  get segment(): number {
    return this.largestSegment - (this.timestamps ? TIMESTAMPS_SPACE : 0);
  }

  /** Sequence number behind everything the user has sent; the FIN's, if there is one. */
  get bufferEnd(): number {
    return (this.bufferSequence + this.buffer.length) | 0;
  }

  /** Sent and not acknowledged, in bytes; the FIN counts as one. */
  get outstanding(): number {
    return (this.sendHighest - this.sendUnacknowledged) | 0;
  }

  get finSent(): boolean {
    return this.shutdown && tcp.after(this.sendHighest, this.bufferEnd);
  }

  /** Right edge of the peer's window. */
  get sendEdge(): number {
    return (this.sendUnacknowledged + this.sendWindow) | 0;
  }

  /** Our MSS option: what the interface and the path can carry to us. */
  get advertisedMss(): number {
    return this.pathMtu - this.network.headerLength - tcp.HEADER_LENGTH;
  }

  /** What may be sent in one segment follows from the peer's word and the path (RFC 9293 3.7.1). */
  updateSegment(): void {
    const peer = this.peerMss === 0 ? DEFAULT_SEGMENT[this.family] : this.peerMss;
    this.largestSegment = Math.max(Math.min(peer, this.advertisedMss), MINIMUM_SEGMENT);
  }

  /** The receive window that there is room for, never less than what was advertised (RFC 9293 3.8.6). */
  get receiveWindow(): number {
    const advertised = (this.receiveEdge - this.receiveNext) | 0;
    return Math.max(Math.min(this.receiveSpace, this.largestWindowToSay), advertised, 0);
  }

  /** Room for what the peer may send; nothing when it is too little to be worth a segment (RFC 9293 3.8.6.2.2). */
  private get receiveSpace(): number {
    const space = RECEIVE_BUFFER - this.unconsumed;
    return space < Math.min(RECEIVE_BUFFER / 2, this.largestSegment) ? 0 : space;
  }

  private get largestWindowToSay(): number {
    return 0xffff << this.receiveShift;
  }

  get info(): SocketInfo {
    return {
      id: this.id,
      type: 'tcp',
      family: this.family,
      protocol: IPPROTO_TCP,
      local: this.localEndpoint,
      ...(isAny(this.remote) ? {} : { remote: this.remoteEndpoint }),
      state: STATE_NAMES[this.state]!,
      receiveQueue: this.unconsumed + this.reassembly.length,
      sendQueue: this.buffer.length,
    };
  }
}

export const IPPROTO_TCP = 6;

/** A peer's MSS or a path below this is not believed: each byte would cost its forty bytes of headers many times over. */
const MINIMUM_SEGMENT = 64 + TIMESTAMPS_SPACE;

/** Shifts beyond the largest count as that (RFC 7323 2.3). */
export function boundedShift(shift: number): number {
  return Math.min(shift, tcpOptions.MAXIMUM_SHIFT);
}
