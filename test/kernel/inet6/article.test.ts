// SPDX-License-Identifier: ISC
//
// The article's IPv6 network: routers whose addresses are all zero behind the prefix, resolving and forwarding between kernels.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as nd6 from '../../../appliance/wire/nd6.ts';
import { World } from '../../support/world.ts';
import { answers, echo, ofType, seen, solicitation } from './messages.ts';

const SECOND = 1_000_000;
const CLIENT = '02:00:00:00:00:c1';

function network() {
  const world = new World();
  const clientSide = world.wire();
  const serverSide = world.wire();
  const router = world.host('router');
  router.connect('vr1', clientSide);
  router.connect('vr0', serverSide);
  router.call('sysctl.set', { name: 'net.inet6.ip6.forwarding', value: 1 });
  router.address('vr1', '3ffe::/64');
  router.address('vr0', '3ffe:1::/64');
  router.address('vr0', '3ffe:2::/64');
  const balancer = world.host('lb');
  balancer.connect('vr0', serverSide);
  balancer.address('vr0', '3ffe:1::1/64');
  balancer.address('vr0', '3ffe:2::1/64');
  balancer.route('default', '3ffe:1::');
  const client = world.station('client', clientSide);
  answers(client, CLIENT, ['3ffe::1']);
  return { world, router, balancer, client, clientSide, serverSide };
}

test('addresses with an all-zero host part are usable within about a second, and gateways', () => {
  const { world, router, balancer, client } = network();
  world.run(1.1 * SECOND);
  for (const host of [router, balancer]) {
    for (const on of host.call('interface.list', {})) {
      for (const address of on.addresses.filter(({ family }) => family === 6)) {
        assert.equal(address.state, 'preferred');
      }
    }
  }
  client.send(echo({ to: '02:00:00:00:01:01', from: CLIENT, source: '3ffe::1', destination: '3ffe:1::1' }));
  world.run(0.1 * SECOND);
  const replies = ofType(client.take(), icmp6.TYPE_ECHO_REPLY);
  assert.deepEqual(replies, [
    { type: 129, code: 0, from: '3ffe:1::1', to: '3ffe::1', hops: 63, link: CLIENT },
  ]);
});

test('a solicitation for such an address is answered as for any unicast one', () => {
  const { world, client } = network();
  world.run(1.1 * SECOND);
  client.take();
  client.send(
    solicitation({
      link: CLIENT,
      source: '3ffe::1',
      destination: 'ff02::1:ff00:0',
      target: '3ffe::',
      option: CLIENT,
    }),
  );
  world.run(1000);
  assert.deepEqual(client.take().map(seen), [
    {
      type: icmp6.TYPE_NEIGHBOR_ADVERTISEMENT,
      code: 0,
      from: '3ffe::',
      to: '3ffe::1',
      hops: 255,
      link: CLIENT,
      target: '3ffe::',
      flags: nd6.FLAG_ROUTER | nd6.FLAG_SOLICITED | nd6.FLAG_OVERRIDE,
      option: '02:00:00:00:01:01',
    },
  ]);
});

test('the router itself answers echo to such an address, and speaks from it', () => {
  const { world, client } = network();
  world.run(1.1 * SECOND);
  client.take();
  client.send(echo({ to: '02:00:00:00:01:01', from: CLIENT, source: '3ffe::1', destination: '3ffe:2::' }));
  client.send(echo({ to: '02:00:00:00:01:01', from: CLIENT, source: '3ffe::1', destination: '2001:db8::1' }));
  world.run(0.1 * SECOND);
  const got = client.take().map(seen);
  assert.deepEqual(
    got.map((message) => [message?.type, message?.code, message?.from]),
    [
      [icmp6.TYPE_NEIGHBOR_SOLICITATION, 0, '3ffe::'],
      [icmp6.TYPE_ECHO_REPLY, 0, '3ffe:2::'],
      [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_NO_ROUTE, '3ffe::'],
    ],
  );
});
