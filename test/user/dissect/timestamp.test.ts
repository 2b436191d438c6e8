// SPDX-License-Identifier: ISC
//
// The times in front of lines, for each number of -t.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Timestamps, timestampStyle } from '../../../appliance/user/dissect/timestamp.ts';

/** 2023-11-14 22:13:20.000123 UTC. */
const TIME = 1_700_000_000_000_123;

/** The texts of three packets, the second 1.5 s after the first, the third 20 µs before the second. */
function print(count: number, zone = 0): string[] {
  const times = new Timestamps(timestampStyle(count), zone);
  return [TIME, TIME + 1_500_000, TIME + 1_499_980].map((time) => times.print(time));
}

test('no -t: time of day', () => {
  assert.deepEqual(print(0), ['22:13:20.000123 ', '22:13:21.500123 ', '22:13:21.500103 ']);
});

test('in local time', () => {
  assert.equal(print(0, 7200)[0], '00:13:20.000123 ');
  assert.equal(print(0, -3600 * 23)[0], '23:13:20.000123 ');
  assert.equal(print(3, 7200)[0], 'Nov 15 00:13:20.000123 ');
});

test('-t: nothing', () => {
  assert.deepEqual(print(1), ['', '', '']);
});

test('-tt: seconds since 1970', () => {
  assert.equal(print(2, 7200)[0], '1700000000.000123 ');
});

test('-ttt: with the day', () => {
  assert.equal(print(3)[0], 'Nov 14 22:13:20.000123 ');
});

test('-tttt: since the packet before', () => {
  assert.deepEqual(print(4), ['0.000000 ', '1.500000 ', '-0.000020 ']);
});

test('-ttttt, and more: since the first packet', () => {
  assert.deepEqual(print(5), ['0.000000 ', '1.500000 ', '1.499980 ']);
  assert.equal(timestampStyle(9), 'elapsed');
});
