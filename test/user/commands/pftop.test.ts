// SPDX-License-Identifier: ISC
//
// pftop: the first states by an order out of pages of them, from the end that asked, filtered by text.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../appliance/abi/addressText.ts';
import type { KernelClient } from '../../../appliance/abi/client.ts';
import type { StateInfo } from '../../../appliance/abi/pf.ts';
import type { StateColumn } from '../../../appliance/abi/stateOrder.ts';
import type { CommandContext } from '../../../appliance/user/commands/command.ts';
import type { TopStates } from '../../../appliance/user/commands/pftop/topStates.ts';
import { pftop } from '../../../appliance/user/commands/pftop.ts';

const PAGE = 100;
/** A state that has run out between two calls. */
const GONE = 7;

function stateOf(id: number, changes: Partial<StateInfo> = {}): StateInfo {
  const client = parseAddress(`10.0.${id >> 8}.${id & 255}`)!;
  const server = parseAddress('192.0.2.1')!;
  const key = { family: 4, addresses: [client, server], ports: [40_000, 80] } as const;
  const peer = { state: 4, seqLow: 0, seqHigh: 0, maxWindow: 0, windowScale: 0, seqDifference: 0 };
  return {
    id: String(id),
    creatorId: -1,
    interface: 'all',
    protocol: 6,
    direction: 'in',
    wire: key,
    stack: key,
    source: peer,
    destination: peer,
    age: id,
    expires: 1000 - id,
    packets: [id, 1],
    bytes: [id * 10, 5],
    anchor: '',
    rule: 0,
    sloppy: false,
    ...changes,
  };
}

/** As the kernel answers, for states whose addresses differ in 32 bits alone. */
function columnPage(states: readonly StateInfo[], cursor: number, column: StateColumn) {
  const page = states.slice(cursor, cursor + PAGE);
  const numbers = (state: StateInfo, i: number): readonly number[] => {
    const [source, destination] = state.wire.addresses;
    switch (column) {
      case 'bytes':
        return [state.bytes[0] + state.bytes[1]];
      case 'packets':
        return [state.packets[0] + state.packets[1]];
      case 'place':
        return [cursor + i];
      case 'source':
        return [1, 2, source.words[0]!];
      case 'destination':
        return [1, 2, destination.words[0]!];
      default:
        return [state[column]];
    }
  };
  return {
    places: Int32Array.from(page, (_, i) => cursor + i),
    values: Float64Array.from(page.flatMap(numbers)),
    ...(cursor + PAGE < states.length && { next: cursor + PAGE }),
  };
}

async function run(
  states: readonly StateInfo[],
  ...args: readonly string[]
): Promise<{ status: number; text: string }> {
  const call = async (name: string, request: { cursor: number; column: StateColumn; places: Int32Array }) =>
    name === 'pf.statesAt'
      ? Array.from(request.places, (place) => (place === GONE ? undefined : states[place]))
      : columnPage(states, request.cursor, request.column);
  let text = '';
  const out = (chunk: string) => {
    text += chunk;
  };
  const context = {
    kernel: { call } as unknown as KernelClient,
    stdout: out,
    stderr: out,
    signal: new AbortController().signal,
  };
  return { status: await pftop.run(args, context as unknown as CommandContext), text };
}

async function top(states: readonly StateInfo[], ...args: readonly string[]): Promise<TopStates> {
  return JSON.parse((await run(states, '--json', ...args)).text) as TopStates;
}

test('the first of many pages, by each order', async () => {
  const states = Array.from({ length: 350 }, (_, i) => stateOf(i));
  for (const [order, ids] of [
    ['bytes', ['349', '348', '347']],
    ['pkts', ['349', '348', '347']],
    ['age', ['349', '348', '347']],
    ['exp', ['349', '348', '347']],
    ['source', ['0', '1', '2']],
    ['dest', ['0', '1', '2']],
    ['none', ['0', '1', '2']],
  ] as const) {
    const { total, matching, states: first } = await top(states, '-o', order, '3');
    assert.deepEqual([total, matching], [350, 350]);
    assert.deepEqual(
      first.map(({ id }) => id),
      ids,
      order,
    );
  }
});

test('ranks further down, and those that are gone left out', async () => {
  const states = Array.from({ length: 350 }, (_, i) => stateOf(i));
  const ids = async (...args: readonly string[]) => (await top(states, ...args)).states.map(({ id }) => id);
  assert.deepEqual(await ids('-o', 'age', '-s', '100', '3'), ['249', '248', '247']);
  assert.deepEqual(await ids('-o', 'age', '-s', '340', '40'), ['9', '8', '6', '5', '4', '3', '2', '1', '0']);
  assert.deepEqual(await ids('-o', 'age', '-s', '350', '3'), []);
  assert.deepEqual(await ids('-o', 'exp', '-f', '10.0.1.', '-s', '2', '2'), ['347', '346']);
});

test('the end that asked is the source, in and out, translated and by a route', async () => {
  const [inside, outside] = [parseAddress('10.0.0.9')!, parseAddress('203.0.113.1')!];
  const server = parseAddress('192.0.2.1')!;
  const nat = stateOf(1, {
    direction: 'out',
    wire: { family: 4, addresses: [server, outside], ports: [443, 60_000] },
    stack: { family: 4, addresses: [server, inside], ports: [443, 50_000] },
  });
  const routed = stateOf(2, { route: { address: inside } });
  const { states } = await top([nat, routed], '-o', 'none');
  const ends = states.map(({ source, destination, gateway }) => [source, destination, gateway]);
  assert.deepEqual(ends, [
    ['10.0.0.9:50000', '192.0.2.1:443', '203.0.113.1:60000'],
    ['10.0.0.2:40000', '192.0.2.1:80', '10.0.0.9'],
  ]);
});

test('a text chooses, and is counted', async () => {
  const states = Array.from({ length: 300 }, (_, i) => stateOf(i));
  const { total, matching } = await top(states, '-f', '10.0.1.');
  assert.deepEqual([total, matching], [300, 44]);
});

test('as text; and mistakes', async () => {
  const { status, text } = await run([stateOf(7)]);
  assert.equal(status, 0);
  assert.match(
    text,
    /^1 of 1 states\nPR +DIR SRC .*\ntcp +in +10\.0\.0\.7:40000 +192\.0\.2\.1:80 .*ESTABLISHED:ESTABLISHED +00:00:07 00:16:33 +8 +75\n$/,
  );
  assert.match((await run([], '-o', 'size')).text, /^pftop: size: no such order; there are bytes, /);
  assert.equal((await run([], '-o')).status, 1);
});
