// SPDX-License-Identifier: ISC
//
// Packets that belong to a state (pf_test_state, pf_test_state_icmp): found, tracked, translated; rules are not asked.

import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import { DIRECTION_IN } from '../filter.ts';
import { type PfCore, REASON_STATE_MISMATCH } from './core.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from './descriptor.ts';
import {
  DESTINATION,
  FLAG_DIRECTION,
  FLAG_SLOPPY,
  FLAG_TRANSLATED,
  FLAGS,
  Key,
  PEER_STATE,
  RULE,
  SOURCE,
  STACK_0,
  STACK_1,
  STACK_PORTS,
  TIMEOUT,
  TOUCHED,
  WIRE_0,
  WIRE_1,
  WIRE_PORTS,
} from './states.ts';
import * as tcpState from './tcpState.ts';
import * as timeouts from './timeouts.ts';
import { changeDestination, changeSource } from './translate.ts';

export const NO_STATE = -1;
/** Found, but the packet is refused. */
export const REFUSED = -2;

/** Peer states of protocols without a handshake. */
const SINGLE = 1;
const MULTIPLE = 2;

export class StateTest {
  private readonly core: PfCore;
  private readonly key = new Key();
  private readonly words = new Int32Array(4);
  private readonly inner0 = new Int32Array(4);
  private readonly inner1 = new Int32Array(4);

  constructor(core: PfCore) {
    this.core = core;
  }

  /** The state of the packet, tracked and translated; NO_STATE when there is none, REFUSED when the state does not take it. */
  test(packet: Descriptor): number {
    if (packet.isIcmpError) return this.testIcmpError(packet);
    const state = this.find(packet);
    if (state < 0) return NO_STATE;
    const { states, seconds } = this.core;
    const records = states.records(state);
    const at = states.at(state);
    const forward = packet.direction === (records[at + FLAGS]! & FLAG_DIRECTION);
    const source = at + (forward ? SOURCE : DESTINATION);
    const destination = at + (forward ? DESTINATION : SOURCE);
    if (packet.protocol === PROTOCOL_TCP) {
      const isFresh = (packet.tcpFlags & (tcp.FLAG_SYN | tcp.FLAG_ACK)) === tcp.FLAG_SYN;
      if (isFresh && tcpState.isFinished(records, source, destination)) {
        this.remove(state);
        return NO_STATE;
      }
      const follow = (records[at + FLAGS]! & FLAG_SLOPPY) !== 0 ? tcpState.trackSloppy : tcpState.track;
      if (follow(records, at, source, destination, packet, seconds) !== tcpState.TRACK_PASS) {
        this.core.count(REASON_STATE_MISMATCH);
        return REFUSED;
      }
    } else {
      trackOther(records, at, source, destination, packet.protocol, seconds);
    }
    this.account(state, forward, packet);
    if ((records[at + FLAGS]! & FLAG_TRANSLATED) !== 0) this.translate(packet, records, at);
    packet.packet.state = state;
    return state;
  }

  /** Looks up: on the way in by what the wire shows, on the way out by what the stack sees. */
  find(packet: Descriptor): number {
    const { states } = this.core;
    if (packet.direction === DIRECTION_IN) {
      this.key.set(
        packet.family,
        packet.protocol,
        packet.source,
        packet.destination,
        packet.sourcePort,
        packet.destinationPort,
      );
      return states.findWire(this.key, packet.on.index);
    }
    this.key.set(
      packet.family,
      packet.protocol,
      packet.destination,
      packet.source,
      packet.destinationPort,
      packet.sourcePort,
    );
    return states.findStack(this.key, packet.on.index);
  }

  private account(state: number, forward: boolean, packet: Descriptor): void {
    const { states } = this.core;
    const counters = states.counters(state);
    const at = states.countersAt(state) + (forward ? 0 : 1);
    counters[at] = counters[at]! + 1;
    counters[at + 2] = counters[at + 2]! + packet.length;
    const rule = this.core.stateRule(states.records(state)[states.at(state) + RULE]!);
    rule.count(packet.direction === DIRECTION_IN ? 0 : 1, packet.length);
  }

  /** From the one key's addresses and ports to the other's. */
  private translate(packet: Descriptor, records: Int32Array, at: number): void {
    const isIn = packet.direction === DIRECTION_IN;
    const to0 = at + (isIn ? STACK_0 : WIRE_0);
    const to1 = at + (isIn ? STACK_1 : WIRE_1);
    const ports = records[at + (isIn ? STACK_PORTS : WIRE_PORTS)]!;
    const port0 = ports >>> 16;
    const port1 = ports & 0xffff;
    changeSource(packet, this.take(records, isIn ? to0 : to1), isIn ? port0 : port1);
    changeDestination(packet, this.take(records, isIn ? to1 : to0), isIn ? port1 : port0);
  }

  private take(records: Int32Array, at: number): Int32Array {
    for (let i = 0; i < 4; i++) this.words[i] = records[at + i]!;
    return this.words;
  }

  /** Takes a state out of the table. */
  remove(state: number): void {
    const { states } = this.core;
    this.core.releaseRule(states.records(state)[states.at(state) + RULE]!);
    states.remove(state);
  }

  /**
   * An ICMP error belongs to the state of the packet that it quotes. That one ran the other way: seen from here its source is the
   * inner side.
   */
  private testIcmpError(packet: Descriptor): number {
    const quoted = this.readQuoted(packet);
    if (quoted < 0) return NO_STATE;
    const { states } = this.core;
    const isIn = packet.direction === DIRECTION_IN;
    const state = isIn
      ? states.findWire(this.key, packet.on.index)
      : states.findStack(this.key, packet.on.index);
    if (state < 0) return NO_STATE;
    const records = states.records(state);
    const at = states.at(state);
    if (!this.isPlausible(packet, records, at, quoted)) {
      this.core.count(REASON_STATE_MISMATCH);
      return REFUSED;
    }
    packet.packet.state = state;
    return state;
  }

  /** Builds the key of the quoted packet; answers where its transport header is, -1 when it says too little. */
  private readQuoted(packet: Descriptor): number {
    const { bytes, transport, end } = packet.packet;
    const at = icmp.payloadAt(transport);
    let quoted: number;
    let protocol: number;
    if (packet.family === 4) {
      if (end - at < ipv4.HEADER_LENGTH + icmp.QUOTED_DATA || ipv4.version(bytes, at) !== 4) return -1;
      if (ipv4.fragmentOffset(bytes, at) !== 0) return -1;
      quoted = ipv4.payloadAt(bytes, at);
      protocol = ipv4.protocol(bytes, at);
      this.inner0[0] = ipv4.source(bytes, at);
      this.inner1[0] = ipv4.destination(bytes, at);
    } else {
      if (end - at < ipv6.HEADER_LENGTH + icmp.QUOTED_DATA || ipv6.version(bytes, at) !== 6) return -1;
      quoted = ipv6.payloadAt(at);
      protocol = ipv6.nextHeader(bytes, at);
      for (let i = 0; i < 4; i++) {
        this.inner0[i] = ipv6.sourceWord(bytes, at, i);
        this.inner1[i] = ipv6.destinationWord(bytes, at, i);
      }
    }
    if (quoted + icmp.QUOTED_DATA > end) return -1;
    const ports = quotedPorts(bytes, quoted, protocol);
    const sourcePort = ports >>> 16;
    const destinationPort = ports & 0xffff;
    if (packet.direction === DIRECTION_IN) {
      this.key.set(packet.family, protocol, this.inner1, this.inner0, destinationPort, sourcePort);
    } else {
      this.key.set(packet.family, protocol, this.inner0, this.inner1, sourcePort, destinationPort);
    }
    return quoted;
  }

  /** The quoted TCP segment lies in what its sender may have sent; a state that does not know its window cannot tell. */
  private isPlausible(packet: Descriptor, records: Int32Array, at: number, quoted: number): boolean {
    if ((this.key.protocol & 0xff) !== PROTOCOL_TCP || (records[at + FLAGS]! & FLAG_SLOPPY) !== 0)
      return true;
    const forward = packet.direction === (records[at + FLAGS]! & FLAG_DIRECTION);
    // The quoted packet ran against this one.
    const sender = at + (forward ? DESTINATION : SOURCE);
    const receiver = at + (forward ? SOURCE : DESTINATION);
    return tcpState.isQuotedInWindow(records, sender, receiver, tcp.sequence(packet.packet.bytes, quoted));
  }
}

function quotedPorts(bytes: Uint8Array, at: number, protocol: number): number {
  switch (protocol) {
    case PROTOCOL_TCP:
    case PROTOCOL_UDP:
      return (tcp.sourcePort(bytes, at) << 16) | tcp.destinationPort(bytes, at);
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMP6: {
      const id = icmp.identifier(bytes, at);
      return (id << 16) | id;
    }
    default:
      return 0;
  }
}

/** UDP, ICMP and the rest: who has been heard (pf_test_state_udp). */
function trackOther(
  records: Int32Array,
  at: number,
  source: number,
  destination: number,
  protocol: number,
  now: number,
): void {
  records[at + TOUCHED] = now;
  if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMP6) {
    records[at + TIMEOUT] = timeouts.ICMP_ERROR;
    return;
  }
  if (records[source + PEER_STATE]! < SINGLE) records[source + PEER_STATE] = SINGLE;
  if (records[destination + PEER_STATE] === SINGLE) records[destination + PEER_STATE] = MULTIPLE;
  const both = records[source + PEER_STATE] === MULTIPLE && records[destination + PEER_STATE] === MULTIPLE;
  if (protocol === PROTOCOL_UDP) records[at + TIMEOUT] = both ? timeouts.UDP_MULTIPLE : timeouts.UDP_SINGLE;
  else records[at + TIMEOUT] = both ? timeouts.OTHER_MULTIPLE : timeouts.OTHER_SINGLE;
}
