// SPDX-License-Identifier: ISC
//
// Neighbour unreachability detection and address resolution (RFC 4861 7.2, 7.3): the life of a neighbour cache entry.

import * as nd6s from '../../abi/counters/nd6.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as nd6 from '../../wire/nd6.ts';
import { type Clock, SECOND } from '../clock.ts';
import { Counters } from '../counters.ts';
import { HeldPackets, HoldSpace } from '../link/held.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import type { IcmpErrors } from '../transport/transport.ts';
import {
  DELAY,
  INCOMPLETE,
  MAXIMUM_NEIGHBORS,
  Neighbor,
  Neighbors6,
  PERMANENT,
  PROBE,
  REACHABLE,
  STALE,
} from './neighbors6.ts';

/** RETRANS_TIMER, REACHABLE_TIME and its random factors (RFC 4861 10, 6.3.2); a stale entry lives a day as on the original. */
export const RETRANSMIT = SECOND;
const REACHABLE_TIME = 30 * SECOND;
const REACHABLE_MINIMUM = REACHABLE_TIME / 2;
const REACHABLE_REDRAWN = 2 * 3600 * SECOND;
const STALE_LIFETIME = 24 * 3600 * SECOND;

/** What the messages side does for this one. */
export interface Solicitor {
  /** Asks for `words`: multicast to its solicited-node group, or unicast to the neighbour itself. `held` is a packet that waits. */
  solicit(on: Interface, words: Int32Array, unicast: boolean, held: Packet | undefined): void;
}

/** Told when an entry's Ethernet address was replaced by another one. */
export type ChangeListener = (entry: Neighbor, previousHigh: number, previousLow: number) => void;

/** The settings that steer resolution (sysctl net.inet6.icmp6.nd6_*). */
export interface NeighborSettings {
  /** Seconds in DELAY before the first probe. */
  readonly delay: number;
  readonly unicastTries: number;
  readonly multicastTries: number;
}

export class Nd6 {
  readonly counters = new Counters(nd6s.ND6);
  readonly neighbors: Neighbors6;
  solicitor: Solicitor | undefined;
  changed: ChangeListener | undefined;
  private readonly clock: Clock;
  private readonly timeouts: Timeouts;
  private readonly random: Random;
  private readonly settings: () => NeighborSettings;
  private readonly errors: IcmpErrors;
  private readonly space: HoldSpace;
  /** Reachable time, drawn anew every two hours (RFC 4861 6.3.4). */
  private reachableTime = 0;
  private redraw = 0;

  constructor(parts: {
    clock: Clock;
    timeouts: Timeouts;
    random: Random;
    pool: PacketPool;
    settings: () => NeighborSettings;
    errors: IcmpErrors;
  }) {
    this.clock = parts.clock;
    this.timeouts = parts.timeouts;
    this.random = parts.random;
    this.settings = parts.settings;
    this.errors = parts.errors;
    this.space = new HoldSpace(parts.pool);
    this.neighbors = new Neighbors6(parts.random.word());
  }

  /**
   * The neighbour with the address `nextHop` on the link of `on`, ready to be sent to. Undefined while it is not known: the
   * packet is then kept, and sent by `on.out` when the answer comes.
   */
  resolve(packet: Packet, on: Interface, nextHop: Int32Array): Neighbor | undefined {
    const entry = this.neighbors.find(on, nextHop[0]!, nextHop[1]!, nextHop[2]!, nextHop[3]!);
    if (entry === undefined || entry.state === INCOMPLETE) return this.hold(packet, on, nextHop, entry);
    entry.used = (this.clock.now / SECOND) | 0;
    if (entry.state === STALE) {
      entry.state = DELAY;
      entry.timeout.set(this.settings().delay * SECOND);
    }
    return entry;
  }

  /** A transport heard from beyond this next hop: packets do arrive there (RFC 4861 7.3.1). */
  confirm(on: Interface, nextHop: Int32Array): void {
    const entry = this.neighbors.find(on, nextHop[0]!, nextHop[1]!, nextHop[2]!, nextHop[3]!);
    if (entry === undefined || entry.state === INCOMPLETE || entry.state === PERMANENT) return;
    this.becomeReachable(entry);
  }

  /**
   * A solicitation, router message or redirect told the Ethernet address of `words` without proving that it can be reached
   * (RFC 4861 7.2.3): new and changed entries become STALE.
   */
  learn(on: Interface, words: Int32Array, linkHigh: number, linkLow: number): Neighbor | undefined {
    const known = this.neighbors.find(on, words[0]!, words[1]!, words[2]!, words[3]!);
    if (known?.state === PERMANENT) return known;
    const entry = known ?? this.create(on, words);
    if (entry === undefined) return undefined;
    const same = entry.state !== INCOMPLETE && entry.linkHigh === linkHigh && entry.linkLow === linkLow;
    if (same) return entry;
    this.setLinkAddress(entry, linkHigh, linkLow);
    this.becomeStale(entry);
    this.release(entry);
    return entry;
  }

  /**
   * An advertisement about `entry` with wire/nd6's FLAG_* (RFC 4861 7.2.5, and appendix C). `linkAt` is the position of an
   * Ethernet address in `bytes`, -1 when the option was absent.
   */
  advertised(entry: Neighbor, flags: number, bytes: Uint8Array, linkAt: number): void {
    if (entry.state === PERMANENT) return;
    const incomplete = entry.state === INCOMPLETE;
    if (incomplete && linkAt < 0) return;
    const high = linkAt < 0 ? entry.linkHigh : ethernet.addressHigh(bytes, linkAt);
    const low = linkAt < 0 ? entry.linkLow : ethernet.addressLow(bytes, linkAt);
    const differs = !incomplete && (high !== entry.linkHigh || low !== entry.linkLow);
    if (differs && (flags & nd6.FLAG_OVERRIDE) === 0) {
      if (entry.state === REACHABLE) this.becomeStale(entry);
      return;
    }
    if (incomplete || differs) this.setLinkAddress(entry, high, low);
    entry.router = (flags & nd6.FLAG_ROUTER) !== 0;
    if ((flags & nd6.FLAG_SOLICITED) !== 0) this.becomeReachable(entry);
    else if (incomplete || differs) this.becomeStale(entry);
    this.release(entry);
  }

  /** ndp -s: an entry that stays as it is (`temporary`: until it turns out not to answer). */
  set(on: Interface, words: Int32Array, linkHigh: number, linkLow: number, temporary: boolean): boolean {
    const entry =
      this.neighbors.find(on, words[0]!, words[1]!, words[2]!, words[3]!) ?? this.create(on, words);
    if (entry === undefined) return false;
    entry.linkHigh = linkHigh;
    entry.linkLow = linkLow;
    if (temporary) {
      this.becomeReachable(entry);
    } else {
      entry.state = PERMANENT;
      entry.timeout.clear();
    }
    this.release(entry);
    return true;
  }

  remove(entry: Neighbor): void {
    entry.timeout.clear();
    this.neighbors.remove(entry);
    this.counters.add(nd6s.HELD_DROPPED, entry.held.clear());
  }

  /** The interface went down or away: what is known of its link is worth nothing. */
  forget(on: Interface): void {
    for (const entry of this.neighbors.all()) {
      if (entry.on === on && entry.state !== PERMANENT) this.remove(entry);
    }
  }

  private hold(packet: Packet, on: Interface, nextHop: Int32Array, known: Neighbor | undefined): undefined {
    const entry = known ?? this.create(on, nextHop);
    if (entry === undefined) {
      this.counters.count(nd6s.HELD_DROPPED);
      return undefined;
    }
    entry.used = (this.clock.now / SECOND) | 0;
    this.counters.count(nd6s.HELD);
    const dropped = entry.held.add(packet);
    if (dropped > 0) this.counters.add(nd6s.HELD_DROPPED, dropped);
    if (entry.asked === 0) this.ask(entry, false);
    return undefined;
  }

  /** A new INCOMPLETE entry; the least used one makes room when the cache is full. */
  private create(on: Interface, words: Int32Array): Neighbor | undefined {
    if (this.neighbors.size >= MAXIMUM_NEIGHBORS) {
      const least = this.neighbors.leastUsed();
      if (least === undefined) return undefined;
      this.counters.count(nd6s.EVICTED);
      this.remove(least);
    }
    const entry = new Neighbor(
      on,
      words,
      new HeldPackets(this.space),
      (self) => new Timeout(this.timeouts, () => this.timedOut(self)),
    );
    entry.used = (this.clock.now / SECOND) | 0;
    this.neighbors.insert(entry);
    return entry;
  }

  private ask(entry: Neighbor, unicast: boolean): void {
    entry.asked++;
    entry.timeout.set(RETRANSMIT);
    this.counters.count(nd6s.SOLICITATIONS_SENT);
    this.solicitor?.solicit(entry.on, entry.words, unicast, entry.held.first);
  }

  private timedOut(entry: Neighbor): void {
    const settings = this.settings();
    switch (entry.state) {
      case INCOMPLETE:
        if (entry.asked >= settings.multicastTries) this.fail(entry);
        else this.ask(entry, false);
        break;
      case REACHABLE:
        if (this.clock.now < entry.reachableUntil) entry.timeout.set(entry.reachableUntil - this.clock.now);
        else this.becomeStale(entry);
        break;
      case DELAY:
        entry.state = PROBE;
        entry.asked = 0;
        this.ask(entry, true);
        break;
      case PROBE:
        if (entry.asked >= settings.unicastTries) this.remove(entry);
        else this.ask(entry, true);
        break;
      default: // STALE for a day
        this.remove(entry);
    }
  }

  /** Nobody answers: every packet that waited is told so (RFC 4861 7.2.2). */
  private fail(entry: Neighbor): void {
    this.neighbors.remove(entry);
    for (let packet = entry.held.take(); packet !== undefined; packet = entry.held.take()) {
      this.counters.count(nd6s.UNRESOLVED);
      this.errors.error(packet, icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_ADDRESS, 0);
      entry.held.give(packet);
    }
  }

  private release(entry: Neighbor): void {
    for (let packet = entry.held.take(); packet !== undefined; packet = entry.held.take()) {
      entry.on.out.output(packet, entry.on, entry.words);
      entry.held.give(packet);
    }
  }

  private setLinkAddress(entry: Neighbor, high: number, low: number): void {
    const previousHigh = entry.linkHigh;
    const previousLow = entry.linkLow;
    entry.linkHigh = high;
    entry.linkLow = low;
    if (entry.state !== INCOMPLETE) this.changed?.(entry, previousHigh, previousLow);
  }

  private becomeReachable(entry: Neighbor): void {
    const reachable = this.drawReachableTime();
    entry.reachableUntil = this.clock.now + reachable;
    if (entry.state === REACHABLE && entry.timeout.armed) return;
    entry.state = REACHABLE;
    entry.asked = 0;
    entry.timeout.set(reachable);
  }

  private becomeStale(entry: Neighbor): void {
    entry.state = STALE;
    entry.asked = 0;
    entry.timeout.set(STALE_LIFETIME);
  }

  private drawReachableTime(): number {
    if (this.clock.now >= this.redraw) {
      this.redraw = this.clock.now + REACHABLE_REDRAWN;
      this.reachableTime = REACHABLE_MINIMUM + this.random.below(REACHABLE_TIME);
    }
    return this.reachableTime;
  }
}

/** The solicited-node group of an address, into `group` (RFC 4291 2.7.1). */
export function solicitedNodeGroup(words: Int32Array, group: Int32Array): Int32Array {
  group[0] = ipv6.LINK_GROUP_WORD0;
  group[1] = 0;
  group[2] = ipv6.SOLICITED_NODE_WORD2;
  group[3] = ipv6.solicitedNodeWord3(words[3]!);
  return group;
}
