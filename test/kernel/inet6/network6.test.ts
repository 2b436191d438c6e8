// SPDX-License-Identifier: ISC
//
// IPv6 as transports use it: zones in link-local addresses, headers, hints that a neighbour is there.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import { words6 } from '../../support/packets.ts';
import { machine } from './machine6.ts';
import { LEFT, LEFT_LOCAL, LEFT_OWN, RIGHT, RIGHT_OWN, VR0_LOCAL, VR1_LINK, VR1_LOCAL } from './router6.ts';

/** An address with a zone in it. */
function zoned(text: string, zone: number): Int32Array {
  const words = Int32Array.from(words6(text));
  words[0] = words[0]! | zone;
  return words;
}

const plain = (text: string) => zoned(text, 0);

/** Remote address, its zone, and the source it gets. */
const SOURCES = [
  [RIGHT, 0, RIGHT_OWN],
  [LEFT, 0, LEFT_OWN],
  ['fe80::77', 1, VR0_LOCAL],
  ['fe80::77', 2, VR1_LOCAL],
  ['ff02::1', 2, VR1_LOCAL],
] as const;

for (const [remote, zone, source] of SOURCES) {
  test(`the source to ${remote} in zone ${zone}`, () => {
    const { network } = machine().inet6;
    const into = new Int32Array(4);
    assert.equal(network.source(zoned(remote, zone), into), true);
    assert.deepEqual(into, zoned(source, source.startsWith('fe80') ? zone : 0));
    assert.equal(network.mtu(zoned(remote, zone)), 1500);
  });
}

test('there is no source to where there is no way', () => {
  const { network } = machine().inet6;
  const into = new Int32Array(4);
  assert.equal(network.source(plain('2001:db8:77::1'), into), false);
  assert.equal(network.source(plain('fe80::77'), into), false);
  assert.equal(network.mtu(plain('2001:db8:77::1')), 0);
});

test('a link-local address is ours in its own zone, and in any when none is said', () => {
  const { network } = machine().inet6;
  const found = [0, 1, 2].map((zone) => network.isLocal(zoned(VR0_LOCAL, zone)));
  assert.deepEqual(found, [true, true, false]);
});

test('a header for a link-local address leaves by its zone, and has none of it on the wire', () => {
  const { inet6, pool, sent } = machine();
  const { network } = inet6;
  inet6.neighbors.set(inet6.ip.interfaces.byIndex(2)!, plain(LEFT_LOCAL), 0x0200, 0x1234, false);
  const packet = pool.take();
  network.begin(packet);
  packet.end += 8;
  network.writeHeader(packet, zoned(VR1_LOCAL, 2), zoned(LEFT_LOCAL, 2), 253, 9, false);
  assert.equal(network.output(packet), 0);
  const [bytes] = sent;
  const at = ethernet.HEADER_LENGTH;
  assert.ok(bytes);
  assert.equal(ethernet.sourceLow(bytes, 0), 0x00000102);
  assert.ok(VR1_LINK.endsWith('01:02'));
  assert.equal(ipv6.sourceWord(bytes, at, 0), 0xfe800000 | 0);
  assert.equal(ipv6.destinationWord(bytes, at, 0), 0xfe800000 | 0);
  assert.equal(ipv6.hopLimit(bytes, at), 9);
  assert.equal(ipv6.payloadLength(bytes, at), 8);
  assert.equal(ipv6.nextHeader(bytes, at), 253);
});

test('a hint makes the next hop reachable', () => {
  const { inet6 } = machine();
  const { network, table } = inet6;
  const on = inet6.ip.interfaces.byIndex(2)!;
  const entry = inet6.neighbors.learn(on, plain('2001:db8:2::5'), 0x0200, 5)!;
  const state = () => table.list().find(({ address }) => address.words[3] === 5)?.state;
  assert.equal(state(), 'stale');
  network.confirm(plain('2001:db8:2::5'));
  assert.equal(state(), 'reachable');
  assert.equal(entry.asked, 0);
});
