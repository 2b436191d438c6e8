// SPDX-License-Identifier: ISC
//
// What a filter has put together leaves in fragments no larger than those it came in.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_ROUTE, OK, TOO_BIG } from '../../../appliance/kernel/inet/errors.ts';
import { Ipv4 } from '../../../appliance/kernel/inet/ipv4.ts';
import { Captures } from '../../../appliance/kernel/link/capture.ts';
import { Ethernet } from '../../../appliance/kernel/link/ethernet.ts';
import { Interfaces } from '../../../appliance/kernel/link/interfaces.ts';
import { type Packet, PacketPool } from '../../../appliance/kernel/packet.ts';
import { Random } from '../../../appliance/kernel/random.ts';
import { Routes } from '../../../appliance/kernel/route/routes.ts';
import { Sysctl } from '../../../appliance/kernel/sysctl.ts';
import { Timeouts } from '../../../appliance/kernel/timeout.ts';
import * as wire from '../../../appliance/wire/ipv4.ts';
import { ip4, payload } from '../../support/packets.ts';

/** IPv4 above an interface that notes the packets it is to send. */
function setup(mtu: number) {
  const clock = { now: 0 };
  const interfaces = new Interfaces();
  const pool = new PacketPool();
  const timeouts = new Timeouts(clock);
  const captures = new Captures({ interfaces, clock, pool, emit: () => {} });
  const ip = new Ipv4({
    interfaces,
    ethernet: new Ethernet({ interfaces, captures, pool }),
    routes: new Routes(),
    clock,
    timeouts,
    random: new Random([1, 2, 3, 4]),
    pool,
    sysctl: new Sysctl(),
  });
  const sent: Packet[] = [];
  const on = interfaces.attach('vr0', 'ethernet', {
    output: (packet) => {
      const copy = pool.take();
      copy.copyFrom({ ...packet, link: packet.network } as Packet);
      sent.push(copy);
      return OK;
    },
  });
  on.mtu = mtu;
  return { ip, on, sent, pool };
}

function datagram(pool: PacketPool, size: number, flags = 0): Packet {
  const packet = pool.take();
  const { bytes } = ip4({ source: '10.0.0.1', destination: '10.0.0.2', fragment: flags }, payload(99, size));
  packet.bytes.set(bytes, packet.network);
  packet.end = packet.network + bytes.length;
  packet.family = 4;
  packet.protocol = 99;
  return packet;
}

const nextHop = Int32Array.of(1);

test('pieces are as large as the largest that came, though more would fit', () => {
  const { ip, on, sent, pool } = setup(1500);
  const packet = datagram(pool, 1200);
  packet.fragmentSize = 500;
  assert.equal(ip.send(packet, on, nextHop), OK);
  assert.deepEqual(
    sent.map((one) => one.end - one.network),
    [500, 500, 260],
  );
});

test('and smaller where the MTU is', () => {
  const { ip, on, sent, pool } = setup(300);
  const packet = datagram(pool, 500);
  packet.fragmentSize = 400;
  assert.equal(ip.send(packet, on, nextHop), OK);
  assert.deepEqual(
    sent.map((one) => one.end - one.network),
    [300, 240],
  );
});

test('fragments that came with DF go with DF, whatever the length of the whole', () => {
  const { ip, on, sent, pool } = setup(600);
  const packet = datagram(pool, 1200, wire.FRAGMENT_DF);
  packet.fragmentSize = 596;
  assert.equal(ip.send(packet, on, nextHop), OK);
  assert.equal(sent.length, 3);
  assert.ok(sent.every((one) => wire.dontFragment(one.bytes, one.network)));
  packet.fragmentSize = 620;
  assert.equal(ip.send(packet, on, nextHop), TOO_BIG);
});

test('a whole datagram is not touched', () => {
  const { ip, on, sent, pool } = setup(1500);
  assert.equal(ip.send(datagram(pool, 1000), on, nextHop), OK);
  assert.equal(sent.length, 1);
  assert.equal(ip.output(datagram(pool, 10)), NO_ROUTE);
});

test('fragments of the smallest size there is', () => {
  const { ip, on, sent, pool } = setup(28);
  ip.send(datagram(pool, 30), on, nextHop);
  assert.deepEqual(
    sent.map((one) => wire.fragmentOffset(one.bytes, one.network)),
    [0, 8, 16, 24],
  );
});
