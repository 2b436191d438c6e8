// SPDX-License-Identifier: ISC
//
// Ranks of an order: the same as by sorting everything.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ranked } from '../../../appliance/user/commands/pftop/rank.ts';

test('ranks are those that sorting gives', () => {
  const values = fc.array(fc.nat(20), { maxLength: 200 });
  fc.assert(
    fc.property(values, fc.nat(220), fc.nat(50), (list, first, count) => {
      const compare = (a: number, b: number) => list[a]! - list[b]! || a - b;
      const sorted = list.map((_, i) => i).sort(compare);
      assert.deepEqual([...ranked(list.length, first, count, compare)], sorted.slice(first, first + count));
    }),
    { numRuns: 500 },
  );
});
