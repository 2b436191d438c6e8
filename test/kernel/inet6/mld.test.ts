// SPDX-License-Identifier: ISC
//
// Reports of groups: on joining, on leaving, to queries of both versions (RFC 3810, RFC 2710).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../../../appliance/abi/addressText.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import * as mld from '../../../appliance/wire/mld.ts';
import { frame, icmp6Message, ip6 } from '../../support/packets.ts';
import { World } from '../../support/world.ts';
import { extension } from './router6.ts';

const SECOND = 1_000_000;
const OWN = '2001:db8:1::1';
const GROUP = 'ff02::1:ff00:1';
const LOCAL_GROUP = 'ff02::1:ff00:101';
const ROUTER_LINK = '02:00:00:00:00:77';
/** Router alert, PadN: behind the next-header byte. */
const ALERT = [0, 5, 2, 0, 0, 1, 0];

const IP = ethernet.HEADER_LENGTH;

function addressAt(bytes: Uint8Array, at: number): string {
  return formatAddress({ family: 6, words: [0, 1, 2, 3].map((i) => ipv6.addressWord(bytes, at, i)) });
}

/** `type[record] group to destination` of each listener message; checks what all have in common. */
function reports(frames: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  for (const bytes of frames) {
    if (ipv6.nextHeader(bytes, IP) !== ipv6.NEXT_HOP_BY_HOP) continue;
    assert.equal(ipv6.hopLimit(bytes, IP), 1);
    assert.deepEqual([...bytes.subarray(IP + 41, IP + 48)], ALERT);
    const at = IP + 48;
    assert.ok(icmp6.checksumValid(bytes, IP, at, bytes.length));
    assert.ok(mld.valid(bytes, at, bytes.length));
    const to = addressAt(bytes, ipv6.destinationAt(IP));
    const type = icmp6.type(bytes, at);
    if (type === icmp6.TYPE_LISTENER_REPORT2) {
      const record = mld.recordsAt(at);
      lines.push(
        `${type}/${mld.recordType(bytes, record)} ${addressAt(bytes, mld.recordGroupAt(record))} to ${to}`,
      );
    } else {
      lines.push(`${type} ${addressAt(bytes, mld.groupAt(at))} to ${to}`);
    }
  }
  return lines.sort();
}

function host() {
  const world = new World();
  const wire = world.wire();
  const kernel = world.host('host');
  kernel.connect('vr0', wire);
  const station = world.station('router', wire);
  kernel.address('vr0', `${OWN}/64`);
  return { world, kernel, station };
}

/** A query: version 1 is 24 bytes, version 2 four more. `response` in milliseconds. */
function query(version: 1 | 2, response: number, source = 'fe80::77', hops = 1): Uint8Array {
  const body = new Uint8Array(version === 1 ? 16 : 20);
  return frame(
    { to: '33:33:00:00:00:01', from: ROUTER_LINK },
    ip6(
      { source, destination: 'ff02::1', hops },
      extension(
        ipv6.NEXT_HOP_BY_HOP,
        ALERT,
        icmp6Message(icmp6.TYPE_LISTENER_QUERY, 0, response << 16, body),
      ),
    ),
  );
}

test('joining is reported, all nodes never; twice as soon as there is an address that routers listen to', () => {
  const { world, station } = host();
  world.run(SECOND - 1); // duplicate address detection is over after a second
  const early = station.take();
  for (const bytes of early) assert.equal(addressAt(bytes, ipv6.sourceAt(IP)), '::');
  assert.ok(early.length >= 2);
  world.run(3 * SECOND);
  const twice = [`143/4 ${GROUP} to ff02::16`, `143/4 ${LOCAL_GROUP} to ff02::16`].flatMap((line) => [
    line,
    line,
  ]);
  const late = station.take();
  for (const bytes of late) assert.equal(addressAt(bytes, ipv6.sourceAt(IP)).startsWith('::'), false);
  assert.deepEqual(reports(late), twice.sort());
});

test('leaving is reported', () => {
  const { world, kernel, station } = host();
  world.run(3 * SECOND);
  station.take();
  const address = { family: 6, words: [0x20010db8, 0x10000, 0, 1] } as const;
  kernel.call('interface.deleteAddress', { name: 'vr0', address });
  world.run(SECOND);
  assert.deepEqual(reports(station.take()), [`143/3 ${GROUP} to ff02::16`]);
});

test('a query of version 2 is answered with the state of each group, in its time', () => {
  const { world, station } = host();
  world.run(3 * SECOND);
  station.take();
  station.send(query(2, 5000));
  world.run(5.1 * SECOND);
  assert.deepEqual(reports(station.take()), [
    `143/2 ${GROUP} to ff02::16`,
    `143/2 ${LOCAL_GROUP} to ff02::16`,
  ]);
});

test('a query of version 1 is answered, and leaving told, in that version', () => {
  const { world, kernel, station } = host();
  world.run(3 * SECOND);
  station.take();
  station.send(query(1, 1000));
  world.run(1.1 * SECOND);
  assert.deepEqual(reports(station.take()), [
    `131 ${GROUP} to ${GROUP}`,
    `131 ${LOCAL_GROUP} to ${LOCAL_GROUP}`,
  ]);
  const address = { family: 6, words: [0x20010db8, 0x10000, 0, 1] } as const;
  kernel.call('interface.deleteAddress', { name: 'vr0', address });
  world.run(SECOND);
  assert.deepEqual(reports(station.take()), [`132 ${GROUP} to ff02::2`]);
  world.run(300 * SECOND);
  station.send(query(2, 1000));
  world.run(1.1 * SECOND);
  assert.deepEqual(reports(station.take()), [`143/2 ${LOCAL_GROUP} to ff02::16`]);
});

test('a query from beyond the link is not heeded', () => {
  const { world, kernel, station } = host();
  world.run(3 * SECOND);
  station.take();
  kernel.moved();
  station.send(query(2, 1000, '2001:db8:1::77'));
  station.send(query(2, 1000, 'fe80::77', 64));
  world.run(2 * SECOND);
  assert.deepEqual(reports(station.take()), []);
  assert.equal(kernel.moved().icmp6?.badListenerMessage, 1);
});

test('the groups of an interface are listed', () => {
  const { kernel } = host();
  const [vr0] = kernel.call('interface.list', { name: 'vr0' });
  const groups = vr0?.multicast.filter(({ family }) => family === 6).map(formatAddress);
  assert.deepEqual(groups, ['ff02::1', GROUP, LOCAL_GROUP]);
});
