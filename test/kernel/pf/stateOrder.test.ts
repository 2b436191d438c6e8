// SPDX-License-Identifier: ISC
//
// The columns that states are sorted by: each as the state itself has it, page by page, and what is gone between two calls.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress } from '../../../appliance/abi/addressText.ts';
import type { StateInfo } from '../../../appliance/abi/pf.ts';
import { STATE_COLUMNS, STATES_AT_ONCE, type StateColumn } from '../../../appliance/abi/stateOrder.ts';
import { DIRECTION_IN, DIRECTION_OUT, PASS } from '../../../appliance/kernel/filter.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ip4, ip6, tcpSegment } from '../../support/packets.ts';
import { DirectPf } from './direct.ts';

const any = { address: { kind: 'any' }, negated: false } as const;
const SYN = { flags: tcp.FLAG_SYN } as const;

function withStates(): DirectPf {
  const direct = new DirectPf();
  const rule = { list: 'filter', action: 'pass', quick: false, source: any, destination: any } as const;
  direct.load({ anchors: [{ path: '', rules: [{ ...rule, state: { keep: 'keep', options: {} } }] }] });
  return direct;
}

/** Opens connections in and out of both families, a second apart, with packets of different lengths. */
function open(direct: DirectPf): void {
  const ends = [
    [ip4, '10.0.0.9', '192.0.2.1', 4000, 80, DIRECTION_IN],
    [ip4, '10.0.0.9', '192.0.2.1', 3000, 80, DIRECTION_IN],
    [ip4, '203.0.113.7', '198.51.100.1', 1, 443, DIRECTION_OUT],
    [ip6, '2001:db8::2', '2001:db8:0:1::1', 5, 25, DIRECTION_IN],
    [ip6, '2001:db8::1:0:0:2', '2001:db8:0:1::1', 5, 22, DIRECTION_OUT],
    [ip6, '2001:db8::1', '2001:db8::ff', 65_535, 22, DIRECTION_IN],
  ] as const;
  for (const [i, [make, source, destination, from, to, direction]] of ends.entries()) {
    const payload = new Uint8Array((i * 37) % 100);
    const packet = make({ source, destination }, tcpSegment({ from, to, ...SYN }, payload));
    assert.equal(direct.test(packet, direct.vr0, direction), PASS);
    direct.pass(1);
  }
}

/** Places in the order of a column. */
function inOrder(direct: DirectPf, column: StateColumn): Int32Array {
  const { places, values, next } = direct.calls['pf.stateColumn']({ cursor: 0, column });
  assert.equal(next, undefined);
  const width = STATE_COLUMNS[column];
  assert.equal(values.length, places.length * width);
  const compare = (a: number, b: number) => {
    for (let i = 0; i < width; i++) {
      const difference = values[a * width + i]! - values[b * width + i]!;
      if (difference !== 0) return difference;
    }
    return 0;
  };
  return Int32Array.from([...places.keys()].sort(compare), (i) => places[i]!);
}

const statesBy = (direct: DirectPf, column: StateColumn) =>
  direct.calls['pf.statesAt']({ places: inOrder(direct, column) }).map((state) => state!);

/** The end that asked (0), or the one that it asked for (1), as pftop(8) shows it. */
function end({ direction, wire, stack }: StateInfo, which: 0 | 1): string {
  const key = direction === 'in' ? wire : stack;
  const index = direction === 'in' ? which : which === 0 ? 1 : 0;
  return `${formatAddress(key.addresses[index])} ${key.ports[index]}`;
}

test('numbers go up as what they stand for', () => {
  const direct = withStates();
  open(direct);
  const sum = ([a, b]: readonly [number, number]) => a + b;
  const figures: readonly (readonly [StateColumn, (state: StateInfo) => number])[] = [
    ['bytes', ({ bytes }) => sum(bytes)],
    ['packets', ({ packets }) => sum(packets)],
    ['age', ({ age }) => age],
    ['expires', ({ expires }) => expires],
  ];
  for (const [column, figure] of figures) {
    const found = statesBy(direct, column).map(figure);
    assert.equal(found.length, 6);
    assert.deepEqual(
      found,
      [...found].sort((a, b) => a - b),
      column,
    );
  }
  assert.equal(new Set(statesBy(direct, 'bytes').map(({ bytes }) => sum(bytes))).size, 6);
  assert.deepEqual(
    [...inOrder(direct, 'place')],
    [...inOrder(direct, 'place')].sort((a, b) => a - b),
  );
});

test('addresses by family, address and port of the end that asked, and of the one it asked for', () => {
  const direct = withStates();
  open(direct);
  assert.deepEqual(
    statesBy(direct, 'source').map((state) => end(state, 0)),
    [
      '10.0.0.9 3000',
      '10.0.0.9 4000',
      '203.0.113.7 1',
      '2001:db8::1 65535',
      '2001:db8::2 5',
      '2001:db8::1:0:0:2 5',
    ],
  );
  assert.deepEqual(
    statesBy(direct, 'destination').map((state) => end(state, 1)),
    [
      '192.0.2.1 80',
      '192.0.2.1 80',
      '198.51.100.1 443',
      '2001:db8::ff 22',
      '2001:db8:0:1::1 22',
      '2001:db8:0:1::1 25',
    ],
  );
});

test('pages have every state once; one that is gone is undefined; too many at once are refused', () => {
  const direct = withStates();
  const count = 5_000;
  for (let i = 0; i < count; i++) {
    const ends = { source: `10.1.${i >> 8}.${i & 255}`, destination: '192.0.2.1' };
    direct.test(ip4(ends, tcpSegment({ from: 1, to: 2, ...SYN })), direct.vr0, DIRECTION_IN);
  }
  const places: number[] = [];
  let pages = 0;
  for (let cursor: number | undefined = 0; cursor !== undefined; pages++) {
    const page: { places: Int32Array; next?: number } = direct.calls['pf.stateColumn']({
      cursor,
      column: 'bytes',
    });
    places.push(...page.places);
    cursor = page.next;
  }
  assert.ok(pages > 1);
  assert.equal(new Set(places).size, count);
  const three = Int32Array.from(places.slice(10, 13));
  const [, middle] = direct.calls['pf.statesAt']({ places: three });
  assert.deepEqual(direct.calls['pf.killStates']({ cursor: 0, filter: { id: middle!.id } }), {
    killed: 1,
    next: 1_000,
  });
  const [first, gone, last] = direct.calls['pf.statesAt']({ places: three });
  assert.ok(first !== undefined && last !== undefined);
  assert.equal(gone, undefined);
  assert.deepEqual(direct.calls['pf.statesAt']({ places: Int32Array.of(-1, 1 << 30) }), [
    undefined,
    undefined,
  ]);
  assert.throws(
    () => direct.calls['pf.statesAt']({ places: new Int32Array(STATES_AT_ONCE + 1) }),
    /too many states/,
  );
});
