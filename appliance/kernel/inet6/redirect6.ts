// SPDX-License-Identifier: ISC
//
// Redirects (RFC 4861 8): telling a neighbour that a packet has a better first hop on its own link, and being told so.

import * as icmp6s from '../../abi/counters/icmp6.ts';
import * as ip6s from '../../abi/counters/ip6.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as nd6 from '../../wire/nd6.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Route } from '../route/routes.ts';
import type { Sysctl } from '../sysctl.ts';
import type { DynamicRoutes6 } from './dynamic6.ts';
import type { Errors6 } from './errors6.ts';
import type { Icmp6, Icmp6Handler } from './icmp6.ts';
import { finish, readWords, setWords, start } from './icmp6Message.ts';
import type { Ipv6, RedirectSender } from './ipv6.ts';
import { addressOf, isOnLink } from './local6.ts';
import type { Nd6 } from './nd6.ts';
import { INCOMPLETE } from './neighbors6.ts';

export class Redirects6 implements RedirectSender, Icmp6Handler {
  private readonly ip: Ipv6;
  private readonly icmp: Icmp6;
  private readonly errors: Errors6;
  private readonly cache: Nd6;
  private readonly routes: DynamicRoutes6;
  private readonly pool: PacketPool;
  private readonly sysctl: Sysctl;
  private readonly source = new Int32Array(4);
  private readonly destination = new Int32Array(4);
  private readonly target = new Int32Array(4);

  constructor(parts: {
    ip: Ipv6;
    icmp: Icmp6;
    errors: Errors6;
    cache: Nd6;
    routes: DynamicRoutes6;
    pool: PacketPool;
    sysctl: Sysctl;
  }) {
    this.ip = parts.ip;
    this.icmp = parts.icmp;
    this.errors = parts.errors;
    this.cache = parts.cache;
    this.routes = parts.routes;
    this.pool = parts.pool;
    this.sysctl = parts.sysctl;
    this.ip.redirects = this;
    this.icmp.handlers[icmp6.TYPE_REDIRECT] = this;
  }

  // Telling others.

  /** The packet is about to leave by the interface it came in by. A gateway is told only by its link-local address (RFC 4861 4.5). */
  consider(packet: Packet, on: Interface, route: Route): void {
    if (this.sysctl.get('net.inet6.ip6.redirect') === 0) return;
    if (route.flags.has('dynamic') || route.flags.has('modified')) return;
    if (route.gateway !== undefined && !ipv6.isLinkLocal(route.gateway[0]!)) return;
    readWords(packet.bytes, ipv6.sourceAt(packet.network), this.destination);
    const ours = addressOf(on, this.destination) !== undefined;
    if (ours || !isOnLink(on, this.destination)) return;
    const from = linkLocalOf(on);
    if (from === undefined || !this.errors.allowed()) return;
    readWords(packet.bytes, ipv6.destinationAt(packet.network), this.target);
    this.ip.counters.count(ip6s.REDIRECTS_SENT);
    this.send(packet, on, from, this.target, route.gateway ?? this.target);
  }

  private send(packet: Packet, on: Interface, from: Int32Array, about: Int32Array, target: Int32Array): void {
    const redirect = this.pool.take();
    const { bytes } = redirect;
    const at = start(redirect, nd6.HOP_LIMIT, from, this.destination);
    icmp6.write(bytes, at, icmp6.TYPE_REDIRECT, 0, 0);
    setWords(bytes, nd6.targetAt(at), target);
    setWords(bytes, nd6.redirectDestinationAt(at), about);
    redirect.end = this.writeTargetOption(bytes, at + nd6.REDIRECT_LENGTH, on, target);
    const room = redirect.network + ipv6.MINIMUM_MTU - redirect.end - nd6.REDIRECTED_OPTION_LENGTH;
    const length = Math.min(packet.end - packet.network, room);
    redirect.end = nd6.writeRedirectedOption(bytes, redirect.end, packet.bytes, packet.network, length);
    finish(redirect);
    this.ip.outputOn(redirect, on, this.destination);
    this.pool.give(redirect);
  }

  private writeTargetOption(bytes: Uint8Array, at: number, on: Interface, target: Int32Array): number {
    const entry = this.cache.neighbors.find(on, target[0]!, target[1]!, target[2]!, target[3]!);
    if (entry === undefined || entry.state === INCOMPLETE) return at;
    return nd6.writeLladdrOption(bytes, at, nd6.OPTION_TARGET_LLADDR, entry.linkHigh, entry.linkLow);
  }

  // Being told.

  /** A host that wants to may follow its gateway's word (RFC 4861 8.3); a router has routes of its own. */
  input(packet: Packet, on: Interface): void {
    if (this.ip.forwarding || this.sysctl.get('net.inet6.icmp6.rediraccept') === 0) {
      return this.icmp.counters.count(icmp6s.REDIRECTS_IGNORED);
    }
    if (!this.valid(packet)) return this.icmp.counters.count(icmp6s.BAD_REDIRECT);
    const via = this.ip.routes.lookup6(this.destination);
    const fromGateway = via?.on === on && via.gateway?.every((word, i) => word === this.source[i]) === true;
    if (!fromGateway) return this.icmp.counters.count(icmp6s.REDIRECTS_IGNORED);
    const onLink = this.target.every((word, i) => word === this.destination[i]);
    this.learn(packet, on, !onLink);
    this.routes.add(this.destination, on, onLink ? undefined : this.target, 0);
  }

  /** RFC 4861 8.1; reads the addresses. */
  private valid(packet: Packet): boolean {
    const { bytes, network, transport } = packet;
    if (ipv6.hopLimit(bytes, network) !== nd6.HOP_LIMIT || !nd6.valid(bytes, transport, packet.end))
      return false;
    readWords(bytes, ipv6.sourceAt(network), this.source);
    readWords(bytes, nd6.redirectDestinationAt(transport), this.destination);
    readWords(bytes, nd6.targetAt(transport), this.target);
    if (!ipv6.isLinkLocal(this.source[0]!) || ipv6.isMulticast(this.destination[0]!)) return false;
    if (ipv6.isLinkLocal(this.destination[0]!)) return false;
    return ipv6.isLinkLocal(this.target[0]!) || this.target.every((word, i) => word === this.destination[i]);
  }

  private learn(packet: Packet, on: Interface, router: boolean): void {
    const option = nd6.findOption(packet.bytes, packet.transport, packet.end, nd6.OPTION_TARGET_LLADDR);
    if (option < 0) return;
    const at = nd6.lladdrAt(option);
    const high = ethernet.addressHigh(packet.bytes, at);
    const entry = this.cache.learn(on, this.target, high, ethernet.addressLow(packet.bytes, at));
    if (entry !== undefined && router) entry.router = true;
  }
}

/** The interface's link-local address, from which routers speak (RFC 4861 4.2, 4.5). */
export function linkLocalOf(on: Interface): Int32Array | undefined {
  return on.addresses.find(
    (address) => address.family === 6 && address.state === 'preferred' && ipv6.isLinkLocal(address.words[0]!),
  )?.words;
}
