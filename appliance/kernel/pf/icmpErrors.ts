// SPDX-License-Identifier: ISC
//
// ICMP errors about packets of a known connection (pf_test_state_icmp): the quoted header says which, its state says where they go, and
// both packets, the error and the quoted one, are shown to the receiver as it knows them.

import { u16 } from '../../wire/bytes.ts';
import * as checksum from '../../wire/checksum.ts';
import * as extension6 from '../../wire/extension6.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import { DIRECTION_IN } from '../filter.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP, PROTOCOL_UDP } from './descriptor.ts';
import { IcmpMapping } from './icmpMapping.ts';
import type { Settings } from './settings.ts';
import {
  DESTINATION,
  FLAG_FAMILIES,
  FLAG_SLOPPY,
  FLAG_TRANSLATED,
  FLAGS,
  isForward,
  SEQ_DIFFERENCE,
  SOURCE,
  STACK,
  WIRE,
} from './stateRecord.ts';
import { Key, NO_STATE, REFUSED, readAddress, readPort, type States } from './states.ts';
import { REASON_FRAGMENT, REASON_SHORT, REASON_STATE_MISMATCH, type Statistics } from './statistics.ts';
import { isQuotedInWindow } from './tcpState.ts';
import { changeAddress, changeHalf, changeWord } from './translate.ts';

/** What reading the quoted packet found. */
const QUOTE_OK = 0;
/** Too little to know a connection by. */
const QUOTE_UNKNOWN = 1;

export class IcmpErrorTest {
  private readonly states: States;
  private readonly settings: Settings;
  private readonly statistics: Statistics;
  private readonly key = new Key();
  private readonly walk = new extension6.Walk();
  private readonly mapping = new IcmpMapping();
  private readonly words = new Int32Array(4);
  // The quoted packet, known until the next one is.
  private readonly source = new Int32Array(4);
  readonly destination = new Int32Array(4);
  protocol = 0;
  network = 0;
  transport = 0;
  private sourcePort = 0;
  private destinationPort = 0;

  constructor(parts: { states: States; settings: Settings; statistics: Statistics }) {
    this.states = parts.states;
    this.settings = parts.settings;
    this.statistics = parts.statistics;
  }

  /** The state that the error is about, the error translated (but not between families); NO_STATE when there is none, REFUSED when it cannot be about it. */
  test(packet: Descriptor): number {
    const outcome = this.readQuoted(packet);
    if (outcome !== QUOTE_OK) return outcome === QUOTE_UNKNOWN ? NO_STATE : REFUSED;
    this.setKey(packet);
    const side = packet.direction === DIRECTION_IN ? WIRE : STACK;
    const state = this.states.find(this.key, side, packet.on.index);
    if (state < 0) return NO_STATE;
    const records = this.states.records(state);
    const at = this.states.at(state);
    const forward = isForward(records, at, packet.direction, packet.family);
    // The quoted packet ran against this one.
    const sender = at + (forward ? DESTINATION : SOURCE);
    const receiver = at + (forward ? SOURCE : DESTINATION);
    if (!this.isPlausible(packet, records, at, sender, receiver)) return this.refuse(REASON_STATE_MISMATCH);
    this.restoreSequence(packet, records[sender + SEQ_DIFFERENCE]!);
    const translation = records[at + FLAGS]! & (FLAG_TRANSLATED | FLAG_FAMILIES);
    if (translation === FLAG_TRANSLATED) this.translate(packet, records, at);
    packet.packet.state = state;
    return state;
  }

  private refuse(reason: number): number {
    this.statistics.count(reason);
    return REFUSED;
  }

  // Reading.

  /** QUOTE_OK, QUOTE_UNKNOWN, or REFUSED with the reason counted. */
  private readQuoted(packet: Descriptor): number {
    const { transport, end } = packet.packet;
    this.network = icmp.payloadAt(transport);
    const header = packet.family === 4 ? ipv4.HEADER_LENGTH : ipv6.HEADER_LENGTH;
    if (end - this.network < header) return this.refuse(REASON_SHORT);
    const outcome = packet.family === 4 ? this.readHeader4(packet) : this.readHeader6(packet);
    if (outcome !== QUOTE_OK) return outcome;
    if (end - this.transport < icmp.QUOTED_DATA) return QUOTE_UNKNOWN;
    this.readPorts(packet);
    return QUOTE_OK;
  }

  private readHeader4(packet: Descriptor): number {
    const { bytes, end } = packet.packet;
    const at = this.network;
    if (ipv4.version(bytes, at) !== 4 || ipv4.headerLength(bytes, at) < ipv4.HEADER_LENGTH)
      return QUOTE_UNKNOWN;
    if (ipv4.fragmentOffset(bytes, at) !== 0) return this.refuse(REASON_FRAGMENT);
    this.protocol = ipv4.protocol(bytes, at);
    this.transport = Math.min(ipv4.payloadAt(bytes, at), end);
    this.source[0] = ipv4.source(bytes, at);
    this.destination[0] = ipv4.destination(bytes, at);
    return QUOTE_OK;
  }

  private readHeader6(packet: Descriptor): number {
    const { bytes, end } = packet.packet;
    const at = this.network;
    if (ipv6.version(bytes, at) !== 6) return QUOTE_UNKNOWN;
    if (extension6.walk(bytes, at, end, this.walk) !== extension6.OK) return QUOTE_UNKNOWN;
    if (this.walk.fragment >= 0) return this.refuse(REASON_FRAGMENT);
    this.protocol = this.walk.protocol;
    this.transport = Math.min(this.walk.transport, end);
    for (let i = 0; i < 4; i++) {
      this.source[i] = ipv6.sourceWord(bytes, at, i);
      this.destination[i] = ipv6.destinationWord(bytes, at, i);
    }
    return QUOTE_OK;
  }

  private readPorts(packet: Descriptor): void {
    const { bytes } = packet.packet;
    this.sourcePort = 0;
    this.destinationPort = 0;
    if (this.protocol === PROTOCOL_TCP || this.protocol === PROTOCOL_UDP) {
      this.sourcePort = tcp.sourcePort(bytes, this.transport);
      this.destinationPort = tcp.destinationPort(bytes, this.transport);
    } else if (this.protocol === PROTOCOL_ICMP || this.protocol === PROTOCOL_ICMP6) {
      this.readIds(packet, icmp.type(bytes, this.transport), icmp.identifier(bytes, this.transport));
    }
  }

  private readIds(packet: Descriptor, type: number, id: number): void {
    if (!this.settings.isToday) {
      this.sourcePort = id;
      this.destinationPort = id;
      return;
    }
    const { mapping } = this;
    mapping.map(packet.family, type, id);
    this.sourcePort = mapping.isReply ? mapping.type : mapping.id;
    this.destinationPort = mapping.isReply ? mapping.id : mapping.type;
  }

  /** The quoted packet went the other way, so its source is where this one's destination would be. */
  private setKey(packet: Descriptor): void {
    const { key, source, destination, sourcePort, destinationPort } = this;
    if (packet.direction === DIRECTION_IN) {
      key.set(packet.family, this.protocol, destination, source, destinationPort, sourcePort);
    } else {
      key.set(packet.family, this.protocol, source, destination, sourcePort, destinationPort);
    }
  }

  /** The quoted TCP segment lies in what its sender may have sent; a state that knows no windows cannot tell. */
  private isPlausible(
    packet: Descriptor,
    records: Int32Array,
    at: number,
    sender: number,
    receiver: number,
  ): boolean {
    if (this.settings.isToday && !this.isForSender(packet)) return false;
    if (this.protocol !== PROTOCOL_TCP || (records[at + FLAGS]! & FLAG_SLOPPY) !== 0) return true;
    const sequence = tcp.sequence(packet.packet.bytes, this.transport) - records[sender + SEQ_DIFFERENCE]!;
    return isQuotedInWindow(records, sender, receiver, sequence | 0);
  }

  /** Today an error must go to who sent the quoted packet. */
  private isForSender(packet: Descriptor): boolean {
    const width = packet.family === 4 ? 1 : 4;
    for (let i = 0; i < width; i++) if (packet.destination[i] !== this.source[i]) return false;
    return true;
  }

  // Writing.

  private restoreSequence(packet: Descriptor, difference: number): void {
    if (difference === 0 || this.protocol !== PROTOCOL_TCP) return;
    const at = tcp.sequenceAt(this.transport);
    changeWord(packet, at, (tcp.sequence(packet.packet.bytes, this.transport) - difference) | 0);
  }

  /** Both ends of the quoted packet, and those of the error that are the same, become what the receiver knows them as. */
  private translate(packet: Descriptor, records: Int32Array, at: number): void {
    const isIn = packet.direction === DIRECTION_IN;
    const side = isIn ? STACK : WIRE;
    const sender = isIn ? 1 : 0;
    this.replace(packet, records, at, side, sender, true);
    this.replace(packet, records, at, side, 1 - sender, false);
  }

  private replace(
    packet: Descriptor,
    records: Int32Array,
    at: number,
    side: number,
    which: number,
    isSource: boolean,
  ): void {
    const from = isSource ? this.source : this.destination;
    readAddress(records, at, side, which, this.words);
    // The error itself goes to the sender of the quoted packet, and may come from its receiver.
    const outer = isSource ? packet.destination : packet.source;
    if (sameWords(outer, from, packet.family)) changeAddress(packet, this.words, 0, !isSource);
    this.replaceAddress(packet, isSource);
    this.replacePort(packet, readPort(records, at, side, which), isSource);
  }

  private replaceAddress(packet: Descriptor, isSource: boolean): void {
    const from = isSource ? this.source : this.destination;
    const width = packet.family === 4 ? 1 : 4;
    const { network, words } = this;
    const start =
      packet.family === 4
        ? isSource
          ? ipv4.sourceAt(network)
          : ipv4.destinationAt(network)
        : isSource
          ? ipv6.sourceAt(network)
          : ipv6.destinationAt(network);
    for (let i = 0; i < width; i++) {
      if (from[i] === words[i]) continue;
      changeWord(packet, start + 4 * i, words[i]!);
      this.fixQuotedSums(packet, from[i]!, words[i]!);
    }
  }

  /** The quoted IPv4 header's checksum and those of UDP and ICMPv6 follow; that of TCP is left, most quotes do not hold it. */
  private fixQuotedSums(packet: Descriptor, from: number, to: number): void {
    const { bytes } = packet.packet;
    if (packet.family === 4) {
      const sum = checksum.update32(ipv4.checksum(bytes, this.network), from, to);
      changeHalf(packet, ipv4.checksumAt(this.network), sum);
    }
    this.fixUdp(packet, (sum) => checksum.update32(sum, from, to));
    if (this.protocol !== PROTOCOL_ICMP6) return;
    const sum = checksum.update32(icmp.checksum(bytes, this.transport), from, to);
    changeHalf(packet, icmp.checksumAt(this.transport), sum);
  }

  private fixUdp(packet: Descriptor, update: (sum: number) => number): void {
    if (this.protocol !== PROTOCOL_UDP) return;
    const at = this.transport + udp.CHECKSUM_OFFSET;
    const sum = u16(packet.packet.bytes, at);
    if (sum !== 0) changeHalf(packet, at, update(sum) || 0xffff);
  }

  private replacePort(packet: Descriptor, port: number, isSource: boolean): void {
    const from = isSource ? this.sourcePort : this.destinationPort;
    if (from === port) return;
    const { bytes } = packet.packet;
    switch (this.protocol) {
      case PROTOCOL_TCP:
      case PROTOCOL_UDP:
        changeHalf(
          packet,
          isSource ? tcp.sourcePortAt(this.transport) : tcp.destinationPortAt(this.transport),
          port,
        );
        this.fixUdp(packet, (sum) => checksum.update16(sum, from, port));
        return;
      case PROTOCOL_ICMP:
      case PROTOCOL_ICMP6: {
        const was = icmp.identifier(bytes, this.transport);
        if (was !== from) return;
        const sum = checksum.update16(icmp.checksum(bytes, this.transport), was, port);
        changeHalf(packet, icmp.identifierAt(this.transport), port);
        changeHalf(packet, icmp.checksumAt(this.transport), sum);
      }
    }
  }
}

function sameWords(a: Int32Array, b: Int32Array, family: number): boolean {
  const width = family === 4 ? 1 : 4;
  for (let i = 0; i < width; i++) if (a[i] !== b[i]) return false;
  return true;
}
