// SPDX-License-Identifier: ISC
//
// IGMP version 2 as a host speaks it (RFC 2236, igmp.c): groups are reported when joined and when asked for, and left with a word;
// where a version 1 router asks, version 1 is spoken (RFC 2236 4). A version 3 query is answered as one of version 2.

import { INET } from '../../abi/address.ts';
import * as igmps from '../../abi/counters/igmp.ts';
import * as igmp from '../../wire/igmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { type Clock, SECOND } from '../clock.ts';
import { Counters } from '../counters.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import type { TransportProtocol } from '../transport/transport.ts';
import type { Ipv4 } from './ipv4.ts';

/** Unsolicited report interval, and the delay that a version 1 query allows (RFC 2236 8.10). */
const REPORT_DELAY = 10 * SECOND;
/** Version 1 router present timeout (RFC 2236 8.11). */
const VERSION1_TIMEOUT = 400 * SECOND;
/** A report is said this often when a group is joined, for it may be lost (RFC 2236 3). */
const JOIN_REPORTS = 2;

/** One group of one interface. */
class Membership {
  readonly on: Interface;
  readonly group: number;
  readonly timeout: Timeout;
  /** Reports still to be said because we joined. */
  left = 0;
  /** We were the last to report it: leaving is for us to say (RFC 2236 6). */
  reporter = false;

  constructor(on: Interface, group: number, timeouts: Timeouts, fire: (membership: Membership) => void) {
    this.on = on;
    this.group = group;
    this.timeout = new Timeout(timeouts, () => fire(this));
  }
}

export class Igmp implements TransportProtocol {
  readonly counters = new Counters(igmps.IGMP);
  private readonly ip: Ipv4;
  private readonly clock: Clock;
  private readonly timeouts: Timeouts;
  private readonly random: Random;
  private readonly pool: PacketPool;
  private readonly memberships: Membership[] = [];
  /** By interface index: until when a version 1 router is taken to be there. */
  private readonly version1Until: number[] = [];

  constructor(parts: {
    ipv4: Ipv4;
    interfaces: Interfaces;
    clock: Clock;
    timeouts: Timeouts;
    random: Random;
    pool: PacketPool;
  }) {
    this.ip = parts.ipv4;
    this.clock = parts.clock;
    this.timeouts = parts.timeouts;
    this.random = parts.random;
    this.pool = parts.pool;
    this.ip.protocols[ipv4.PROTOCOL_IGMP] = this;
    this.ip.groups.listener = {
      joined: (on, group) => this.joined(on, group),
      left: (on, group) => this.left(on, group),
    };
    parts.interfaces.listen({
      stateChanged: (on) => this.reportAll(on),
      addressAdded: (on, address) => {
        if (address.family === INET) this.reportAll(on);
      },
      detached: (on) => this.forget(on),
    });
  }

  /** Everyone is a member of all hosts and says nothing of it (RFC 2236 6); nor is there anybody to tell on a loopback. */
  private joined(on: Interface, group: number): void {
    if (group === ipv4.ALL_HOSTS || on.type === 'loopback') return;
    const membership = new Membership(on, group, this.timeouts, (one) => this.report(one));
    this.memberships.push(membership);
    membership.left = JOIN_REPORTS;
    this.report(membership);
  }

  private left(on: Interface, group: number): void {
    const at = this.memberships.findIndex((one) => one.on === on && one.group === group);
    if (at < 0) return;
    const [membership] = this.memberships.splice(at, 1);
    membership!.timeout.clear();
    if (!membership!.reporter || this.hearsVersion1(on)) return;
    if (this.send(on, igmp.TYPE_LEAVE, group, ipv4.ALL_ROUTERS)) this.counters.count(igmps.LEAVES_SENT);
  }

  /** The link is there again, or the interface has an address to speak from at last. */
  private reportAll(on: Interface): void {
    for (const membership of this.memberships) {
      if (membership.on !== on) continue;
      membership.left = JOIN_REPORTS;
      this.report(membership);
    }
  }

  private forget(on: Interface): void {
    for (const group of [...this.ip.groups.of(on)]) this.ip.groups.leave(on, group);
  }

  private report(membership: Membership): void {
    const { on, group } = membership;
    const type = this.hearsVersion1(on) ? igmp.TYPE_REPORT1 : igmp.TYPE_REPORT2;
    if (!this.send(on, type, group, group)) return;
    this.counters.count(igmps.REPORTS_SENT);
    membership.reporter = true;
    if (membership.left > 0) membership.left--;
    if (membership.left > 0) membership.timeout.set(this.delay(REPORT_DELAY));
  }

  private hearsVersion1(on: Interface): boolean {
    return (this.version1Until[on.index] ?? 0) > this.clock.now;
  }

  /** Something within `most`, never at once: others may speak first. */
  private delay(most: number): number {
    return 1 + this.random.below(most);
  }

  input(packet: Packet): void {
    const { bytes, transport, end } = packet;
    this.counters.count(igmps.RECEIVED);
    if (end - transport < igmp.HEADER_LENGTH) return this.counters.count(igmps.TOO_SHORT);
    if (!igmp.checksumValid(bytes, transport, end)) return this.counters.count(igmps.BAD_CHECKSUM);
    const on = this.ip.interfaces.byIndex(packet.receivedOn);
    if (on === undefined) return;
    const type = igmp.type(bytes, transport);
    if (type === igmp.TYPE_QUERY) this.asked(packet, on);
    else if (type === igmp.TYPE_REPORT1 || type === igmp.TYPE_REPORT2) this.heard(packet, on);
  }

  /** Errors about reports say nothing that could be done. */
  control(): void {}

  /** A query: what is asked for is reported within the time it allows (RFC 2236 3). */
  private asked(packet: Packet, on: Interface): void {
    const { bytes, network, transport } = packet;
    this.counters.count(igmps.QUERIES);
    const to = ipv4.destination(bytes, network);
    const group = igmp.group(bytes, transport);
    const version1 = igmp.maximumResponse(bytes, transport) === 0;
    const misplaced = version1 ? to !== ipv4.ALL_HOSTS : !ipv4.isMulticast(to);
    if (misplaced || (group !== 0 && !ipv4.isMulticast(group))) return this.counters.count(igmps.BAD_QUERIES);
    if (version1) this.version1Until[on.index] = this.clock.now + VERSION1_TIMEOUT;
    const most = version1 ? REPORT_DELAY : this.responseTime(packet);
    for (const membership of this.memberships) {
      if (membership.on !== on || (group !== 0 && membership.group !== group)) continue;
      const { timeout } = membership;
      if (!timeout.armed || timeout.deadline > this.clock.now + most) timeout.set(this.delay(most));
    }
  }

  /** In microseconds. */
  private responseTime(packet: Packet): number {
    const { bytes, transport, end } = packet;
    const version3 = end - transport >= igmp.QUERY3_LENGTH;
    const tenths = (version3 ? igmp.maximumResponse3 : igmp.maximumResponse)(bytes, transport);
    return (tenths * SECOND) / 10;
  }

  /** Somebody else's report of a group: ours need not be said (RFC 2236 3). */
  private heard(packet: Packet, on: Interface): void {
    const { bytes, network, transport } = packet;
    this.counters.count(igmps.REPORTS);
    if (this.ip.isLocal(ipv4.source(bytes, network))) return;
    const group = igmp.group(bytes, transport);
    if (!ipv4.isMulticast(group) || group !== ipv4.destination(bytes, network)) {
      return this.counters.count(igmps.BAD_REPORTS);
    }
    const membership = this.memberships.find((one) => one.on === on && one.group === group);
    if (membership === undefined) return;
    this.counters.count(igmps.OUR_REPORTS);
    membership.timeout.clear();
    membership.left = 0;
    membership.reporter = false;
  }

  /** A message with TTL 1 and a router alert; false when the interface is not up or has no address to speak from. */
  private send(on: Interface, type: number, group: number, destination: number): boolean {
    const own = on.addresses.find((address) => address.family === INET);
    if (own === undefined || !on.running || !on.link) return false;
    const packet = this.pool.take();
    const { bytes, network } = packet;
    const headerLength = ipv4.HEADER_LENGTH + ipv4.ROUTER_ALERT_LENGTH;
    packet.transport = network + headerLength;
    packet.end = packet.transport + igmp.HEADER_LENGTH;
    const length = packet.end - network;
    const { PROTOCOL_IGMP } = ipv4;
    ipv4.write(bytes, network, 0xc0, length, 0, 0, 1, PROTOCOL_IGMP, own.words[0]!, destination);
    ipv4.setHeaderLength(bytes, network, headerLength);
    ipv4.writeRouterAlert(bytes, ipv4.optionsAt(network));
    igmp.write(bytes, packet.transport, type, 0, group);
    this.ip.outputOn(packet, on);
    this.pool.give(packet);
    return true;
  }
}
