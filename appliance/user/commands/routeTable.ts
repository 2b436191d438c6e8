// SPDX-License-Identifier: ISC
//
// The routing table as `route show` and `netstat -r` lay it out.

import { addressBits, type Family, INET, INET6, isLinkLocal, type Prefix } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import type { KernelClient } from '../../abi/client.ts';
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
const WIDTHS: Readonly<Record<Family, number>> = { 4: 18, 6: 42 };

/** Both families' tables under their headings. */
export function printRoutes(routes: readonly RouteInfo[]): string {
  let text = 'Routing tables\n';
  for (const family of [INET, INET6] as const) {
    const own = routes.filter((route) => route.destination.family === family);
    if (own.length === 0) continue;
    const width = WIDTHS[family];
    text += `\n${TITLES[family]}:\n`;
    text += `${'Destination'.padEnd(width)} ${'Gateway'.padEnd(width)} Flags   Refs      Use   Mtu  Prio Iface\n`;
    for (const route of own) text += `${printRoute(route, width)}\n`;
  }
  return text;
}

function printRoute(route: RouteInfo, width: number): string {
  const flags = (Object.keys(ROUTE_FLAGS) as RouteFlag[])
    .filter((flag) => route.flags.includes(flag))
    .map((flag) => ROUTE_FLAGS[flag])
    .join('');
  const columns = [
    destination(route).padEnd(width),
    gateway(route).padEnd(width),
    flags.padEnd(6),
    '0'.padStart(5),
    String(route.uses).padStart(8),
    (route.mtu > 0 ? String(route.mtu) : '-').padStart(5),
    String(route.priority).padStart(5),
    route.interface.padEnd(5),
  ];
  return columns.join(' ').trimEnd();
}

function destination({ destination: prefix, interface: on }: RouteInfo): string {
  if (prefix.length === 0) return 'default';
  const zone = isLinkLocal(prefix) ? `%${on}` : '';
  const text = prefix.family === INET && prefix.length < 32 ? shortIpv4(prefix) : formatAddress(prefix);
  return prefix.length === addressBits(prefix.family) ? `${text}${zone}` : `${text}${zone}/${prefix.length}`;
}

/** Zero bytes that the prefix does not reach are left out: `10/8`, `192.0.2/24`. */
function shortIpv4(prefix: Prefix): string {
  const bytes = formatAddress(prefix).split('.');
  return bytes.slice(0, Math.max(1, Math.ceil(prefix.length / 8))).join('.');
}

function gateway(route: RouteInfo): string {
  if (route.gateway !== undefined) return formatAddress(route.gateway);
  return route.flags.includes('local') ? route.interface : 'link#';
}
