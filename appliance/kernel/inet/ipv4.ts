// SPDX-License-Identifier: ISC
//
// IPv4 (RFC 791, RFC 1122, RFC 1812): input and its checks, forwarding, output (ip_input.c, ip_output.c of the original).

import { INET } from '../../abi/address.ts';
import * as ips from '../../abi/counters/ip.ts';
import { IFF_LOOPBACK } from '../../abi/interface.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { type Clock, SECOND } from '../clock.ts';
import { Counters } from '../counters.ts';
import { DIRECTION_IN, DIRECTION_OUT, PASS, PASS_ALL, type PacketFilter } from '../filter.ts';
import type { ForwardObserver } from '../forwardObserver.ts';
import type { Ethernet, EtherProtocol } from '../link/ethernet.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import { pieceLength } from '../link/offload.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import {
  ROUTE_BLACKHOLE,
  ROUTE_BROADCAST,
  ROUTE_FORWARD,
  ROUTE_LOCAL,
  ROUTE_REJECT,
  type Route,
  type Routes,
} from '../route/routes.ts';
import type { Sysctl } from '../sysctl.ts';
import type { Timeouts } from '../timeout.ts';
import {
  type IcmpErrors,
  NO_ERRORS,
  type RawProtocol,
  type TransportProtocol,
} from '../transport/transport.ts';
import { FILTERED, HOST_DOWN, NETWORK_DOWN, NO_ADDRESS, NO_ROUTE, OK, TOO_BIG } from './errors.ts';
import { Fragmenter4 } from './fragmenter4.ts';
import { COMPLETE, Fragments, HELD, MALFORMED } from './fragments.ts';
import { Groups4 } from './groups4.ts';
import { addressFor, hasAddress, isOnNetwork } from './local4.ts';
import { processOptions } from './options.ts';

/** Seconds that an incomplete datagram for us is kept (IPFRAGTTL / PR_SLOWHZ). */
const FRAGMENT_LIFETIME = 30 * SECOND;

/** Counter of each reason that `ipv4.valid` gives. */
const INVALID = Object.assign([] as number[], {
  [ipv4.TOO_SMALL]: ips.TOO_SMALL,
  [ipv4.BAD_VERSION]: ips.BAD_VERSION,
  [ipv4.BAD_HEADER_LENGTH]: ips.BAD_HEADER_LENGTH,
  [ipv4.BAD_CHECKSUM]: ips.BAD_CHECKSUM,
  [ipv4.BAD_LENGTH]: ips.BAD_LENGTH,
  [ipv4.TOO_SHORT]: ips.TOO_SHORT,
});

export class Ipv4 implements EtherProtocol {
  readonly counters = new Counters(ips.IP);
  readonly protocols: (TransportProtocol | undefined)[] = new Array<TransportProtocol | undefined>(256).fill(
    undefined,
  );
  /** Raw sockets get what is delivered of protocols that have no other user. */
  raw: RawProtocol | undefined;
  filter: PacketFilter = PASS_ALL;
  errors: IcmpErrors = NO_ERRORS;
  /** Sees what is forwarded. */
  observer: ForwardObserver | undefined;
  readonly interfaces: Interfaces;
  readonly routes: Routes;
  private readonly random: Random;
  private readonly pool: PacketPool;
  private readonly fragments: Fragments;
  private readonly fragmenter: Fragmenter4;
  /** Multicast groups that interfaces listen to. */
  readonly groups: Groups4;
  private forwarding = false;
  private sendRedirects = true;
  private directedBroadcast = false;
  private sourceRoutes = false;
  /** TTL of our own packets (net.inet.ip.ttl). */
  hops = 64;
  private readonly hop = new Int32Array(1);

  constructor(parts: {
    interfaces: Interfaces;
    ethernet: Ethernet;
    routes: Routes;
    clock: Clock;
    timeouts: Timeouts;
    random: Random;
    pool: PacketPool;
    sysctl: Sysctl;
  }) {
    this.interfaces = parts.interfaces;
    this.routes = parts.routes;
    this.random = parts.random;
    this.pool = parts.pool;
    this.groups = new Groups4(parts.ethernet);
    const { sysctl } = parts;
    sysctl.watch(() => {
      this.forwarding = sysctl.get('net.inet.ip.forwarding') !== 0;
      this.sendRedirects = sysctl.get('net.inet.ip.redirect') !== 0;
      this.directedBroadcast = sysctl.get('net.inet.ip.directed-broadcast') !== 0;
      this.sourceRoutes = sysctl.get('net.inet.ip.sourceroute') !== 0;
      this.hops = sysctl.get('net.inet.ip.ttl');
    });
    this.fragmenter = new Fragmenter4(parts.pool, this.counters);
    this.fragments = new Fragments({
      timeouts: parts.timeouts,
      limits: { fragments: () => sysctl.get('net.inet.ip.maxqueue'), lifetime: () => FRAGMENT_LIFETIME },
      expired: (count, first) => this.fragmentsExpired(count, first),
      dropped: (count) => this.counters.add(ips.FRAGMENTS_DROPPED, count),
    });
    this.interfaces.listen({
      attached: (on) => {
        if (on.type === 'ethernet' || on.type === 'vlan') this.groups.join(on, ipv4.ALL_HOSTS);
      },
    });
    parts.ethernet.register(ethernet.TYPE_IPV4, this);
  }

  /** A packet from the link, its header at `packet.network` (ipv4_input). */
  input(packet: Packet, on: Interface): void {
    const { bytes, network } = packet;
    this.counters.count(ips.RECEIVED);
    const reason = ipv4.valid(bytes, network, packet.end);
    if (reason !== ipv4.OK) return this.counters.count(INVALID[reason]!);
    packet.end = network + ipv4.totalLength(bytes, network);
    packet.family = 4;
    if (this.isImpossible(packet, on)) return this.counters.count(ips.BAD_ADDRESS);
    if (on.share !== undefined && !on.share.isOurs(packet)) return this.counters.count(ips.NOT_OUR_SHARE);
    this.locateTransport(packet);
    if (this.filter.test(packet, on, DIRECTION_IN) !== PASS) return this.counters.count(ips.FILTERED);
    this.reinject(packet, on);
  }

  /** Makes bytes at `packet.network` what the filter is handed; false for what is no IPv4 packet. */
  prepareForFilter(packet: Packet): boolean {
    const { bytes, network } = packet;
    if (ipv4.valid(bytes, network, packet.end) !== ipv4.OK) return false;
    packet.end = network + ipv4.totalLength(bytes, network);
    packet.family = 4;
    this.locateTransport(packet);
    return true;
  }

  /** Where the transport header is; a later fragment has none, and its protocol is all that is known. */
  private locateTransport(packet: Packet): void {
    packet.protocol = ipv4.protocol(packet.bytes, packet.network);
    packet.transport = ipv4.payloadAt(packet.bytes, packet.network);
  }

  /** Addresses that no packet on a wire may have (RFC 1122 3.2.1.3). */
  private isImpossible(packet: Packet, on: Interface): boolean {
    const source = ipv4.source(packet.bytes, packet.network);
    const destination = ipv4.destination(packet.bytes, packet.network);
    if (ipv4.isMulticast(source) || source === ipv4.BROADCAST) return true;
    if ((on.flags & IFF_LOOPBACK) !== 0) return false;
    if (ipv4.isLoopback(source) || ipv4.isLoopback(destination)) return true;
    return destination === ipv4.ANY;
  }

  /** Goes on behind the filter: for us, to a group, to everyone, or to be forwarded. */
  reinject(packet: Packet, on: Interface): void {
    const hasOptions = ipv4.headerLength(packet.bytes, packet.network) > ipv4.HEADER_LENGTH;
    if (hasOptions && !processOptions(this, packet, this.sourceRoutes)) return;
    if (packet.divertedTo !== undefined) return this.deliver(packet);
    const destination = ipv4.destination(packet.bytes, packet.network);
    if (ipv4.isMulticast(destination)) {
      if (this.groups.has(on, destination)) return this.deliver(packet);
      return this.counters.count(ips.NOT_MEMBER);
    }
    if (destination === ipv4.BROADCAST) return this.deliver(packet);
    const route = this.routes.lookup4(destination);
    if (route !== undefined) {
      if (route.kind === ROUTE_LOCAL) return this.inputLocal(packet, on, destination);
      if (route.kind === ROUTE_BROADCAST && (route.on === on || !this.directedBroadcast)) {
        return route.on === on ? this.deliver(packet) : this.refuse();
      }
    }
    this.forward(packet, on, route);
  }

  /**
   * A router takes packets for any of its addresses on any interface; a host only on the one that has the address (RFC 1122
   * 3.3.4.2's strong model, today's ip_input), but for those of loopback, which exist to be reached from everywhere.
   */
  private inputLocal(packet: Packet, on: Interface, destination: number): void {
    if (this.forwarding || on.type === 'loopback' || hasAddress(on, destination)) {
      return this.deliver(packet);
    }
    for (const holder of this.interfaces) {
      if (holder.type === 'loopback' && hasAddress(holder, destination)) return this.deliver(packet);
    }
    this.counters.count(ips.WRONG_INTERFACE);
  }

  private refuse(): void {
    this.counters.count(ips.CANNOT_FORWARD);
  }

  /** For this machine: whole, or kept until it is (ip_ours). */
  private deliver(packet: Packet): void {
    const { bytes, network } = packet;
    if (ipv4.isFragment(bytes, network)) {
      this.counters.count(ips.FRAGMENTS);
      const outcome = this.fragments.add(packet);
      if (outcome === HELD) return;
      if (outcome === MALFORMED) return this.counters.count(ips.FRAGMENTS_MALFORMED);
      if (outcome !== COMPLETE) return this.counters.count(ips.FRAGMENTS_DROPPED);
      this.counters.count(ips.REASSEMBLED);
    }
    this.counters.count(ips.DELIVERED);
    const protocol = this.protocols[packet.protocol];
    if (protocol !== undefined) return protocol.input(packet);
    if (this.raw?.listens(INET, packet.protocol)) return this.raw.input(packet);
    this.counters.count(ips.NO_PROTOCOL);
    this.errors.error(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_PROTOCOL, 0);
  }

  private fragmentsExpired(count: number, first: Uint8Array | undefined): void {
    this.counters.add(ips.FRAGMENTS_TIMED_OUT, count);
    if (first === undefined) return;
    const packet = this.pool.take();
    packet.bytes.set(first, packet.network);
    packet.end = packet.network + first.length;
    packet.family = 4;
    this.errors.error(packet, icmp.TYPE_TIME_EXCEEDED, icmp.CODE_EXCEEDED_REASSEMBLY, 0);
    this.pool.give(packet);
  }

  /** On behalf of others (ip_forward). */
  private forward(packet: Packet, on: Interface, route: Route | undefined): void {
    const { bytes, network } = packet;
    if (!this.forwarding || packet.linkBroadcast || packet.linkMulticast) return this.refuse();
    if (ipv4.source(bytes, network) === ipv4.ANY || ipv4.isExperimental(ipv4.destination(bytes, network))) {
      return this.refuse();
    }
    if (ipv4.ttl(bytes, network) <= 1) {
      return this.errors.error(packet, icmp.TYPE_TIME_EXCEEDED, icmp.CODE_EXCEEDED_IN_TRANSIT, 0);
    }
    if (route === undefined || route.kind === ROUTE_REJECT) {
      this.refuse();
      const code = route === undefined ? icmp.CODE_UNREACHABLE_NET : icmp.CODE_UNREACHABLE_HOST;
      return this.errors.error(packet, icmp.TYPE_UNREACHABLE, code, 0);
    }
    if (route.kind === ROUTE_BLACKHOLE) return this.refuse();
    route.uses++;
    // The error quotes the packet as it came, so the question is asked before anything is changed.
    if (this.isTooBig(packet, route)) return;
    // What pf has turned round, as NAT64 does on one network, has no better way.
    if (this.sendRedirects && route.on === on && packet.routed === 0) this.redirect(packet, on, route);
    ipv4.decrementTtl(bytes, network);
    if (this.filter.test(packet, route.on, DIRECTION_OUT) !== PASS) return this.counters.count(ips.FILTERED);
    if (this.observer !== undefined) this.observer.forwarded(packet);
    const outcome = this.send(packet, route.on, this.nextHop(packet, route), route.mtu);
    if (outcome === OK) return this.counters.count(ips.FORWARDED);
    this.counters.count(ips.CANNOT_FORWARD);
    // Not when a queue was full: RFC 1812 4.3.3.3 has no source quench any more. TOO_BIG was answered by `send`.
    if (outcome === HOST_DOWN || outcome === NETWORK_DOWN) {
      this.errors.error(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_HOST, 0);
    }
  }

  /** Next hop of a packet by a route: the gateway, or its own destination (which the filter may have changed). */
  private nextHop(packet: Packet, route: Route): Int32Array {
    if (route.gateway !== undefined) return route.gateway;
    this.hop[0] = ipv4.destination(packet.bytes, packet.network);
    if (route.kind === ROUTE_BROADCAST) packet.linkBroadcast = true;
    return this.hop;
  }

  /** Tells a sender on the same network of the better way (RFC 1812 5.2.7.2). */
  private redirect(packet: Packet, on: Interface, route: Route): void {
    const source = ipv4.source(packet.bytes, packet.network);
    const gateway = route.gateway?.[0] ?? ipv4.destination(packet.bytes, packet.network);
    for (const own of on.addresses) {
      if (own.family !== INET || !isOnNetwork(own, source) || !isOnNetwork(own, gateway)) continue;
      this.counters.count(ips.REDIRECTS_SENT);
      this.errors.error(packet, icmp.TYPE_REDIRECT, icmp.CODE_REDIRECT_HOST, gateway);
      return;
    }
  }

  /** Whether a packet that must not be fragmented does not fit the route; the sender is told. */
  private isTooBig(packet: Packet, route: Route): boolean {
    const mtu = route.mtu > 0 ? Math.min(route.mtu, route.on.mtu) : route.on.mtu;
    if (largestPiece(packet) <= mtu || !ipv4.dontFragment(packet.bytes, packet.network)) return false;
    this.counters.count(ips.CANNOT_FRAGMENT);
    this.errors.error(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, mtu);
    return true;
  }

  /**
   * A packet of our own (ip_output): a header at `packet.network` that lacks id and checksum. Routes it, lets the filter see it,
   * sends it. Answers an error of errors.ts.
   */
  output(packet: Packet): number {
    const { bytes, network } = packet;
    this.prepare(packet);
    const destination = ipv4.destination(bytes, network);
    const route = this.routes.lookup4(destination);
    if (route === undefined) {
      this.counters.count(ips.NO_ROUTE);
      return NO_ROUTE;
    }
    if (route.kind === ROUTE_REJECT || route.kind === ROUTE_BLACKHOLE) return NO_ROUTE;
    if (ipv4.source(bytes, network) === ipv4.ANY && !this.fillSource(packet, route)) return NO_ADDRESS;
    route.uses++;
    if (destination === ipv4.BROADCAST) packet.linkBroadcast = true;
    if (this.filter.test(packet, route.on, DIRECTION_OUT) !== PASS) {
      this.counters.count(ips.FILTERED);
      return FILTERED;
    }
    return this.send(packet, route.on, this.nextHop(packet, route), route.mtu);
  }

  /** A packet of ours straight to a group or broadcast address on one interface: no routing (carp, IGMP, DHCP). */
  outputOn(packet: Packet, on: Interface): number {
    const { bytes, network } = packet;
    this.prepare(packet);
    if (this.filter.test(packet, on, DIRECTION_OUT) !== PASS) {
      this.counters.count(ips.FILTERED);
      return FILTERED;
    }
    this.hop[0] = ipv4.destination(bytes, network);
    if (this.hop[0] === ipv4.BROADCAST) packet.linkBroadcast = true;
    return this.send(packet, on, this.hop, 0);
  }

  /** A packet of ours to a host on a network of ours, whatever the routes say of its destination. */
  outputToNeighbor(packet: Packet, nextHop: Int32Array): number {
    this.prepare(packet);
    const route = this.routes.lookup4(nextHop[0]!);
    if (route === undefined || route.kind !== ROUTE_FORWARD || route.gateway !== undefined) {
      this.counters.count(ips.NO_ROUTE);
      return NO_ROUTE;
    }
    if (this.filter.test(packet, route.on, DIRECTION_OUT) !== PASS) {
      this.counters.count(ips.FILTERED);
      return FILTERED;
    }
    this.hop[0] = nextHop[0]!;
    return this.send(packet, route.on, this.hop, route.mtu);
  }

  /** What the header lacks: total length, id, checksum. */
  private prepare(packet: Packet): void {
    const { bytes, network } = packet;
    packet.family = INET;
    this.locateTransport(packet);
    ipv4.setTotalLength(bytes, network, packet.end - network);
    ipv4.setIdentification(bytes, network, this.random.word() & 0xffff);
    ipv4.fillChecksum(bytes, network);
    this.counters.count(ips.LOCAL_OUT);
  }

  private fillSource(packet: Packet, route: Route): boolean {
    const source = this.sourceOn(route, ipv4.destination(packet.bytes, packet.network));
    if (source === ipv4.ANY) return false;
    ipv4.setSource(packet.bytes, packet.network, source);
    ipv4.fillChecksum(packet.bytes, packet.network);
    return true;
  }

  /**
   * Behind the filter: sends the packet to `nextHop` on an interface, in pieces where it has to be. `pathMtu` 0 is the interface's.
   * A forwarded packet that does not fit and must not be fragmented is answered with an ICMP error; TOO_BIG tells the caller.
   */
  send(packet: Packet, on: Interface, nextHop: Int32Array, pathMtu = 0): number {
    // What came in a frame to many, and was routed by the filter, goes on to one.
    if (packet.linkBroadcast && !this.isBroadcast(ipv4.destination(packet.bytes, packet.network))) {
      packet.linkBroadcast = false;
    }
    const mtu = pathMtu > 0 ? Math.min(pathMtu, on.mtu) : on.mtu;
    const length = largestPiece(packet);
    const reassembled = packet.fragmentSize > 0 && length < packet.end - packet.network;
    if (length <= mtu && !reassembled) return on.out.output(packet, on, nextHop);
    if (length > mtu && ipv4.dontFragment(packet.bytes, packet.network)) {
      this.counters.count(ips.CANNOT_FRAGMENT);
      if (packet.receivedOn !== 0) {
        this.errors.error(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, mtu);
      }
      return TOO_BIG;
    }
    return this.fragmenter.send(packet, on, nextHop, Math.min(mtu, length));
  }

  /** One of our unicast addresses. */
  isLocal(address: number): boolean {
    return this.routes.lookup4(address)?.kind === ROUTE_LOCAL;
  }

  /** The directed broadcast address of a network of ours, or that of all networks. */
  isBroadcast(address: number): boolean {
    return address === ipv4.BROADCAST || this.routes.lookup4(address)?.kind === ROUTE_BROADCAST;
  }

  /** The address that a packet of ours to `destination` gets; false when there is no way there. */
  source(destination: Int32Array, into: Int32Array): boolean {
    const route = this.routes.lookup4(destination[0]!);
    if (route === undefined) return false;
    into[0] = this.sourceOn(route, destination[0]!);
    return into[0] !== ipv4.ANY;
  }

  /** The address of ours for packets to `destination` by a route; ANY when its interface has none. */
  sourceOn(route: Route, destination: number): number {
    if (route.kind === ROUTE_LOCAL) return destination;
    return addressFor(route.on, route.gateway?.[0] ?? destination);
  }

  /** The largest packet that is known to fit the way to `destination`; 0 without a way. */
  mtuTo(destination: number): number {
    const route = this.routes.lookup4(destination);
    if (route === undefined) return 0;
    return route.mtu > 0 ? Math.min(route.mtu, route.on.mtu) : route.on.mtu;
  }
}

/** Length of the largest piece that a packet goes in: one of a large segment's, or a fragment as large as those it came in. */
function largestPiece(packet: Packet): number {
  return packet.fragmentSize > 0
    ? Math.min(packet.fragmentSize, packet.end - packet.network)
    : pieceLength(packet);
}
