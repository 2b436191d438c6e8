// SPDX-License-Identifier: ISC
//
// ICMP of one family in the other: the tables of RFC 7915 4.2 and 5.2.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as siit from '../../appliance/wire/siit.ts';

function told(code: number): string {
  return code === siit.NONE ? 'none' : `${code >>> 16}/${(code >>> 8) & 0xff}`;
}

test('errors of IPv4', () => {
  const unreachable = Array.from({ length: 17 }, (_, code) => told(siit.errorTo6(3, code)));
  assert.deepEqual(unreachable, [
    ...['1/0', '1/0', '4/1', '1/4', '2/0', '1/0', '1/0', '1/0', '1/0', '1/1', '1/1', '1/0', '1/0', '1/1'],
    ...['none', '1/1', 'none'],
  ]);
  assert.deepEqual([told(siit.errorTo6(11, 0)), told(siit.errorTo6(11, 1))], ['3/0', '3/1']);
  assert.deepEqual(
    [0, 1, 2].map((code) => told(siit.errorTo6(12, code))),
    ['4/0', 'none', '4/0'],
  );
  assert.deepEqual([told(siit.errorTo6(4, 0)), told(siit.errorTo6(5, 0))], ['none', 'none']);
});

test('errors of IPv6', () => {
  const unreachable = Array.from({ length: 7 }, (_, code) => told(siit.errorTo4(1, code)));
  assert.deepEqual(unreachable, ['3/1', '3/10', '3/1', '3/1', '3/3', 'none', 'none']);
  assert.deepEqual(
    [
      told(siit.errorTo4(2, 0)),
      told(siit.errorTo4(3, 1)),
      told(siit.errorTo4(4, 0)),
      told(siit.errorTo4(4, 1)),
    ],
    ['3/4', '11/1', '12/0', '3/2'],
  );
  assert.deepEqual([told(siit.errorTo4(4, 2)), told(siit.errorTo4(100, 0))], ['none', 'none']);
});

test('pointers, by byte of the header', () => {
  const to6 = Array.from({ length: 21 }, (_, at) => siit.pointerTo6(at));
  assert.deepEqual(to6, [0, 1, 4, 4, -1, -1, -1, -1, 7, 6, -1, -1, 8, 8, 8, 8, 24, 24, 24, 24, -1]);
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 23, 24, 39, 40, -5].map((at) => siit.pointerTo4(at)),
    [0, 1, -1, -1, 2, 2, 9, 8, 12, 12, 16, 16, -1, -1],
  );
});

test('sizes: a header more or less, and no less than every link carries', () => {
  assert.deepEqual([siit.mtuTo6(1480, 1500), siit.mtuTo6(576, 1500), siit.mtuTo4(1500)], [1500, 1280, 1480]);
  assert.equal(siit.mtuTo6(0, 1500), 1512, 'the next plateau where the router does not say');
});
