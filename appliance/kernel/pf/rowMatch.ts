// SPDX-License-Identifier: ISC
//
// Whether one rule matches the packet at hand: its row against the descriptor, criterion by criterion in the order of pf.

import { UNKNOWN_ID } from '../../abi/names.ts';
import { DIRECTION_IN } from '../filter.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Random } from '../random.ts';
import type { Route, Routes } from '../route/routes.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6, PROTOCOL_TCP } from './descriptor.ts';
import type { Fingerprints } from './fingerprints.ts';
import type { Kifs } from './kifs.ts';
import {
  DESTINATION,
  DIRECTION,
  FAMILY,
  FLAGS_MASK,
  FLAGS_SET,
  GROUP,
  HOST_ANY,
  HOST_DYNAMIC,
  HOST_HIGH,
  HOST_KIND,
  HOST_LOW,
  HOST_NAME,
  HOST_NEGATED,
  HOST_NO_ROUTE,
  HOST_OPERATOR,
  HOST_PORT_HIGH,
  HOST_PORT_LOW,
  HOST_PREFIX4,
  HOST_PREFIX6,
  HOST_RANGE4,
  HOST_RANGE6,
  HOST_ROUTE_LABEL,
  HOST_TABLE,
  HOST_URPF_FAILED,
  ICMP_CODE,
  ICMP_TYPE,
  INTERFACE,
  matchesNumber,
  OPERATOR_EQUAL,
  OPERATOR_NONE,
  OPERATOR_NOT,
  OPTION_FRAGMENT,
  OPTION_INTERFACE_NEGATED,
  OPTION_ON_ANY,
  OPTION_RECEIVED_ANY,
  OPTION_RECEIVED_NEGATED,
  OPTION_STRICT_STATE,
  OPTION_TAGGED_NEGATED,
  OPTIONS,
  OS,
  OS_NAMED,
  OS_UNKNOWN,
  PRIORITY,
  PROBABILITY,
  PROTOCOL,
  RECEIVED,
  ROUTING_DOMAIN,
  ROW_WORDS,
  SOURCE,
  TAGGED,
  TOS,
  USER,
} from './ruleRow.ts';
import type { ActiveList } from './rulesets.ts';
import type { Settings } from './settings.ts';

/** Queueing priority of packets that nobody gave another (IFQ_DEFPRIO). */
const DEFAULT_PRIORITY = 3;
/** The two bits of congestion notification, which today's `tos` does not look at (RFC 3168). */
const ECN = 3;

export class RowMatch {
  private readonly kifs: Kifs;
  private readonly interfaces: Interfaces;
  private readonly routes: Routes;
  private readonly random: Random;
  private readonly settings: Settings;
  private readonly fingerprints: Fingerprints;

  constructor(parts: {
    kifs: Kifs;
    interfaces: Interfaces;
    routes: Routes;
    random: Random;
    settings: Settings;
    fingerprints: Fingerprints;
  }) {
    this.kifs = parts.kifs;
    this.interfaces = parts.interfaces;
    this.routes = parts.routes;
    this.random = parts.random;
    this.settings = parts.settings;
    this.fingerprints = parts.fingerprints;
  }

  /** Whether rule `i` of a list matches. Tables that are asked count it. */
  matches(list: ActiveList, i: number, packet: Descriptor): boolean {
    const { rows } = list.compiled;
    const row = i * ROW_WORDS;
    return (
      this.matchesInterface(list, row, packet.on) &&
      (rows[row + DIRECTION] === 0 || rows[row + DIRECTION] === packet.direction) &&
      (rows[row + ROUTING_DOMAIN]! <= 1 || rows[row + ROUTING_DOMAIN] === packet.packet.rtable + 1) &&
      (rows[row + FAMILY] === 0 || rows[row + FAMILY] === packet.family) &&
      (rows[row + PROTOCOL] === 0 || rows[row + PROTOCOL] === packet.protocol) &&
      this.matchesHost(list, row + SOURCE, packet.source, packet, true) &&
      matchesPort(rows, row + SOURCE, packet.sourcePort, packet) &&
      this.matchesHost(list, row + DESTINATION, packet.destination, packet, false) &&
      matchesPort(rows, row + DESTINATION, packet.destinationPort, packet) &&
      this.matchesTransport(rows, row, packet) &&
      this.matchesMarks(list, row, packet) &&
      !list.rules[i]!.expired
    );
  }

  /** Only what scrub's first look compares: no ports, no TCP. */
  matchesHeader(list: ActiveList, i: number, packet: Descriptor): boolean {
    const { rows } = list.compiled;
    const row = i * ROW_WORDS;
    return (
      this.matchesInterface(list, row, packet.on) &&
      (rows[row + DIRECTION] === 0 || rows[row + DIRECTION] === packet.direction) &&
      (rows[row + FAMILY] === 0 || rows[row + FAMILY] === packet.family) &&
      (rows[row + PROTOCOL] === 0 || packet.family === 6 || rows[row + PROTOCOL] === packet.protocol) &&
      this.matchesHost(list, row + SOURCE, packet.source, packet, true) &&
      this.matchesHost(list, row + DESTINATION, packet.destination, packet, false) &&
      this.matchesMarks(list, row, packet)
    );
  }

  /**
   * A binat rule seen from outside: its destination is the packet's source, and the packet's destination is one that the rule
   * translates to (which the caller compares).
   */
  matchesInbound(list: ActiveList, i: number, packet: Descriptor): boolean {
    const { rows } = list.compiled;
    const row = i * ROW_WORDS;
    return (
      this.matchesInterface(list, row, packet.on) &&
      (rows[row + FAMILY] === 0 || rows[row + FAMILY] === packet.family) &&
      (rows[row + PROTOCOL] === 0 || rows[row + PROTOCOL] === packet.protocol) &&
      this.matchesHost(list, row + DESTINATION, packet.source, packet, true) &&
      this.matchesMarks(list, row, packet)
    );
  }

  private matchesInterface(list: ActiveList, row: number, on: Interface): boolean {
    const { rows } = list.compiled;
    const options = rows[row + OPTIONS]!;
    if ((options & OPTION_ON_ANY) !== 0 && on.type === 'loopback') return false;
    const name = rows[row + INTERFACE]!;
    if (name === 0) return true;
    return this.kifs.has(list.kifs[name - 1]!, on) !== ((options & OPTION_INTERFACE_NEGATED) !== 0);
  }

  private matchesHost(
    list: ActiveList,
    host: number,
    words: Int32Array,
    packet: Descriptor,
    isSource: boolean,
  ): boolean {
    const { rows } = list.compiled;
    const isNegated = rows[host + HOST_NEGATED] === 1;
    if (rows[host + HOST_KIND] === HOST_ANY) return !isNegated;
    return this.isInHost(list, host, words, packet, isSource) !== isNegated;
  }

  private isInHost(
    list: ActiveList,
    host: number,
    words: Int32Array,
    packet: Descriptor,
    isSource: boolean,
  ): boolean {
    const { rows, labels } = list.compiled;
    const name = rows[host + HOST_NAME]!;
    switch (rows[host + HOST_KIND]) {
      case HOST_PREFIX4:
        return packet.family === 4 && (words[0]! & rows[host + HOST_HIGH]!) === rows[host + HOST_LOW];
      case HOST_PREFIX6:
        return packet.family === 6 && isInPrefix6(rows, host, words);
      case HOST_RANGE4:
        return packet.family === 4 && isInRange(rows, host, words, 1);
      case HOST_RANGE6:
        return packet.family === 6 && isInRange(rows, host, words, 4);
      case HOST_TABLE:
        return list.table(name)?.test(packet.family, words) ?? false;
      case HOST_DYNAMIC:
        return list.dynamics[name]!.contains(packet.family, words);
      case HOST_NO_ROUTE:
        return this.route(packet.family, words) === undefined;
      case HOST_URPF_FAILED:
        return isSource && this.route(packet.family, words)?.on !== packet.on;
      case HOST_ROUTE_LABEL:
        return this.route(packet.family, words)?.label === labels[name];
      default:
        return false;
    }
  }

  private route(family: number, words: Int32Array): Route | undefined {
    return family === 4 ? this.routes.lookup4(words[0]!) : this.routes.lookup6(words);
  }

  private matchesTransport(rows: Int32Array, row: number, packet: Descriptor): boolean {
    const options = rows[row + OPTIONS]!;
    if ((options & OPTION_FRAGMENT) !== 0 && !packet.isFragment) return false;
    if (rows[row + FLAGS_MASK] !== 0 && packet.protocol === PROTOCOL_TCP) {
      if (packet.isFragment || (packet.tcpFlags & rows[row + FLAGS_MASK]!) !== rows[row + FLAGS_SET])
        return false;
    }
    if (packet.isIcmpReply && (options & OPTION_STRICT_STATE) !== 0) return false;
    if (rows[row + ICMP_TYPE] !== 0) {
      const isIcmp = packet.protocol === PROTOCOL_ICMP || packet.protocol === PROTOCOL_ICMP6;
      if (!isIcmp || packet.isFragment || packet.icmpType + 1 !== rows[row + ICMP_TYPE]) return false;
      if (rows[row + ICMP_CODE] !== 0 && packet.icmpCode + 1 !== rows[row + ICMP_CODE]) return false;
    }
    if (rows[row + TOS] === 0) return true;
    const ignored = this.settings.isToday ? ECN : 0;
    return ((packet.tos ^ (rows[row + TOS]! - 1)) & ~ignored) === 0;
  }

  private matchesMarks(list: ActiveList, row: number, packet: Descriptor): boolean {
    const { rows } = list.compiled;
    const options = rows[row + OPTIONS]!;
    if (rows[row + USER] !== OPERATOR_NONE && !matchesUnknown(rows, row + USER)) return false;
    if (rows[row + GROUP] !== OPERATOR_NONE && !matchesUnknown(rows, row + GROUP)) return false;
    if (rows[row + PRIORITY] !== 0 && rows[row + PRIORITY] !== DEFAULT_PRIORITY + 1) return false;
    const probability = rows[row + PROBABILITY]!;
    if (probability !== 0 && this.random.word() >>> 0 >= probability >>> 0) return false;
    const tagged = rows[row + TAGGED]!;
    if (tagged !== 0) {
      const isTagged = packet.packet.tag === list.tags[tagged - 1];
      if (isTagged === ((options & OPTION_TAGGED_NEGATED) !== 0)) return false;
    }
    if (rows[row + OS] !== 0 && !this.matchesSystem(list, rows[row + OS]!, packet)) return false;
    return this.matchesReceived(list, row, options, packet);
  }

  private matchesSystem(list: ActiveList, wanted: number, packet: Descriptor): boolean {
    const names = packet.systemNames(this.fingerprints);
    if (wanted === OS_UNKNOWN) return names === undefined;
    return names?.has(list.compiled.systems[wanted - OS_NAMED]!) ?? false;
  }

  private matchesReceived(list: ActiveList, row: number, options: number, packet: Descriptor): boolean {
    const name = list.compiled.rows[row + RECEIVED]!;
    const any = (options & OPTION_RECEIVED_ANY) !== 0;
    if (name === 0 && !any) return true;
    // What comes in was received on the interface at hand; what this machine sends was received on none.
    const on =
      packet.direction === DIRECTION_IN
        ? packet.on
        : this.interfaces.byIndex(packet.packet.receivedOn)?.filterOn;
    if (on === undefined) return false;
    const isThere = any ? on.type !== 'loopback' : this.kifs.has(list.kifs[name - 1]!, on);
    return isThere !== ((options & OPTION_RECEIVED_NEGATED) !== 0);
  }
}

/** Ports are compared where there are any: not in a fragment, and not in other protocols. */
function matchesPort(rows: Int32Array, host: number, port: number, packet: Descriptor): boolean {
  const operator = rows[host + HOST_OPERATOR]!;
  if (operator === OPERATOR_NONE) return true;
  if (!packet.hasPorts) return false;
  return matchesNumber(operator, rows[host + HOST_PORT_LOW]!, rows[host + HOST_PORT_HIGH]!, port);
}

/** No socket belongs to a packet that is passed on, and none of ours has an owner: all are `unknown` (pf_match_uid). */
function matchesUnknown(rows: Int32Array, at: number): boolean {
  const operator = rows[at]!;
  if (operator !== OPERATOR_EQUAL && operator !== OPERATOR_NOT) return false;
  return (rows[at + 1]! >>> 0 === UNKNOWN_ID) === (operator === OPERATOR_EQUAL);
}

function isInPrefix6(rows: Int32Array, host: number, words: Int32Array): boolean {
  for (let i = 0; i < 4; i++) {
    if ((words[i]! & rows[host + HOST_HIGH + i]!) !== rows[host + HOST_LOW + i]) return false;
  }
  return true;
}

function isInRange(rows: Int32Array, host: number, words: Int32Array, width: number): boolean {
  return (
    compare(words, rows, host + HOST_LOW, width) >= 0 && compare(words, rows, host + HOST_HIGH, width) <= 0
  );
}

/** Order of addresses: unsigned, the most significant word first. */
function compare(words: Int32Array, rows: Int32Array, at: number, width: number): number {
  for (let i = 0; i < width; i++) {
    const difference = (words[i]! >>> 0) - (rows[at + i]! >>> 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
