// SPDX-License-Identifier: ISC
//
// IPv6 put together: its parts, made in the order in which they need each other, and what they tell userland.

import { INET6 } from '../../abi/address.ts';
import type { KernelEvent } from '../../abi/client.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as nd6 from '../../wire/nd6.ts';
import type { Clock } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { Ethernet } from '../link/ethernet.ts';
import type { Interface, InterfaceAddress } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import { linkAddress } from '../link/linkAddress.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import type { Routes } from '../route/routes.ts';
import type { Sysctl } from '../sysctl.ts';
import type { Timeouts } from '../timeout.ts';
import { Addresses6 } from './addresses6.ts';
import { Dad } from './dad.ts';
import { Deliver6 } from './deliver6.ts';
import { DynamicRoutes6 } from './dynamic6.ts';
import { Errors6 } from './errors6.ts';
import { Icmp6 } from './icmp6.ts';
import { Ipv6 } from './ipv6.ts';
import { Mld } from './mld.ts';
import { Nd6 } from './nd6.ts';
import { NdInput } from './ndInput.ts';
import { ALL_NODES, NdMessages } from './ndMessages.ts';
import { NdTable } from './ndTable.ts';
import { Network6 } from './network6.ts';
import { Redirects6 } from './redirect6.ts';

/** What the kernel has for IPv6 to stand on. */
export interface Inet6Parts {
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

export class Inet6 {
  readonly ip: Ipv6;
  readonly icmp: Icmp6;
  readonly errors: Errors6;
  readonly neighbors: Nd6;
  /** `ndp`'s view of them. */
  readonly table: NdTable;
  readonly dad: Dad;
  /** What transports stand on. */
  readonly network: Network6;
  private readonly messages: NdMessages;

  constructor(parts: Inet6Parts) {
    const { clock, timeouts, random, pool, sysctl, interfaces } = parts;
    const ip = new Ipv6(parts);
    const icmp = new Icmp6(ip);
    const errors = new Errors6({ ip, icmp, clock, pool, sysctl });
    const cache = new Nd6({
      clock,
      timeouts,
      random,
      pool,
      errors,
      settings: () => ({
        delay: sysctl.get('net.inet6.icmp6.nd6_delay'),
        unicastTries: sysctl.get('net.inet6.icmp6.nd6_umaxtries'),
        multicastTries: sysctl.get('net.inet6.icmp6.nd6_mmaxtries'),
      }),
    });
    const messages = new NdMessages(ip, pool, cache.counters);
    const dad = new Dad({ timeouts, messages, cache, tries: () => sysctl.get('net.inet6.ip6.dad_count') });
    const input = new NdInput({ ip, icmp, cache, messages, dad });
    const routes = new DynamicRoutes6({ ip, icmp, timeouts });
    const mld = new Mld({ ip, icmp, clock, timeouts, random, pool });
    new Deliver6({ ip, timeouts, pool, sysctl });
    new Redirects6({ ip, icmp, errors, cache, routes, pool, sysctl });
    new Addresses6({ ip, cache, dad, mld });
    cache.solicitor = messages;
    parts.ethernet.resolver6 = cache;
    this.ip = ip;
    this.icmp = icmp;
    this.errors = errors;
    this.neighbors = cache;
    this.table = new NdTable({ interfaces, cache, clock });
    this.dad = dad;
    this.network = new Network6(ip, cache);
    this.messages = messages;
    this.tell(input, mld, parts.emit);
  }

  /** Tells the link of every address of an interface, once (carp_send_na). */
  announce(on: Interface): void {
    for (const address of on.addresses) {
      if (address.family === INET6) this.messages.advertise(on, address, ALL_NODES, nd6.FLAG_OVERRIDE, true);
    }
  }

  /** Groups of `netstat -s`, in its order. */
  get counters(): readonly Counters[] {
    return [this.ip.counters, this.icmp.counters, this.neighbors.counters];
  }

  /** Connects what the parts notice with who has to know it, userland above all. */
  private tell(input: NdInput, mld: Mld, emit: (event: KernelEvent) => void): void {
    this.dad.listener = (on, address) => {
      emit({ event: 'interface.addresses', data: { name: on.name } });
      if (address.state === 'preferred') {
        if (ipv6.isLinkLocal(address.words[0]!)) mld.reportAll(on);
        return;
      }
      emit({ event: 'interface.duplicate', data: { name: on.name, address: plain(address.words) } });
    };
    input.duplicate = (on, address, packet) => emit(conflict(on, address, packet));
    this.neighbors.changed = (entry, previousHigh, previousLow) =>
      emit({
        event: 'neighbor.conflict',
        data: {
          interface: entry.on.name,
          address: plain(entry.words),
          linkAddress: linkAddress(entry.linkHigh, entry.linkLow),
          kind: 'changed',
          previous: linkAddress(previousHigh, previousLow),
        },
      });
  }
}

function conflict(on: Interface, address: InterfaceAddress, packet: Packet): KernelEvent {
  const high = ethernet.sourceHigh(packet.bytes, packet.link);
  const low = ethernet.sourceLow(packet.bytes, packet.link);
  return {
    event: 'neighbor.conflict',
    data: {
      interface: on.name,
      address: plain(address.words),
      linkAddress: linkAddress(high, low),
      kind: 'duplicate',
    },
  };
}

function plain(words: Int32Array) {
  return { family: INET6, words: [...words] } as const;
}
