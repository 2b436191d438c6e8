// SPDX-License-Identifier: ISC
//
// States that are more than a pair of addresses, from one machine to the other: of two families, counted by a pool, bound to an interface.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as wire from '../../../appliance/wire/pfsync.ts';
import * as wireState from '../../../appliance/wire/pfsyncState.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ip4, tcpSegment, word4 } from '../../support/packets.ts';
import { LEFT, Members, states } from './members.ts';

const VIP = '192.0.2.77';

function syn(port: number) {
  const flags = tcp.FLAG_SYN;
  const header = { from: port, to: 80, sequence: 1000, acknowledgment: 0, flags, window: 0x4000 };
  return ip4({ source: LEFT, destination: VIP }, tcpSegment(header, 0));
}

test('a state between two families is the same on both', () => {
  const rules = `pass in on vr0 inet proto tcp to ${VIP} port 80 af-to inet6 from 2001:db8::1 to 2001:db8::9\n`;
  const pair = new Members();
  const [a, b] = [pair.add(rules), pair.add(rules)];
  for (const { host } of [a, b]) host.address('vr1', `2001:db8::${host.name.slice(1)}/64`);
  pair.run(3);
  pair.fromLeft(syn(1024), a);
  pair.run(2);
  const keys = (member: typeof a) =>
    states(member).map((one) => ({ direction: one.direction, wire: one.wire, stack: one.stack }));
  const [made] = keys(a);
  assert.deepEqual([made?.wire.family, made?.stack.family], [4, 6]);
  assert.deepEqual(keys(b), keys(a));
});

test('a pool that looks for least states counts those of the other machine', () => {
  const rules = `table <hosts> { 198.51.100.9 198.51.100.10 }
pass in on vr0 proto tcp to ${VIP} port 80 route-to <hosts> least-states
pass out on vr1 no state\n`;
  const pair = new Members();
  const [a, b] = [pair.add(rules), pair.add(rules)];
  pair.run(11);
  const way = (member: typeof a, port: number) => {
    const found = states(member).find((one) => one.wire.ports.includes(port));
    return JSON.stringify(found?.route?.address);
  };
  pair.fromLeft(syn(1024), a);
  pair.run(2);
  assert.equal(way(b, 1024), way(a, 1024));
  pair.fromLeft(syn(1025), b);
  assert.notEqual(way(b, 1025), way(b, 1024));
});

test('a state that is bound to an interface which is not here is refused, and counted', () => {
  const pair = new Members();
  const [a, b] = [pair.add('pass\n'), pair.add('pass\n', { up: false })];
  pair.run(1);
  pair.fromLeft(syn(1024), a);
  pair.run(2);
  const insert = pair.syncWire.recorded
    .map(({ bytes }) => bytes)
    .find(
      (bytes) =>
        ipv4.protocol(bytes, ethernet.HEADER_LENGTH) === ipv4.PROTOCOL_PFSYNC &&
        wire.action(bytes, ethernet.HEADER_LENGTH + ipv4.HEADER_LENGTH + wire.HEADER_LENGTH) ===
          wire.ACTION_INSERT,
    );
  assert.ok(insert);
  a.sync.port.carrier = false;
  pair.up(b);
  const at = ethernet.HEADER_LENGTH + ipv4.HEADER_LENGTH + wire.HEADER_LENGTH + wire.SECTION_LENGTH;
  const station = pair.world.station('other', pair.syncWire);
  const send = (name: string) => {
    const bytes = insert.slice();
    ipv4.setSource(bytes, ethernet.HEADER_LENGTH, word4('10.99.9.77'));
    ethernet.setSource(bytes, 0, 0x0200, 0x77);
    ipv4.fillChecksum(bytes, ethernet.HEADER_LENGTH);
    wireState.setInterfaceName(bytes, at, name);
    b.host.moved();
    station.send(bytes);
    pair.run(0.1);
    return b.host.moved().pfsync?.badState ?? 0;
  };
  const count = wire.count(insert, at - wire.SECTION_LENGTH);
  assert.equal(send('vr9'), 1);
  assert.equal(states(b).length, count - 1);
  assert.equal(send('vr0'), 0, 'here it is');
  assert.equal(states(b).length, count);
});
