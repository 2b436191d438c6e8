// SPDX-License-Identifier: ISC
//
// Many hosts do not fire together: each has its own place within the interval, and keeps it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RelaydWorld } from '../../support/relaydWorld.ts';

const HOSTS = 1_000;
const SLOT = 100;
/** The fair share of a slot is 10 of 1000 hosts in 10 s. */
const MOST = 12;

/** A small generator of its own, so that a failure can be repeated. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

function perSlot(times: readonly number[]): number[] {
  const slots = new Map<number, number>();
  for (const time of times) {
    const slot = Math.floor(time / SLOT);
    slots.set(slot, (slots.get(slot) ?? 0) + 1);
  }
  return [...slots.values()];
}

test('1000 hosts over 10 s', async () => {
  const world = new RelaydWorld();
  const hosts = Array.from({ length: HOSTS }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
  for (const host of hosts) world.network.servers.set(`${host}:80`, 'silent');
  await world.start(
    `table <t> { ${hosts.join(' ')} }\nredirect r {\n\tlisten on 192.0.2.1 port 80\n\tdisable\n\tforward to <t> check tcp\n}\n`,
    { random: seeded(1) },
  );
  await world.clock.advance(20_000);
  const { connects } = world.network;
  assert.equal(connects.length, 2 * HOSTS);
  assert.ok(Math.max(...perSlot(connects.map((one) => one.at))) <= MOST);
  const first = new Map(connects.slice(0, HOSTS).map((one) => [one.to, one.at]));
  for (const { to, at } of connects.slice(HOSTS)) assert.equal(Math.round(at - first.get(to)!), 10_000);
});

test('few hosts are known soon', async () => {
  const world = new RelaydWorld();
  world.network.servers.set('10.0.0.1:80', 'silent').set('10.0.0.2:80', 'silent');
  await world.start(
    'table <t> { 10.0.0.1 10.0.0.2 }\nredirect r {\n\tlisten on 192.0.2.1 port 80\n\tforward to <t> check tcp\n}\n',
  );
  await world.clock.advance(20);
  assert.deepEqual(world.statuses(), ['10.0.0.1 up', '10.0.0.2 up']);
});
