// SPDX-License-Identifier: ISC
//
// What route(8) and netstat(1) ask of the kernel: listing routes, adding and deleting them.

import {
  type Address,
  addressBits,
  type Family,
  INET,
  isLinkLocal,
  network,
  type Prefix,
} from '../../abi/address.ts';
import type { Handlers, KernelEvent } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { RouteCalls, RouteFlag, RouteInfo } from '../../abi/route.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import {
  PRIORITY_MAXIMUM,
  PRIORITY_STATIC,
  ROUTE_BLACKHOLE,
  ROUTE_FORWARD,
  ROUTE_LOCAL,
  ROUTE_REJECT,
  Route,
  type Routes,
} from './routes.ts';

/** Routes in one page of a listing. */
const PAGE = 512;
/** Static routes at most. */
const MAXIMUM_ROUTES = 1_000_000;

/** Chooses the source address of packets of ours. */
export interface SourceSelector {
  source(destination: Int32Array, into: Int32Array): boolean;
}

export class RouteHandlers {
  private readonly routes: Routes;
  private readonly interfaces: Interfaces;
  private readonly sources: { readonly 4: SourceSelector; readonly 6: SourceSelector };

  constructor(parts: {
    routes: Routes;
    interfaces: Interfaces;
    sources: { readonly 4: SourceSelector; readonly 6: SourceSelector };
    emit: (event: KernelEvent) => void;
  }) {
    this.routes = parts.routes;
    this.interfaces = parts.interfaces;
    this.sources = parts.sources;
    this.routes.listen((route, change) => {
      if (isDefault(route)) this.updateEgress(route.on);
      parts.emit({ event: 'route.changed', data: { destination: prefixOf(route), change } });
    });
  }

  readonly calls: Handlers<RouteCalls> = {
    'route.list': ({ cursor, family }) => {
      const all = this.routes.list().filter((route) => family === undefined || route.family === family);
      const items = all.slice(cursor, cursor + PAGE).map(describe);
      return cursor + PAGE < all.length ? { items, next: cursor + PAGE } : { items };
    },
    'route.get': ({ destination }) => {
      const route = this.lookup(destination);
      if (route === undefined) throw new CallError('ESRCH', 'not in table');
      const source = new Int32Array(destination.family === INET ? 1 : 4);
      const found = this.sources[destination.family].source(Int32Array.from(destination.words), source);
      return {
        ...describe(route),
        ...(found ? { source: { family: destination.family, words: [...source] } } : {}),
      };
    },
    'route.add': (request) => {
      this.add(request);
      return null;
    },
    'route.delete': ({ destination, gateway }) => {
      const { family, words, length } = network(destination);
      const route = this.routes.find(family, words, length, { gateway: gateway?.words, flag: 'static' });
      if (route === undefined) throw new CallError('ESRCH', 'not in table');
      this.routes.delete(route);
      return null;
    },
    'route.flush': ({ family }) => {
      for (const route of this.routes.list()) {
        if (family !== undefined && route.family !== family) continue;
        if (route.flags.has('static') || route.flags.has('dynamic')) this.routes.delete(route);
      }
      return null;
    },
  };

  private lookup(destination: Address): Route | undefined {
    if (destination.family === INET) return this.routes.lookup4(destination.words[0]!);
    return this.routes.lookup6(Int32Array.from(destination.words));
  }

  private add(request: RouteCalls['route.add'][0]): void {
    const { family, words, length } = network(request.destination);
    if (words.length !== (family === INET ? 1 : 4) || !(length >= 0 && length <= addressBits(family))) {
      throw new CallError('EINVAL', 'not a destination');
    }
    const priority = request.priority ?? PRIORITY_STATIC;
    if (!(priority >= 1 && priority <= PRIORITY_MAXIMUM)) throw new CallError('EINVAL', 'not a priority');
    if (request.gateway !== undefined && request.gateway.family !== family)
      throw new CallError('EAFNOSUPPORT');
    const gateway = request.change ? undefined : request.gateway?.words;
    const old = this.routes.find(family, words, length, { gateway, flag: 'static' });
    if (old !== undefined && !request.change) throw new CallError('EEXIST', 'route exists');
    if (old === undefined && request.change) throw new CallError('ESRCH', 'not in table');
    if (this.routes.size >= MAXIMUM_ROUTES) throw new CallError('ENOBUFS');
    const on = this.interfaceOf(request, family);
    const flags: RouteFlag[] = ['up', 'static'];
    if (request.gateway !== undefined) flags.push('gateway');
    if (length === addressBits(family)) flags.push('host');
    if (request.reject) flags.push('reject');
    if (request.blackhole) flags.push('blackhole');
    const route = new Route({
      family,
      words,
      length,
      kind: request.reject ? ROUTE_REJECT : request.blackhole ? ROUTE_BLACKHOLE : ROUTE_FORWARD,
      on,
      gateway: request.gateway?.words,
      priority,
      flags,
      label: request.label,
      mtu: request.mtu,
    });
    if (old !== undefined) this.routes.delete(old);
    this.routes.add(route);
  }

  /** The interface whose link the gateway is on; ENETUNREACH when there is none. */
  private interfaceOf(request: RouteCalls['route.add'][0], family: Family): Interface {
    if (request.interface !== undefined) return this.interfaces.get(request.interface);
    const { gateway } = request;
    if (gateway === undefined) {
      if (request.reject || request.blackhole) return this.interfaces.get('lo0');
      throw new CallError('EINVAL', 'a route needs a gateway or an interface');
    }
    if (isLinkLocal(gateway)) throw new CallError('EINVAL', 'a link-local gateway needs its interface (%IF)');
    const via = this.lookup({ ...gateway, family });
    if (via === undefined || (via.gateway !== undefined && via.kind !== ROUTE_LOCAL))
      throw new CallError('ENETUNREACH');
    if (via.kind === ROUTE_REJECT || via.kind === ROUTE_BLACKHOLE) throw new CallError('ENETUNREACH');
    return via.on;
  }

  /** Group egress: the interfaces that a default route leaves by (ifconfig(8)). */
  private updateEgress(on: Interface): void {
    const holds = this.routes.list().some((route) => route.on === on && isDefault(route));
    if (on.groups.includes('egress') !== holds) this.interfaces.setGroup(on, 'egress', holds);
  }
}

function isDefault(route: Route): boolean {
  return route.length === 0 && route.kind === ROUTE_FORWARD;
}

function prefixOf(route: Route): Prefix {
  return { family: route.family, words: [...route.words], length: route.length };
}

function describe(route: Route): RouteInfo {
  return {
    destination: prefixOf(route),
    ...(route.gateway === undefined ? {} : { gateway: { family: route.family, words: [...route.gateway] } }),
    interface: route.on.name,
    flags: [...route.flags],
    mtu: route.mtu,
    uses: route.uses,
    ...(route.label === '' ? {} : { label: route.label }),
    priority: route.priority,
  };
}
