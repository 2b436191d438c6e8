// SPDX-License-Identifier: ISC
//
// Routes that ICMP brings: the MTU of a path (RFC 1191), a better first hop (RFC 1122 3.2.2.2). Host routes, few, forgotten after a while.

import { INET } from '../../abi/address.ts';
import { SECOND } from '../clock.ts';
import type { Interface } from '../link/interface.ts';
import { PRIORITY_STATIC, ROUTE_FORWARD, Route, type Routes } from '../route/routes.ts';
import { Timeout, type Timeouts } from '../timeout.ts';

/** Ten minutes: then a larger packet is tried again (RFC 1191 6.3). */
const LIFETIME = 600 * SECOND;
const MAXIMUM_ROUTES = 4_096;
/** Before a static route to the same host. */
const PRIORITY = PRIORITY_STATIC - 1;

export class DynamicRoutes4 {
  private readonly routes: Routes;
  private readonly timeouts: Timeouts;
  private readonly kept = new Map<Route, Timeout>();

  constructor(parts: { routes: Routes; timeouts: Timeouts }) {
    this.routes = parts.routes;
    this.timeouts = parts.timeouts;
    this.routes.listen((route, change) => {
      if (change === 'delete') this.forget(route);
    });
  }

  /** The way to `destination` carries no more than `mtu`; false when there is no way, or no room. */
  reduce(destination: number, mtu: number): boolean {
    const via = this.routes.lookup4(destination);
    if (via === undefined || via.kind !== ROUTE_FORWARD) return false;
    const timeout = this.kept.get(via);
    if (timeout === undefined) return this.add(destination, via.on, via.gateway, mtu);
    via.mtu = mtu;
    timeout.set(LIFETIME);
    return true;
  }

  /** A host route through `gateway` (none: the destination is on the link), in place of what was learnt before; false for want of room. */
  add(destination: number, on: Interface, gateway: Int32Array | undefined, mtu: number): boolean {
    const known = this.routes.find(INET, [destination], 32, { flag: 'dynamic' });
    if (known !== undefined) this.routes.delete(known);
    if (this.kept.size >= MAXIMUM_ROUTES) return false;
    const route = new Route({
      family: INET,
      words: [destination],
      length: 32,
      kind: ROUTE_FORWARD,
      on,
      gateway,
      priority: PRIORITY,
      flags: gateway === undefined ? ['up', 'host', 'dynamic'] : ['up', 'gateway', 'host', 'dynamic'],
      mtu,
    });
    const timeout = new Timeout(this.timeouts, () => this.routes.delete(route));
    timeout.set(LIFETIME);
    this.kept.set(route, timeout);
    this.routes.add(route);
    return true;
  }

  private forget(route: Route): void {
    this.kept.get(route)?.clear();
    this.kept.delete(route);
  }
}
