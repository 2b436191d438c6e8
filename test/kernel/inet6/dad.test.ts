// SPDX-License-Identifier: ISC
//
// Addresses of an interface: the link-local one that comes by itself, detection of duplicates, what carrier does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../../../appliance/abi/addressText.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as nd6 from '../../../appliance/wire/nd6.ts';
import { type Host, World } from '../../support/world.ts';
import { advertisement, echo, ofType, solicitation, solicitedNode } from './messages.ts';

const SECOND = 1_000_000;
const OWN_LINK = '02:00:00:00:01:01';
const OTHER_LINK = '02:00:00:00:00:77';
const OWN = '2001:db8:1::1';
const OWN_LOCAL = 'fe80::ff:fe00:101';

function lonely() {
  const world = new World();
  const wire = world.wire();
  const host = world.host('host');
  const { port } = host.connect('vr0', wire);
  const station = world.station('other', wire);
  return { world, host, station, port };
}

/** `address state` of each IPv6 address of vr0, in order. */
function states(host: Host): string[] {
  return host
    .call('interface.list', { name: 'vr0' })
    .flatMap(({ addresses }) => addresses)
    .map((address) => `${formatAddress(address)}/${address.length} ${address.state}`);
}

test('the first address brings a link-local one, listed in front of it; both are asked for once, then usable', () => {
  const { world, host, station } = lonely();
  host.address('vr0', `${OWN}/64`);
  assert.deepEqual(states(host), [`${OWN_LOCAL}/64 tentative`, `${OWN}/64 tentative`]);
  world.run(0.9 * SECOND);
  const asked = ofType(station.take(), icmp6.TYPE_NEIGHBOR_SOLICITATION);
  assert.deepEqual(
    asked.map(({ from, to, target, hops, option }) => [from, to, target, hops, option]),
    [
      ['::', solicitedNode(OWN), OWN, 255, undefined],
      ['::', solicitedNode(OWN_LOCAL), OWN_LOCAL, 255, undefined],
    ],
  );
  assert.deepEqual(states(host), [`${OWN_LOCAL}/64 tentative`, `${OWN}/64 tentative`]);
  world.run(0.2 * SECOND);
  assert.deepEqual(states(host), [`${OWN_LOCAL}/64 preferred`, `${OWN}/64 preferred`]);
  const told = ofType(station.take(), icmp6.TYPE_NEIGHBOR_ADVERTISEMENT);
  assert.deepEqual(
    told.map(({ from, to, flags, option }) => [from, to, flags, option]),
    [
      [OWN, 'ff02::2', 0, OWN_LINK],
      [OWN_LOCAL, 'ff02::2', 0, OWN_LINK],
    ],
  );
});

test('replacing the main address leaves the link-local one', () => {
  const { host } = lonely();
  host.address('vr0', `${OWN}/64`);
  const address = { family: 6, words: [0x20010db8, 0x10000, 0, 2], length: 64 } as const;
  host.call('interface.addAddress', { name: 'vr0', address, alias: false });
  assert.deepEqual(states(host), [`${OWN_LOCAL}/64 tentative`, '2001:db8:1::2/64 tentative']);
});

test('a tentative address takes no packets and answers nobody', () => {
  const { world, host, station } = lonely();
  host.address('vr0', `${OWN}/64`);
  world.run(0.1 * SECOND);
  station.take();
  const source = '2001:db8:1::9';
  station.send(echo({ to: OWN_LINK, from: OTHER_LINK, source, destination: OWN }));
  station.send(
    solicitation({
      link: OTHER_LINK,
      source,
      destination: solicitedNode(OWN),
      target: OWN,
      option: OTHER_LINK,
    }),
  );
  world.run(0.1 * SECOND);
  assert.equal(host.moved().ip6?.notUsable, 1);
  assert.deepEqual(ofType(station.take(), icmp6.TYPE_NEIGHBOR_ADVERTISEMENT), []);
  world.run(SECOND);
  assert.equal(states(host).at(-1), `${OWN}/64 preferred`);
});

/** What another station does while the address is tentative, and whether it is then taken for a duplicate. */
const CONFLICTS = [
  { name: 'it answers', source: OWN, destination: 'ff02::1', advertises: true, duplicated: true },
  { name: 'it asks too', source: '::', destination: solicitedNode(OWN), advertises: false, duplicated: true },
  {
    name: 'our own question comes back',
    source: '::',
    destination: solicitedNode(OWN),
    advertises: false,
    own: true,
    duplicated: false,
  },
] as const;

for (const { name, source, destination, advertises, duplicated, ...more } of CONFLICTS) {
  test(`detection: ${name}`, () => {
    const { world, host, station } = lonely();
    host.address('vr0', `${OWN}/64`);
    world.run(0.5 * SECOND);
    const link = 'own' in more ? OWN_LINK : OTHER_LINK;
    const says = { link, source, destination, target: OWN };
    const override = { ...says, flags: nd6.FLAG_OVERRIDE, option: link };
    station.send(advertises ? advertisement(override) : solicitation(says));
    world.run(2 * SECOND);
    assert.equal(states(host).at(-1), `${OWN}/64 ${duplicated ? 'duplicated' : 'preferred'}`);
    const told = host.events.filter(({ event }) => event === 'interface.duplicate');
    assert.equal(told.length, duplicated ? 1 : 0);
    assert.equal(host.moved().nd6?.duplicates, duplicated ? 1 : undefined);
    station.take();
    station.send(echo({ to: OWN_LINK, from: OTHER_LINK, source: 'fe80::77', destination: OWN }));
    world.run(SECOND);
    assert.equal(ofType(station.take(), icmp6.TYPE_NEIGHBOR_SOLICITATION).length > 0, !duplicated);
  });
}

test('of two kernels that get one address at once, neither uses it', () => {
  const world = new World();
  const wire = world.wire();
  const hosts = ['a', 'b'].map((name) => world.host(name));
  for (const host of hosts) {
    host.connect('vr0', wire);
    host.address('vr0', `${OWN}/64`);
  }
  world.run(3 * SECOND);
  for (const host of hosts) assert.equal(states(host).at(-1), `${OWN}/64 duplicated`);
});

test('who comes later learns that the address is taken, and who has it hears of the attempt', () => {
  const world = new World();
  const wire = world.wire();
  const [first, second] = [world.host('first'), world.host('second')];
  first.connect('vr0', wire);
  second.connect('vr0', wire);
  first.address('vr0', `${OWN}/64`);
  world.run(3 * SECOND);
  second.address('vr0', `${OWN}/64`);
  world.run(3 * SECOND);
  assert.equal(states(first).at(-1), `${OWN}/64 preferred`);
  assert.equal(states(second).at(-1), `${OWN}/64 duplicated`);
});

test('without carrier an address waits; when carrier comes it is checked, and again whenever it comes back', () => {
  const { world, host, station, port } = lonely();
  port.carrier = false;
  host.address('vr0', `${OWN}/64`);
  world.run(10 * SECOND);
  assert.equal(states(host).at(-1), `${OWN}/64 tentative`);
  port.carrier = true;
  world.run(1.1 * SECOND);
  assert.equal(states(host).at(-1), `${OWN}/64 preferred`);
  port.carrier = false;
  world.run(SECOND);
  station.take();
  port.carrier = true;
  assert.equal(states(host).at(-1), `${OWN}/64 tentative`);
  world.run(1.1 * SECOND);
  assert.equal(ofType(station.take(), icmp6.TYPE_NEIGHBOR_SOLICITATION).length, 2);
  assert.equal(states(host).at(-1), `${OWN}/64 preferred`);
});

test('dad_count says how often is asked; 0 trusts everybody', () => {
  const { world, host, station } = lonely();
  host.call('sysctl.set', { name: 'net.inet6.ip6.dad_count', value: 3 });
  host.address('vr0', `${OWN}/64`);
  world.run(2.9 * SECOND);
  assert.equal(ofType(station.take(), icmp6.TYPE_NEIGHBOR_SOLICITATION).length, 6);
  assert.equal(states(host).at(-1), `${OWN}/64 tentative`);
  world.run(0.2 * SECOND);
  assert.equal(states(host).at(-1), `${OWN}/64 preferred`);
  host.call('sysctl.set', { name: 'net.inet6.ip6.dad_count', value: 0 });
  host.address('vr0', '2001:db8:1::2/64');
  assert.equal(states(host).at(-1), '2001:db8:1::2/64 preferred');
});

test('loopback has its addresses at once', () => {
  const { host } = lonely();
  host.address('lo0', '::1/128');
  const [lo0] = host.call('interface.list', { name: 'lo0' });
  const shown = lo0?.addresses
    .filter(({ family }) => family === 6)
    .map((one) => [formatAddress(one), one.state]);
  assert.deepEqual(shown, [
    ['fe80::1', 'preferred'],
    ['::1', 'preferred'],
  ]);
});

test('a station that uses our address is told of', () => {
  const { world, host, station } = lonely();
  host.address('vr0', `${OWN}/64`);
  world.run(2 * SECOND);
  station.send(
    advertisement({
      link: OTHER_LINK,
      source: OWN,
      destination: 'ff02::1',
      target: OWN,
      flags: nd6.FLAG_OVERRIDE,
      option: OTHER_LINK,
    }),
  );
  world.run(1000);
  const [told] = host.events.filter(({ event }) => event === 'neighbor.conflict');
  assert.deepEqual(told?.data, {
    interface: 'vr0',
    address: { family: 6, words: [0x20010db8, 0x10000, 0, 1] },
    linkAddress: [2, 0, 0, 0, 0, 0x77],
    kind: 'duplicate',
  });
});
