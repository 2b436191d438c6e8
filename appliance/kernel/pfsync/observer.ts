// SPDX-License-Identifier: ISC
//
// A router on the way of connections that another machine balances by Direct Server Return: it tells that machine of the server's half
// (docs/architecture.md, strict Direct Server Return).

import { setI32 } from '../../wire/bytes.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as pfsync from '../../wire/pfsync.ts';
import * as wire from '../../wire/pfsyncObservation.ts';
import * as tcp from '../../wire/tcp.ts';
import * as tcpOptions from '../../wire/tcpOptions.ts';
import { type Clock, MILLISECOND } from '../clock.ts';
import type { ForwardObserver } from '../forwardObserver.ts';
import type { Packet } from '../packet.ts';
import type { Balancers } from './balancers.ts';
import {
  ACKNOWLEDGMENT,
  CLIENT,
  CLIENT_NEXT,
  FAMILY,
  type Flows,
  MARK_ACKNOWLEDGED,
  MARK_CLIENT_FIN,
  MARK_CLIENT_SEEN,
  MARK_SERVER_FIN,
  MARKS,
  PORTS,
  SCALE,
  SEQUENCE,
  SERVER,
  TOLD_AT,
  TOLD_EDGE,
  TOLD_WINDOW,
  TOUCHED,
  WINDOW,
} from './flows.ts';
import type { Transmitter } from './transmitter.ts';

/** What a client repeats is told of again after so many milliseconds. */
const AGAIN = 100;

export class Observer implements ForwardObserver {
  private readonly clock: Clock;
  private readonly balancers: Balancers;
  private readonly flows: Flows;
  private readonly transmitter: Transmitter;
  private readonly source = new Int32Array(4);
  private readonly destination = new Int32Array(4);

  constructor(parts: { clock: Clock; balancers: Balancers; flows: Flows; transmitter: Transmitter }) {
    this.clock = parts.clock;
    this.balancers = parts.balancers;
    this.flows = parts.flows;
    this.transmitter = parts.transmitter;
  }

  forwarded(packet: Packet): void {
    if (packet.protocol !== ipv4.PROTOCOL_TCP) return;
    const { bytes, network, transport } = packet;
    if (packet.family === 4 && ipv4.isFragment(bytes, network)) return;
    if (!tcp.valid(bytes, transport, packet.end)) return;
    readAddresses(packet, this.source, this.destination);
    const from = tcp.sourcePort(bytes, transport);
    const to = tcp.destinationPort(bytes, transport);
    if (this.balancers.isObserved(packet.family, this.destination, to)) {
      this.setKey(packet.family, this.source, this.destination, (from << 16) | to);
      this.client(packet);
    } else if (this.balancers.isObserved(packet.family, this.source, from)) {
      this.setKey(packet.family, this.destination, this.source, (to << 16) | from);
      this.server(packet);
    }
  }

  private setKey(family: number, client: Int32Array, server: Int32Array, ports: number): void {
    const { key } = this.flows;
    for (let i = 0; i < 4; i++) {
      key[CLIENT + i] = client[i]!;
      key[SERVER + i] = server[i]!;
    }
    key[PORTS] = ports;
    key[FAMILY] = family;
  }

  private get now(): number {
    return (this.clock.now / MILLISECOND) | 0;
  }

  // The server's segments.

  private server(packet: Packet): void {
    const { bytes, transport } = packet;
    const flags = tcp.flags(bytes, transport);
    const { flows } = this;
    const { rows } = flows;
    let at = flows.find();
    const isOpening = (flags & tcp.FLAG_SYN) !== 0;
    if (at >= 0 && isOpening) flows.release(at);
    if (at < 0 || isOpening) {
      at = flows.claim(this.now);
      begin(rows, at, packet);
    }
    rows[at + TOUCHED] = this.now;
    const isAgain = this.isRetransmission(at, packet);
    this.follow(at, packet, flags);
    if ((flags & tcp.FLAG_FIN) !== 0) rows[at + MARKS] = rows[at + MARKS]! | MARK_SERVER_FIN;
    const isEvent = (flags & (tcp.FLAG_SYN | tcp.FLAG_FIN | tcp.FLAG_RST)) !== 0;
    if (isEvent || isAgain || this.isWanted(at)) this.tell(at, flags);
    if ((flags & tcp.FLAG_RST) !== 0) flows.release(at);
  }

  /** Whether the server repeats itself: a load balancer that has just taken over may know too little to pass what the client acknowledges. */
  private isRetransmission(at: number, packet: Packet): boolean {
    const { bytes, transport, end } = packet;
    const { rows } = this.flows;
    const length = tcp.segmentLength(bytes, transport, end);
    const next = (tcp.sequence(bytes, transport) + length) | 0;
    const isRepeated = length > 0 && !tcp.after(next, rows[at + SEQUENCE]!);
    return isRepeated && ((this.now - rows[at + TOLD_AT]!) | 0) >= AGAIN;
  }

  private follow(at: number, packet: Packet, flags: number): void {
    const { bytes, transport, end } = packet;
    const { rows } = this.flows;
    const next = (tcp.sequence(bytes, transport) + tcp.segmentLength(bytes, transport, end)) | 0;
    if (tcp.after(next, rows[at + SEQUENCE]!)) rows[at + SEQUENCE] = next;
    if ((flags & tcp.FLAG_ACK) === 0) return;
    const acknowledged = tcp.acknowledgment(bytes, transport);
    if (tcp.before(acknowledged, rows[at + ACKNOWLEDGMENT]!)) return;
    rows[at + ACKNOWLEDGMENT] = acknowledged;
    const scale = rows[at + SCALE]!;
    const shift = (flags & tcp.FLAG_SYN) === 0 && (scale & wire.SCALES) !== 0 ? scale & wire.SHIFT_MASK : 0;
    rows[at + WINDOW] = tcp.window(bytes, transport) << shift;
  }

  // The client's.

  private client(packet: Packet): void {
    const { bytes, transport, end } = packet;
    const { flows } = this;
    const { rows } = flows;
    const at = flows.find();
    if (at < 0) return;
    const { now } = this;
    const flags = tcp.flags(bytes, transport);
    const length = tcp.segmentLength(bytes, transport, end);
    const next = (tcp.sequence(bytes, transport) + length) | 0;
    rows[at + TOUCHED] = now;
    if (this.isBeyond(at, next) || (length > 0 && this.isAgain(at, next, now))) this.tell(at, 0);
    if ((rows[at + MARKS]! & MARK_CLIENT_SEEN) === 0 || tcp.after(next, rows[at + CLIENT_NEXT]!)) {
      rows[at + CLIENT_NEXT] = next;
      rows[at + MARKS] = rows[at + MARKS]! | MARK_CLIENT_SEEN;
    }
    if ((flags & tcp.FLAG_FIN) !== 0) rows[at + MARKS] = rows[at + MARKS]! | MARK_CLIENT_FIN;
    if ((flags & tcp.FLAG_ACK) !== 0) this.acknowledged(at, tcp.acknowledgment(bytes, transport));
    if ((flags & tcp.FLAG_RST) !== 0) flows.release(at);
  }

  /** How far the server's edge has moved since it was told. */
  private moved(at: number): number {
    const { rows } = this.flows;
    return (rows[at + ACKNOWLEDGMENT]! + rows[at + WINDOW]! - rows[at + TOLD_EDGE]!) | 0;
  }

  /** Whether a segment up to `next` needs an edge that has not been told. */
  private isBeyond(at: number, next: number): boolean {
    return tcp.after(next, this.flows.rows[at + TOLD_EDGE]!) && this.moved(at) > 0;
  }

  /**
   * Whether the client will soon need the edge that the server announces just now: it has used half of what was told and there is
   * as much more; or it has used nearly all.
   */
  private isWanted(at: number): boolean {
    const { rows } = this.flows;
    const moved = this.moved(at);
    if (moved <= 0 || (rows[at + MARKS]! & MARK_CLIENT_SEEN) === 0) return false;
    const left = (rows[at + TOLD_EDGE]! - rows[at + CLIENT_NEXT]!) | 0;
    const told = rows[at + TOLD_WINDOW]!;
    return left <= told >>> 3 || (left <= told >>> 1 && moved >= told >>> 1);
  }

  /** Whether the client repeats itself: what was told may have been lost. */
  private isAgain(at: number, next: number, now: number): boolean {
    const { rows } = this.flows;
    const isRepeated =
      (rows[at + MARKS]! & MARK_CLIENT_SEEN) !== 0 && !tcp.after(next, rows[at + CLIENT_NEXT]!);
    return isRepeated && ((now - rows[at + TOLD_AT]!) | 0) >= AGAIN;
  }

  /** The server's FIN is told once more with its acknowledgment, and a flow that is over forgotten. */
  private acknowledged(at: number, acknowledgment: number): void {
    const { rows } = this.flows;
    const marks = rows[at + MARKS]!;
    if ((marks & MARK_SERVER_FIN) === 0 || tcp.before(acknowledgment, rows[at + SEQUENCE]!)) return;
    if ((marks & MARK_ACKNOWLEDGED) === 0) this.tell(at, 0);
    rows[at + MARKS] = marks | MARK_ACKNOWLEDGED;
    if ((marks & MARK_CLIENT_FIN) !== 0) this.flows.release(at);
  }

  /** Sends what is known of the flow at `at`, alone in a packet and at once: the segment that needs it follows. */
  private tell(at: number, flags: number): void {
    const { rows } = this.flows;
    const seen = (rows[at + MARKS]! & MARK_SERVER_FIN) === 0 ? flags : flags | tcp.FLAG_FIN;
    const packet = this.transmitter.begin();
    const to = packet.add(pfsync.ACTION_OBSERVATION, wire.OBSERVATION_LENGTH);
    const { bytes } = packet;
    wire.writeObservation(bytes, to, rows[at + FAMILY]!, rows[at + PORTS]!, seen, rows[at + SCALE]!);
    for (let i = 0; i < 4; i++) {
      setI32(bytes, to + wire.CLIENT + 4 * i, rows[at + CLIENT + i]!);
      setI32(bytes, to + wire.SERVER + 4 * i, rows[at + SERVER + i]!);
    }
    setI32(bytes, to + wire.SEQUENCE, rows[at + SEQUENCE]!);
    setI32(bytes, to + wire.ACKNOWLEDGMENT, rows[at + ACKNOWLEDGMENT]!);
    setI32(bytes, to + wire.WINDOW, rows[at + WINDOW]!);
    this.transmitter.send();
    rows[at + TOLD_EDGE] = (rows[at + ACKNOWLEDGMENT]! + rows[at + WINDOW]!) | 0;
    rows[at + TOLD_WINDOW] = rows[at + WINDOW]!;
    rows[at + TOLD_AT] = this.now;
  }
}

/** A new row, from the server's first segment that is seen. */
function begin(rows: Int32Array, at: number, packet: Packet): void {
  const { bytes, transport } = packet;
  rows[at + SEQUENCE] = tcp.sequence(bytes, transport);
  rows[at + ACKNOWLEDGMENT] = tcp.acknowledgment(bytes, transport);
  // Nothing has been told: whatever the client sends next is beyond the edge.
  rows[at + TOLD_EDGE] = (rows[at + ACKNOWLEDGMENT]! - 1) | 0;
  if ((tcp.flags(bytes, transport) & tcp.FLAG_SYN) === 0) {
    rows[at + SCALE] = wire.SCALE_UNKNOWN;
    return;
  }
  const option = tcpOptions.find(bytes, transport, tcpOptions.WINDOW_SCALE);
  if (option < 0) return;
  const shift = Math.min(tcpOptions.windowShift(bytes, option), tcpOptions.MAXIMUM_SHIFT);
  rows[at + SCALE] = wire.SCALES | shift;
}

function readAddresses(packet: Packet, source: Int32Array, destination: Int32Array): void {
  const { bytes, network } = packet;
  const isFour = packet.family === 4;
  for (let i = 0; i < 4; i++) {
    source[i] = isFour ? 0 : ipv6.sourceWord(bytes, network, i);
    destination[i] = isFour ? 0 : ipv6.destinationWord(bytes, network, i);
  }
  if (!isFour) return;
  source[0] = ipv4.source(bytes, network);
  destination[0] = ipv4.destination(bytes, network);
}
