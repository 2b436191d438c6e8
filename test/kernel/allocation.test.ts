// SPDX-License-Identifier: ISC
//
// What a packet of a known connection leaves to the garbage collector: nothing. A million of them through two strict states each, behind a
// hundred rules.

import assert from 'node:assert/strict';
import { PerformanceObserver } from 'node:perf_hooks';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Bed } from '../../scripts/bench/bed.ts';

const FLOWS = 500;
const FRAMES = 1_000_000;
/** What V8 itself may keep meanwhile, of code that it makes better: a fraction of a byte for each frame. */
const SLACK = 256 * 1024;

test('a million forwarded packets: no garbage, no collection', async () => {
  const bed = new Bed(100, 0);
  bed.connect(0, FLOWS);
  bed.forward(FLOWS, FRAMES);
  const observer = new PerformanceObserver(() => {});
  observer.observe({ entryTypes: ['gc'] });
  const before = process.memoryUsage().heapUsed;
  bed.forward(FLOWS, FRAMES);
  const growth = process.memoryUsage().heapUsed - before;
  await setImmediate(); // Node hands them over in a turn of its loop
  assert.deepEqual(observer.takeRecords(), []);
  observer.disconnect();
  assert.ok(growth < SLACK, `${growth} bytes`);
});
