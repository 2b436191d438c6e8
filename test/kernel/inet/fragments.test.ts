// SPDX-License-Identifier: ISC
//
// Reassembly of IPv4 datagrams for this machine (RFC 791 3.2, RFC 815): any order, duplicates, overlaps, limits, timeouts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import { expectNothing } from '../../support/expect.ts';
import { data, type Ip4Header, icmpMessage, ip4, type Network, payload } from '../../support/packets.ts';
import { LEFT, LEFT_OWN, Router } from '../../support/router.ts';

const SECOND = 1_000_000;

/** The bytes of an echo request behind its IP header: when they arrive whole, an answer comes. */
function request(size: number): Uint8Array {
  const packet = ip4(
    { source: LEFT, destination: LEFT_OWN },
    icmpMessage(icmp.TYPE_ECHO, 0, icmp.echoRest(1, 1), size),
  );
  return packet.bytes.slice(ipv4.HEADER_LENGTH);
}

/** The part [from, to) of a datagram. */
function part(body: Uint8Array, from: number, to: number, header: Partial<Ip4Header> = {}): Network {
  const more = to < body.length ? ipv4.FRAGMENT_MF : 0;
  return ip4(
    { source: LEFT, destination: LEFT_OWN, id: 42, fragment: more | (from >> 3), ...header },
    payload(ipv4.PROTOCOL_ICMP, body.slice(from, to)),
  );
}

/** Cuts at multiples of eight. */
function parts(body: Uint8Array, cuts: readonly number[]): Network[] {
  const ends = [...new Set(cuts.map((cut) => cut * 8))].filter((cut) => cut > 0 && cut < body.length);
  const bounds = [0, ...ends.sort((a, b) => a - b), body.length];
  return bounds.slice(1).map((end, i) => part(body, bounds[i]!, end));
}

/** How many echo replies came, fragments of one counted once. */
function replies(frames: readonly Uint8Array[]): number {
  return frames.filter((bytes) => ipv4.fragmentOffset(bytes, 14) === 0 && bytes[34] === icmp.TYPE_ECHO_REPLY)
    .length;
}

test('whatever the cuts and the order, with duplicates among them, one datagram comes of it', () => {
  const property = fc.property(
    fc.integer({ min: 8, max: 3000 }),
    fc.array(fc.integer({ min: 1, max: 380 }), { maxLength: 12 }),
    fc.infiniteStream(fc.nat({ max: 1000 })),
    (size, cuts, order) => {
      const router = new Router({ mtu: 4000 });
      const all = parts(request(size), cuts);
      const shuffled = all
        .map((one) => ({ one, key: order.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ one }) => one);
      const doubled = shuffled.slice(0, -1).flatMap((one) => [one, one]);
      const frames = [...doubled, ...shuffled.slice(-1)].flatMap((one) => router.fromLeft(one).left);
      assert.equal(replies(frames), 1);
      const { ip } = router.host.moved();
      assert.equal(ip?.reassembled ?? 0, all.length > 1 ? 1 : 0);
      assert.equal(ip?.fragmentsDropped ?? 0, all.length - 1);
    },
  );
  fc.assert(property, { numRuns: 40 });
});

/** A part with other bytes than the datagram has there: they must not get into it. */
function forged(body: Uint8Array, from: number, to: number, good = from): Network {
  const wrong = body.slice();
  wrong.fill(0xaa, from, good);
  return part(wrong, from, to);
}

test('of overlapping fragments the later ones keep their tails, whichever came first', () => {
  const body = request(1000);
  const cases: [string, Network[]][] = [
    ['the head of a later one', [part(body, 0, 504), forged(body, 496, 1008, 504)]],
    ['it came first', [forged(body, 496, 1008, 504), part(body, 0, 504)]],
    ['one that lies within another', [part(body, 8, 1008), forged(body, 16, 24, 24), part(body, 0, 8)]],
    ['it came first', [forged(body, 16, 24, 24), part(body, 8, 1008), part(body, 0, 8)]],
    ['between two', [part(body, 0, 400), part(body, 400, 800), part(body, 200, 600), part(body, 800, 1008)]],
    ['the first one twice', [part(body, 0, 400), part(body, 0, 600), part(body, 600, 1008)]],
  ];
  for (const [name, packets] of cases) {
    const router = new Router();
    const last = packets.pop()!;
    for (const packet of packets) expectNothing(router.fromLeft(packet).left);
    assert.equal(replies(router.fromLeft(last).left), 1, name);
  }
});

test('where many fragments begin close together, the datagram goes', () => {
  const router = new Router();
  const body = request(1000);
  for (let at = 0; at < 64 * 8; at += 8) expectNothing(router.fromLeft(part(body, at, at + 8)).left);
  expectNothing(router.fromLeft(part(body, 512, 1008)).left);
  assert.equal(router.host.moved().ip?.fragmentsDropped, 65);
});

test('datagrams that differ in source, id or protocol do not mix', () => {
  const router = new Router();
  const body = request(1000);
  router.fromLeft(part(body, 0, 504));
  for (const header of [{ id: 43 }, { source: '192.0.2.10' }]) {
    expectNothing(router.fromLeft(part(body, 504, 1008, header)).left);
  }
  assert.equal(replies(router.fromLeft(part(body, 504, 1008)).left), 1);
});

test('malformed: middle pieces not in eights, none at all, beyond the end, beyond 64 KiB', () => {
  const body = request(1000);
  const more = { fragment: ipv4.FRAGMENT_MF };
  const cases: [string, Network[]][] = [
    ['not in eights', [part(body, 0, 500, more)]],
    ['empty', [part(body, 0, 0, more)]],
    ['beyond 64 KiB', [part(body, 0, 1008, { fragment: 0x1fff })]],
    ['behind the end', [part(body, 496, 1008), part(body, 496, 1008, { fragment: 1 + (1008 >> 3) })]],
    ['two ends', [part(body, 504, 1008), part(body, 0, 304, { fragment: 0x10 })]],
  ];
  for (const [name, packets] of cases) {
    const router = new Router();
    for (const packet of packets) expectNothing(router.fromLeft(packet).left);
    assert.equal(router.host.moved().ip?.fragmentsMalformed, 1, name);
  }
});

test('pieces that end within 64 KiB, pushed beyond by the options of the first', () => {
  const router = new Router();
  const options = new Uint8Array(40).fill(1);
  const length = 65_512;
  for (let at = 0; at < length; at += 1400) {
    const end = Math.min(length, at + 1400);
    const fragment = (end < length ? ipv4.FRAGMENT_MF : 0) | (at >> 3);
    const header = { source: LEFT, destination: LEFT_OWN, id: 5, fragment };
    router.fromLeft(ip4(at === 0 ? { ...header, options } : header, payload(200, end - at)));
  }
  const { ip } = router.host.moved();
  assert.equal(ip?.reassembled, undefined);
  assert.equal(ip?.fragmentsMalformed, 1);
});

test('the largest datagram there is', () => {
  const router = new Router();
  const body = request(65_535 - 20 - 8);
  let count = 0;
  for (let at = 0; at < body.length; at += 1480) {
    count += replies(router.fromLeft(part(body, at, Math.min(body.length, at + 1480))).left);
  }
  assert.equal(count, 1);
});

test('after 30 seconds an incomplete datagram is given up, and its sender told when the first piece came', () => {
  const router = new Router();
  const body = request(1000);
  router.fromLeft(part(body, 0, 504));
  router.fromLeft(part(body, 504, 800, { id: 43 }));
  router.world.run(31 * SECOND);
  const told = router.left.take();
  assert.equal(told.length, 1);
  assert.equal(icmp.type(told[0]!, 34), icmp.TYPE_TIME_EXCEEDED);
  assert.equal(icmp.code(told[0]!, 34), icmp.CODE_EXCEEDED_REASSEMBLY);
  assert.equal(router.host.moved().ip?.fragmentsTimedOut, 2);
  expectNothing(router.fromLeft(part(body, 504, 1008)).left);
});

test('no more than net.inet.ip.maxqueue fragments are kept; the oldest datagram goes first', () => {
  const router = new Router();
  router.host.call('sysctl.set', { name: 'net.inet.ip.maxqueue', value: 10 });
  const body = request(1000);
  for (let id = 1; id <= 11; id++) router.fromLeft(part(body, 0, 504, { id }));
  assert.equal(router.host.moved().ip?.fragmentsDropped, 1);
  expectNothing(router.fromLeft(part(body, 504, 1008, { id: 1 })).left);
  assert.equal(replies(router.fromLeft(part(body, 504, 1008, { id: 11 })).left), 1);
});

test('data that was put together is that which was sent', () => {
  const router = new Router({ mtu: 4000 });
  const body = request(3000);
  const frames = parts(body, [50, 111, 333]).flatMap((one) => router.fromLeft(one).left);
  const answer = frames.flatMap((bytes) => [...bytes.slice(34)]);
  assert.deepEqual(answer.slice(8), [...data(3000)]);
});
