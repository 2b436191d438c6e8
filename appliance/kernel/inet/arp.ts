// SPDX-License-Identifier: ISC
//
// ARP (RFC 826, arp(4)): the Ethernet addresses of IPv4 neighbours, asked for, answered, refreshed and forgotten.

import { type Address, INET, type LinkAddress, ipv4 as toAddress } from '../../abi/address.ts';
import type { KernelEvent } from '../../abi/client.ts';
import * as arps from '../../abi/counters/arp.ts';
import { CallError } from '../../abi/errno.ts';
import { IFF_NOARP } from '../../abi/interface.ts';
import type { Neighbor } from '../../abi/neighbor.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { type Clock, SECOND } from '../clock.ts';
import { Counters } from '../counters.ts';
import type { Ethernet, EtherProtocol, LinkTarget, Resolver } from '../link/ethernet.ts';
import { HeldPackets, HoldSpace } from '../link/held.ts';
import type { Interface, InterfaceAddress } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Packet, PacketPool } from '../packet.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import { HOST_DOWN, NO_BUFFERS } from './errors.ts';
import { RateLimit } from './rateLimit.ts';

/** A learnt entry lives 20 minutes (arpt_keep); for the last of them it is refreshed by asking its owner alone. */
const KEEP = 1200 * SECOND;
const REFRESH = 60 * SECOND;
/** Requests for an unknown neighbour: one a second, five, then the host is down for 20 s (arp_maxtries, arpt_down). */
const TRIES = 5;
const DOWN = 20 * SECOND;
/** Entries at most; beyond it the oldest makes room. */
const MAXIMUM_ENTRIES = 16_384;
/** Conflicts told in a second: a quarrel of two stations fills no log. */
const CONFLICTS = 10;
/** Gratuitous requests are repeated once, for those who missed the first (RFC 5227 2.3). */
const ANNOUNCEMENTS = 2;
const ANNOUNCE_INTERVAL = 2 * SECOND;

const INCOMPLETE = 0;
const REACHABLE = 1;
const PERMANENT = 2;
const REJECTED = 3;

/** One neighbour (struct llinfo_arp). */
class ArpEntry implements LinkTarget {
  readonly address: number;
  readonly on: Interface;
  readonly held: HeldPackets;
  readonly timeout: Timeout;
  state = INCOMPLETE;
  linkHigh = 0;
  linkLow = 0;
  published = false;
  /** Requests sent since the last answer. */
  asked = 0;
  expires = 0;
  /** It was used since it was last confirmed: worth refreshing. */
  used = false;

  constructor(
    address: number,
    on: Interface,
    space: HoldSpace,
    timeouts: Timeouts,
    fire: (entry: ArpEntry) => void,
  ) {
    this.address = address;
    this.on = on;
    this.held = new HeldPackets(space);
    this.timeout = new Timeout(timeouts, () => fire(this));
  }
}

export class Arp implements EtherProtocol, Resolver {
  readonly counters = new Counters(arps.ARP);
  private readonly interfaces: Interfaces;
  private readonly ethernet: Ethernet;
  private readonly clock: Clock;
  private readonly timeouts: Timeouts;
  private readonly pool: PacketPool;
  private readonly emit: (event: KernelEvent) => void;
  private readonly space: HoldSpace;
  private readonly conflicts: RateLimit;
  private readonly entries = new Map<number, ArpEntry>();
  /** The neighbour of the last packet: most packets go where the last one went. */
  private last: ArpEntry | undefined;
  /** Addresses that are being announced. */
  private readonly announcements = new Map<InterfaceAddress, Timeout>();
  private readonly nextHop = new Int32Array(1);

  constructor(parts: {
    interfaces: Interfaces;
    ethernet: Ethernet;
    clock: Clock;
    timeouts: Timeouts;
    pool: PacketPool;
    emit: (event: KernelEvent) => void;
  }) {
    this.interfaces = parts.interfaces;
    this.ethernet = parts.ethernet;
    this.clock = parts.clock;
    this.timeouts = parts.timeouts;
    this.pool = parts.pool;
    this.emit = parts.emit;
    this.space = new HoldSpace(parts.pool);
    this.conflicts = new RateLimit(parts.clock);
    this.ethernet.register(ethernet.TYPE_ARP, this);
    this.ethernet.resolver4 = this;
    this.interfaces.listen({
      addressAdded: (on, address) => this.added(on, address),
      addressRemoved: (_on, address) => this.silence(address),
      stateChanged: (on) => {
        if (!on.running || !on.link) this.forget(on);
        else for (const address of on.addresses) this.added(on, address);
      },
      detached: (on) => this.forget(on),
    });
  }

  private added(on: Interface, address: InterfaceAddress): void {
    if (address.family !== INET || on.type === 'loopback') return;
    if (on.running && on.link && (on.flags & IFF_NOARP) === 0) this.announce(on, address);
  }

  /** The neighbour to send to, or undefined when the packet is kept until it answers; an error when it does not. */
  resolve(packet: Packet, on: Interface, nextHop: Int32Array): LinkTarget | number | undefined {
    const address = nextHop[0]!;
    const entry =
      this.last !== undefined && this.last.address === address && this.last.on === on
        ? this.last
        : this.find(on, address);
    if (entry === undefined) return this.begin(packet, on, address);
    if (entry.state === REACHABLE || entry.state === PERMANENT) {
      entry.used = true;
      this.last = entry;
      return entry;
    }
    if (entry.state === REJECTED) {
      this.counters.count(arps.HOST_DOWN_DROPS);
      return HOST_DOWN;
    }
    this.hold(entry, packet);
    return undefined;
  }

  private find(on: Interface, address: number): ArpEntry | undefined {
    const entry = this.entries.get(address);
    return entry?.on === on ? entry : undefined;
  }

  private begin(packet: Packet, on: Interface, address: number): number | undefined {
    if ((on.flags & IFF_NOARP) !== 0) {
      this.counters.count(arps.HOST_DOWN_DROPS);
      return HOST_DOWN;
    }
    const entry = this.create(on, address);
    if (entry === undefined) return NO_BUFFERS;
    this.hold(entry, packet);
    this.ask(entry);
    return undefined;
  }

  private create(on: Interface, address: number): ArpEntry | undefined {
    const elsewhere = this.entries.get(address);
    if (elsewhere !== undefined) this.remove(elsewhere);
    if (this.entries.size >= MAXIMUM_ENTRIES && !this.makeRoom()) return undefined;
    const entry = new ArpEntry(address, on, this.space, this.timeouts, (one) => this.expire(one));
    this.entries.set(address, entry);
    return entry;
  }

  /** The oldest entry that may go does; false when all are permanent. */
  private makeRoom(): boolean {
    this.counters.count(arps.TABLE_FULL);
    for (const entry of this.entries.values()) {
      if (entry.state === PERMANENT) continue;
      this.remove(entry);
      return true;
    }
    return false;
  }

  private hold(entry: ArpEntry, packet: Packet): void {
    this.counters.count(arps.HELD);
    this.counters.add(arps.DROPPED, entry.held.add(packet));
  }

  /** Another request, and the deadline for its answer. */
  private ask(entry: ArpEntry): void {
    entry.asked++;
    this.request(entry.on, this.sourceFor(entry.on, entry.address), entry.address);
    entry.timeout.set(SECOND);
  }

  private expire(entry: ArpEntry): void {
    if (entry.state === INCOMPLETE) {
      if (entry.asked < TRIES) return this.ask(entry);
      this.counters.add(arps.DROPPED, entry.held.clear());
      entry.state = REJECTED;
      entry.asked = 0;
      entry.timeout.set(DOWN);
      return;
    }
    const left = entry.expires - this.clock.now;
    if (entry.state === REACHABLE && left > 0) {
      // Used of late: ask its owner alone before the entry runs out (RFC 1122 2.3.2.1 (2)).
      if (entry.used) {
        this.requestTo(
          entry.on,
          this.sourceFor(entry.on, entry.address),
          entry.address,
          entry.linkHigh,
          entry.linkLow,
        );
      }
      entry.timeout.set(Math.min(left, REFRESH / TRIES));
      return;
    }
    this.counters.count(arps.TIMEOUTS);
    this.remove(entry);
  }

  private remove(entry: ArpEntry): void {
    entry.timeout.clear();
    this.counters.add(arps.DROPPED, entry.held.clear());
    this.entries.delete(entry.address);
    if (this.last === entry) this.last = undefined;
  }

  private forget(on: Interface): void {
    for (const entry of [...this.entries.values()]) {
      if (entry.on === on && entry.state !== PERMANENT) this.remove(entry);
    }
    for (const address of on.addresses) this.silence(address);
  }

  /** Our address on that interface for a neighbour there: the one on the same network, else the main one. */
  private sourceFor(on: Interface, neighbor: number): number {
    let main = 0;
    for (const address of on.addresses) {
      if (address.family !== 4) continue;
      if (main === 0) main = address.words[0]!;
      if (address.length === 0 || ((address.words[0]! ^ neighbor) & (-1 << (32 - address.length))) === 0) {
        return address.words[0]!;
      }
    }
    return main;
  }

  /** An ARP packet from the wire (in_arpinput). */
  input(packet: Packet, on: Interface): void {
    const { bytes, network } = packet;
    if ((on.flags & IFF_NOARP) !== 0) return this.counters.count(arps.NOT_WANTED);
    if (!arp.valid(bytes, network, packet.end)) return this.counters.count(arps.MALFORMED);
    const operation = arp.operation(bytes, network);
    if (operation === arp.REQUEST) this.counters.count(arps.REQUESTS_RECEIVED);
    else if (operation === arp.REPLY) this.counters.count(arps.REPLIES_RECEIVED);
    else return this.counters.count(arps.MALFORMED);
    const high = arp.senderHigh(bytes, network);
    const low = arp.senderLow(bytes, network);
    if (high === ethernet.addressHigh(on.linkAddress, 0) && low === ethernet.addressLow(on.linkAddress, 0))
      return;
    if ((high & 0x0100) !== 0) return this.counters.count(arps.BAD_ADDRESS);
    const sender = arp.sender(bytes, network);
    const target = arp.target(bytes, network);
    if (sender !== ipv4.ANY && this.isOurs(on, sender)) {
      this.conflict(on, sender, high, low, 'duplicate');
      this.counters.count(arps.DUPLICATE_ADDRESS);
    } else if (sender !== ipv4.ANY && !ipv4.isMulticast(sender)) {
      this.learn(on, sender, high, low, this.isOurs(on, target));
    }
    if (operation === arp.REQUEST) this.answer(packet, on, sender, target, high, low);
  }

  private isOurs(on: Interface, address: number): boolean {
    for (const own of on.addresses) if (own.family === 4 && own.words[0] === address) return true;
    return false;
  }

  /** Takes over an address that a neighbour told; entries are only made for those who speak to us (RFC 826's merge flag). */
  private learn(on: Interface, address: number, high: number, low: number, forUs: boolean): void {
    let entry = this.find(on, address);
    if (entry === undefined) {
      if (!forUs || !this.isOnLink(on, address)) return;
      entry = this.create(on, address);
      if (entry === undefined) return;
    }
    const known = entry.state === REACHABLE || entry.state === PERMANENT;
    const changed = known && (entry.linkHigh !== high || entry.linkLow !== low);
    if (entry.state === PERMANENT) {
      if (changed) this.conflict(on, address, high, low, 'attempt-permanent', entry);
      if (changed) this.counters.count(arps.PERMANENT_KEPT);
      return;
    }
    if (changed) this.conflict(on, address, high, low, 'changed', entry);
    entry.linkHigh = high;
    entry.linkLow = low;
    entry.state = REACHABLE;
    entry.asked = 0;
    entry.used = false;
    entry.expires = this.clock.now + KEEP;
    entry.timeout.set(KEEP - REFRESH);
    this.release(entry);
  }

  private isOnLink(on: Interface, address: number): boolean {
    for (const own of on.addresses) {
      if (own.family !== 4) continue;
      if (own.length === 0 || ((own.words[0]! ^ address) & (-1 << (32 - own.length))) === 0) return true;
    }
    return false;
  }

  private release(entry: ArpEntry): void {
    for (let packet = entry.held.take(); packet !== undefined; packet = entry.held.take()) {
      this.nextHop[0] = entry.address;
      entry.on.out.output(packet, entry.on, this.nextHop);
      entry.held.give(packet);
    }
  }

  /** Answers for addresses of the receiving interface and for published ones; never for those of other interfaces. */
  private answer(
    packet: Packet,
    on: Interface,
    sender: number,
    target: number,
    high: number,
    low: number,
  ): void {
    const published = this.entries.get(target);
    const isPublished = published?.published === true && published.on === on;
    if (!isPublished && !this.isOurs(on, target)) return;
    if (sender === target) return;
    const { bytes, network } = packet;
    arp.setOperation(bytes, network, arp.REPLY);
    arp.setTarget(bytes, network, high, low, sender);
    const ownHigh = ethernet.addressHigh(on.linkAddress, 0);
    arp.setSender(
      bytes,
      network,
      isPublished ? published.linkHigh : ownHigh,
      isPublished ? published.linkLow : ethernet.addressLow(on.linkAddress, 0),
      target,
    );
    packet.end = network + arp.PACKET_LENGTH;
    packet.linkBroadcast = false;
    this.counters.count(arps.REPLIES_SENT);
    this.ethernet.send(packet, on, high, low, ethernet.TYPE_ARP);
  }

  /** Tells everyone that the address is here (gratuitous ARP), now and once more. */
  private announce(on: Interface, address: InterfaceAddress): void {
    this.silence(address);
    let left = ANNOUNCEMENTS;
    const again = new Timeout(this.timeouts, () => tell());
    const tell = (): void => {
      left--;
      if (left > 0) again.set(ANNOUNCE_INTERVAL);
      else this.announcements.delete(address);
      this.request(on, address.words[0]!, address.words[0]!);
    };
    this.announcements.set(address, again);
    tell();
  }

  private silence(address: InterfaceAddress): void {
    this.announcements.get(address)?.clear();
    this.announcements.delete(address);
  }

  private request(on: Interface, source: number, target: number): void {
    this.requestTo(on, source, target, ethernet.BROADCAST_HIGH, ethernet.BROADCAST_LOW);
  }

  private requestTo(on: Interface, source: number, target: number, toHigh: number, toLow: number): void {
    const packet = this.pool.take();
    const { bytes, network } = packet;
    const high = ethernet.addressHigh(on.linkAddress, 0);
    arp.write(
      bytes,
      network,
      arp.REQUEST,
      high,
      ethernet.addressLow(on.linkAddress, 0),
      source,
      0,
      0,
      target,
    );
    packet.end = network + arp.PACKET_LENGTH;
    packet.linkBroadcast = toHigh === ethernet.BROADCAST_HIGH;
    this.counters.count(arps.REQUESTS_SENT);
    this.ethernet.send(packet, on, toHigh, toLow, ethernet.TYPE_ARP);
    this.pool.give(packet);
  }

  private conflict(
    on: Interface,
    address: number,
    high: number,
    low: number,
    kind: 'duplicate' | 'changed' | 'attempt-permanent',
    previous?: ArpEntry,
  ): void {
    if (!this.conflicts.allows(CONFLICTS)) return;
    this.emit({
      event: 'neighbor.conflict',
      data: {
        interface: on.name,
        address: toAddress(address),
        linkAddress: linkAddress(high, low),
        kind,
        ...(previous === undefined ? {} : { previous: linkAddress(previous.linkHigh, previous.linkLow) }),
      },
    });
  }

  // What arp(8) asks.

  list(): Neighbor[] {
    const own = [...this.interfaces].flatMap((on) =>
      on.type === 'loopback'
        ? []
        : on.addresses
            .filter((address) => address.family === 4)
            .map((address): Neighbor => {
              return {
                address: toAddress(address.words[0]!),
                interface: on.name,
                linkAddress: [...on.linkAddress],
                state: 'local',
              };
            }),
    );
    return [...own, ...[...this.entries.values()].map((entry) => this.describe(entry))];
  }

  private describe(entry: ArpEntry): Neighbor {
    const known = entry.state === REACHABLE || entry.state === PERMANENT;
    return {
      address: toAddress(entry.address),
      interface: entry.on.name,
      ...(known ? { linkAddress: linkAddress(entry.linkHigh, entry.linkLow) } : {}),
      state: entry.state === PERMANENT ? 'permanent' : known ? 'reachable' : 'incomplete',
      ...(entry.state === REACHABLE ? { expires: Math.ceil((entry.expires - this.clock.now) / SECOND) } : {}),
      published: entry.published,
    };
  }

  set(address: Address, link: LinkAddress, temporary: boolean): void {
    const word = address.words[0]!;
    const on = [...this.interfaces].find((one) => one.type !== 'loopback' && this.isOnLink(one, word));
    if (on === undefined) throw new CallError('ENETUNREACH', 'cannot intuit interface index and type');
    const entry = this.find(on, word) ?? this.create(on, word);
    if (entry === undefined) throw new CallError('ENOBUFS');
    const bytes = Uint8Array.from(link);
    entry.linkHigh = ethernet.addressHigh(bytes, 0);
    entry.linkLow = ethernet.addressLow(bytes, 0);
    entry.state = temporary ? REACHABLE : PERMANENT;
    entry.expires = this.clock.now + KEEP;
    if (temporary) entry.timeout.set(KEEP - REFRESH);
    else entry.timeout.clear();
    this.release(entry);
  }

  delete(address: Address): void {
    const entry = this.entries.get(address.words[0]!);
    if (entry === undefined) throw new CallError('ENOENT', 'not found');
    this.remove(entry);
  }

  flush(): void {
    for (const entry of [...this.entries.values()]) this.remove(entry);
  }
}

function linkAddress(high: number, low: number): LinkAddress {
  return [(high >>> 8) & 255, high & 255, low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255];
}
