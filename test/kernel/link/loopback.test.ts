// SPDX-License-Identifier: ISC
//
// Packets of ours to ourselves go round by lo0, in a queue that is drained when the step is over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ethers from '../../../appliance/abi/counters/ether.ts';
import { IFF_LOOPBACK, IFF_RUNNING, IFF_UP } from '../../../appliance/abi/interface.ts';
import { Counters } from '../../../appliance/kernel/counters.ts';
import { NO_BUFFERS, OK } from '../../../appliance/kernel/inet/errors.ts';
import { Captures } from '../../../appliance/kernel/link/capture.ts';
import { Interfaces } from '../../../appliance/kernel/link/interfaces.ts';
import { Loopback } from '../../../appliance/kernel/link/loopback.ts';
import { type Packet, PacketPool } from '../../../appliance/kernel/packet.ts';
import { ip4, udp } from '../../support/packets.ts';

function setup() {
  const interfaces = new Interfaces();
  const pool = new PacketPool();
  const captures = new Captures({ interfaces, clock: { now: 0 }, pool, emit: () => {} });
  const counters = new Counters(ethers.ETHER);
  const loopback = new Loopback({ pool, captures, counters });
  const lo0 = interfaces.attach('lo0', 'loopback', loopback);
  interfaces.setFlags(lo0, IFF_UP | IFF_RUNNING | IFF_LOOPBACK);
  const packet = pool.take();
  const { bytes } = ip4({ source: '127.0.0.1', destination: '127.0.0.1' }, udp(1, 2, 'round'));
  packet.bytes.set(bytes, packet.network);
  packet.end = packet.network + bytes.length;
  packet.family = 4;
  return { loopback, lo0, packet, counters, bytes };
}

const nextHop = new Int32Array(1);

test('what goes out comes in, not before the step is over', () => {
  const { loopback, lo0, packet, bytes } = setup();
  const got: Uint8Array[] = [];
  loopback.input4 = { input: (one: Packet) => got.push(one.bytes.slice(one.network, one.end)) };
  assert.equal(loopback.output(packet, lo0, nextHop), OK);
  assert.deepEqual(got, []);
  assert.equal(loopback.pending, true);
  loopback.drain();
  assert.deepEqual(got, [bytes]);
  assert.equal(loopback.pending, false);
});

test('the queue is bounded and its overflow counted', () => {
  const { loopback, lo0, packet, counters } = setup();
  loopback.input4 = { input: () => {} };
  for (let i = 0; i < 256; i++) assert.equal(loopback.output(packet, lo0, nextHop), OK);
  assert.equal(loopback.output(packet, lo0, nextHop), NO_BUFFERS);
  assert.equal(counters.values[ethers.LOOPBACK_FULL], 1);
});

test('two ends that answer each other for ever do not hold the kernel', () => {
  const { loopback, lo0, packet } = setup();
  let count = 0;
  loopback.input4 = {
    input: (one: Packet) => {
      count++;
      loopback.output(one, lo0, nextHop);
    },
  };
  loopback.output(packet, lo0, nextHop);
  loopback.drain();
  assert.ok(count > 0 && count < 10_000);
  assert.equal(loopback.pending, true);
});
