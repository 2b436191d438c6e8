// SPDX-License-Identifier: ISC
//
// ARP (RFC 826, arp(4)): the Ethernet addresses of IPv4 neighbours, asked for, answered, refreshed and forgotten.

import { ipv4 as toAddress } from '../../abi/address.ts';
import type { KernelEvent } from '../../abi/client.ts';
import * as arps from '../../abi/counters/arp.ts';
import { IFF_NOARP } from '../../abi/interface.ts';
import type { NeighborEvents } from '../../abi/neighbor.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { type Clock, SECOND } from '../clock.ts';
import { Counters } from '../counters.ts';
import type { Ethernet, EtherProtocol, LinkTarget, Resolver } from '../link/ethernet.ts';
import { HoldSpace } from '../link/held.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import { linkAddress } from '../link/linkAddress.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Timeouts } from '../timeout.ts';
import { ArpEntries, ArpEntry, INCOMPLETE, PERMANENT, REACHABLE, REJECTED } from './arpEntries.ts';
import { ArpSender } from './arpSender.ts';
import { HOST_DOWN, NO_BUFFERS } from './errors.ts';
import { hasAddress, isOnLink } from './local4.ts';
import { RateLimit } from './rateLimit.ts';

/** A learnt entry lives 20 minutes (arpt_keep); in the last of them its owner is asked again. */
const KEEP = 1200 * SECOND;
const REFRESH = 60 * SECOND;
/** Requests for an unknown neighbour: one a second, five, then the host is down for 20 s (arp_maxtries, arpt_down). */
const TRIES = 5;
const DOWN = 20 * SECOND;
/** Conflicts told in a second: a quarrel of two stations fills no log. */
const CONFLICTS = 10;

export class Arp implements EtherProtocol, Resolver {
  readonly counters = new Counters(arps.ARP);
  readonly entries = new ArpEntries(this.counters);
  private readonly ethernet: Ethernet;
  private readonly clock: Clock;
  private readonly timeouts: Timeouts;
  private readonly emit: (event: KernelEvent) => void;
  private readonly sender: ArpSender;
  private readonly space: HoldSpace;
  private readonly conflicts: RateLimit;
  private readonly nextHop = new Int32Array(1);

  constructor(parts: {
    interfaces: Interfaces;
    ethernet: Ethernet;
    clock: Clock;
    timeouts: Timeouts;
    pool: PacketPool;
    emit: (event: KernelEvent) => void;
  }) {
    const { ethernet: link, timeouts, pool } = parts;
    this.ethernet = link;
    this.clock = parts.clock;
    this.timeouts = timeouts;
    this.emit = parts.emit;
    this.sender = new ArpSender({ ethernet: link, timeouts, pool, counters: this.counters });
    this.space = new HoldSpace(pool);
    this.conflicts = new RateLimit(parts.clock);
    link.register(ethernet.TYPE_ARP, this);
    link.resolver4 = this;
    parts.interfaces.listen({
      addressAdded: (on, address) => this.sender.announce(on, address),
      addressRemoved: (_on, address) => this.sender.silence(address),
      stateChanged: (on) => {
        if (!on.running || !on.link) this.forget(on);
        for (const address of on.addresses) this.sender.announce(on, address);
      },
      detached: (on) => this.forget(on),
    });
  }

  /** Tells the link of every address of an interface, once. */
  announceOnce(on: Interface): void {
    for (const address of on.addresses) this.sender.announceOnce(on, address);
  }

  // Finding neighbours.

  /** The neighbour to send to, or undefined when the packet is kept until it answers; an error when it does not. */
  resolve(packet: Packet, on: Interface, nextHop: Int32Array): LinkTarget | number | undefined {
    const entry = this.entries.find(on, nextHop[0]!);
    if (entry === undefined) return this.begin(packet, on, nextHop[0]!);
    if (entry.known) {
      entry.used = true;
      return entry;
    }
    if (entry.state === REJECTED) return this.refuse();
    this.hold(entry, packet);
    return undefined;
  }

  private refuse(): number {
    this.counters.count(arps.HOST_DOWN_DROPS);
    return HOST_DOWN;
  }

  private begin(packet: Packet, on: Interface, address: number): number | undefined {
    if ((on.flags & IFF_NOARP) !== 0) return this.refuse();
    const entry = this.create(on, address);
    if (entry === undefined) return NO_BUFFERS;
    this.hold(entry, packet);
    this.ask(entry);
    return undefined;
  }

  private create(on: Interface, address: number): ArpEntry | undefined {
    const entry = new ArpEntry(address, on, this.space, this.timeouts, (one) => this.timedOut(one));
    return this.entries.add(entry) ? entry : undefined;
  }

  private hold(entry: ArpEntry, packet: Packet): void {
    this.counters.count(arps.HELD);
    this.counters.add(arps.DROPPED, entry.held.add(packet));
  }

  /** Another request, and the deadline for its answer. */
  private ask(entry: ArpEntry): void {
    entry.asked++;
    this.sender.ask(entry.on, entry.address);
    entry.timeout.set(SECOND);
  }

  private timedOut(entry: ArpEntry): void {
    const left = entry.expires - this.clock.now;
    if (entry.state === INCOMPLETE) {
      if (entry.asked < TRIES) this.ask(entry);
      else this.reject(entry);
    } else if (entry.state === REACHABLE && left > 0) {
      // Worth keeping only when it was used: ask its owner alone before the entry runs out (RFC 1122 2.3.2.1 (2)).
      if (entry.used) this.sender.askAlone(entry.on, entry.address, entry.linkHigh, entry.linkLow);
      entry.timeout.set(Math.min(left, REFRESH / TRIES));
    } else {
      this.counters.count(arps.TIMEOUTS);
      this.entries.remove(entry);
    }
  }

  private reject(entry: ArpEntry): void {
    this.counters.add(arps.DROPPED, entry.held.clear());
    entry.state = REJECTED;
    entry.asked = 0;
    entry.timeout.set(DOWN);
  }

  private forget(on: Interface): void {
    for (const entry of this.entries) {
      if (entry.on === on && entry.state !== PERMANENT) this.entries.remove(entry);
    }
  }

  // Hearing from them.

  /** An ARP packet from the wire (in_arpinput). */
  input(packet: Packet, on: Interface): void {
    const { bytes, network } = packet;
    // Somebody else is master of these addresses: what he says of them is no news, and to answer for them is his.
    const isBackup = on.type === 'carp' && !on.link;
    if (isBackup || (on.flags & IFF_NOARP) !== 0) return this.counters.count(arps.NOT_WANTED);
    if (!arp.valid(bytes, network, packet.end)) return this.counters.count(arps.MALFORMED);
    const operation = arp.operation(bytes, network);
    if (operation === arp.REQUEST) this.counters.count(arps.REQUESTS_RECEIVED);
    else if (operation === arp.REPLY) this.counters.count(arps.REPLIES_RECEIVED);
    else return this.counters.count(arps.MALFORMED);
    const high = arp.senderHigh(bytes, network);
    if ((high & GROUP_BIT) !== 0) return this.counters.count(arps.BAD_ADDRESS);
    const isOwn = high === on.linkHigh && arp.senderLow(bytes, network) === on.linkLow;
    if (isOwn) return this.counters.count(arps.OWN);
    this.hear(packet, on);
    if (operation === arp.REQUEST) this.answer(packet, on);
  }

  /** What the sender says of itself: it has one of our addresses, or is a neighbour. A probe (RFC 5227) says nothing. */
  private hear(packet: Packet, on: Interface): void {
    const { bytes, network } = packet;
    const sender = arp.sender(bytes, network);
    const high = arp.senderHigh(bytes, network);
    const low = arp.senderLow(bytes, network);
    if (sender === ipv4.ANY || ipv4.isMulticast(sender)) return;
    if (!hasAddress(on, sender))
      return this.learn(on, sender, high, low, hasAddress(on, arp.target(bytes, network)));
    this.counters.count(arps.DUPLICATE_ADDRESS);
    this.tell(on, sender, high, low, 'duplicate');
  }

  /** Takes over an address that a neighbour told; entries are only made for those who speak to us (RFC 826's merge flag). */
  private learn(on: Interface, address: number, high: number, low: number, speaksToUs: boolean): void {
    const entry = this.entries.find(on, address);
    if (entry === undefined) {
      if (!speaksToUs || !isOnLink(on, address)) return;
      const created = this.create(on, address);
      if (created !== undefined) this.confirm(created, high, low);
      return;
    }
    const changed = entry.known && (entry.linkHigh !== high || entry.linkLow !== low);
    if (entry.state !== PERMANENT) {
      if (changed) this.tell(on, address, high, low, 'changed', entry);
      this.confirm(entry, high, low);
    } else if (changed) {
      this.counters.count(arps.PERMANENT_KEPT);
      this.tell(on, address, high, low, 'attempt-permanent', entry);
    }
  }

  private confirm(entry: ArpEntry, high: number, low: number): void {
    entry.linkHigh = high;
    entry.linkLow = low;
    entry.state = REACHABLE;
    entry.asked = 0;
    entry.used = false;
    entry.expires = this.clock.now + KEEP;
    entry.timeout.set(KEEP - REFRESH);
    this.release(entry);
  }

  private release(entry: ArpEntry): void {
    for (let packet = entry.held.take(); packet !== undefined; packet = entry.held.take()) {
      this.nextHop[0] = entry.address;
      entry.on.out.output(packet, entry.on, this.nextHop);
      entry.held.give(packet);
    }
  }

  /**
   * Answers for addresses of the receiving interface and for published ones, in the packet that asked; never for those of other
   * interfaces. An announcement of somebody's own address asks nothing.
   */
  private answer(packet: Packet, on: Interface): void {
    const { bytes, network } = packet;
    const target = arp.target(bytes, network);
    if (arp.sender(bytes, network) === target) return;
    const published = this.entries.at(target);
    if (hasAddress(on, target)) {
      this.reply(packet, on, on.linkHigh, on.linkLow, target);
    } else if (published?.published && published.on === on) {
      this.reply(packet, on, published.linkHigh, published.linkLow, target);
    }
  }

  private reply(packet: Packet, on: Interface, high: number, low: number, address: number): void {
    const { bytes, network } = packet;
    const toHigh = arp.senderHigh(bytes, network);
    const toLow = arp.senderLow(bytes, network);
    arp.setOperation(bytes, network, arp.REPLY);
    arp.setTarget(bytes, network, toHigh, toLow, arp.sender(bytes, network));
    arp.setSender(bytes, network, high, low, address);
    packet.end = network + arp.PACKET_LENGTH;
    packet.linkBroadcast = false;
    this.counters.count(arps.REPLIES_SENT);
    this.ethernet.send(packet, on, toHigh, toLow, ethernet.TYPE_ARP);
  }

  /** arp -s: an entry for good, or for its 20 minutes; false when there is no room. */
  set(
    on: Interface,
    address: number,
    high: number,
    low: number,
    temporary: boolean,
    published: boolean,
  ): boolean {
    const entry = this.entries.find(on, address) ?? this.create(on, address);
    if (entry === undefined) return false;
    this.confirm(entry, high, low);
    entry.published = published;
    if (temporary) return true;
    entry.state = PERMANENT;
    entry.timeout.clear();
    return true;
  }

  private tell(
    on: Interface,
    address: number,
    high: number,
    low: number,
    kind: NeighborEvents['neighbor.conflict']['kind'],
    previous?: ArpEntry,
  ): void {
    if (!this.conflicts.allows(CONFLICTS)) return;
    const before =
      previous === undefined ? {} : { previous: linkAddress(previous.linkHigh, previous.linkLow) };
    this.emit({
      event: 'neighbor.conflict',
      data: {
        interface: on.name,
        address: toAddress(address),
        linkAddress: linkAddress(high, low),
        kind,
        ...before,
      },
    });
  }
}

/** Of the high part of an Ethernet address: nobody sends from a group. */
const GROUP_BIT = 0x0100;
