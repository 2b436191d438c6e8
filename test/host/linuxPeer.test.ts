// SPDX-License-Identifier: ISC
//
// The appliance's TCP against Linux's over bad wires; needs TAPs and a network namespace, and says so where it cannot run.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { noLab } from '../support/lab.ts';

const skip = noLab();

test("TCP against Linux's own, over a TAP with faults", { skip: skip ?? false, timeout: 120_000 }, () => {
  const program = fileURLToPath(new URL('linuxPeer.js', import.meta.url));
  const output = execFileSync('unshare', ['--net', process.execPath, program], { encoding: 'utf8' });
  assert.match(output, /^done$/m);
});
