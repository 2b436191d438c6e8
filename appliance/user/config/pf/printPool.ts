// SPDX-License-Identifier: ISC
//
// Pools of a rule as pfctl(8) prints them: addresses, ports, and how one of them is chosen.

import { type Family, isUnspecified } from '../../../abi/address.ts';
import { NAT_PORT_HIGH, NAT_PORT_LOW } from '../../../abi/names.ts';
import type { Pool, PoolEntry } from '../../../abi/rule.ts';
import { formatPfHost } from './printAddress.ts';

/** A pool with its ports and the way one of its addresses is chosen. */
export function poolText(pool: Pool, family: Family | undefined, rdr: boolean): string {
  const ports = rdr ? rdrPorts(pool) : natPorts(pool);
  const { staticPort, portSet } = pool;
  const set = portSet === undefined ? '' : ` map-e-portset ${portSet.offset}/${portSet.length}/${portSet.id}`;
  return `${poolEntries(pool, family)}${ports}${poolWords(pool)}${staticPort ? ' static-port' : ''}${set}`;
}

/** One address, or all of them in braces. */
export function poolEntries(pool: Pool, family: Family | undefined): string {
  const texts = pool.entries.map((entry) => entryText(entry, family));
  return texts.length === 1 ? texts[0]! : `{ ${texts.join(', ')} }`;
}

function entryText(entry: PoolEntry, family: Family | undefined): string {
  const { address } = entry;
  const weight = entry.weight === undefined ? '' : ` weight ${entry.weight}`;
  const unset = address.kind === 'any' || (address.kind === 'prefix' && isUnspecified(address.prefix));
  if (entry.interface === undefined) return formatPfHost(address, family) + weight;
  return unset ? entry.interface : `(${entry.interface} ${formatPfHost(address, family)})`;
}

function natPorts({ ports }: Pool): string {
  if (ports === undefined || (ports.low === NAT_PORT_LOW && ports.high === NAT_PORT_HIGH)) return '';
  return ports.low === ports.high ? ` port ${ports.low}` : ` port ${ports.low}:${ports.high}`;
}

function rdrPorts({ ports }: Pool): string {
  if (ports === undefined || ports.low === 0) return '';
  return ports.high === ports.low || ports.high === 0
    ? ` port ${ports.low}`
    : ` port ${ports.low}:${ports.high}`;
}

/** The type of the pool and its options. */
export function poolWords(pool: Pool): string {
  const words = [
    pool.stickyAddress && ' sticky-address',
    pool.endpointIndependent && ' endpoint-independent',
    pool.preferIpv6 && ' prefer-ipv6-nexthop',
  ];
  const others = words.filter(Boolean).join('');
  if (pool.type === undefined) return others;
  const key = (pool.key ?? []).map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  return ` ${pool.type}${pool.type === 'source-hash' ? ` 0x${key}` : ''}${others}`;
}
