// SPDX-License-Identifier: ISC
//
// Segments in memory: delivery in time and order, what a device of theirs refuses, carrier, rate, faults.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_CARRIER, type Outcome, QUEUE_FULL, REFUSED, TRANSMITTED } from '../../appliance/kernel/device.ts';
import { GSO_TCP4, Packet } from '../../appliance/kernel/packet.ts';
import { Random } from '../../appliance/kernel/random.ts';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import { type Port, Segment, type SegmentOptions } from '../../drivers/memory.ts';

class Bench {
  readonly clock = { now: 0 };
  readonly segment: Segment;
  readonly a: Port;
  readonly b: Port;
  readonly got: number[] = [];

  constructor(options: Omit<SegmentOptions, 'clock'> = {}) {
    this.segment = new Segment({ ...options, clock: this.clock });
    this.a = this.segment.port('a');
    this.b = this.segment.port('b');
    this.b.receiver = (packet) => this.got.push(packet.bytes[packet.end - 1]!);
  }

  /** A frame that ends in `last`. */
  send(last: number, length = 60, notes: Partial<Packet> = {}): Outcome {
    const packet = new Packet();
    packet.end = packet.link + length;
    packet.bytes[packet.end - 1] = last;
    Object.assign(packet, notes);
    return this.a.transmit(packet);
  }

  run(until: number): number[] {
    while (this.segment.next <= until) {
      this.clock.now = this.segment.next;
      this.segment.deliver();
    }
    this.clock.now = until;
    return this.got.splice(0);
  }
}

test('a frame comes out of every other port after the delay, in order', () => {
  const bench = new Bench({ delay: 100 });
  const third: number[] = [];
  bench.segment.port('c').receiver = (packet) => third.push(packet.bytes[packet.end - 1]!);
  bench.a.receiver = () => assert.fail('its own frame');
  bench.send(1);
  bench.send(2);
  assert.deepEqual(bench.run(99), []);
  assert.deepEqual(bench.run(100), [1, 2]);
  assert.deepEqual(third, [1, 2]);
});

test('a switch sends a frame to the port where its address was last heard, and to all until then', () => {
  const bench = new Bench({ switched: true });
  const c = bench.segment.port('c');
  const heard: string[] = [];
  for (const port of [bench.a, bench.b, c]) port.receiver = () => heard.push(port.name);
  const send = (port: Port, to: number, from: number) => {
    const packet = new Packet();
    packet.end = packet.link + 60;
    ethernet.write(packet.bytes, packet.link, to, to, from, from, ethernet.TYPE_IPV4);
    port.transmit(packet);
    bench.run(bench.clock.now + 1_000);
    return heard.splice(0).join(' ');
  };
  const [station, moved, everyone] = [0x0200, 0x0202, 0x3333];
  assert.equal(send(bench.a, moved, station), 'b c', 'unknown');
  assert.equal(send(bench.b, station, moved), 'a');
  assert.equal(send(bench.a, moved, station), 'b');
  assert.equal(send(bench.a, everyone, station), 'b c', 'a group');
  assert.equal(send(c, everyone, moved), 'a b');
  assert.equal(send(bench.a, moved, station), 'c', 'heard elsewhere since');
});

test('what the device cannot take is refused', () => {
  const bench = new Bench({ mtu: 1500 });
  assert.equal(bench.send(1, 1518), TRANSMITTED);
  assert.equal(bench.send(1, 1519), REFUSED);
  assert.equal(bench.send(1, 13), REFUSED);
  assert.equal(bench.send(1, 100, { needsChecksum: true }), REFUSED);
  assert.equal(bench.send(1, 100, { gsoType: GSO_TCP4 }), REFUSED);
});

test('without carrier nothing is sent and nothing arrives', () => {
  const bench = new Bench();
  const told: boolean[] = [];
  bench.b.carrierChanged = (carrier) => told.push(carrier);
  bench.send(1);
  bench.b.carrier = false;
  assert.deepEqual(bench.run(1000), []);
  bench.a.carrier = false;
  assert.equal(bench.send(2), NO_CARRIER);
  bench.b.carrier = true;
  assert.deepEqual(told, [false, true]);
});

test('a rate spaces frames out, a full queue refuses more', () => {
  const bench = new Bench({ delay: 0, rate: 1_000_000, queue: 2 }); // 60 bytes take 480 µs
  assert.equal(bench.send(1), TRANSMITTED);
  assert.equal(bench.send(2), TRANSMITTED);
  assert.equal(bench.send(3), TRANSMITTED);
  assert.equal(bench.send(4), QUEUE_FULL);
  assert.deepEqual(bench.run(480), [1]);
  assert.deepEqual(bench.run(1440), [2, 3]);
});

test('faults are those of their source, the same each time', () => {
  const run = () => {
    const random = new Random([3, 1, 4, 1]);
    const draw = () => random.below(1000) / 1000;
    const bench = new Bench({
      faults: { random: draw, loss: 0.2, duplication: 0.2, corruption: 0.2, jitter: 500 },
    });
    for (let i = 0; i < 250; i++) bench.send(i);
    return bench.run(10_000);
  };
  const first = run();
  assert.deepEqual(run(), first);
  assert.ok(first.length > 200 && first.length < 280);
  assert.ok(first.some((value, i) => i > 0 && value < first[i - 1]!)); // some overtook others
});
