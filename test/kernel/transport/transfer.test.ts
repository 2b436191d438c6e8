// SPDX-License-Identifier: ISC
//
// TCP against itself over wires that lose, repeat and reorder: every byte arrives, once and in its place, and both ends know the end.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../../appliance/kernel/random.ts';
import { ALL_OFFLOADS, NO_OFFLOADS } from '../../../drivers/memory.ts';
import { type Host, World } from '../../support/world.ts';
import { endpoint, TcpUser } from './userland.ts';

const LENGTH = 10_000_000;

/** A number from 0 to 1 from the kernel's own kind of generator, so that a seed says everything. */
function chance(seed: number): () => number {
  const random = new Random([seed, 7, 11, 13]);
  return () => (random.word() >>> 0) / 2 ** 32;
}

function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let word = seed | 1;
  for (let i = 0; i < length; i++) {
    word = (Math.imul(word, 1664525) + 1013904223) | 0;
    bytes[i] = word >>> 24;
  }
  return bytes;
}

/** Two hosts on one segment. */
function pair(seed: number, wireOptions: Parameters<World['wire']>[0]): { world: World; a: Host; b: Host } {
  const world = new World(seed);
  const wire = world.wire(wireOptions);
  wire.recorded.push = () => 0; // ten megabytes need not be remembered
  const [a, b] = [world.host('a'), world.host('b')];
  for (const [host, last] of [[a, 1] as const, [b, 2] as const]) {
    host.connect('vr0', wire, { mtu: wireOptions?.mtu ?? 1500 });
    host.address('vr0', `192.0.2.${last}/24`);
    host.address('vr0', `2001:db8::${last}/64`);
  }
  world.run(3_000_000);
  return { world, a, b };
}

function transfer(seed: number): void {
  const random = chance(seed);
  const capabilities = (seed & 4) === 0 ? ALL_OFFLOADS : NO_OFFLOADS;
  const faults = {
    random,
    loss: [0, 0.001, 0.01, 0.03][seed & 3]!,
    duplication: 0.01,
    // A frame with an unfinished checksum has nothing that would tell.
    corruption: capabilities === NO_OFFLOADS ? 0.001 : 0,
    jitter: [0, 300, 3000][seed % 3]!,
  };
  const { world, a, b } = pair(seed, { capabilities, faults, delay: 500, mtu: seed % 5 === 0 ? 9000 : 1500 });
  const six = seed % 2 === 1;
  const data = pattern(LENGTH, seed);
  let server: TcpUser | undefined;
  TcpUser.listen(
    b,
    80,
    (user) => {
      server = user;
    },
    six ? 6 : 4,
  );
  const client = TcpUser.connect(a, endpoint(six ? '2001:db8::2' : '192.0.2.2', 80));
  client.send(data);
  client.shutdown();
  for (let i = 0; i < 600 && server?.finished !== true; i++) world.run(1_000_000);
  assert.ok(server?.finished, `seed ${seed}: the end arrived`);
  assert.ok(Buffer.concat(server.received).equals(data), `seed ${seed}: byte for byte`);
  server.close();
  world.run(20_000_000);
  assert.deepEqual(client.closed, {}, `seed ${seed}: closed in order`);
}

test('ten megabytes over fifty bad wires', () => {
  for (let seed = 1; seed <= 50; seed++) transfer(seed);
});
