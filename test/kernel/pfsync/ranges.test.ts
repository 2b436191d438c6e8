// SPDX-License-Identifier: ISC
//
// Which parts of a bulk update are missing, whatever is lost, late or repeated.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ranges } from '../../../appliance/kernel/pfsync/ranges.ts';

test('gaps are seen, filled in parts, and what lies behind the last is the rest', () => {
  const ranges = new Ranges();
  ranges.note(0, 10);
  ranges.note(20, 30);
  assert.deepEqual(ranges.missing, [10, 20]);
  ranges.note(12, 14);
  assert.deepEqual([...ranges.missing], [10, 12, 14, 20]);
  assert.deepEqual(ranges.withRest(99), [10, 12, 14, 20, 30, 99]);
  ranges.note(10, 20);
  assert.deepEqual(ranges.missing, []);
  ranges.clear();
  ranges.note(5, 6);
  assert.deepEqual(ranges.missing, [0, 5]);
});

test('missing is what was never noted in front of the last (seeded)', () => {
  const part = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 9 }));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const ranges = new Ranges();
      const seen = new Set<number>();
      let last = 0;
      for (const [from, length] of parts) {
        ranges.note(from, from + length);
        for (let place = from; place < from + length; place++) seen.add(place);
        last = Math.max(last, from + length, from);
      }
      const missing = new Set<number>();
      for (let i = 0; i < ranges.missing.length; i += 2) {
        for (let place = ranges.missing[i]!; place < ranges.missing[i + 1]!; place++) missing.add(place);
      }
      for (let place = 0; place < last; place++)
        assert.equal(missing.has(place), !seen.has(place), `${place}`);
    }),
    { seed: 1, numRuns: 1000 },
  );
});
