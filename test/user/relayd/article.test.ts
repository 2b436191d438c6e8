// SPDX-License-Identifier: ISC
//
// The article's relayd.conf on virtual time: what reaches pf, and when, as its web servers come and go.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { httpServer, RelaydWorld } from '../../support/relaydWorld.ts';

const ARTICLE = `
webserver1="10.0.0.10"
webserver2="10.0.0.11"
v6server1="3ffe:2::10"
v6server2="3ffe:2::11"
vipaddress="192.0.2.253"
v6address="3ffe:1::1"
table <webservers> { $webserver1 $webserver2 }
table <v6servers> { $v6server1 $v6server2 }
redirect www {
	listen on $vipaddress port http interface vr0
	route to <webservers> port www check http "/" code 200 interface vr0
}
redirect wwwv6 {
	listen on $v6address port http interface vr0
	route to <v6servers> port www check http "/" code 200 interface vr0
}
`;
const SERVERS = ['10.0.0.10:80', '10.0.0.11:80', '3ffe:2::10:80', '3ffe:2::11:80'];

describe('the article', () => {
  let world: RelaydWorld;

  beforeEach(async () => {
    world = new RelaydWorld();
    for (const server of SERVERS) world.network.servers.set(server, httpServer(200));
    await world.start(ARTICLE);
  });
  afterEach(() => world.relayd.stop());

  test('begins with empty tables and no rules', () => {
    assert.deepEqual(world.kernel.take(), [
      'load relayd/www: 0 rules <www>',
      'load relayd/wwwv6: 0 rules <wwwv6>',
    ]);
    assert.deepEqual(world.statuses(), [
      '10.0.0.10 unknown',
      '10.0.0.11 unknown',
      '3ffe:2::10 unknown',
      '3ffe:2::11 unknown',
    ]);
  });

  test('a good round fills the tables, then pushes the rules', async () => {
    world.kernel.take();
    await world.clock.advance(1_000);
    assert.deepEqual(world.kernel.take(), [
      'replace relayd/www <www> 10.0.0.10',
      'load relayd/www: 2 rules',
      'replace relayd/www <www> 10.0.0.10 10.0.0.11',
      'replace relayd/wwwv6 <wwwv6> 3ffe:2::10',
      'load relayd/wwwv6: 2 rules',
      'replace relayd/wwwv6 <wwwv6> 3ffe:2::10 3ffe:2::11',
    ]);
    assert.deepEqual(
      world.network.requests,
      SERVERS.map(() => 'HEAD / HTTP/1.0\r\n\r\n'),
    );
  });

  test('a server that dies leaves within an interval and the timeout, the others stay', async () => {
    await world.clock.advance(1_000);
    world.kernel.take();
    world.network.servers.delete('10.0.0.10:80');
    await world.clock.advance(10_200);
    assert.deepEqual(world.kernel.take(), ['replace relayd/www <www> 10.0.0.11']);
    assert.equal(world.statuses()[0], '10.0.0.10 down');
  });

  test('both down: the table is flushed, then the rules go; back again: table first', async () => {
    await world.clock.advance(1_000);
    world.kernel.take();
    world.network.servers.set('10.0.0.10:80', httpServer(500));
    world.network.servers.set('10.0.0.11:80', 'refuse');
    await world.clock.advance(10_000);
    assert.deepEqual(world.kernel.take(), [
      'replace relayd/www <www> 10.0.0.11',
      'flush relayd/www <www>',
      'zero relayd/www <www>',
      'load relayd/www: 0 rules',
    ]);
    world.network.servers.set('10.0.0.10:80', httpServer(200));
    await world.clock.advance(10_000);
    assert.deepEqual(world.kernel.take(), ['replace relayd/www <www> 10.0.0.10', 'load relayd/www: 2 rules']);
  });

  test('stopping takes rules, tables and the anchor out of pf', async () => {
    await world.clock.advance(1_000);
    world.kernel.take();
    await world.relayd.stop();
    assert.deepEqual(world.kernel.take(), [
      'load relayd/www: 0 rules',
      'load relayd/wwwv6: 0 rules',
      'kill relayd/www <www>',
      'kill relayd/wwwv6 <wwwv6>',
      'load relayd: 0 rules',
    ]);
  });

  test('with pf off there is nothing to start', async () => {
    const off = new RelaydWorld();
    off.kernel.enabled = false;
    await assert.rejects(off.start(ARTICLE), /^Error: pf is disabled$/);
  });
});
