// SPDX-License-Identifier: ISC
//
// Sets of sequence numbers against sets of numbers: ranges, reassembly, the scoreboard's estimates by the RFC's own words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Ranges } from '../../../appliance/kernel/transport/tcp/ranges.ts';
import { Reassembly, ReassemblyBudget } from '../../../appliance/kernel/transport/tcp/reassembly.ts';
import { Scoreboard } from '../../../appliance/kernel/transport/tcp/scoreboard.ts';

/** Where the numbers of a case begin: somewhere, also just before they wrap. */
const base = fc.oneof(fc.integer(), fc.constantFrom(-10, 0x7ffffff0, 0));
const pieces = fc.array(fc.record({ at: fc.nat(60), length: fc.integer({ min: 1, max: 12 }) }), {
  maxLength: 25,
});

function numbers(ranges: Ranges, start: number): number[] {
  const all: number[] = [];
  for (let i = 0; i < ranges.count; i++) {
    for (let n = (ranges.left(i) - start) | 0; n < ((ranges.right(i) - start) | 0); n++) all.push(n);
  }
  return all;
}

test('ranges hold what was added and not removed, sorted, disjoint, not touching', () => {
  fc.assert(
    fc.property(base, pieces, fc.nat(80), fc.nat(80), (start, added, cut, probe) => {
      const ranges = new Ranges();
      const model = new Set<number>();
      for (const { at, length } of added) {
        assert.ok(ranges.add((start + at) | 0, (start + at + length) | 0));
        for (let n = at; n < at + length; n++) model.add(n);
      }
      const sorted = [...model].sort((a, b) => a - b);
      assert.deepEqual(numbers(ranges, start), sorted);
      assert.equal(ranges.total, model.size);
      assert.equal(ranges.holding((start + probe) | 0) >= 0, model.has(probe));
      assert.equal(ranges.totalBefore((start + probe) | 0), sorted.filter((n) => n < probe).length);
      for (let i = 1; i < ranges.count; i++) assert.ok(((ranges.left(i) - ranges.right(i - 1)) | 0) > 0);
      ranges.removeBefore((start + cut) | 0);
      const rest = sorted.filter((n) => n >= cut);
      assert.deepEqual(numbers(ranges, start), rest);
      assert.equal(ranges.total, rest.length);
    }),
  );
});

test('a full set refuses a new range and takes one that joins', () => {
  const ranges = new Ranges();
  let count = 0;
  while (ranges.add(4 * count, 4 * count + 2)) count++;
  assert.equal(count, 256);
  assert.ok(ranges.add(2, 4));
  assert.equal(ranges.count, 255);
});

test('what arrives in any order comes out in order, once', () => {
  const order = fc.array(fc.record({ at: fc.nat(200_000), length: fc.integer({ min: 1, max: 70_000 }) }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(base, order, (start, segments) => {
      const reassembly = new Reassembly(new ReassemblyBudget());
      const whole = Uint8Array.from({ length: 270_000 }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
      const have = new Uint8Array(whole.length);
      let next = 0;
      for (const { at, length } of [...segments, { at: 0, length: 1 }]) {
        const from = Math.max(at, next);
        const size = at + length - from;
        if (size <= 0) continue;
        assert.ok(reassembly.add((start + next) | 0, (start + from) | 0, whole, from, size));
        have.fill(1, from, from + size);
        const data = reassembly.take((start + next) | 0);
        let end = next;
        while (have[end] === 1) end++;
        assert.deepEqual(data?.length ?? 0, end - next);
        if (data !== undefined) assert.ok(Buffer.from(data).equals(whole.subarray(next, end)));
        next = end;
      }
      const left = have.subarray(next).reduce((sum, one) => sum + one, 0);
      assert.equal(reassembly.length, left);
      assert.equal(reassembly.empty, left === 0);
    }),
    { numRuns: 60 },
  );
});

test('memory for what is out of order has a bound for all connections together', () => {
  const budget = new ReassemblyBudget();
  const data = new Uint8Array(1);
  let refused = 0;
  for (let i = 0; i < 200; i++) if (!new Reassembly(budget).add(0, 500_000, data, 0, 1)) refused++;
  assert.equal(refused, 200 - 128);
});

/** RFC 6675 section 4, number by number. */
class Plain {
  readonly held = new Set<number>();
  highest = 0;
  retransmitted = 0;
  private readonly segment: number;

  constructor(segment: number) {
    this.segment = segment;
  }

  lost(number: number): boolean {
    let bytes = 0;
    let ranges = 0;
    for (let n = number + 1; n < this.highest; n++) {
      if (!this.held.has(n)) continue;
      bytes++;
      if (!this.held.has(n - 1)) ranges++;
    }
    return ranges >= 3 || bytes > 2 * this.segment;
  }

  get pipe(): number {
    let pipe = 0;
    for (let n = 0; n < this.highest; n++) {
      if (this.held.has(n)) continue;
      if (!this.lost(n)) pipe++;
      if (n < this.retransmitted) pipe++;
    }
    return pipe;
  }

  next(evenIfNotLost: boolean): number | undefined {
    const top = Math.max(...this.held, -1);
    for (let n = this.retransmitted; n < top; n++) {
      if (!this.held.has(n)) return evenIfNotLost || this.lost(n) ? n : undefined;
    }
    return undefined;
  }
}

test('the scoreboard estimates as RFC 6675 says', () => {
  fc.assert(
    fc.property(
      base,
      pieces,
      fc.integer({ min: 1, max: 8 }),
      fc.nat(70),
      fc.nat(70),
      (start, added, segment, resent, probe) => {
        const board = new Scoreboard();
        const plain = new Plain(segment);
        plain.highest = 80;
        board.begin(start);
        for (const { at, length } of added) {
          const left = at + 1; // the first number is never held
          board.add((start + left) | 0, (start + left + length) | 0);
          for (let n = left; n < left + length; n++) plain.held.add(n);
        }
        board.noteRetransmitted((start + resent) | 0);
        plain.retransmitted = resent;
        assert.equal(board.held, plain.held.size);
        assert.equal(board.firstLost(segment), plain.lost(0));
        assert.equal(board.pipe(start, (start + 80) | 0, segment), plain.pipe);
        for (const even of [false, true]) {
          const found = board.next(start, segment, even) ? (board.nextLeft - start) | 0 : undefined;
          assert.equal(found, plain.next(even));
        }
        let skipped = probe;
        while (plain.held.has(skipped)) skipped++;
        assert.equal((board.skip((start + probe) | 0) - start) | 0, skipped);
      },
    ),
  );
});
