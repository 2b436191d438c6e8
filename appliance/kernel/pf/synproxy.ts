// SPDX-License-Identifier: ISC
//
// synproxy state: pf shakes hands with the client first, and with the server once the client has answered. Nothing of the client reaches
// the server before; afterwards sequence numbers are shifted for good.

import * as tcp from '../../wire/tcp.ts';
import * as tcpOptions from '../../wire/tcpOptions.ts';
import { DIRECTION_IN } from '../filter.ts';
import type { Random } from '../random.ts';
import type { Route, Routes } from '../route/routes.ts';
import type { Descriptor } from './descriptor.ts';
import { Ends } from './ends.ts';
import { Outgoing, type Replies } from './replies.ts';
import type { SourceLimits } from './sourceLimits.ts';
import type { StateLife } from './stateLife.ts';
import {
  DESTINATION,
  EXTRA,
  FLAG_FAMILIES,
  FLAGS,
  KIND,
  MAX_WINDOW,
  MSS_SHIFT,
  PEER_STATE,
  SEQ_DIFFERENCE,
  SEQ_HIGH,
  SEQ_LOW,
  SOURCE,
  SOURCE_NODE,
  STACK,
  WINDOW_SCALE,
  WIRE,
} from './stateRecord.ts';
import { REFUSED, readAddress, readPort, type States } from './states.ts';
import { REASON_SOURCE_LIMIT, REASON_SYNPROXY, type Statistics } from './statistics.ts';
import { ESTABLISHED, PROXY_DST, PROXY_SRC } from './tcpState.ts';

/** A segment that everyone takes (RFC 9293 3.7.1), and the smallest that pf believes. */
const DEFAULT_MSS = 536;
const SMALLEST_MSS = 64;
const HEADERS4 = 40;
const HEADERS6 = 60;

export class Synproxy {
  private readonly states: States;
  private readonly replies: Replies;
  private readonly routes: Routes;
  private readonly random: Random;
  private readonly statistics: Statistics;
  private readonly sourceLimits: SourceLimits;
  private readonly outgoing = new Outgoing();
  private readonly ends = new Ends();

  constructor(parts: {
    states: States;
    replies: Replies;
    routes: Routes;
    random: Random;
    statistics: Statistics;
    sourceLimits: SourceLimits;
    life: StateLife;
  }) {
    this.states = parts.states;
    this.replies = parts.replies;
    this.routes = parts.routes;
    this.random = parts.random;
    this.statistics = parts.statistics;
    this.sourceLimits = parts.sourceLimits;
    parts.life.listen((state) => this.ended(state));
  }

  /** The SYN that made a state is answered in the server's place. The packet is as it came. */
  begin(state: number, packet: Descriptor): void {
    const records = this.states.records(state);
    const source = this.states.at(state) + SOURCE;
    records[source + PEER_STATE] = PROXY_SRC;
    records[source + SEQ_HIGH] = this.random.word();
    records[source + WINDOW_SCALE] = this.mss(packet) << MSS_SHIFT;
    this.statistics.count(REASON_SYNPROXY);
    this.answerSyn(records, source, packet);
  }

  /** The client has acknowledged a syncookie, and the rules have made a state of the SYN that it was, which offered `mss`. */
  resume(state: number, packet: Descriptor, mss: number): void {
    const records = this.states.records(state);
    const at = this.states.at(state);
    if (records[at + SOURCE_NODE] !== 0 && !this.sourceLimits.connected(state)) {
      return this.statistics.count(REASON_SOURCE_LIMIT);
    }
    const source = at + SOURCE;
    const { bytes, transport } = packet.packet;
    records[source + PEER_STATE] = PROXY_DST;
    records[source + SEQ_HIGH] = (tcp.acknowledgment(bytes, transport) - 1) | 0;
    records[source + SEQ_LOW] = (tcp.sequence(bytes, transport) - 1) | 0;
    records[source + SEQ_DIFFERENCE] = 0;
    records[source + WINDOW_SCALE] = mss << MSS_SHIFT;
    this.speakToServer(records, at, packet);
  }

  /** A packet of a connection whose handshake pf is in. Answers REFUSED: pf takes all of them. */
  test(state: number, records: Int32Array, at: number, forward: boolean, packet: Descriptor): number {
    this.statistics.count(REASON_SYNPROXY);
    const source = at + SOURCE;
    if (records[source + PEER_STATE] === PROXY_SRC && !this.fromClient(state, records, at, forward, packet)) {
      return REFUSED;
    }
    if (forward) this.speakToServer(records, at, packet);
    else this.fromServer(records, at, packet);
    return REFUSED;
  }

  /** Step 2: true when the client has answered pf's SYN. */
  private fromClient(
    state: number,
    records: Int32Array,
    at: number,
    forward: boolean,
    packet: Descriptor,
  ): boolean {
    if (!forward) return false;
    const source = at + SOURCE;
    const { bytes, transport } = packet.packet;
    if ((packet.tcpFlags & tcp.FLAG_SYN) !== 0) {
      if (tcp.sequence(bytes, transport) === records[source + SEQ_LOW])
        this.answerSyn(records, source, packet);
      return false;
    }
    if (!isAnswer(records, source, packet)) return false;
    if (records[at + SOURCE_NODE] !== 0 && !this.sourceLimits.connected(state)) {
      this.statistics.count(REASON_SOURCE_LIMIT);
      return false;
    }
    records[source + PEER_STATE] = PROXY_DST;
    return true;
  }

  private answerSyn(records: Int32Array, source: number, packet: Descriptor): void {
    const { outgoing } = this;
    const { bytes, transport } = packet.packet;
    outgoing.answer(packet);
    outgoing.say(
      tcp.FLAG_SYN | tcp.FLAG_ACK,
      records[source + SEQ_HIGH]!,
      tcp.sequence(bytes, transport) + 1,
    );
    outgoing.mss = records[source + WINDOW_SCALE]! >>> MSS_SHIFT;
    this.replies.send(outgoing);
  }

  /** Step 3: a SYN to the server as if from the client; it passes pf like any packet. */
  private speakToServer(records: Int32Array, at: number, packet: Descriptor): void {
    const source = at + SOURCE;
    const destination = at + DESTINATION;
    if (!isAnswer(records, source, packet)) return;
    const { bytes, transport } = packet.packet;
    records[source + MAX_WINDOW] = Math.max(tcp.window(bytes, transport), 1);
    if (records[destination + SEQ_HIGH] === 1) records[destination + SEQ_HIGH] = this.random.word();
    const { outgoing } = this;
    this.address(records, at, packet);
    outgoing.say(tcp.FLAG_SYN, records[destination + SEQ_HIGH]!, 0);
    outgoing.mss = records[source + WINDOW_SCALE]! >>> MSS_SHIFT;
    outgoing.tag = this.states.extra(records[at + EXTRA]!)?.tag ?? 0;
    // What goes on in the other family is not tested where it leaves.
    outgoing.generated = (records[at + FLAGS]! & FLAG_FAMILIES) !== 0;
    this.replies.send(outgoing);
  }

  /** Ends of the packet as the other side of the state knows them. */
  private address(records: Int32Array, at: number, packet: Descriptor): void {
    const { outgoing } = this;
    if ((records[at + FLAGS]! & FLAG_FAMILIES) !== 0) return this.addressOther(records, at, packet);
    const isIn = packet.direction === DIRECTION_IN;
    const side = isIn ? STACK : WIRE;
    const own = isIn ? 0 : 1;
    outgoing.family = packet.family;
    readAddress(records, at, side, own, outgoing.source);
    readAddress(records, at, side, 1 - own, outgoing.destination);
    outgoing.sourcePort = readPort(records, at, side, own);
    outgoing.destinationPort = readPort(records, at, side, 1 - own);
  }

  /** The other side speaks the other family. */
  private addressOther(records: Int32Array, at: number, packet: Descriptor): void {
    const { outgoing } = this;
    const ends = this.ends.read(records, at, packet.family);
    outgoing.family = ends.family === 4 ? 4 : 6;
    outgoing.source.set(ends.source);
    outgoing.destination.set(ends.destination);
    outgoing.sourcePort = ends.sourcePort;
    outgoing.destinationPort = ends.destinationPort;
  }

  /** Steps 4 to 7: the server answers, and both are told. */
  private fromServer(records: Int32Array, at: number, packet: Descriptor): void {
    const source = at + SOURCE;
    const destination = at + DESTINATION;
    const { bytes, transport } = packet.packet;
    const both = tcp.FLAG_SYN | tcp.FLAG_ACK;
    const acknowledged = tcp.acknowledgment(bytes, transport);
    if ((packet.tcpFlags & both) !== both || acknowledged !== ((records[destination + SEQ_HIGH]! + 1) | 0))
      return;
    const sequence = tcp.sequence(bytes, transport);
    records[destination + MAX_WINDOW] = Math.max(tcp.window(bytes, transport), 1);
    records[destination + SEQ_LOW] = sequence;
    const { outgoing } = this;
    outgoing.answer(packet).say(tcp.FLAG_ACK, acknowledged, sequence + 1);
    outgoing.window = records[source + MAX_WINDOW]!;
    outgoing.tag = this.states.extra(records[at + EXTRA]!)?.tag ?? 0;
    outgoing.generated = false;
    this.replies.send(outgoing);
    this.address(records, at, packet);
    outgoing.say(tcp.FLAG_ACK, records[source + SEQ_HIGH]! + 1, records[source + SEQ_LOW]! + 1);
    outgoing.window = records[destination + MAX_WINDOW]!;
    this.replies.send(outgoing);
    establish(records, source, destination);
  }

  /** The client is told when the server never came. */
  private ended(state: number): void {
    const records = this.states.records(state);
    const at = this.states.at(state);
    const source = at + SOURCE;
    if (records[source + PEER_STATE] !== PROXY_DST || (records[at + WIRE + KIND]! & 0xff) !== 6) return;
    const { outgoing } = this;
    outgoing.family = records[at + WIRE + KIND]! >>> 8 === 4 ? 4 : 6;
    readAddress(records, at, WIRE, 1, outgoing.source);
    readAddress(records, at, WIRE, 0, outgoing.destination);
    outgoing.sourcePort = readPort(records, at, WIRE, 1);
    outgoing.destinationPort = readPort(records, at, WIRE, 0);
    outgoing.say(tcp.FLAG_RST | tcp.FLAG_ACK, records[source + SEQ_HIGH]!, records[source + SEQ_LOW]! + 1);
    this.replies.send(outgoing);
  }

  /** What the client offers, as far as both ways carry it. */
  mss(packet: Descriptor): number {
    const { bytes, transport } = packet.packet;
    const at = tcpOptions.find(bytes, transport, tcpOptions.MSS);
    const offered = at < 0 ? DEFAULT_MSS : tcpOptions.mss(bytes, at);
    const headers = packet.family === 4 ? HEADERS4 : HEADERS6;
    const ways = Math.min(this.mtuTo(packet, packet.source), this.mtuTo(packet, packet.destination));
    return Math.max(SMALLEST_MSS, Math.min(offered, ways - headers));
  }

  private mtuTo(packet: Descriptor, words: Int32Array): number {
    const route: Route | undefined =
      packet.family === 4 ? this.routes.lookup4(words[0]!) : this.routes.lookup6(words);
    if (route === undefined) return DEFAULT_MSS + HEADERS6;
    return route.mtu > 0 ? Math.min(route.mtu, route.on.mtu) : route.on.mtu;
  }
}

/** The client's acknowledgment of the SYN that pf sent it. */
function isAnswer(records: Int32Array, source: number, packet: Descriptor): boolean {
  const { bytes, transport } = packet.packet;
  const flags = tcp.FLAG_SYN | tcp.FLAG_ACK | tcp.FLAG_RST | tcp.FLAG_FIN;
  return (
    (packet.tcpFlags & flags) === tcp.FLAG_ACK &&
    tcp.acknowledgment(bytes, transport) === ((records[source + SEQ_HIGH]! + 1) | 0) &&
    tcp.sequence(bytes, transport) === ((records[source + SEQ_LOW]! + 1) | 0)
  );
}

/** Both handshakes are done: from now on the numbers of either side are shifted to what the other was told. */
function establish(records: Int32Array, source: number, destination: number): void {
  const client = records[source + SEQ_LOW]!;
  const server = records[destination + SEQ_LOW]!;
  records[source + SEQ_DIFFERENCE] = (records[destination + SEQ_HIGH]! - client) | 0;
  records[destination + SEQ_DIFFERENCE] = (records[source + SEQ_HIGH]! - server) | 0;
  records[source + SEQ_HIGH] = (client + records[destination + MAX_WINDOW]!) | 0;
  records[destination + SEQ_HIGH] = (server + records[source + MAX_WINDOW]!) | 0;
  records[source + WINDOW_SCALE] = 0;
  records[destination + WINDOW_SCALE] = 0;
  records[source + PEER_STATE] = ESTABLISHED;
  records[destination + PEER_STATE] = ESTABLISHED;
}
