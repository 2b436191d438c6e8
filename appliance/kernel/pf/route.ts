// SPDX-License-Identifier: ISC
//
// route-to, reply-to and dup-to (pf_route): the packet leaves by the way that was chosen, whatever the routing table says of its
// destination. In 2008 it is put on the wire of the pool's interface as it is; today this is a hop like any other.

import { DIRECTION_IN, DIRECTION_OUT, PASS, type PacketFilter, TAKEN } from '../filter.ts';
import { OK, TOO_BIG } from '../inet/errors.ts';
import type { Ipv4 } from '../inet/ipv4.ts';
import type { Ipv6 } from '../inet6/ipv6.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Route, Routes } from '../route/routes.ts';
import type { Descriptor } from './descriptor.ts';
import { hops, setHops } from './hops.ts';
import type { Replies } from './replies.ts';
import type { Settings } from './settings.ts';
import { REASON_NO_ROUTE, type Statistics } from './statistics.ts';

/** A packet that pf has routed more often than this goes round in circles. */
const MAXIMUM_REROUTES = 3;

export class RouteTo {
  private readonly filter: PacketFilter;
  private readonly ipv4: Ipv4;
  private readonly ipv6: Ipv6;
  private readonly routes: Routes;
  private readonly pool: PacketPool;
  private readonly settings: Settings;
  private readonly statistics: Statistics;
  private readonly replies: Replies;
  private readonly hop4 = new Int32Array(1);
  private readonly hop6 = new Int32Array(4);

  /** `filter` is pf itself: a packet that leaves by another interface is tested there. */
  constructor(parts: {
    filter: PacketFilter;
    ipv4: Ipv4;
    ipv6: Ipv6;
    routes: Routes;
    pool: PacketPool;
    settings: Settings;
    statistics: Statistics;
    replies: Replies;
  }) {
    this.filter = parts.filter;
    this.ipv4 = parts.ipv4;
    this.ipv6 = parts.ipv6;
    this.routes = parts.routes;
    this.pool = parts.pool;
    this.settings = parts.settings;
    this.statistics = parts.statistics;
    this.replies = parts.replies;
  }

  /** Sends the packet to `address` (all zero: its own destination) by `on` (undefined: by the route there). Answers TAKEN. */
  send(packet: Descriptor, address: Int32Array, on: Interface | undefined): number {
    this.forward(packet, packet.packet, address, on, true);
    return TAKEN;
  }

  /** Sends a copy there. Answers PASS: the packet itself goes on. */
  duplicate(packet: Descriptor, address: Int32Array, on: Interface | undefined): number {
    const copy = this.pool.take();
    copy.copyFrom(packet.packet);
    copy.state = -1;
    this.forward(packet, copy, address, on, false);
    this.pool.give(copy);
    return PASS;
  }

  /** `tells`: the sender hears of what goes wrong. */
  private forward(
    packet: Descriptor,
    frame: Packet,
    address: Int32Array,
    named: Interface | undefined,
    tells: boolean,
  ): void {
    const { isToday } = this.settings;
    if (frame.routed++ > MAXIMUM_REROUTES) return;
    const isIn = packet.direction === DIRECTION_IN;
    if (isToday && isIn && !this.countDown(packet, frame, tells)) return;
    const hop = this.nextHop(packet, address);
    let on = named;
    if (isToday || on === undefined) {
      const route = this.routeTo(packet, hop);
      if (route === undefined) return this.nowhere(packet, tells);
      on = route.on;
      if (route.gateway !== undefined) hop.set(route.gateway);
    }
    if (isToday ? isIn : on !== packet.on) {
      if (this.filter.test(frame, on, DIRECTION_OUT) !== PASS) return;
    }
    const outcome = this.transmit(packet, frame, on, hop);
    if (outcome !== OK && outcome !== TOO_BIG && tells) this.replies.unreachable(packet);
  }

  /** An error about its size, which IP sends, is not filtered again. */
  private transmit(packet: Descriptor, frame: Packet, on: Interface, hop: Int32Array): number {
    this.replies.speaking = true;
    const outcome = packet.family === 4 ? this.ipv4.send(frame, on, hop) : this.ipv6.send(frame, on, hop);
    this.replies.speaking = false;
    return outcome;
  }

  /** One hop less; false when none is left. A copy's hops are those of the original. */
  private countDown(packet: Descriptor, frame: Packet, tells: boolean): boolean {
    const left = hops(packet);
    if (left <= 1) {
      if (tells) this.replies.timeExceeded(packet);
      return false;
    }
    if (frame === packet.packet) setHops(packet, left - 1);
    return true;
  }

  private nextHop(packet: Descriptor, address: Int32Array): Int32Array {
    const hop = packet.family === 4 ? this.hop4 : this.hop6;
    const isZero = (address[0]! | address[1]! | address[2]! | address[3]!) === 0;
    const from = isZero ? packet.destination : address;
    for (let i = 0; i < hop.length; i++) hop[i] = from[i]!;
    return hop;
  }

  private routeTo(packet: Descriptor, hop: Int32Array): Route | undefined {
    return packet.family === 4 ? this.routes.lookup4(hop[0]!) : this.routes.lookup6(hop);
  }

  private nowhere(packet: Descriptor, tells: boolean): void {
    this.statistics.count(REASON_NO_ROUTE);
    if (tells) this.replies.unreachable(packet);
  }
}
