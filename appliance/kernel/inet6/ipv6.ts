// SPDX-License-Identifier: ISC
//
// IPv6 (RFC 8200): input and its checks, forwarding, output (ip6_input.c, ip6_forward.c, ip6_output.c of the original).

import * as ip6s from '../../abi/counters/ip6.ts';
import { IFF_LOOPBACK, IFF_MULTICAST } from '../../abi/interface.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Counters } from '../counters.ts';
import { DIRECTION_IN, DIRECTION_OUT, PASS, PASS_ALL, type PacketFilter } from '../filter.ts';
import type { ForwardObserver } from '../forwardObserver.ts';
import { FILTERED, NO_BUFFERS, NO_ROUTE, OK, TOO_BIG } from '../inet/errors.ts';
import type { Ethernet, EtherProtocol } from '../link/ethernet.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import { pieceLength } from '../link/offload.ts';
import { GSO_NONE, type Packet, type PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import {
  ROUTE_BLACKHOLE,
  ROUTE_FORWARD,
  ROUTE_LOCAL,
  ROUTE_REJECT,
  type Route,
  type Routes,
} from '../route/routes.ts';
import type { Sysctl } from '../sysctl.ts';
import {
  type IcmpErrors,
  NO_ERRORS,
  type RawProtocol,
  type TransportProtocol,
} from '../transport/transport.ts';
import { Fragmenter6 } from './fragmenter6.ts';
import { Groups6 } from './groups6.ts';
import { addressesAllowed, fromUnspecified, Headers6 } from './headers6.ts';
import { readWords } from './icmp6Message.ts';
import { addressOf, LocalAddresses6 } from './local6.ts';
import { processOptions } from './options6.ts';
import { selectSource } from './source6.ts';

/** Who takes a packet that is for this machine: the walk over its headers, reassembly, transports (deliver6.ts). */
export interface Delivery {
  deliver(packet: Packet): void;
}

/** Who tells a sender of a better way: the packet leaves by the interface it came in by (redirect6.ts). */
export interface RedirectSender {
  consider(packet: Packet, on: Interface, route: Route): void;
}

export class Ipv6 implements EtherProtocol {
  readonly protocols: (TransportProtocol | undefined)[] = new Array<TransportProtocol | undefined>(256).fill(
    undefined,
  );
  /** Raw sockets see what is delivered of protocols that have no other user. */
  raw: RawProtocol | undefined;
  filter: PacketFilter = PASS_ALL;
  errors: IcmpErrors = NO_ERRORS;
  delivery: Delivery | undefined;
  redirects: RedirectSender | undefined;
  /** Sees what is forwarded. */
  observer: ForwardObserver | undefined;
  readonly counters = new Counters(ip6s.IP6);
  readonly interfaces: Interfaces;
  readonly routes: Routes;
  readonly local = new LocalAddresses6();
  readonly groups: Groups6;
  /** Settings that packets ask for: whether we are a router, and the hop limit of packets that we make. */
  forwarding = false;
  hops = 64;
  private readonly fragmenter: Fragmenter6;
  private readonly headers = new Headers6(this.counters);
  /** Addresses of the packet at hand, read where they are needed and never relied upon across a call that may send. */
  private readonly destination = new Int32Array(4);
  private readonly outgoing = new Int32Array(4);

  constructor(parts: {
    interfaces: Interfaces;
    ethernet: Ethernet;
    routes: Routes;
    random: Random;
    pool: PacketPool;
    sysctl: Sysctl;
  }) {
    this.interfaces = parts.interfaces;
    this.routes = parts.routes;
    this.groups = new Groups6(parts.ethernet);
    this.fragmenter = new Fragmenter6(parts.pool, parts.random, this.counters);
    parts.sysctl.watch(() => {
      this.forwarding = parts.sysctl.get('net.inet6.ip6.forwarding') !== 0;
      this.hops = parts.sysctl.get('net.inet6.ip6.hlim');
    });
    parts.ethernet.register(ethernet.TYPE_IPV6, this);
  }

  // Input.

  /** Makes bytes at `packet.network` what the filter is handed; false for what is no IPv6 packet. */
  prepareForFilter(packet: Packet): boolean {
    if (ipv6.valid(packet.bytes, packet.network, packet.end) !== ipv6.OK) return false;
    packet.family = 6;
    packet.end = ipv6.payloadAt(packet.network) + ipv6.payloadLength(packet.bytes, packet.network);
    return this.headers.locate(packet, NO_ERRORS);
  }

  /** A packet from the link; `packet.network` is at its header. */
  input(packet: Packet, on: Interface): void {
    this.counters.count(ip6s.RECEIVED);
    const valid = ipv6.valid(packet.bytes, packet.network, packet.end);
    if (valid !== ipv6.OK) return this.counters.count(INVALID[valid]!);
    packet.family = 6;
    packet.end = ipv6.payloadAt(packet.network) + ipv6.payloadLength(packet.bytes, packet.network);
    // What loops back keeps the zone that it was sent in.
    if ((on.flags & IFF_LOOPBACK) === 0 || packet.scope === 0) packet.scope = on.index;
    if (!addressesAllowed(packet.bytes, packet.network, (on.flags & IFF_LOOPBACK) !== 0)) {
      return this.counters.count(ip6s.BAD_SCOPE);
    }
    if (on.share !== undefined && !on.share.isOurs(packet)) return this.counters.count(ip6s.NOT_OUR_SHARE);
    if (!this.headers.locate(packet, this.errors)) return;
    if (this.filter.test(packet, on, DIRECTION_IN) !== PASS) return this.counters.count(ip6s.FILTERED);
    this.reinject(packet, on);
  }

  /** Goes on behind the filter: for us, to be forwarded, or neither. */
  reinject(packet: Packet, on: Interface): void {
    const { bytes, network } = packet;
    if (
      ipv6.nextHeader(bytes, network) === ipv6.NEXT_HOP_BY_HOP &&
      !processOptions(packet, ipv6.payloadAt(network), this.counters, this.errors)
    ) {
      return;
    }
    if (packet.divertedTo !== undefined) return this.deliver(packet);
    const destination = readWords(bytes, ipv6.destinationAt(network), this.destination);
    const w0 = destination[0]!;
    if (ipv6.isMulticast(w0)) return this.inputMulticast(packet, destination);
    if (ipv6.isLinkLocal(w0)) {
      return this.inputLocal(packet, on, destination);
    }
    const route = this.routes.lookup6(destination);
    if (route !== undefined && route.kind === ROUTE_LOCAL) return this.inputLocal(packet, on, destination);
    if (!this.forwarding) return this.counters.count(ip6s.CANNOT_FORWARD);
    this.forward(packet, on, route);
  }

  /** Groups are never forwarded: there is no multicast routing. */
  private inputMulticast(packet: Packet, group: Int32Array): void {
    const zone = this.interfaces.byIndex(packet.scope);
    if (zone === undefined || !this.groups.has(zone, group[0]!, group[1]!, group[2]!, group[3]!)) {
      return this.counters.count(ip6s.NOT_MEMBER);
    }
    this.deliver(packet);
  }

  private inputLocal(packet: Packet, on: Interface, destination: Int32Array): void {
    const local = this.local.find(
      destination[0]!,
      destination[1]!,
      destination[2]!,
      destination[3]!,
      packet.scope,
    );
    // A link-local address of somebody else: never forwarded (RFC 4291 2.5.6).
    if (local === undefined) return this.counters.count(ip6s.CANNOT_FORWARD);
    if (local.address.state !== 'preferred') return this.counters.count(ip6s.NOT_USABLE);
    if (!this.acceptsOn(on, local.on)) return this.counters.count(ip6s.WRONG_INTERFACE);
    this.deliver(packet);
  }

  /**
   * A router takes packets for any of its addresses on any interface; a host only on the one that has the address
   * (RFC 1122 3.3.4.2's strong model), but for those of loopback, which exist to be reached from everywhere.
   */
  private acceptsOn(on: Interface, holder: Interface): boolean {
    return (
      on === holder ||
      this.forwarding ||
      (holder.flags & IFF_LOOPBACK) !== 0 ||
      (on.flags & IFF_LOOPBACK) !== 0
    );
  }

  private deliver(packet: Packet): void {
    this.counters.count(ip6s.DELIVERED);
    this.delivery?.deliver(packet);
  }

  // Forwarding.

  private forward(packet: Packet, on: Interface, route: Route | undefined): void {
    const { bytes, network } = packet;
    if (packet.linkBroadcast || packet.linkMulticast || fromUnspecified(bytes, network)) {
      return this.counters.count(ip6s.CANNOT_FORWARD);
    }
    if (ipv6.hopLimit(bytes, network) <= 1) {
      return this.errors.error(packet, icmp6.TYPE_TIME_EXCEEDED, icmp6.CODE_EXCEEDED_IN_TRANSIT, 0);
    }
    if (route === undefined || route.kind !== 0) return this.forwardNowhere(packet, route);
    const out = route.on;
    if (out !== on && ipv6.isLinkLocal(ipv6.sourceWord(bytes, network, 0))) {
      this.counters.count(ip6s.BAD_SCOPE);
      return this.unreachable(packet, icmp6.CODE_UNREACHABLE_BEYOND_SCOPE);
    }
    if (out === on && packet.routed === 0) this.redirects?.consider(packet, on, route);
    route.uses++;
    ipv6.setHopLimit(bytes, network, ipv6.hopLimit(bytes, network) - 1);
    if (this.filter.test(packet, out, DIRECTION_OUT) !== PASS) return this.counters.count(ip6s.FILTERED);
    if (this.observer !== undefined) this.observer.forwarded(packet);
    const nextHop = route.gateway ?? readWords(bytes, ipv6.destinationAt(packet.network), this.destination);
    const outcome = this.transmit(packet, out, nextHop, out.mtu);
    if (outcome === OK) this.counters.count(ip6s.FORWARDED);
    else this.forwardFailed(packet, out, outcome);
  }

  private forwardNowhere(packet: Packet, route: Route | undefined): void {
    if (route === undefined) {
      this.counters.count(ip6s.CANNOT_FORWARD);
      return this.unreachable(packet, icmp6.CODE_UNREACHABLE_NO_ROUTE);
    }
    route.uses++;
    if (route.kind === ROUTE_BLACKHOLE) return this.counters.count(ip6s.BLACKHOLED);
    this.counters.count(ip6s.CANNOT_FORWARD);
    this.unreachable(packet, icmp6.CODE_UNREACHABLE_ADDRESS);
  }

  /** The sender is told, about the packet as it was before its hop here; not when a queue was full. */
  private forwardFailed(packet: Packet, out: Interface, outcome: number): void {
    if (outcome === NO_BUFFERS) return this.counters.count(ip6s.NO_BUFFERS);
    this.counters.count(ip6s.CANNOT_FORWARD);
    const { bytes, network } = packet;
    ipv6.setHopLimit(bytes, network, ipv6.hopLimit(bytes, network) + 1);
    if (outcome === TOO_BIG) this.tooBig(packet, out.mtu);
    else this.unreachable(packet, icmp6.CODE_UNREACHABLE_ADDRESS);
  }

  private tooBig(packet: Packet, mtu: number): void {
    this.errors.error(packet, icmp6.TYPE_PACKET_TOO_BIG, 0, mtu);
  }

  private unreachable(packet: Packet, code: number): void {
    this.errors.error(packet, icmp6.TYPE_UNREACHABLE, code, 0);
  }

  // Output.

  /**
   * A packet of our own (ip6_output): a header at `packet.network` that lacks only its payload length. Routes it, lets the filter
   * see it, sends it, in fragments where the path wants that. A link-local or multicast destination is meant on the link of
   * interface `packet.scope`. Answers an error of inet/errors.ts.
   */
  output(packet: Packet): number {
    const destination = readWords(packet.bytes, ipv6.destinationAt(packet.network), this.outgoing);
    packet.family = 6;
    if (ipv6.isMulticast(destination[0]!) || ipv6.isLinkLocal(destination[0]!)) {
      return this.outputScoped(packet, destination);
    }
    const route = this.routes.lookup6(destination);
    if (route === undefined || route.kind === ROUTE_REJECT) {
      this.counters.count(ip6s.NO_ROUTE);
      return NO_ROUTE;
    }
    route.uses++;
    if (route.kind === ROUTE_LOCAL) return this.outputLocal(packet, destination);
    if (route.kind === ROUTE_BLACKHOLE) {
      this.counters.count(ip6s.BLACKHOLED);
      return OK;
    }
    return this.outputVia(packet, route.on, route.gateway ?? destination, mtuOf(route));
  }

  /** Sends a packet of ours by a given interface to a next hop on its link, through the filter. */
  outputOn(packet: Packet, on: Interface, nextHop: Int32Array): number {
    packet.family = 6;
    packet.scope = on.index;
    return this.outputVia(packet, on, nextHop, on.mtu);
  }

  /** A packet of ours to a host on a network of ours, whatever the routes say of its destination. */
  outputToNeighbor(packet: Packet, nextHop: Int32Array): number {
    const route = this.routes.lookup6(nextHop);
    if (route === undefined || route.kind !== ROUTE_FORWARD || route.gateway !== undefined) {
      this.counters.count(ip6s.NO_ROUTE);
      return NO_ROUTE;
    }
    return this.outputOn(packet, route.on, nextHop);
  }

  /**
   * Makes an answer of a packet that came in, header rewritten: nothing of how it arrived counts any more, but the link that it
   * came by. Then as `output`.
   */
  reply(packet: Packet): number {
    packet.linkBroadcast = false;
    packet.linkMulticast = false;
    packet.clearOffload();
    packet.clearMarks();
    return this.output(packet);
  }

  private outputScoped(packet: Packet, destination: Int32Array): number {
    const on = this.interfaces.byIndex(packet.scope) ?? this.defaultLink(destination);
    if (on === undefined) {
      this.counters.count(ip6s.NO_ROUTE);
      return NO_ROUTE;
    }
    packet.scope = on.index;
    if (!ipv6.isMulticast(destination[0]!) && addressOf(on, destination) !== undefined) {
      return this.outputLocal(packet, destination);
    }
    return this.outputVia(packet, on, destination, on.mtu);
  }

  private outputLocal(packet: Packet, destination: Int32Array): number {
    for (const on of this.interfaces) {
      if (on.type === 'loopback') return this.outputVia(packet, on, destination, on.mtu);
    }
    this.counters.count(ip6s.NO_ROUTE);
    return NO_ROUTE;
  }

  private outputVia(packet: Packet, on: Interface, nextHop: Int32Array, mtu: number): number {
    packet.receivedOn = 0;
    this.counters.count(ip6s.LOCAL_OUT);
    ipv6.setPayloadLength(packet.bytes, packet.network, packet.end - ipv6.payloadAt(packet.network));
    if (!this.headers.locate(packet, this.errors)) return NO_BUFFERS;
    if (this.filter.test(packet, on, DIRECTION_OUT) !== PASS) {
      this.counters.count(ip6s.FILTERED);
      return FILTERED;
    }
    return this.transmit(packet, on, nextHop, mtu);
  }

  /**
   * The link that a packet to a group (or to a link-local address of ours) is meant on when nobody said: that of the address, or
   * of the default route, or the first that can do it.
   */
  private defaultLink(destination: Int32Array): Interface | undefined {
    if (!ipv6.isMulticast(destination[0]!)) return this.holderOf(destination);
    const route = this.routes.find(6, UNSPECIFIED, 0);
    if (route !== undefined && route.kind === 0) return route.on;
    for (const on of this.interfaces) {
      if (on.running && (on.flags & (IFF_MULTICAST | IFF_LOOPBACK)) === IFF_MULTICAST) return on;
    }
    return undefined;
  }

  private holderOf(words: Int32Array): Interface | undefined {
    for (const on of this.interfaces) if (addressOf(on, words) !== undefined) return on;
    return undefined;
  }

  /**
   * Behind the filter: sends the packet to `nextHop` on an interface. `pathMtu` 0 is the interface's. Somebody else's packet
   * that does not fit is answered with an ICMP error; TOO_BIG tells the caller.
   */
  send(packet: Packet, on: Interface, nextHop: Int32Array, pathMtu = 0): number {
    const mtu = pathMtu > 0 ? Math.min(pathMtu, on.mtu) : on.mtu;
    const outcome = this.transmit(packet, on, nextHop, mtu);
    if (outcome === TOO_BIG && packet.receivedOn !== 0) this.tooBig(packet, mtu);
    return outcome;
  }

  /**
   * Its size, or that of one segment, must fit the MTU. Packets of ours are fragmented, as are those that reassembly put
   * together (in pieces as large as they came in); all others are TOO_BIG: routers do not fragment (RFC 8200 5).
   */
  private transmit(packet: Packet, on: Interface, nextHop: Int32Array, mtu: number): number {
    if (packet.fragmentSize > 0) {
      if (packet.fragmentSize > mtu) return TOO_BIG;
      return this.fragmenter.send(packet, on, nextHop, packet.fragmentSize);
    }
    if (pieceLength(packet) <= mtu) return on.out.output(packet, on, nextHop);
    if (packet.receivedOn !== 0 || packet.gsoType !== GSO_NONE) {
      this.counters.count(ip6s.CANNOT_FRAGMENT);
      return TOO_BIG;
    }
    return this.fragmenter.send(packet, on, nextHop, mtu);
  }

  // What transports and others ask.

  /** Whether this is one of our unicast addresses, usable now. `zone` is the interface index of a link-local one, 0 any. */
  isLocal(words: Int32Array, zone = 0): boolean {
    return this.localAddress(words, zone)?.state === 'preferred';
  }

  private localAddress(words: Int32Array, zone: number) {
    if (zone === 0 && ipv6.isLinkLocal(words[0]!)) {
      const holder = this.holderOf(words);
      return holder === undefined ? undefined : addressOf(holder, words);
    }
    return this.local.find(words[0]!, words[1]!, words[2]!, words[3]!, zone)?.address;
  }

  /** The address of ours that a packet to `destination` gets, into `into`; false when there is no way or no address. */
  source(destination: Int32Array, into: Int32Array, zone = 0): boolean {
    if (this.isLocal(destination, zone)) {
      into.set(destination);
      return true;
    }
    const on = this.wayTo(destination, zone);
    return on !== undefined && this.sourceOn(on, destination, into);
  }

  /** As `source` for a packet that leaves by `on`. */
  sourceOn(on: Interface, destination: Int32Array, into: Int32Array): boolean {
    const local = selectSource(this.interfaces, on, destination);
    if (local === undefined) return false;
    into.set(local.address.words);
    return true;
  }

  /**
   * The source of an answer to `destination`, into `into`: the address that was asked when it is one of ours, and not anycast
   * (RFC 4443 2.2).
   */
  replySource(asked: Int32Array, destination: Int32Array, zone: number, into: Int32Array): boolean {
    const own = this.localAddress(asked, zone);
    if (own === undefined || own.state !== 'preferred' || own.anycast) {
      return this.source(destination, into, zone);
    }
    into.set(asked);
    return true;
  }

  /** The interface that packets to `destination` leave by. */
  private wayTo(destination: Int32Array, zone: number): Interface | undefined {
    if (ipv6.isMulticast(destination[0]!) || ipv6.isLinkLocal(destination[0]!)) {
      return this.interfaces.byIndex(zone) ?? this.defaultLink(destination);
    }
    const route = this.routes.lookup6(destination);
    return route === undefined || route.kind === ROUTE_REJECT ? undefined : route.on;
  }

  /** The largest packet that the way to `destination` is known to carry, 0 when there is none. */
  mtuTo(destination: Int32Array, zone = 0): number {
    const on = this.wayTo(destination, zone);
    if (on === undefined) return 0;
    if (ipv6.isMulticast(destination[0]!) || ipv6.isLinkLocal(destination[0]!)) return on.mtu;
    const route = this.routes.lookup6(destination);
    return route === undefined ? 0 : mtuOf(route);
  }
}

function mtuOf(route: Route): number {
  return route.mtu > 0 ? Math.min(route.mtu, route.on.mtu) : route.on.mtu;
}

/** What fails `ipv6.valid`, by its answers. */
const INVALID: readonly number[] = [0, ip6s.TOO_SMALL, ip6s.BAD_VERSION, ip6s.TOO_SHORT];

const UNSPECIFIED = new Int32Array(4);
