// SPDX-License-Identifier: ISC
//
// The routing table: what route(8) and `netstat -r` show and set (route(4)).

import type { Address, Family, Prefix } from './address.ts';
import type { Page, PageRequest } from './page.ts';

/** Route flags, letters as netstat(1) prints them, in its order. */
export const ROUTE_FLAGS = {
  up: 'U',
  gateway: 'G',
  host: 'H',
  reject: 'R',
  dynamic: 'D',
  modified: 'M',
  cloning: 'C',
  static: 'S',
  blackhole: 'B',
  linkLayer: 'L',
  local: 'l',
  broadcast: 'b',
} as const;
export type RouteFlag = keyof typeof ROUTE_FLAGS;

export interface RouteInfo {
  readonly destination: Prefix;
  /** Next hop; absent for a connected route. */
  readonly gateway?: Address;
  readonly interface: string;
  readonly flags: readonly RouteFlag[];
  /** Path MTU metric; 0 means that of the interface. */
  readonly mtu: number;
  /** Packets that used it. */
  readonly uses: number;
  readonly label?: string;
  readonly priority: number;
}

export interface RouteCalls {
  'route.list': [PageRequest & { readonly family?: Family }, Page<RouteInfo>];
  'route.get': [{ readonly destination: Address }, RouteInfo & { readonly source?: Address }];
  'route.add': [
    {
      readonly destination: Prefix;
      readonly gateway?: Address;
      /** Connected through this interface, or the scope of a link-local gateway. */
      readonly interface?: string;
      readonly reject?: boolean;
      readonly blackhole?: boolean;
      readonly mtu?: number;
      readonly label?: string;
      /** 1 to 63, the lowest of several routes to one destination is used; absent: 8, as static routes have it. */
      readonly priority?: number;
      /** Replace an existing route to the same destination (`route change`). */
      readonly change?: boolean;
    },
    null,
  ];
  'route.delete': [{ readonly destination: Prefix; readonly gateway?: Address }, null];
  'route.flush': [{ readonly family?: Family }, null];
}

export interface RouteEvents {
  'route.changed': { readonly destination: Prefix; readonly change: 'add' | 'delete' | 'change' };
}
