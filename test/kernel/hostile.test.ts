// SPDX-License-Identifier: ISC
//
// Frames that nobody sane sends: random bytes, every truncation, mutated copies of real ones. No exception, nothing that grows without
// bound, and a counter for each of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cryptography } from '../../appliance/host/cryptography.ts';
import { Kernel } from '../../appliance/kernel/kernel.ts';
import type { Interface } from '../../appliance/kernel/link/interface.ts';
import { HEADROOM, Packet } from '../../appliance/kernel/packet.ts';
import { Random } from '../../appliance/kernel/random.ts';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import { ALL_OFFLOADS } from '../../drivers/memory.ts';
import { moved, type Statistics } from '../support/expect.ts';
import * as frames from '../support/frames.ts';
import {
  data,
  frame,
  icmpMessage,
  ip4,
  payload,
  tcpSegment,
  udp,
  word4,
  words6,
} from '../support/packets.ts';

const REAL = Object.values(frames);
const OWN = '02:00:00:00:00:02';
const FROM = '02:00:00:00:00:01';

/** More of the kinds that a kernel looks into deeply: options, fragments, quotes, tags. */
const MORE = [
  frame(
    { to: OWN, from: FROM },
    ip4(
      {
        source: '192.0.2.1',
        destination: '192.0.2.253',
        options: Uint8Array.of(131, 11, 4, 10, 0, 0, 1, 10, 0, 0, 2, 0),
      },
      udp(1, 2, 20),
    ),
  ),
  ...[0x2000, 0x2005, 0x000a].map((fragment) =>
    frame(
      { to: OWN, from: FROM },
      ip4({ source: '192.0.2.1', destination: '192.0.2.253', id: 9, fragment }, payload(17, 40)),
    ),
  ),
  frame(
    { to: OWN, from: FROM },
    ip4(
      { source: '192.0.2.1', destination: '192.0.2.253' },
      icmpMessage(
        3,
        4,
        600,
        ip4({ source: '192.0.2.253', destination: '8.8.8.8' }, tcpSegment({ from: 1, to: 2 })).bytes,
      ),
    ),
  ),
  frame(
    { to: OWN, from: FROM, vlan: 5 },
    ip4({ source: '192.0.2.1', destination: '198.51.100.7' }, tcpSegment({ from: 1, to: 2 }, 40)),
  ),
];

class Victim {
  readonly kernel: Kernel;
  readonly on: Interface;
  events = 0;
  sent = 0;
  private readonly packet = new Packet();
  private now = 0;

  constructor() {
    this.kernel = new Kernel({ now: 0, seed: [1, 2, 3, 4], cryptography, emit: () => this.events++ });
    const device = {
      capabilities: ALL_OFFLOADS,
      transmit: () => {
        this.sent++;
        return 0 as const;
      },
    };
    this.on = this.kernel.attach('vr0', device, { linkAddress: [2, 0, 0, 0, 0, 2] });
    this.kernel.attach('vr1', device, { linkAddress: [2, 0, 0, 0, 0, 3] });
    const add = (name: string, family: 4 | 6, words: readonly number[], length: number) =>
      this.kernel.call('interface.addAddress', { name, address: { family, words, length }, alias: true });
    add('vr0', 4, [word4('192.0.2.253')], 24);
    add('vr0', 6, words6('2001:db8::fd'), 64);
    add('vr1', 4, [word4('198.51.100.1')], 24);
    add('vr1', 6, words6('2001:db8:1::1'), 64);
    this.kernel.call('interface.create', { name: 'vlan5' });
    this.kernel.call('interface.set', { name: 'vlan5', vlan: { tag: 5, parent: 'vr0' }, up: true });
    this.kernel.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });
    this.kernel.call('sysctl.set', { name: 'net.inet6.ip6.forwarding', value: 1 });
    this.pass(5_000_000);
  }

  input(bytes: Uint8Array, notes: Partial<Packet> = {}): void {
    const { packet } = this;
    packet.reset();
    // What is left of the frame before must never be read.
    packet.bytes.fill(0xa5, HEADROOM, HEADROOM + bytes.length + 256);
    packet.bytes.set(bytes, HEADROOM);
    packet.end = HEADROOM + bytes.length;
    Object.assign(packet, notes);
    this.kernel.input(packet, this.on);
  }

  pass(duration: number): void {
    const until = this.now + duration;
    for (let next = this.kernel.nextDeadline(); next <= until; next = this.kernel.nextDeadline()) {
      this.kernel.advance(next);
    }
    this.now = until;
    this.kernel.advance(until);
  }

  statistics(): Statistics {
    return this.kernel.call('system.statistics', { all: true });
  }

  /** What the frames were counted as, and what the interface says. */
  expectExplained(before: Statistics, count: number): void {
    const changed = Object.values(moved(before, this.statistics())).flatMap((group) => Object.values(group));
    const total = changed.reduce((sum, value) => sum + value, 0);
    assert.ok(total >= count, `${count} frames moved counters by ${total} only`);
  }

  /** Everything that was begun ends, and what stays is little. */
  expectBounded(): void {
    assert.ok(this.kernel.call('neighbor.list', { family: 4 }).length <= 16_400);
    assert.ok(this.kernel.call('neighbor.list', { family: 6 }).length <= 2_100);
    this.pass(3_600_000_000);
    const left = this.kernel.call('neighbor.list', { family: 4 });
    assert.ok(left.every((one) => one.state === 'local'));
  }
}

test('random bytes', () => {
  const victim = new Victim();
  const random = new Random([7, 7, 7, 7]);
  const before = victim.statistics();
  for (let i = 0; i < 5_000; i++) {
    const bytes = Uint8Array.from({ length: random.below(200) }, () => random.below(256));
    if (i % 2 === 0 && bytes.length >= 14) {
      bytes.set([2, 0, 0, 0, 0, 2]);
      ethernet.setType(bytes, 0, [0x0800, 0x86dd, 0x0806, 0x8100][i & 3]!);
    }
    victim.input(bytes);
  }
  victim.expectExplained(before, 5_000);
  victim.expectBounded();
});

test('every truncation of every kind of frame', () => {
  const victim = new Victim();
  for (const bytes of [...REAL, ...MORE]) {
    const before = victim.statistics();
    for (let length = 0; length <= bytes.length; length++) victim.input(bytes.subarray(0, length));
    victim.expectExplained(before, bytes.length);
  }
  victim.expectBounded();
});

test('10 000 mutated copies', () => {
  const victim = new Victim();
  const random = new Random([1, 9, 8, 4]);
  const originals = [...REAL, ...MORE];
  const before = victim.statistics();
  for (let i = 0; i < 10_000; i++) {
    const bytes = originals[random.below(originals.length)]!.slice();
    for (let flips = 1 + random.below(4); flips > 0; flips--) {
      const at =
        random.below(2) === 0
          ? 12 + random.below(Math.min(60, bytes.length - 12))
          : random.below(bytes.length);
      bytes[at] = random.below(3) === 0 ? random.below(256) : bytes[at]! ^ (1 << random.below(8));
    }
    // Mutations behind the IP header only count when its checksum holds.
    if (bytes[12] === 8 && bytes[13] === 0) repair(bytes);
    victim.input(bytes);
    if (i % 100 === 0) victim.pass(50_000);
  }
  victim.expectExplained(before, 10_000);
  victim.expectBounded();
});

/** The IPv4 header checksum over whatever header length it now says. */
function repair(bytes: Uint8Array): void {
  const length = (bytes[14]! & 15) * 4;
  if (length < 20 || 14 + length > bytes.length) return;
  bytes[24] = 0;
  bytes[25] = 0;
  let sum = 0;
  for (let i = 0; i < length; i += 2) sum += (bytes[14 + i]! << 8) | bytes[15 + i]!;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  bytes[24] = (~sum >>> 8) & 255;
  bytes[25] = ~sum & 255;
}

test('notes of a device about mutated large segments', () => {
  const victim = new Victim();
  const random = new Random([5, 5, 5, 5]);
  const original = frame(
    { to: OWN, from: FROM },
    ip4({ source: '192.0.2.1', destination: '198.51.100.7' }, tcpSegment({ from: 1, to: 2 }, 9000)),
  );
  for (let i = 0; i < 2_000; i++) {
    const bytes = original.slice(0, 34 + random.below(9000));
    bytes[14 + random.below(40)]! ^= 1 << random.below(8);
    bytes[16] = (bytes.length - 14) >>> 8;
    bytes[17] = bytes.length - 14;
    repair(bytes);
    victim.input(bytes, {
      needsChecksum: random.below(10) > 0,
      checksumStart: HEADROOM + (random.below(5) === 0 ? random.below(200) : 34),
      checksumField: HEADROOM + (random.below(5) === 0 ? random.below(200) : 50),
      gsoType: [0, 1, 4, 5, 0x81][random.below(5)]!,
      segmentSize: random.below(4) === 0 ? random.below(3) : 1400,
    });
  }
  victim.expectBounded();
});

test('a flood of fragments and of new neighbours stays within its bounds', () => {
  const victim = new Victim();
  for (let i = 0; i < 3_000; i++) {
    const source = `192.0.2.${1 + (i % 250)}`;
    const header = { source, destination: '192.0.2.253', id: i, fragment: 0x2000 };
    victim.input(frame({ to: OWN, from: FROM }, ip4(header, payload(17, data(1200)))));
    const far = { source, destination: `198.51.100.${2 + (i % 250)}` };
    victim.input(frame({ to: OWN, from: FROM }, ip4(far, udp(1, 2, 100))));
  }
  const { ip } = victim.statistics();
  assert.ok(ip!.fragmentsDropped! > 0 || ip!.fragments! < 3_000);
  victim.expectBounded();
});
