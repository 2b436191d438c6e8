// SPDX-License-Identifier: ISC
//
// IPv4 put together: its parts, made in the order in which they need each other.

import type { KernelEvent } from '../../abi/client.ts';
import type { Clock } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { Ethernet } from '../link/ethernet.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import type { Routes } from '../route/routes.ts';
import type { Sysctl } from '../sysctl.ts';
import type { Timeouts } from '../timeout.ts';
import { Arp } from './arp.ts';
import { ArpTable } from './arpTable.ts';
import { Icmp } from './icmp.ts';
import { IcmpErrors4 } from './icmpErrors.ts';
import { Igmp } from './igmp.ts';
import { Ipv4 } from './ipv4.ts';
import { Network4 } from './network4.ts';

/** What the kernel has for everything above the link to stand on. */
export interface Ground {
  readonly interfaces: Interfaces;
  readonly ethernet: Ethernet;
  readonly routes: Routes;
  readonly clock: Clock;
  readonly timeouts: Timeouts;
  readonly random: Random;
  readonly pool: PacketPool;
  readonly sysctl: Sysctl;
  readonly emit: (event: KernelEvent) => void;
}

export class Inet {
  readonly ip: Ipv4;
  readonly icmp: Icmp;
  /** `arp`'s view of the neighbours. */
  readonly table: ArpTable;
  /** What transports stand on. */
  readonly network: Network4;
  private readonly arp: Arp;
  /** Groups of `netstat -s`, in its order. */
  readonly counters: readonly Counters[];

  constructor(parts: Ground) {
    const { interfaces, clock } = parts;
    const ip = new Ipv4(parts);
    const icmp = new Icmp({ ...parts, ipv4: ip });
    new IcmpErrors4({ ...parts, ipv4: ip, counters: icmp.counters });
    const igmp = new Igmp({ ...parts, ipv4: ip });
    const arp = new Arp(parts);
    this.ip = ip;
    this.arp = arp;
    this.icmp = icmp;
    this.table = new ArpTable({ arp, interfaces, clock });
    this.network = new Network4(ip);
    this.counters = [ip.counters, icmp.counters, igmp.counters, arp.counters];
  }

  /** Tells the link of every address of an interface, once (carp_send_arp). */
  announce(on: Interface): void {
    this.arp.announceOnce(on);
  }
}
