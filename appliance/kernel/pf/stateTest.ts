// SPDX-License-Identifier: ISC
//
// Packets that belong to a state (pf_test_state): found, tracked, counted, translated. Rules are not asked.

import * as tcp from '../../wire/tcp.ts';
import { DIRECTION_IN, DIRECTION_OUT } from '../filter.ts';
import { pieces } from '../link/offload.ts';
import type { Random } from '../random.ts';
import { type Descriptor, PROTOCOL_TCP } from './descriptor.ts';
import type { IcmpErrorTest } from './icmpErrors.ts';
import * as observed from './observed.ts';
import type { Replies } from './replies.ts';
import { NO_RULE, type RuleSlots } from './ruleSlots.ts';
import type { Settings } from './settings.ts';
import { trackSloppy } from './sloppy.ts';
import type { SourceLimits } from './sourceLimits.ts';
import type { SourceNodes } from './sourceNodes.ts';
import type { StateLife } from './stateLife.ts';
import {
  ANCHOR,
  COUNTERS,
  CREATED,
  DESTINATION,
  EXTRA,
  FLAG_DIRECTION,
  FLAG_EXTRA,
  FLAG_FAMILIES,
  FLAG_HALF_OPEN,
  FLAG_HEARD_DESTINATION,
  FLAG_HEARD_SOURCE,
  FLAG_MORE_RULES,
  FLAG_OBSERVED,
  FLAG_REPLY_TO,
  FLAG_ROUTE_TO,
  FLAG_SLOPPY,
  FLAG_TOLD,
  FLAG_TRANSLATED,
  FLAGS,
  isForward,
  NAT_NODE,
  NAT_RULE,
  PEER_STATE,
  ROUTE_INTERFACE,
  ROUTE_NODE,
  RULE,
  SEQ_LOW,
  SOURCE,
  SOURCE_NODE,
  STACK,
  WIRE,
} from './stateRecord.ts';
import { Key, NO_STATE, REFUSED, readAddress, readPort, type States } from './states.ts';
import {
  REASON_BAD_TIMESTAMP,
  REASON_SOURCE_LIMIT,
  REASON_STATE_MISMATCH,
  type Statistics,
} from './statistics.ts';
import type { SyncPort } from './sync.ts';
import type { Synproxy } from './synproxy.ts';
import * as tcpState from './tcpState.ts';
import * as timeouts from './timeouts.ts';
import * as timestamps from './timestamps.ts';
import { changeDestination, changeSource } from './translate.ts';
import * as udpState from './udpState.ts';

export interface StateTestParts {
  readonly states: States;
  readonly life: StateLife;
  readonly slots: RuleSlots;
  readonly settings: Settings;
  readonly statistics: Statistics;
  readonly random: Random;
  readonly icmpErrors: IcmpErrorTest;
  readonly replies: Replies;
  readonly sourceLimits: SourceLimits;
  readonly sourceNodes: SourceNodes;
  readonly synproxy: Synproxy;
  readonly sync: SyncPort;
}

export class StateTest {
  private readonly parts: StateTestParts;
  private readonly states: States;
  private readonly settings: Settings;
  private readonly sync: SyncPort;
  private readonly key = new Key();
  private readonly words = new Int32Array(4);

  constructor(parts: StateTestParts) {
    this.parts = parts;
    this.states = parts.states;
    this.settings = parts.settings;
    this.sync = parts.sync;
  }

  /** The state of the packet, tracked and translated (but not between families); NO_STATE when there is none, REFUSED when the packet ends here. */
  test(packet: Descriptor): number {
    if (packet.isIcmpError) return this.parts.icmpErrors.test(packet);
    packet.keyInto(this.key);
    const isIn = packet.direction === DIRECTION_IN;
    const state =
      isIn || packet.came < 0
        ? this.states.find(this.key, isIn ? WIRE : STACK, packet.on.index)
        : this.states.findTwin(packet.came, this.key, STACK, packet.on.index);
    if (state < 0) return NO_STATE;
    const records = this.states.records(state);
    const at = this.states.at(state);
    packet.packet.state = state;
    if (!isIn && this.isOnTheWrongWay(records, at, packet)) return state;
    const forward = isForward(records, at, packet.direction, packet.family);
    const outcome = this.track(state, records, at, forward, packet);
    if (outcome !== state) return outcome;
    this.account(state, records, at, forward, packet);
    this.sync.target?.updated(state, packet.packet.gsoType === 0 ? 1 : pieces(packet.packet));
    const translation = records[at + FLAGS]! & (FLAG_TRANSLATED | FLAG_FAMILIES);
    if (translation === FLAG_TRANSLATED) this.translate(packet, records, at);
    return state;
  }

  /** 2008: it is about to be routed elsewhere by this state, and will be tracked where it leaves. */
  private isOnTheWrongWay(records: Int32Array, at: number, packet: Descriptor): boolean {
    const flags = records[at + FLAGS]!;
    if ((flags & (FLAG_ROUTE_TO | FLAG_REPLY_TO)) === 0 || this.settings.isToday) return false;
    const on = records[at + ROUTE_INTERFACE]!;
    if (on === 0 || on === packet.on.index) return false;
    const routes = (flags & FLAG_DIRECTION) === DIRECTION_OUT ? FLAG_ROUTE_TO : FLAG_REPLY_TO;
    return (flags & routes) !== 0;
  }

  /** Answers the state when it takes the packet. */
  private track(
    state: number,
    records: Int32Array,
    at: number,
    forward: boolean,
    packet: Descriptor,
  ): number {
    const source = at + (forward ? SOURCE : DESTINATION);
    const destination = at + (forward ? DESTINATION : SOURCE);
    if (packet.protocol !== PROTOCOL_TCP) {
      udpState.track(records, at, source, destination, packet.protocol, this.settings.seconds);
      return state;
    }
    if (records[at + SOURCE + PEER_STATE]! >= tcpState.PROXY_SRC) {
      return this.parts.synproxy.test(state, records, at, forward, packet);
    }
    if ((packet.tcpFlags & (tcp.FLAG_SYN | tcp.FLAG_ACK)) === tcp.FLAG_SYN) {
      if (tcpState.isFinished(records, source, destination)) {
        this.parts.life.remove(state);
        packet.packet.state = -1;
        return NO_STATE;
      }
      if (this.settings.isToday && this.isSynOfEstablished(records, source, destination, packet))
        return REFUSED;
    }
    return this.trackTcp(state, records, at, source, destination, packet);
  }

  /** Who really lost the connection answers the challenge with a reset (RFC 5961 4). */
  private isSynOfEstablished(
    records: Int32Array,
    source: number,
    destination: number,
    packet: Descriptor,
  ): boolean {
    const { ESTABLISHED } = tcpState;
    if (records[source + PEER_STATE]! < ESTABLISHED || records[destination + PEER_STATE]! < ESTABLISHED) {
      return false;
    }
    this.parts.replies.challenge(packet, records[destination + SEQ_LOW]!, records[source + SEQ_LOW]!);
    return true;
  }

  private trackTcp(
    state: number,
    records: Int32Array,
    at: number,
    source: number,
    destination: number,
    packet: Descriptor,
  ): number {
    const { seconds, isToday } = this.settings;
    let outcome =
      (records[at + FLAGS]! & (FLAG_SLOPPY | FLAG_OBSERVED)) === 0
        ? tcpState.track(records, at, source, destination, packet, seconds, isToday, this.parts.random)
        : this.trackHalf(records, at, source, destination, packet);
    if ((records[at + FLAGS]! & FLAG_TOLD) !== 0) {
      if (outcome === tcpState.TRACK_MISMATCH) {
        outcome = tcpState.resume(records, at, source, destination, seconds);
      }
      if (outcome !== tcpState.TRACK_MISMATCH) this.heard(records, at, source);
    }
    if (outcome === tcpState.TRACK_MISMATCH) return this.mismatch(records, source, destination, packet);
    if ((records[at + FLAGS]! & FLAG_HALF_OPEN) !== 0) this.settle(records, at, source, destination);
    if (outcome === tcpState.TRACK_CONNECTED && !this.connected(state, records, at)) return REFUSED;
    if ((records[at + FLAGS]! & FLAG_EXTRA) === 0) return state;
    return this.followTimestamps(records, at, source, destination, packet) ? state : REFUSED;
  }

  /** A connection of which only one half passes by. Without anyone who tells of the other one, nothing is known that holds for long. */
  private trackHalf(
    records: Int32Array,
    at: number,
    source: number,
    destination: number,
    packet: Descriptor,
  ): number {
    const { seconds } = this.settings;
    const flags = records[at + FLAGS]!;
    const rule = this.parts.slots.get(records[at + RULE]!);
    if ((flags & FLAG_SLOPPY) === 0) {
      const outcome = observed.track(records, at, source, destination, packet, seconds, this.parts.random);
      if (outcome !== tcpState.TRACK_MISMATCH || this.parts.sync.observedUntil > seconds) return outcome;
      observed.forget(records, at, rule);
    }
    const outcome = trackSloppy(records, at, source, destination, packet.tcpFlags, seconds);
    if (outcome === tcpState.TRACK_CONNECTED && (flags & FLAG_OBSERVED) !== 0)
      observed.missed(records, at, rule);
    return outcome;
  }

  /** Of a connection that a peer has told of: when both ends have been heard here, what is known of it is this machine's own. */
  private heard(records: Int32Array, at: number, source: number): void {
    const both = FLAG_HEARD_SOURCE | FLAG_HEARD_DESTINATION;
    const flags =
      records[at + FLAGS]! | (source === at + SOURCE ? FLAG_HEARD_SOURCE : FLAG_HEARD_DESTINATION);
    records[at + FLAGS] = (flags & both) === both ? flags & ~(both | FLAG_TOLD) : flags;
  }

  private settle(records: Int32Array, at: number, source: number, destination: number): void {
    const { ESTABLISHED } = tcpState;
    if (records[source + PEER_STATE]! < ESTABLISHED || records[destination + PEER_STATE]! < ESTABLISHED)
      return;
    this.states.endHandshake(records, at);
  }

  private mismatch(records: Int32Array, source: number, destination: number, packet: Descriptor): number {
    this.parts.statistics.count(REASON_STATE_MISMATCH);
    if (!tcpState.isOpening(records, source, destination)) return REFUSED;
    if ((packet.tcpFlags & tcp.FLAG_RST) === 0) this.parts.replies.resetStray(packet);
    tcpState.forget(records, source);
    return REFUSED;
  }

  /** A handshake is complete: the source may have one connection too many with it. */
  private connected(state: number, records: Int32Array, at: number): boolean {
    if (records[at + SOURCE_NODE] === 0) return true;
    if (this.parts.sourceLimits.connected(state)) return true;
    this.parts.statistics.count(REASON_SOURCE_LIMIT);
    return false;
  }

  private followTimestamps(
    records: Int32Array,
    at: number,
    source: number,
    destination: number,
    packet: Descriptor,
  ): boolean {
    const peers = this.states.extra(records[at + EXTRA]!)?.timestamps;
    if (peers === undefined) return true;
    const { seconds } = this.settings;
    const [own, other] = source === at + SOURCE ? peers : [peers[1], peers[0]];
    if (own.hops === 0) timestamps.begin(own, packet, seconds, this.parts.random);
    const { ESTABLISHED } = tcpState;
    const established =
      records[source + PEER_STATE]! >= ESTABLISHED && records[destination + PEER_STATE]! >= ESTABLISHED;
    const tolerance = this.settings.timeouts[timeouts.TCP_TSDIFF]!;
    const age = seconds - records[at + CREATED]!;
    if (timestamps.follow(own, other, packet, seconds, established, tolerance, age)) return true;
    this.parts.statistics.count(REASON_BAD_TIMESTAMP);
    return false;
  }

  /** Counts the packet for the state, for all rules that it came of and for the sources that are tracked. */
  account(state: number, records: Int32Array, at: number, forward: boolean, packet: Descriptor): void {
    const counters = this.states.counters(state);
    const place = (at >>> 1) + COUNTERS + (forward ? 0 : 1);
    counters[place] = counters[place]! + 1;
    counters[place + 2] = counters[place + 2]! + packet.length;
    const isOut = packet.direction === DIRECTION_OUT ? 1 : 0;
    const { slots } = this.parts;
    slots.get(records[at + RULE]!).count(isOut, packet.length);
    if ((records[at + FLAGS]! & FLAG_MORE_RULES) === 0) return;
    const anchor = records[at + ANCHOR]!;
    const nat = records[at + NAT_RULE]!;
    if (anchor !== NO_RULE) slots.get(anchor).count(isOut, packet.length);
    if (nat !== NO_RULE) slots.get(nat).count(isOut, packet.length);
    const { sourceNodes } = this.parts;
    sourceNodes.get(records[at + SOURCE_NODE]!)?.count(isOut, packet.length);
    sourceNodes.get(records[at + NAT_NODE]!)?.count(isOut, packet.length);
    sourceNodes.get(records[at + ROUTE_NODE]!)?.count(isOut, packet.length);
    const more = records[at + EXTRA] === 0 ? undefined : this.states.extra(records[at + EXTRA]!)?.matchRules;
    if (more === undefined) return;
    for (let i = 0; i < more.length; i++) more[i]!.count(isOut, packet.length);
  }

  /** In: what the wire shows becomes what the machine sees. Out: the other way. */
  private translate(packet: Descriptor, records: Int32Array, at: number): void {
    const isIn = packet.direction === DIRECTION_IN;
    const side = isIn ? STACK : WIRE;
    const own = isIn ? 0 : 1;
    readAddress(records, at, side, own, this.words);
    changeSource(packet, this.words, readPort(records, at, side, own));
    readAddress(records, at, side, 1 - own, this.words);
    changeDestination(packet, this.words, readPort(records, at, side, 1 - own));
  }
}
