// SPDX-License-Identifier: ISC
//
// route-to, reply-to and dup-to (pf_route): the packet leaves by the chosen way, whatever the routing table says.

import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { DIRECTION_IN, DIRECTION_OUT, PASS, TAKEN } from '../filter.ts';
import { NO_BUFFERS, NO_ROUTE, OK, TOO_BIG } from '../inet/errors.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import { type PfCore, REASON_NO_ROUTE } from './core.ts';
import type { Descriptor } from './descriptor.ts';

/** A packet that pf has routed more often than this goes round in circles. */
const MAXIMUM_REROUTES = 3;

export class Forwarder {
  private readonly core: PfCore;
  private readonly filter: { test(packet: Packet, on: Interface, direction: number): number };
  private readonly nextHop4 = new Int32Array(1);
  private readonly nextHop6 = new Int32Array(4);

  /** `filter` is pf itself: a packet that leaves by another interface is tested there. */
  constructor(core: PfCore, filter: { test(packet: Packet, on: Interface, direction: number): number }) {
    this.core = core;
    this.filter = filter;
  }

  /** Sends the packet to `address` (all zero: its own destination) by `on` (undefined: by the route there). Answers TAKEN. */
  route(packet: Descriptor, address: Int32Array, named: Interface | undefined): number {
    const { core } = this;
    const { packet: frame } = packet;
    if (frame.routed++ > MAXIMUM_REROUTES) return this.drop();
    const hop = this.nextHop(packet, address);
    const on = core.isToday ? this.interfaceTo(packet, hop) : (named ?? this.interfaceTo(packet, hop));
    if (on === undefined) return this.drop();
    if (core.isToday && packet.direction === DIRECTION_IN && !countDown(packet)) return this.expired(packet);
    if (core.isToday ? packet.direction === DIRECTION_IN : on !== packet.on) {
      if (this.filter.test(frame, on, DIRECTION_OUT) !== PASS) return TAKEN;
    }
    const outcome = packet.family === 4 ? core.ipv4.send(frame, on, hop) : core.ipv6.send(frame, on, hop);
    // A full queue is no reason to tell the sender anything (RFC 1812 4.3.3.3).
    if (outcome !== OK && outcome !== TOO_BIG && outcome !== NO_BUFFERS) this.unreachable(packet, outcome);
    return TAKEN;
  }

  private nextHop(packet: Descriptor, address: Int32Array): Int32Array {
    const isZero = address.every((word) => word === 0);
    const from = isZero ? packet.destination : address;
    const hop = packet.family === 4 ? this.nextHop4 : this.nextHop6;
    for (let i = 0; i < hop.length; i++) hop[i] = from[i]!;
    return hop;
  }

  private interfaceTo(packet: Descriptor, hop: Int32Array): Interface | undefined {
    const { routes } = this.core;
    return (packet.family === 4 ? routes.lookup4(hop[0]!) : routes.lookup6(hop))?.on;
  }

  private drop(): number {
    this.core.count(REASON_NO_ROUTE);
    return TAKEN;
  }

  private expired(packet: Descriptor): number {
    const { ipv4: four, ipv6: six } = this.core;
    const { packet: frame } = packet;
    if (packet.family === 4)
      four.errors.error(frame, icmp.TYPE_TIME_EXCEEDED, icmp.CODE_EXCEEDED_IN_TRANSIT, 0);
    else six.errors.error(frame, icmp6.TYPE_TIME_EXCEEDED, icmp6.CODE_EXCEEDED_IN_TRANSIT, 0);
    return TAKEN;
  }

  private unreachable(packet: Descriptor, outcome: number): void {
    if (outcome === NO_ROUTE) this.core.count(REASON_NO_ROUTE);
    const { ipv4: four, ipv6: six } = this.core;
    const { packet: frame } = packet;
    if (packet.family === 4) four.errors.error(frame, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_HOST, 0);
    else six.errors.error(frame, icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_ADDRESS, 0);
  }
}

/** One hop less; false when none is left. */
function countDown(packet: Descriptor): boolean {
  const { bytes, network } = packet.packet;
  if (packet.family === 4) {
    if (ipv4.ttl(bytes, network) <= 1) return false;
    ipv4.decrementTtl(bytes, network);
    return true;
  }
  if (ipv6.hopLimit(bytes, network) <= 1) return false;
  ipv6.setHopLimit(bytes, network, ipv6.hopLimit(bytes, network) - 1);
  return true;
}
