// SPDX-License-Identifier: ISC
//
// Timeouts fire at their time, in order, ties by age; checked against a sorted list.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Timeout, Timeouts } from '../../appliance/kernel/timeout.ts';

test('equal deadlines fire in the order they were set', () => {
  const clock = { now: 0 };
  const timeouts = new Timeouts(clock);
  const fired: string[] = [];
  const [a, b, c] = ['a', 'b', 'c'].map((name) => new Timeout(timeouts, () => fired.push(name)));
  b!.set(5);
  a!.set(5);
  c!.set(4);
  clock.now = 5;
  timeouts.run();
  assert.deepEqual(fired, ['c', 'b', 'a']);
  assert.equal(timeouts.next, Number.POSITIVE_INFINITY);
});

test('what is set while others fire, and is due, fires in the same run', () => {
  const clock = { now: 10 };
  const timeouts = new Timeouts(clock);
  let fired = 0;
  const second = new Timeout(timeouts, () => fired++);
  const first = new Timeout(timeouts, () => second.set(0));
  first.set(0);
  timeouts.run();
  assert.equal(fired, 1);
});

test('any sequence of set, clear and advance fires what a sorted list would', () => {
  const step = fc.record({
    kind: fc.constantFrom('set', 'clear', 'advance'),
    which: fc.integer({ min: 0, max: 9 }),
    delay: fc.integer({ min: 0, max: 50 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const clock = { now: 0 };
      const timeouts = new Timeouts(clock);
      const fired: number[] = [];
      const expected: number[] = [];
      const armed = new Map<number, { deadline: number; order: number }>();
      const all = Array.from({ length: 10 }, (_, i) => new Timeout(timeouts, () => fired.push(i)));
      steps.forEach(({ kind, which, delay }, order) => {
        if (kind === 'set') {
          all[which]!.set(delay);
          armed.set(which, { deadline: clock.now + delay, order });
        } else if (kind === 'clear') {
          all[which]!.clear();
          armed.delete(which);
        } else {
          clock.now += delay;
          timeouts.run();
          const due = [...armed].filter(([, at]) => at.deadline <= clock.now);
          due.sort(([, x], [, y]) => x.deadline - y.deadline || x.order - y.order);
          for (const [i] of due) {
            expected.push(i);
            armed.delete(i);
          }
        }
        const next = Math.min(Number.POSITIVE_INFINITY, ...[...armed.values()].map((at) => at.deadline));
        assert.equal(timeouts.next, next);
        all.forEach((timeout, i) => {
          assert.equal(timeout.armed, armed.has(i));
        });
      });
      assert.deepEqual(fired, expected);
    }),
  );
});
