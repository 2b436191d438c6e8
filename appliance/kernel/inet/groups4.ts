// SPDX-License-Identifier: ISC
//
// Which IPv4 multicast groups each interface belongs to (struct in_multi): joins are counted, the link's filter is told, IGMP listens.

import { type Address, ipv4 as toAddress } from '../../abi/address.ts';
import * as ethernet from '../../wire/ethernet.ts';
import type { Ethernet } from '../link/ethernet.ts';
import type { Interface } from '../link/interface.ts';

/** Told when the first member came and when the last one went. */
export interface GroupListener4 {
  joined(on: Interface, group: number): void;
  left(on: Interface, group: number): void;
}

export class Groups4 {
  listener: GroupListener4 | undefined;
  private readonly link: Ethernet;
  /** By interface index: how many times each group was joined. */
  private readonly members: (Map<number, number> | undefined)[] = [];

  constructor(link: Ethernet) {
    this.link = link;
  }

  /** Whether the interface belongs to a group; asked for every multicast packet. */
  has(on: Interface, group: number): boolean {
    return this.members[on.index]?.has(group) === true;
  }

  /** The groups of an interface, in the order they were joined. */
  of(on: Interface): Iterable<number> {
    return this.members[on.index]?.keys() ?? [];
  }

  join(on: Interface, group: number): void {
    const groups = this.members[on.index] ?? new Map<number, number>();
    this.members[on.index] = groups;
    const members = groups.get(group) ?? 0;
    groups.set(group, members + 1);
    if (members > 0) return;
    this.link.joinGroup(on, ethernet.GROUP4_HIGH, ethernet.group4Low(group));
    this.listener?.joined(on, group);
  }

  leave(on: Interface, group: number): void {
    const groups = this.members[on.index];
    const members = groups?.get(group);
    if (groups === undefined || members === undefined) return;
    if (members > 1) {
      groups.set(group, members - 1);
      return;
    }
    groups.delete(group);
    this.link.leaveGroup(on, ethernet.GROUP4_HIGH, ethernet.group4Low(group));
    this.listener?.left(on, group);
  }

  /** For `interface.list`. */
  addresses(on: Interface): Address[] {
    return [...this.of(on)].map(toAddress);
  }
}
