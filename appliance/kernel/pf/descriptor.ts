// SPDX-License-Identifier: ISC
//
// What pf knows of the packet at hand (struct pf_pdesc): read from its headers once, kept up to date by translation.

import * as fragment6 from '../../wire/fragment6.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import { DIRECTION_IN, DIRECTION_OUT } from '../filter.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import { IcmpMapping } from './icmpMapping.ts';
import {
  BAD_OPTIONS,
  hasRoutingHeader,
  isNestedTooDeep,
  listenerOptions,
  NO_OPTIONS,
  OTHER_OPTIONS,
  options4,
  options6,
} from './optionWalk.ts';
import type { Key } from './states.ts';

export const PROTOCOL_ICMP = ipv4.PROTOCOL_ICMP;
export const PROTOCOL_TCP = ipv4.PROTOCOL_TCP;
export const PROTOCOL_UDP = ipv4.PROTOCOL_UDP;
export const PROTOCOL_ICMP6 = ipv6.NEXT_ICMP6;

/** What reading the headers found. */
export const READ_OK = 0;
/** The transport header is cut, or says what cannot be. */
export const READ_SHORT = 1;
/** ICMP of the other family. */
export const READ_WRONG_FAMILY = 2;

/** Options that run over their header, or a packet that none may be. */
export const READ_BAD_OPTIONS = 3;

/** Who knows systems by their packets (fingerprints.ts). */
export interface Systems {
  find(packet: Descriptor): ReadonlySet<string> | undefined;
}

export class Descriptor {
  packet!: Packet;
  on!: Interface;
  direction = 0;
  /** State that the packet came in by, when it leaves and had one; else -1. */
  came = -1;
  family: 4 | 6 = 4;
  protocol = 0;
  /** Addresses as the header has them; IPv4 uses the first word. */
  readonly source = new Int32Array(4);
  readonly destination = new Int32Array(4);
  /** TCP and UDP ports; of an ICMP query its id, in 2008 in both, today with its type at the side that is asked. */
  sourcePort = 0;
  destinationPort = 0;
  /** TCP or UDP, and the header is there. */
  hasPorts = false;
  tcpFlags = 0;
  icmpType = 0;
  icmpCode = 0;
  tos = 0;
  /** Bytes behind the transport header. */
  payload = 0;
  /** Of the whole IP packet. */
  length = 0;
  isFragment = false;
  /** IPv4 options or IPv6 extension headers that a rule must allow. */
  hasOptions = false;
  /** An ICMP message about another packet. */
  isIcmpError = false;
  /** Today: an answer, which makes no state of its own. */
  isIcmpReply = false;
  /** It was put together, or a rule says that fragments are. */
  isReassembled = false;
  /** 2008: a scrub rule says `reassemble tcp`. */
  wantsTimestamps = false;
  /** Of ICMP in 2008: the id stands for both ports. */
  hasTwoIds = false;
  readonly icmp = new IcmpMapping();
  /** Names of the system that sent it, once a rule has asked. */
  private systems: ReadonlySet<string> | undefined;
  private knowsSystems = false;

  /**
   * Whether this is still the description of a packet that leaves now, as it was where it came in by a state: nothing has changed since but
   * its hop limit. Then only what is asked anew for each look is set.
   */
  leaves(packet: Packet, on: Interface): boolean {
    const isSame =
      packet.state >= 0 &&
      this.packet === packet &&
      this.direction === DIRECTION_IN &&
      this.hasPorts &&
      !this.hasOptions;
    if (!isSame) return false;
    this.on = on;
    this.direction = DIRECTION_OUT;
    this.isReassembled = packet.fragmentSize > 0;
    this.wantsTimestamps = false;
    this.knowsSystems = false;
    return true;
  }

  /** Reads a packet whose IP header is valid; answers READ_*. */
  read(packet: Packet, on: Interface, direction: number, isToday: boolean): number {
    this.packet = packet;
    this.on = on;
    this.direction = direction;
    this.protocol = packet.protocol;
    this.family = packet.family === 4 ? 4 : 6;
    this.sourcePort = 0;
    this.destinationPort = 0;
    this.hasPorts = false;
    this.tcpFlags = 0;
    this.icmpType = 0;
    this.icmpCode = 0;
    this.payload = 0;
    this.knowsSystems = false;
    this.isIcmpError = false;
    this.isIcmpReply = false;
    this.isReassembled = packet.fragmentSize > 0;
    this.wantsTimestamps = false;
    this.length = packet.end - packet.network;
    const options = this.family === 4 ? this.read4(packet, isToday) : this.read6(packet, isToday);
    if (options === BAD_OPTIONS) return READ_BAD_OPTIONS;
    this.hasOptions = options !== NO_OPTIONS;
    if (this.isFragment) return READ_OK;
    switch (this.protocol) {
      case PROTOCOL_TCP:
        return this.readTcp(packet, isToday);
      case PROTOCOL_UDP:
        return this.readUdp(packet);
      case PROTOCOL_ICMP:
        return this.family === 4 ? this.readIcmp(packet, isToday) : READ_WRONG_FAMILY;
      case PROTOCOL_ICMP6:
        return this.family === 6 ? this.readIcmp6(packet, isToday, options) : READ_WRONG_FAMILY;
      default:
        return READ_OK;
    }
  }

  /** Answers what options there are. */
  private read4(packet: Packet, isToday: boolean): number {
    const { bytes, network } = packet;
    this.source[0] = ipv4.source(bytes, network);
    this.destination[0] = ipv4.destination(bytes, network);
    this.tos = ipv4.typeOfService(bytes, network);
    this.isFragment = ipv4.isFragment(bytes, network);
    if (isToday) return !this.isFragment && isNestedTooDeep(packet) ? BAD_OPTIONS : options4(packet);
    return ipv4.headerLength(bytes, network) > ipv4.HEADER_LENGTH ? OTHER_OPTIONS : NO_OPTIONS;
  }

  private read6(packet: Packet, isToday: boolean): number {
    const { bytes, network } = packet;
    for (let i = 0; i < 4; i++) {
      this.source[i] = ipv6.sourceWord(bytes, network, i);
      this.destination[i] = ipv6.destinationWord(bytes, network, i);
    }
    this.tos = ipv6.trafficClass(bytes, network);
    this.isFragment = packet.protocol === ipv6.NEXT_FRAGMENT;
    // What a fragment is part of is what rules ask for.
    if (this.isFragment) this.protocol = fragment6.nextHeader(bytes, packet.transport);
    if (this.isFragment || packet.transport === ipv6.payloadAt(network)) return NO_OPTIONS;
    if (isToday) return options6(packet);
    return hasRoutingHeader(packet) ? OTHER_OPTIONS : NO_OPTIONS;
  }

  private readTcp(packet: Packet, isToday: boolean): number {
    const { bytes, transport, end } = packet;
    if (!tcp.valid(bytes, transport, end)) return READ_SHORT;
    this.hasPorts = true;
    this.sourcePort = tcp.sourcePort(bytes, transport);
    this.destinationPort = tcp.destinationPort(bytes, transport);
    this.tcpFlags = tcp.flags(bytes, transport);
    this.payload = end - transport - tcp.headerLength(bytes, transport);
    return isToday && this.destinationPort === 0 ? READ_SHORT : READ_OK;
  }

  private readUdp(packet: Packet): number {
    const { bytes, transport, end } = packet;
    if (!udp.valid(bytes, transport, end)) return READ_SHORT;
    this.hasPorts = true;
    this.sourcePort = udp.sourcePort(bytes, transport);
    this.destinationPort = udp.destinationPort(bytes, transport);
    this.payload = end - transport - udp.HEADER_LENGTH;
    return this.destinationPort === 0 ? READ_SHORT : READ_OK;
  }

  private readIcmp(packet: Packet, isToday: boolean): number {
    const { bytes, transport, end } = packet;
    if (!icmp.valid(bytes, transport, end)) return READ_SHORT;
    this.icmpType = icmp.type(bytes, transport);
    this.icmpCode = icmp.code(bytes, transport);
    this.isIcmpError = icmp.isError(this.icmpType);
    if (!this.isIcmpError) this.setIds(isToday, icmp.identifier(bytes, transport));
    return READ_OK;
  }

  private readIcmp6(packet: Packet, isToday: boolean, options: number): number {
    const { bytes, transport, end } = packet;
    if (!icmp6.valid(bytes, transport, end)) return READ_SHORT;
    this.icmpType = icmp6.type(bytes, transport);
    this.icmpCode = icmp6.code(bytes, transport);
    this.isIcmpError = icmp6.quotes(this.icmpType);
    if (isListenerDiscovery(this.icmpType)) {
      const left = isToday ? listenerOptions(packet, this.icmpType, options) : NO_OPTIONS;
      if (left === BAD_OPTIONS) return READ_BAD_OPTIONS;
      this.hasOptions = left !== NO_OPTIONS;
    }
    if (!this.isIcmpError) this.setIds(isToday, icmp6.identifier(bytes, transport));
    return READ_OK;
  }

  private setIds(isToday: boolean, id: number): void {
    const { packet } = this;
    this.hasTwoIds = !isToday;
    if (!isToday) {
      this.sourcePort = id;
      this.destinationPort = id;
      return;
    }
    this.icmp.read(packet, this.family, this.icmpType, id);
    this.isIcmpReply = this.icmp.isReply;
    this.sourcePort = this.icmp.isReply ? this.icmp.type : this.icmp.id;
    this.destinationPort = this.icmp.isReply ? this.icmp.id : this.icmp.type;
  }

  /** What the system that sent it is called; undefined for what no fingerprint is of. */
  systemNames(fingerprints: Systems): ReadonlySet<string> | undefined {
    if (!this.knowsSystems) {
      this.knowsSystems = true;
      this.systems = fingerprints.find(this);
    }
    return this.systems;
  }

  /**
   * The key that the packet's state has on this side: addresses and ports with the far end first, which is the source of what comes
   * in and the destination of what goes out.
   */
  keyInto(key: Key): void {
    this.keyOf(key, this.source, this.destination, this.sourcePort, this.destinationPort);
  }

  /** The same for other addresses and ports. */
  keyOf(
    key: Key,
    source: Int32Array,
    destination: Int32Array,
    sourcePort: number,
    destinationPort: number,
  ): void {
    let from = source;
    let to = destination;
    if (this.protocol === PROTOCOL_ICMP6 && !this.hasTwoIds && this.icmp.isNeighbor && !this.isIcmpError) {
      // A neighbour that is looked for in a group answers from its own address.
      if (this.icmp.isReply) from = this.icmp.target;
      else to = this.icmp.target;
      if (this.icmp.isReply && ipv6.isMulticast(to[0]!)) to = UNSPECIFIED;
    }
    if (this.direction === DIRECTION_IN)
      key.set(this.family, this.protocol, from, to, sourcePort, destinationPort);
    else key.set(this.family, this.protocol, to, from, destinationPort, sourcePort);
  }
}

const UNSPECIFIED = new Int32Array(4);

function isListenerDiscovery(type: number): boolean {
  return (
    (type >= icmp6.TYPE_LISTENER_QUERY && type <= icmp6.TYPE_LISTENER_DONE) ||
    type === icmp6.TYPE_LISTENER_REPORT2
  );
}
