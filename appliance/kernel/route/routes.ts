// SPDX-License-Identifier: ISC
//
// The routing table of both families (route(4)): destinations, next hops, metrics; the best of several by priority.

import { type Family, INET, maskWord } from '../../abi/address.ts';
import type { RouteFlag } from '../../abi/route.ts';
import type { Interface } from '../link/interface.ts';
import { PrefixTable } from './prefixTable.ts';

/** Priorities of OpenBSD's route.h: the lower goes first. */
export const PRIORITY_LOCAL = 1;
export const PRIORITY_CONNECTED = 4;
export const PRIORITY_STATIC = 8;
export const PRIORITY_MAXIMUM = 63;

/** What becomes of packets that a route takes. */
export const ROUTE_FORWARD = 0;
/** They are for this machine. */
export const ROUTE_LOCAL = 1;
/** The directed broadcast address of a connected network. */
export const ROUTE_BROADCAST = 2;
/** Dropped with an ICMP error. */
export const ROUTE_REJECT = 3;
/** Dropped without a word. */
export const ROUTE_BLACKHOLE = 4;
export type RouteKind = 0 | 1 | 2 | 3 | 4;

/** One route (struct rtentry). */
export class Route {
  readonly family: Family;
  /** One word or four; host bits are zero. */
  readonly words: Int32Array;
  readonly length: number;
  readonly kind: RouteKind;
  readonly on: Interface;
  /** Next hop; undefined when the destination itself is on the link. */
  readonly gateway: Int32Array | undefined;
  readonly priority: number;
  readonly flags: ReadonlySet<RouteFlag>;
  readonly label: string;
  /** Path MTU, 0 for that of the interface. */
  mtu: number;
  uses = 0;
  /** The next best route to the same destination. */
  next: Route | undefined;

  constructor(options: {
    family: Family;
    words: ArrayLike<number>;
    length: number;
    kind: RouteKind;
    on: Interface;
    gateway?: ArrayLike<number> | undefined;
    priority: number;
    flags: Iterable<RouteFlag>;
    label?: string | undefined;
    mtu?: number | undefined;
  }) {
    this.family = options.family;
    this.words = new Int32Array(options.family === INET ? 1 : 4);
    this.words.forEach((_, i) => {
      this.words[i] = options.words[i]! & maskWord(options.length, i);
    });
    this.length = options.length;
    this.kind = options.kind;
    this.on = options.on;
    this.gateway = options.gateway === undefined ? undefined : Int32Array.from(options.gateway);
    this.priority = options.priority;
    this.flags = new Set(options.flags);
    this.label = options.label ?? '';
    this.mtu = options.mtu ?? 0;
  }
}

/** Destinations remembered, a power of two. */
const RECENT = 1_024;

/** What tells one of several routes to a destination from the others. */
export interface RouteDescription {
  readonly gateway?: ArrayLike<number> | undefined;
  readonly on?: Interface;
  readonly kind?: RouteKind;
  readonly flag?: RouteFlag;
}

/** Told after a change. */
export type RouteListener = (route: Route, change: 'add' | 'delete') => void;

export class Routes {
  private readonly tables = { 4: new PrefixTable<Route>(), 6: new PrefixTable<Route>() };
  /** Every route in the order it was added, and the same as a list once somebody asked. */
  private readonly all = new Set<Route>();
  private listed: readonly Route[] | undefined;
  private readonly listeners: RouteListener[] = [];
  /** Routes of IPv4 destinations of late, by their low bits: most packets go where one before them went. */
  private readonly recentDestinations = new Int32Array(RECENT);
  private readonly recentRoutes: (Route | undefined)[] = new Array<Route | undefined>(RECENT).fill(undefined);

  /** The route to an IPv4 address. */
  lookup4(destination: number): Route | undefined {
    const place = destination & (RECENT - 1);
    if (this.recentDestinations[place] === destination) {
      const recent = this.recentRoutes[place];
      if (recent !== undefined) return recent;
    }
    const route = this.tables[4].lookup(destination, 0, 0, 0);
    this.recentDestinations[place] = destination;
    this.recentRoutes[place] = route;
    return route;
  }

  /** The route to an IPv6 address of four words. */
  lookup6(destination: Int32Array): Route | undefined {
    return this.tables[6].lookup(destination[0]!, destination[1]!, destination[2]!, destination[3]!);
  }

  /** The route to exactly this prefix; of several the first that `by` describes. */
  find(
    family: Family,
    words: ArrayLike<number>,
    length: number,
    by: RouteDescription = {},
  ): Route | undefined {
    let route = this.tables[family].get(words, length);
    while (route !== undefined && !matches(route, by)) route = route.next;
    return route;
  }

  get size(): number {
    return this.all.size;
  }

  has(route: Route): boolean {
    return this.all.has(route);
  }

  list(): readonly Route[] {
    this.listed ??= [...this.all];
    return this.listed;
  }

  listen(listener: RouteListener): void {
    this.listeners.push(listener);
  }

  /** Adds a route; of several to one destination the one with the lowest priority number is used, the newest last. */
  add(route: Route): void {
    const table = this.tables[route.family];
    const best = table.get(route.words, route.length);
    if (best === undefined || route.priority < best.priority) {
      route.next = best;
      table.set(route.words, route.length, route);
    } else {
      let before = best;
      while (before.next !== undefined && before.next.priority <= route.priority) before = before.next;
      route.next = before.next;
      before.next = route;
    }
    this.all.add(route);
    this.changed(route, 'add');
  }

  delete(route: Route): void {
    const table = this.tables[route.family];
    const best = table.get(route.words, route.length);
    if (best === route) {
      if (route.next === undefined) table.delete(route.words, route.length);
      else table.set(route.words, route.length, route.next);
    } else {
      let before = best;
      while (before !== undefined && before.next !== route) before = before.next;
      if (before !== undefined) before.next = route.next;
    }
    route.next = undefined;
    this.all.delete(route);
    this.changed(route, 'delete');
  }

  private changed(route: Route, change: 'add' | 'delete'): void {
    this.recentRoutes.fill(undefined);
    this.listed = undefined;
    for (const listener of this.listeners) listener(route, change);
  }
}

function matches(route: Route, by: RouteDescription): boolean {
  if (by.flag !== undefined && !route.flags.has(by.flag)) return false;
  if (by.on !== undefined && route.on !== by.on) return false;
  if (by.kind !== undefined && route.kind !== by.kind) return false;
  if (by.gateway === undefined) return true;
  return route.gateway?.every((word, i) => word === by.gateway![i]) ?? false;
}
