// SPDX-License-Identifier: ISC
//
// The routing table as `route show` and `netstat -r` lay it out.

import {
  addressBits,
  contains,
  type Family,
  INET,
  INET6,
  isLinkLocal,
  type Prefix,
  sameAddress,
} from '../../abi/address.ts';
import { formatAddress, formatLinkAddress } from '../../abi/addressText.ts';
import type { KernelClient } from '../../abi/client.ts';
import type { InterfaceInfo } from '../../abi/interface.ts';
import { ROUTE_FLAGS, type RouteFlag, type RouteInfo } from '../../abi/route.ts';

/** Every route, page by page, sorted as the original's walk of its tree: by address, shorter prefixes first. */
export async function listRoutes(kernel: KernelClient, family?: Family): Promise<RouteInfo[]> {
  const routes: RouteInfo[] = [];
  let cursor: number | undefined = 0;
  while (cursor !== undefined) {
    const page: { items: readonly RouteInfo[]; next?: number } = await kernel.call('route.list', {
      cursor,
      ...(family === undefined ? {} : { family }),
    });
    routes.push(...page.items);
    cursor = page.next;
  }
  return routes.sort((a, b) => compare(a.destination, b.destination) || a.priority - b.priority);
}

function compare(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let i = 0; i < a.words.length; i++) {
    const difference = (a.words[i]! >>> 0) - (b.words[i]! >>> 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const TITLES: Readonly<Record<Family, string>> = { 4: 'Internet', 6: 'Internet6' };
/** Of the columns Destination and Gateway. */
const WIDTHS: Readonly<Record<Family, readonly [number, number]>> = { 4: [18, 18], 6: [34, 30] };

/** Both families' tables under their headings. */
export function printRoutes(routes: readonly RouteInfo[], interfaces: readonly InterfaceInfo[]): string {
  let text = 'Routing tables\n';
  for (const family of [INET, INET6] as const) {
    const own = routes.filter((route) => route.destination.family === family);
    if (own.length === 0) continue;
    const [wide, narrow] = WIDTHS[family];
    text += `\n${TITLES[family]}:\n`;
    text += `${'Destination'.padEnd(wide)} ${'Gateway'.padEnd(narrow)} Flags   Refs      Use   Mtu  Prio Iface\n`;
    for (const route of own) text += `${printRoute(route, interfaces)}\n`;
  }
  return text;
}

function printRoute(route: RouteInfo, interfaces: readonly InterfaceInfo[]): string {
  const on = interfaceOf(route, interfaces);
  const [wide, narrow] = WIDTHS[route.destination.family];
  const mtu = route.mtu > 0 ? route.mtu : on?.type === 'loopback' ? on.mtu : undefined;
  const columns = [
    destination(route, on).padEnd(wide),
    gateway(route, on).padEnd(narrow),
    flags(route).padEnd(6),
    '0'.padStart(5),
    String(route.uses).padStart(8),
    (mtu === undefined ? '-' : String(mtu)).padStart(5),
    String(route.priority).padStart(5),
    (on?.name ?? route.interface).padEnd(5),
  ];
  return columns.join(' ').trimEnd();
}

/** Letters in the original's order; `n` is what it calls a connected route. */
function flags(route: RouteInfo): string {
  const letters = (Object.keys(ROUTE_FLAGS) as RouteFlag[])
    .filter((flag) => route.flags.includes(flag))
    .map((flag) => ROUTE_FLAGS[flag]);
  return `${letters.join('')}${route.flags.includes('cloning') ? 'n' : ''}`;
}

/** A route to an address of ours is shown on the interface that has the address. */
function interfaceOf(route: RouteInfo, interfaces: readonly InterfaceInfo[]): InterfaceInfo | undefined {
  const holder = route.flags.includes('local')
    ? interfaces.find((one) => one.addresses.some((address) => sameAddress(address, route.destination)))
    : undefined;
  return holder ?? interfaces.find((one) => one.name === route.interface);
}

function destination({ destination: prefix }: RouteInfo, on: InterfaceInfo | undefined): string {
  if (prefix.length === 0) return 'default';
  const zone = isLinkLocal(prefix) ? `%${on?.name}` : '';
  const text = prefix.family === INET && prefix.length < 32 ? shortIpv4(prefix) : formatAddress(prefix);
  return prefix.length === addressBits(prefix.family) ? `${text}${zone}` : `${text}${zone}/${prefix.length}`;
}

/** Zero bytes that the prefix does not reach are left out: `10/8`, `192.0.2/24`. */
function shortIpv4(prefix: Prefix): string {
  const bytes = formatAddress(prefix).split('.');
  return bytes.slice(0, Math.max(1, Math.ceil(prefix.length / 8))).join('.');
}

/** The next hop; where there is none, what the original has there: an address of ours in that network, or our link address. */
function gateway(route: RouteInfo, on: InterfaceInfo | undefined): string {
  const zoned = (address: Prefix) => `${formatAddress(address)}${isLinkLocal(address) ? `%${on?.name}` : ''}`;
  if (route.gateway !== undefined) return zoned({ ...route.gateway, length: 0 });
  if (on === undefined) return route.interface;
  if (route.flags.includes('local')) {
    return on.linkAddress === undefined ? zoned(route.destination) : formatLinkAddress(on.linkAddress);
  }
  const own = on.addresses.find((address) =>
    route.flags.includes('broadcast')
      ? address.broadcast !== undefined && sameAddress(address.broadcast, route.destination)
      : contains(route.destination, address),
  );
  return own === undefined ? `link#${on.index}` : zoned(own);
}
