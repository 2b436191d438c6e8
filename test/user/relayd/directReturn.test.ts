// SPDX-License-Identifier: ISC
//
// What relayd says of the ways of Direct Server Return: which leg is broken, or why there is no way at all.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { parseAddress, parseLinkAddress } from '../../../appliance/abi/addressText.ts';
import type { NeighborState } from '../../../appliance/abi/neighbor.ts';
import { httpServer, RelaydWorld } from '../../support/relaydWorld.ts';

const CONFIGURATION = `
table <a> { 10.0.0.10 }
table <b> { 3ffe:2::10 }
table <c> { 10.0.0.12 }
table <d> { 10.0.0.13 }
redirect routed {
	listen on 192.0.2.253 port 80
	route to <a> port 80 check tcp interface vr0
}
redirect families {
	listen on 192.0.2.253 port 81
	route to <b> port 80 check tcp interface vr0
}
redirect translated {
	listen on 192.0.2.253 port 8080
	forward to <c> port 80 check tcp
}
relay y {
	listen on 127.0.0.1 port 8081
	forward to <d> port 80 check tcp
}
`;

let world: RelaydWorld;

beforeEach(async () => {
  world = new RelaydWorld();
  world.network.servers.set('10.0.0.10:80', httpServer(200));
  world.network.servers.set('192.0.2.253', httpServer(200));
  world.kernel.neighbors = [neighbor('reachable')];
  await world.start(CONFIGURATION);
});
afterEach(() => world.relayd.stop());

function neighbor(state: NeighborState) {
  const address = parseAddress('10.0.0.10')!;
  return { address, interface: 'vr0', linkAddress: parseLinkAddress('02:00:00:00:00:10')!, state };
}

async function legs(): Promise<readonly string[]> {
  const proving = world.relayd.proveDsr('10.0.0.10');
  await world.clock.advance(5_000);
  const { paths } = await proving;
  assert.equal(paths.length, 1);
  return paths[0]!.legs.map(({ leg, state, evidence }) => `${leg} ${state}: ${evidence}`);
}

describe('the leg that is broken', () => {
  test('none', async () => {
    assert.deepEqual((await legs()).slice(0, 3), [
      'neighbor ok: at 02:00:00:00:00:10 on vr0',
      'listener ok: 10.0.0.10 port 80 accepts connections',
      'address ok: answers an echo to 192.0.2.253',
    ]);
  });

  test('nobody listens', async () => {
    world.network.servers.set('10.0.0.10:80', 'refuse');
    assert.equal(
      (await legs())[1],
      'listener broken: nobody listens on 10.0.0.10 port 80: connection refused',
    );
  });

  test('the service address is not there', async () => {
    world.network.servers.delete('192.0.2.253');
    assert.match((await legs())[2]!, /^address broken: 192\.0\.2\.253 is not on the host's loopback/);
  });

  test('the host has gone, and the cache still has its Ethernet address', async () => {
    world.network.servers.clear();
    assert.deepEqual((await legs()).slice(0, 3), [
      'neighbor broken: nobody answers ARP for 10.0.0.10',
      'listener not proven: nothing reaches the host',
      'address not proven: nothing reaches the host',
    ]);
  });

  test('an Ethernet address that somebody has set is not asked for', async () => {
    world.kernel.neighbors = [neighbor('permanent')];
    world.network.servers.clear();
    const [first, second] = await legs();
    assert.equal(first, 'neighbor ok: at 02:00:00:00:00:10 on vr0');
    assert.match(second!, /^listener broken: no connection to 10\.0\.0\.10 port 80: /);
  });
});

describe('there is no way', () => {
  const PROBLEMS: Readonly<Record<string, string>> = {
    '10.0.0.99': 'no such host',
    '10.0.0.12':
      'no redirection routes to host 10.0.0.12: translated forwards to it, so that answers pass here',
    '10.0.0.13': 'no redirection routes to host 10.0.0.13: it is in none at all',
    '3ffe:2::10': 'redirection families listens on no address of the family of host 3ffe:2::10',
  };

  for (const [host, problem] of Object.entries(PROBLEMS)) {
    test(`to ${host}, and it is said why`, async () => {
      assert.deepEqual(await world.relayd.proveDsr(host), { paths: [], problem });
    });
  }
});
