// SPDX-License-Identifier: ISC
//
// Demotion counters of interface groups (if_group.c, carp(4)): the higher a machine's count, the less it wants to be master.

import type { CarpCalls } from '../../abi/carp.ts';
import type { Handlers } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { Interface } from './interface.ts';
import type { Interfaces } from './interfaces.ts';

/** What goes into an advertisement. */
const MAXIMUM = 255;
/** What one call may add or take away. */
const MAXIMUM_AMOUNT = 255;

/** Told after a group's counter has changed. `on` is the interface whose trouble it was, undefined by hand. */
export type DemotionListener = (change: {
  readonly group: string;
  readonly from: number;
  readonly to: number;
  readonly on: Interface | undefined;
  readonly reason: string;
}) => void;

export class Demotion {
  listener: DemotionListener | undefined;
  private readonly interfaces: Interfaces;
  private readonly counters = new Map<string, number>();
  /** What each interface has added to its groups, so that it can take its share along. */
  private readonly shares = new Map<Interface, number>();

  constructor(interfaces: Interfaces) {
    this.interfaces = interfaces;
    interfaces.listen({
      detached: (on) => {
        this.adjust(on, -this.shareOf(on), 'detach');
        this.shares.delete(on);
      },
    });
  }

  /** Sum over the groups of an interface, or its own share where that sum is 0; 255 at most. */
  of(on: Interface): number {
    const sum = on.groups.reduce((total, group) => total + this.ofGroup(group), 0);
    return Math.min(MAXIMUM, sum === 0 ? this.shareOf(on) : sum);
  }

  ofGroup(group: string): number {
    return this.counters.get(group) ?? 0;
  }

  private shareOf(on: Interface): number {
    return this.shares.get(on) ?? 0;
  }

  /** Adds to every group of an interface. */
  adjust(on: Interface, amount: number, reason: string): void {
    if (amount === 0) return;
    this.shares.set(on, Math.max(0, this.shareOf(on) + amount));
    for (const group of on.groups) this.adjustGroup(group, amount, reason, on);
  }

  private adjustGroup(group: string, amount: number, reason: string, on?: Interface): void {
    const from = this.ofGroup(group);
    const to = Math.max(0, from + amount);
    this.counters.set(group, to);
    if (from !== to) this.listener?.({ group, from, to, on, reason });
  }

  /** Joining or leaving a group, an interface takes its share along (if_addgroup, if_delgroup). */
  moved(on: Interface, group: string, member: boolean): void {
    const share = this.shareOf(on);
    if (share !== 0) this.adjustGroup(group, member ? share : -share, 'group', on);
  }

  readonly calls: Handlers<Pick<CarpCalls, 'group.demote' | 'group.get'>> = {
    'group.demote': ({ group, amount }) => {
      if (!Number.isInteger(amount) || Math.abs(amount) > MAXIMUM_AMOUNT) throw new CallError('EINVAL');
      this.members(group);
      this.adjustGroup(group, amount, 'ifconfig');
      return { demotion: this.ofGroup(group) };
    },
    'group.get': ({ group }) => ({
      demotion: this.ofGroup(group),
      members: this.members(group).map((on) => on.name),
    }),
  };

  /** ENXIO for a group that has neither members nor a counter; carp's is always there, for rc demotes it before any interface is made. */
  private members(group: string): Interface[] {
    const members = [...this.interfaces].filter((on) => on.groups.includes(group));
    if (members.length === 0 && group !== 'carp' && !this.counters.has(group)) {
      throw new CallError('ENXIO', `${group}: no such interface group`);
    }
    return members;
  }
}
