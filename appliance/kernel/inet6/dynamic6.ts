// SPDX-License-Identifier: ISC
//
// Routes that ICMPv6 brings: the MTU of a path (RFC 8201), a better first hop (RFC 4861 8.3). Host routes, few, forgotten after a while.

import { INET6 } from '../../abi/address.ts';
import * as icmp6s from '../../abi/counters/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { SECOND } from '../clock.ts';
import type { Interface } from '../link/interface.ts';
import { PRIORITY_STATIC, ROUTE_FORWARD, Route, type Routes } from '../route/routes.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import type { Icmp6 } from './icmp6.ts';
import type { Ipv6 } from './ipv6.ts';

/** Ten minutes: then a larger packet is tried again (RFC 8201 4). */
const LIFETIME = 600 * SECOND;
const MAXIMUM_ROUTES = 4_096;

export class DynamicRoutes6 {
  private readonly ip: Ipv6;
  private readonly icmp: Icmp6;
  private readonly routes: Routes;
  private readonly timeouts: Timeouts;
  private readonly kept = new Map<Route, Timeout>();

  constructor(parts: { ip: Ipv6; icmp: Icmp6; timeouts: Timeouts }) {
    this.ip = parts.ip;
    this.icmp = parts.icmp;
    this.routes = parts.ip.routes;
    this.timeouts = parts.timeouts;
    this.icmp.pathMtu = (destination, mtu) => this.reduce(destination, mtu);
    this.routes.listen((route, change) => {
      if (change === 'delete') this.forget(route);
    });
  }

  /** A path carries no more than `mtu`, which is at least 1280. Link-local destinations have no path. */
  private reduce(destination: Int32Array, mtu: number): void {
    const via = this.routes.lookup6(destination);
    if (via === undefined || via.kind !== ROUTE_FORWARD || ipv6.isLinkLocal(destination[0]!)) return;
    if (mtu >= this.ip.mtuTo(destination)) return;
    this.icmp.counters.count(icmp6s.PATH_MTU_CHANGES);
    if (this.kept.has(via)) {
      via.mtu = mtu;
      this.kept.get(via)!.set(LIFETIME);
    } else {
      this.add(destination, via.on, via.gateway, mtu);
    }
  }

  /** A host route through `gateway` (none: the destination is on the link); replaces what was learnt before. */
  add(destination: Int32Array, on: Interface, gateway: Int32Array | undefined, mtu: number): void {
    const known = this.routes.find(INET6, destination, 128);
    if (known !== undefined && this.kept.has(known)) this.routes.delete(known);
    if (this.kept.size >= MAXIMUM_ROUTES) return;
    const route = new Route({
      family: INET6,
      words: destination,
      length: 128,
      kind: ROUTE_FORWARD,
      on,
      gateway,
      priority: PRIORITY_STATIC,
      flags: gateway === undefined ? ['up', 'host', 'dynamic'] : ['up', 'gateway', 'host', 'dynamic'],
      mtu,
    });
    const timeout = new Timeout(this.timeouts, () => this.routes.delete(route));
    timeout.set(LIFETIME);
    this.kept.set(route, timeout);
    this.routes.add(route);
  }

  private forget(route: Route): void {
    this.kept.get(route)?.clear();
    this.kept.delete(route);
  }
}
