// SPDX-License-Identifier: ISC
//
// IPv6 without the rest of the kernel: two interfaces whose neighbours are known, for tests of what only other parts call.

import { IFF_MULTICAST, IFF_RUNNING, IFF_UP } from '../../../appliance/abi/interface.ts';
import type { Device } from '../../../appliance/kernel/device.ts';
import { Inet6 } from '../../../appliance/kernel/inet6/inet6.ts';
import { Captures } from '../../../appliance/kernel/link/capture.ts';
import { Ethernet } from '../../../appliance/kernel/link/ethernet.ts';
import { type Interface, InterfaceAddress } from '../../../appliance/kernel/link/interface.ts';
import { Interfaces } from '../../../appliance/kernel/link/interfaces.ts';
import { Packet, PacketPool } from '../../../appliance/kernel/packet.ts';
import { Random } from '../../../appliance/kernel/random.ts';
import { PRIORITY_CONNECTED, ROUTE_FORWARD, Route, Routes } from '../../../appliance/kernel/route/routes.ts';
import { Sysctl } from '../../../appliance/kernel/sysctl.ts';
import { Timeouts } from '../../../appliance/kernel/timeout.ts';
import { words6 } from '../../support/packets.ts';
import { LEFT, RIGHT } from './router6.ts';

/** A router between LEFT and RIGHT; `receive` is a frame on vr0 and answers what was sent on either side. */
export function machine(rightMtu = 1500) {
  const clock = { now: 0 };
  const timeouts = new Timeouts(clock);
  const interfaces = new Interfaces();
  const pool = new PacketPool();
  const routes = new Routes();
  const sysctl = new Sysctl();
  const random = new Random([1, 2, 3, 4]);
  const emit = () => {};
  const captures = new Captures({ interfaces, clock, pool, emit });
  const link = new Ethernet({ interfaces, captures, pool });
  const inet6 = new Inet6({
    interfaces,
    ethernet: link,
    routes,
    clock,
    timeouts,
    random,
    pool,
    sysctl,
    emit,
  });
  sysctl.set('net.inet6.ip6.forwarding', 1);
  sysctl.set('net.inet6.ip6.dad_count', 0);
  const sent: Uint8Array[] = [];
  const device: Device = {
    capabilities: { checksum: false, tso4: false, tso6: false, uso: false },
    transmit: (packet) => {
      sent.push(packet.bytes.slice(packet.link, packet.end));
      return 0;
    },
  };
  const attach = (name: string, last: number, own: string, mtu: number): Interface => {
    const on = interfaces.attach(name, 'ethernet', link, device);
    on.mtu = mtu;
    interfaces.setLinkAddress(on, [2, 0, 0, 0, 1, last]);
    interfaces.setFlags(on, IFF_UP | IFF_RUNNING | IFF_MULTICAST);
    const words = words6(own);
    interfaces.addAddress(on, new InterfaceAddress(6, words, 64));
    const flags = ['up'] as const;
    routes.add(
      new Route({
        family: 6,
        words,
        length: 64,
        kind: ROUTE_FORWARD,
        on,
        priority: PRIORITY_CONNECTED,
        flags,
      }),
    );
    return on;
  };
  const vr0 = attach('vr0', 1, '2001:db8:1::1', 1500);
  attach('vr1', 2, '2001:db8:2::1', rightMtu);
  inet6.table.set({ family: 6, words: words6(LEFT) }, [2, 0, 0, 0, 0xaa, 9], false);
  inet6.table.set({ family: 6, words: words6(RIGHT) }, [2, 0, 0, 0, 0xbb, 9], false);
  sent.length = 0;
  const receive = (bytes: Uint8Array) => {
    const packet = new Packet();
    packet.bytes.set(bytes, packet.link);
    packet.end = packet.link + bytes.length;
    link.input(packet, vr0);
    return sent.splice(0);
  };
  return { inet6, timeouts, pool, vr0, sent, receive };
}
