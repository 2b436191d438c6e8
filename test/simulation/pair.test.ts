// SPDX-License-Identifier: ISC
//
// A thousand runs of the pair, in two processes; and planted defects, each of which runs find.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const RUNS = 1000;
const PROCESSES = 2;

/** Runs a script beside this one; answers its status and what it printed. */
function script(name: string, ...words: string[]): Promise<{ status: number; text: string }> {
  const file = fileURLToPath(new URL(name, import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...words], { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : 1, text: stdout + stderr });
    });
  });
}

test('twice the same seed is twice the same run', async () => {
  const [once, again] = await Promise.all([
    script('replay.js', '7', '--log'),
    script('replay.js', '7', '--log'),
  ]);
  assert.ok(once.text.split('\n').length > 30, once.text);
  assert.equal(once.text, again.text);
});

test(`${RUNS} runs`, async () => {
  const share = RUNS / PROCESSES;
  const all = await Promise.all(
    Array.from({ length: PROCESSES }, (_, i) => script('replay.js', String(1 + i * share), String(share))),
  );
  for (const { status, text } of all) {
    assert.equal(status, 0, `${text}\nnode dist/test/simulation/replay.js SEED --pcap DIR replays one`);
  }
});

test('planted defects are found', async () => {
  const { status, text } = await script('hunt.js', '300');
  assert.equal(status, 0, text);
  assert.equal(text.trim().split('\n').length, 16, text);
});
