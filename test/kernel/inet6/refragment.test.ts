// SPDX-License-Identifier: ISC
//
// A filter that puts fragments together before it looks at them, as pf does: what it passes leaves in pieces as they came.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IFF_MULTICAST, IFF_RUNNING, IFF_UP } from '../../../appliance/abi/interface.ts';
import type { Device } from '../../../appliance/kernel/device.ts';
import { DIRECTION_IN, PASS, type PacketFilter, TAKEN } from '../../../appliance/kernel/filter.ts';
import { COMPLETE } from '../../../appliance/kernel/inet/fragments.ts';
import { Fragments6 } from '../../../appliance/kernel/inet6/fragments6.ts';
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
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as fragment6 from '../../../appliance/wire/fragment6.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import { data, frame, ip6, words6 } from '../../support/packets.ts';
import { ofType } from './messages.ts';
import { fragment, LEFT, LEFT_LINK, RIGHT, VR0_LINK } from './router6.ts';

/** Two interfaces with neighbours that are known, and a filter that reassembles. */
function router(rightMtu: number) {
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
  inet6.ip.filter = reassembling(timeouts);
  sent.length = 0;
  const receive = (bytes: Uint8Array) => {
    const packet = new Packet();
    packet.bytes.set(bytes, packet.link);
    packet.end = packet.link + bytes.length;
    link.input(packet, vr0);
    return sent.splice(0);
  };
  return { receive };
}

function reassembling(timeouts: Timeouts): PacketFilter {
  const limits = { fragments: () => 100, lifetime: () => 60_000_000 };
  const fragments = new Fragments6({ timeouts, limits, expired: () => {}, dropped: () => {} });
  return {
    test: (packet, _on, direction) => {
      if (direction !== DIRECTION_IN || packet.protocol !== ipv6.NEXT_FRAGMENT) return PASS;
      return fragments.add(packet) === COMPLETE ? PASS : TAKEN;
    },
  };
}

const BODY = data(4000);

function pieces(size: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < BODY.length; at += size) {
    const more = at + size < BODY.length;
    const piece = fragment(253, at, more, 7, BODY.subarray(at, at + size));
    frames.push(frame({ to: VR0_LINK, from: LEFT_LINK }, ip6({ source: LEFT, destination: RIGHT }, piece)));
  }
  return frames;
}

test('pieces go on as large as they came, though more would fit', () => {
  const { receive } = router(1500);
  const out = pieces(1000).flatMap(receive);
  assert.deepEqual(
    out.map((bytes) => bytes.length - ethernet.HEADER_LENGTH),
    [1048, 1048, 1048, 1048],
  );
  const headers = ethernet.HEADER_LENGTH + ipv6.HEADER_LENGTH;
  const joined = out.flatMap((bytes) => [...bytes.subarray(headers + fragment6.HEADER_LENGTH)]);
  assert.deepEqual(Uint8Array.from(joined), BODY);
  for (const [i, bytes] of out.entries()) {
    assert.equal(ipv6.hopLimit(bytes, ethernet.HEADER_LENGTH), 63);
    assert.equal(fragment6.fragmentOffset(bytes, headers), 1000 * i);
    assert.equal(fragment6.moreFragments(bytes, headers), i < 3);
  }
});

test('pieces that do not fit are too big, as each would have been alone', () => {
  const { receive } = router(1400);
  const out = pieces(1440).flatMap(receive);
  assert.deepEqual(
    ofType(out, icmp6.TYPE_PACKET_TOO_BIG).map(({ to }) => to),
    [LEFT],
  );
  assert.equal(out.length, 1);
});
