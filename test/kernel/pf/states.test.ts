// SPDX-License-Identifier: ISC
//
// The state table against a Map: random insertions, removals and searches over both families, with and without translation, bound and floating.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { STACK, WIRE } from '../../../appliance/kernel/pf/stateRecord.ts';
import { Key, States } from '../../../appliance/kernel/pf/states.ts';

interface Side {
  readonly family: 4 | 6;
  readonly words: readonly [readonly number[], readonly number[]];
  readonly ports: readonly [number, number];
}

function keyOf(side: Side): Key {
  const key = new Key();
  const [a, b] = side.words;
  key.set(side.family, 6, Int32Array.from(a), Int32Array.from(b), ...side.ports);
  return key;
}

const textOf = (side: Side) => JSON.stringify([side.family, side.words, side.ports]);

// Few of each, so that keys meet.
const sides: fc.Arbitrary<Side> = fc.constantFrom<4 | 6>(4, 6).chain((family) => {
  const words = fc
    .constantFrom(0, 1, -1, 0x0a000001)
    .map((word) => [word, family === 6 ? word ^ 5 : 0, 0, family === 6 ? 7 : 0]);
  const port = fc.integer({ min: 0, max: 3 });
  return fc.record({
    family: fc.constant(family),
    words: fc.tuple(words, words),
    ports: fc.tuple(port, port),
  });
});

const actions = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('insert' as const),
      wire: sides,
      stack: fc.option(sides, { nil: undefined }),
      bound: fc.integer({ min: 0, max: 2 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('find' as const),
      side: sides,
      on: fc.integer({ min: 1, max: 2 }),
      came: fc.nat(),
    }),
  },
);

interface Kept {
  /** Keys that a search on either side may find it by. */
  readonly wire: readonly string[];
  readonly stack: readonly string[];
  readonly bound: number;
}

/** Between families packets come in on both sides, so that either key is found where the wire's is sought. */
function keep(wire: Side, stack: Side, bound: number): Kept {
  const [a, b] = [textOf(wire), textOf(stack)];
  return wire.family === stack.family ? { wire: [a], stack: [b], bound } : { wire: [a, b], stack: [], bound };
}

test('the table finds what a Map finds', () => {
  fc.assert(
    fc.property(fc.array(actions, { maxLength: 300, size: 'max' }), fc.integer(), (list, salt) => {
      const states = new States(salt, 1);
      const kept = new Map<number, Kept>();
      /** Of several that fit, one that is bound goes before those that float. */
      const fits = (side: 'wire' | 'stack', text: string, on: number) => {
        const all = [...kept].filter(
          ([, one]) => one[side].includes(text) && (one.bound === 0 || one.bound === on),
        );
        const bound = all.filter(([, one]) => one.bound !== 0);
        return (bound.length > 0 ? bound : all).map(([state]) => state);
      };
      for (const action of list) {
        if (action.kind === 'insert') {
          const stack = action.stack ?? action.wire;
          const state = states.insert(keyOf(action.wire), keyOf(stack), action.bound, 1);
          assert.ok(!kept.has(state));
          kept.set(state, keep(action.wire, stack, action.bound));
        } else if (action.kind === 'remove' && kept.size > 0) {
          const state = [...kept.keys()][action.which % kept.size]!;
          states.remove(state);
          kept.delete(state);
          assert.ok(!states.isUsed(state));
        } else if (action.kind === 'find') {
          for (const [name, place] of [
            ['wire', WIRE],
            ['stack', STACK],
          ] as const) {
            const key = keyOf(action.side);
            const fitting = fits(name, textOf(action.side), action.on);
            const found: number[] = [states.find(key, place, action.on)];
            // By the state that it came in by, whichever that is: searched for, and then noted there.
            const came = [...kept.keys()][action.came % Math.max(kept.size, 1)];
            if (came !== undefined && name === 'stack') {
              found.push(states.findTwin(came, key, place, action.on));
              found.push(states.findTwin(came, key, place, action.on));
            }
            for (const one of found) {
              if (fitting.length === 0) assert.equal(one, -1);
              else assert.ok(fitting.includes(one));
            }
            const any = [...kept.values()].some((one) => one[name].includes(textOf(action.side)));
            assert.equal(states.has(keyOf(action.side), place), any);
          }
        }
        assert.equal(states.count, kept.size);
      }
      assert.equal(states.countOn(0), [...kept.values()].filter(({ bound }) => bound === 0).length);
    }),
    { numRuns: 200 },
  );
});

test('it grows beyond its first buckets and pages, and finds all of it', () => {
  const states = new States(12345, 1);
  states.reserve(50_000);
  const key = new Key();
  const near = Int32Array.of(1, 0, 0, 0);
  const set = (i: number) => key.set(4, 6, Int32Array.of(i, 0, 0, 0), near, i & 0xffff, 80);
  for (let i = 0; i < 50_000; i++) {
    set(i);
    states.insert(key, key, 0, 1);
  }
  for (let i = 0; i < 50_000; i += 7) {
    set(i);
    assert.equal(states.find(key, WIRE, 1), i);
    assert.equal(states.find(key, STACK, 1), i);
  }
  for (let i = 0; i < 50_000; i += 2) states.remove(i);
  for (let i = 0; i < 50_000; i += 5) {
    set(i);
    assert.equal(states.find(key, WIRE, 1), i % 2 === 0 ? -1 : i);
  }
});
