// SPDX-License-Identifier: ISC
//
// The ARP cache as arp(8) sees it: listed, entries set and deleted.

import { type Address, INET, type LinkAddress, ipv4 as toAddress } from '../../abi/address.ts';
import { CallError } from '../../abi/errno.ts';
import type { Neighbor } from '../../abi/neighbor.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { type Clock, SECOND } from '../clock.ts';
import type { Interfaces } from '../link/interfaces.ts';
import { linkAddress } from '../link/linkAddress.ts';
import type { NeighborTable } from '../link/neighborCalls.ts';
import type { Arp } from './arp.ts';
import { type ArpEntry, PERMANENT, REACHABLE } from './arpEntries.ts';
import { isOnLink } from './local4.ts';

export class ArpTable implements NeighborTable {
  private readonly arp: Arp;
  private readonly interfaces: Interfaces;
  private readonly clock: Clock;

  constructor(parts: { arp: Arp; interfaces: Interfaces; clock: Clock }) {
    this.arp = parts.arp;
    this.interfaces = parts.interfaces;
    this.clock = parts.clock;
  }

  /** Our own addresses first, as arp(8) lists them. */
  list(): Neighbor[] {
    return [...this.own(), ...[...this.arp.entries].map((entry) => this.describe(entry))];
  }

  private *own(): Iterable<Neighbor> {
    for (const on of this.interfaces) {
      if (on.type === 'loopback') continue;
      for (const { family, words } of on.addresses) {
        if (family !== INET) continue;
        const address = toAddress(words[0]!);
        yield { address, interface: on.name, linkAddress: [...on.linkAddress], state: 'local' };
      }
    }
  }

  private describe(entry: ArpEntry): Neighbor {
    const { address, on, state, published } = entry;
    const seconds = Math.ceil((entry.expires - this.clock.now) / SECOND);
    return {
      address: toAddress(address),
      interface: on.name,
      ...(entry.known ? { linkAddress: linkAddress(entry.linkHigh, entry.linkLow) } : {}),
      state: state === PERMANENT ? 'permanent' : state === REACHABLE ? 'reachable' : 'incomplete',
      ...(state === REACHABLE ? { expires: seconds } : {}),
      published,
    };
  }

  set(address: Address, link: LinkAddress, temporary: boolean, published = false): void {
    const word = address.words[0]!;
    const on = [...this.interfaces].find((one) => one.type !== 'loopback' && isOnLink(one, word));
    if (on === undefined) throw new CallError('ENETUNREACH', 'cannot intuit interface index and type');
    const bytes = Uint8Array.from(link);
    const high = ethernet.addressHigh(bytes, 0);
    const low = ethernet.addressLow(bytes, 0);
    if (!this.arp.set(on, word, high, low, temporary, published)) throw new CallError('ENOBUFS');
  }

  delete(address: Address): void {
    const entry = this.arp.entries.at(address.words[0]!);
    if (entry === undefined) throw new CallError('ENOENT', 'not found');
    this.arp.entries.remove(entry);
  }

  flush(): void {
    for (const entry of this.arp.entries) this.arp.entries.remove(entry);
  }
}
