// SPDX-License-Identifier: ISC
//
// The neighbour cache as ndp(8) sees and sets it.

import { type Address, INET6, type LinkAddress } from '../../abi/address.ts';
import { CallError } from '../../abi/errno.ts';
import type { Neighbor as NeighborInfo, NeighborState } from '../../abi/neighbor.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { type Clock, SECOND } from '../clock.ts';
import type { Interfaces } from '../link/interfaces.ts';
import { linkAddress } from '../link/linkAddress.ts';
import { isOnLink } from './local6.ts';
import type { Nd6 } from './nd6.ts';
import { INCOMPLETE, type Neighbor, PERMANENT, REACHABLE } from './neighbors6.ts';

/** By the numbers of neighbors6.ts. */
const STATES: readonly NeighborState[] = ['incomplete', 'reachable', 'stale', 'delay', 'probe', 'permanent'];

export class NdTable {
  private readonly interfaces: Interfaces;
  private readonly cache: Nd6;
  private readonly clock: Clock;

  constructor(parts: { interfaces: Interfaces; cache: Nd6; clock: Clock }) {
    this.interfaces = parts.interfaces;
    this.cache = parts.cache;
    this.clock = parts.clock;
  }

  /** Our own addresses first, then what the cache holds. */
  list(): NeighborInfo[] {
    const own = [...this.interfaces].flatMap((on) =>
      on.type === 'loopback'
        ? []
        : on.addresses
            .filter((address) => address.family === INET6)
            .map(
              (address): NeighborInfo => ({
                address: { family: INET6, words: [...address.words] },
                interface: on.name,
                linkAddress: [...on.linkAddress],
                state: 'local',
              }),
            ),
    );
    return [...own, ...this.cache.neighbors.all().map((entry) => this.describe(entry))];
  }

  private describe(entry: Neighbor): NeighborInfo {
    const until =
      entry.state === REACHABLE
        ? Math.max(entry.reachableUntil, entry.timeout.deadline)
        : entry.timeout.deadline;
    return {
      address: { family: INET6, words: [...entry.words] },
      interface: entry.on.name,
      ...(entry.state === INCOMPLETE ? {} : { linkAddress: linkAddress(entry.linkHigh, entry.linkLow) }),
      state: STATES[entry.state]!,
      router: entry.router,
      ...(entry.state === PERMANENT ? {} : { expires: Math.ceil((until - this.clock.now) / SECOND) }),
    };
  }

  set(address: Address, link: LinkAddress, temporary: boolean): void {
    const words = Int32Array.from(address.words);
    const on = [...this.interfaces].find((one) => one.type !== 'loopback' && isOnLink(one, words));
    if (on === undefined) throw new CallError('ENETUNREACH', 'cannot intuit interface index and type');
    const bytes = Uint8Array.from(link);
    const high = ethernet.addressHigh(bytes, 0);
    if (!this.cache.set(on, words, high, ethernet.addressLow(bytes, 0), temporary))
      throw new CallError('ENOBUFS');
  }

  delete(address: Address): void {
    const found = this.cache.neighbors
      .all()
      .filter((entry) => entry.words.every((word, i) => word === address.words[i]));
    if (found.length === 0) throw new CallError('ENOENT', 'not found');
    for (const entry of found) this.cache.remove(entry);
  }

  flush(): void {
    for (const entry of this.cache.neighbors.all()) this.cache.remove(entry);
  }
}
