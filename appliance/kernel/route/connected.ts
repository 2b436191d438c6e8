// SPDX-License-Identifier: ISC
//
// Routes that interface addresses bring with them: the network on the link, the address itself, its broadcast address.

import { addressBits, type Family, INET, INET6, isLinkLocal } from '../../abi/address.ts';
import type { RouteFlag } from '../../abi/route.ts';
import type { Interface, InterfaceAddress } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import {
  PRIORITY_CONNECTED,
  PRIORITY_LOCAL,
  ROUTE_BROADCAST,
  ROUTE_FORWARD,
  ROUTE_LOCAL,
  Route,
  type RouteKind,
  type Routes,
} from './routes.ts';

export class ConnectedRoutes {
  private readonly routes: Routes;
  private readonly byAddress = new Map<InterfaceAddress, Route[]>();

  /** `loopback` tells the interface by which packets to our own addresses go, once it is there. */
  constructor(parts: { routes: Routes; interfaces: Interfaces; loopback: () => Interface }) {
    this.routes = parts.routes;
    parts.interfaces.listen({
      addressAdded: (on, address) => this.add(on, address, parts.loopback()),
      addressRemoved: (on, address) => this.remove(on, address),
      detached: (on) => {
        for (const one of this.routes.list()) if (one.on === on) this.routes.delete(one);
      },
    });
  }

  private add(on: Interface, address: InterfaceAddress, loopback: Interface): void {
    const { family, words, length } = address;
    const host = addressBits(family);
    const made = [
      route(family, words, host, ROUTE_LOCAL, loopback, PRIORITY_LOCAL, ['up', 'host', 'local', 'linkLayer']),
    ];
    // On a loopback nobody else is near: an address stands for itself alone (in_ifinit).
    if (length < host && on.type !== 'loopback') {
      made.push(
        route(family, words, length, ROUTE_FORWARD, on, PRIORITY_CONNECTED + on.priority, ['up', 'cloning']),
      );
    }
    if (address.peer !== undefined) {
      made.push(route(family, address.peer, host, ROUTE_FORWARD, on, PRIORITY_CONNECTED, ['up', 'host']));
    }
    if (family === INET && address.broadcast !== 0) {
      const flags: RouteFlag[] = ['up', 'host', 'broadcast'];
      made.push(route(family, [address.broadcast], host, ROUTE_BROADCAST, on, PRIORITY_LOCAL, flags));
    }
    for (const one of made) this.routes.add(one);
    this.byAddress.set(address, made);
  }

  private remove(on: Interface, address: InterfaceAddress): void {
    for (const one of this.byAddress.get(address) ?? []) this.routes.delete(one);
    this.byAddress.delete(address);
    this.removeUnreachable(on, address.family);
  }

  /** Routes by a gateway that is no neighbour any more go with the address that made it one (rt_ifa_purge). */
  private removeUnreachable(on: Interface, family: Family): void {
    for (const one of this.routes.list()) {
      const { gateway } = one;
      if (one.on !== on || one.family !== family || gateway === undefined) continue;
      if (family === INET6 && isLinkLocal({ family, words: [...gateway] })) continue;
      const via = family === INET ? this.routes.lookup4(gateway[0]!) : this.routes.lookup6(gateway);
      if (via === undefined || via.on !== on || via.gateway !== undefined) this.routes.delete(one);
    }
  }
}

function route(
  family: Family,
  words: ArrayLike<number>,
  length: number,
  kind: RouteKind,
  on: Interface,
  priority: number,
  flags: RouteFlag[],
): Route {
  return new Route({ family, words, length, kind, on, priority, flags });
}
