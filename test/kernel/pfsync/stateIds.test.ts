// SPDX-License-Identifier: ISC
//
// Ids of states rise from boot to boot, so that a machine with a host id of its own (`set hostid`) never gives one twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Host, World } from '../../support/world.ts';
import { loadOf } from '../pf/filter.ts';

test('they begin at the time of the boot', () => {
  const world = new World();
  const host = new Host('m1', 1, 0, [1, 2, 3, 4], 0x65a1b2c3);
  host.connect('vr0', world.wire());
  host.address('vr0', '192.0.2.1/24');
  host.call('pf.load', loadOf('set hostid 7\npass\n'));
  host.call('pf.enable', {});
  const id = host.call('socket.open', { type: 'udp', family: 4 });
  const remote = { address: { family: 4, words: [0xc0000209 | 0] }, port: 53 } as const;
  host.call('socket.connect', { id, remote });
  host.call('socket.send', { id, data: new Uint8Array(1) });
  const [state] = host.call('pf.states', { cursor: 0 }).items;
  assert.equal(state?.id, '65a1b2c300000000');
  assert.equal(state?.creatorId, 7);
});
