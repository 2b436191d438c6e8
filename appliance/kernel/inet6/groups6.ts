// SPDX-License-Identifier: ISC
//
// Which multicast groups each interface belongs to (struct in6_multi): who joined counts, the link's filter is told, MLD listens.

import type { Address } from '../../abi/address.ts';
import { INET6 } from '../../abi/address.ts';
import * as ethernet from '../../wire/ethernet.ts';
import type { Ethernet } from '../link/ethernet.ts';
import type { Interface } from '../link/interface.ts';

export class Group {
  readonly on: Interface;
  readonly words: Int32Array;
  /** How many times it was joined. */
  members = 1;

  constructor(on: Interface, words: Int32Array) {
    this.on = on;
    this.words = words;
  }
}

/** Told when the first member came and when the last one went. */
export interface GroupListener {
  joined(group: Group): void;
  left(group: Group): void;
}

export class Groups6 {
  listener: GroupListener | undefined;
  private readonly link: Ethernet;
  /** By interface index. */
  private readonly byInterface: (Group[] | undefined)[] = [];

  constructor(link: Ethernet) {
    this.link = link;
  }

  of(on: Interface): readonly Group[] {
    return this.byInterface[on.index] ?? [];
  }

  /** Whether the interface belongs to a group; asked for every multicast packet. */
  has(on: Interface, w0: number, w1: number, w2: number, w3: number): boolean {
    return this.find(on, w0, w1, w2, w3) !== undefined;
  }

  join(on: Interface, words: Int32Array): void {
    const group = this.find(on, words[0]!, words[1]!, words[2]!, words[3]!);
    if (group !== undefined) {
      group.members++;
      return;
    }
    const joined = new Group(on, Int32Array.from(words));
    const groups = this.byInterface[on.index] ?? [];
    groups.push(joined);
    this.byInterface[on.index] = groups;
    this.link.joinGroup(on, ethernet.GROUP6_HIGH, words[3]!);
    this.listener?.joined(joined);
  }

  leave(on: Interface, words: Int32Array): void {
    const group = this.find(on, words[0]!, words[1]!, words[2]!, words[3]!);
    if (group === undefined || --group.members > 0) return;
    const groups = this.byInterface[on.index]!;
    groups.splice(groups.indexOf(group), 1);
    this.link.leaveGroup(on, ethernet.GROUP6_HIGH, words[3]!);
    this.listener?.left(group);
  }

  /** For `interface.list`. */
  addresses(on: Interface): Address[] {
    return this.of(on).map((group) => ({ family: INET6, words: [...group.words] }));
  }

  private find(on: Interface, w0: number, w1: number, w2: number, w3: number): Group | undefined {
    const groups = this.byInterface[on.index];
    if (groups === undefined) return undefined;
    for (let i = 0; i < groups.length; i++) {
      const words = groups[i]!.words;
      if (words[3] === w3 && words[2] === w2 && words[1] === w1 && words[0] === w0) return groups[i];
    }
    return undefined;
  }
}
