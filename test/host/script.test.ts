// SPDX-License-Identifier: ISC
//
// Programs that checks ask: what they are given, and what ends them.

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { runScript } from '../../appliance/host/script.ts';

const LONG = 20_000;

describe('a script', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rhine-script-'));
  after(() => rmSync(directory, { recursive: true, force: true }));

  const script = (name: string, ...lines: readonly string[]): string => {
    const path = join(directory, name);
    writeFileSync(path, `#!/bin/sh\n${lines.join('\n')}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  const isRunning = (file: string): boolean => {
    const pid = readFileSync(file, 'utf8').trim();
    // A zombie that nobody has waited for runs no more.
    return existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  };

  const untilEnded = async (file: string): Promise<void> => {
    for (let i = 0; i < 200 && isRunning(file); i++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(!isRunning(file), 'a child is left over');
  };

  test('its exit status', async () => {
    assert.equal(await runScript(script('three', 'exit 3'), 'host', LONG), 3);
    assert.equal(await runScript(script('none', 'exit 0'), 'host', LONG), 0);
  });

  test('the host is one argument, whatever is in it; there is no environment and no input', async () => {
    const seen = join(directory, 'seen');
    process.env.RHINE_TEST_SECRET = 'visible';
    const path = script('seen.sh', `{ echo "$# $1"; pwd; env; cat; } >${seen}`);
    await runScript(path, '$(id); "x" *', LONG);
    delete process.env.RHINE_TEST_SECRET;
    const lines = readFileSync(seen, 'utf8').trim().split('\n');
    assert.deepEqual(lines.slice(0, 2), ['1 $(id); "x" *', '/']);
    assert.doesNotMatch(lines.join('\n'), /SECRET|HOME=/);
  });

  test('one that takes too long is ended, with what it started', async () => {
    const child = join(directory, 'slow.child');
    const path = script('slow', `sleep 60 & echo $! >${child}`, 'wait');
    await assert.rejects(runScript(path, 'host', 500), /slow: took longer than 500 ms/);
    await untilEnded(child);
  });

  test('what it leaves behind goes with it, and is not waited for', async () => {
    const child = join(directory, 'left.child');
    const path = script('left', `sleep 60 & echo $! >${child}`, 'exit 1');
    assert.equal(await runScript(path, 'host', LONG), 1);
    await untilEnded(child);
  });

  test('one that prints without end is ended', async () => {
    await assert.rejects(
      runScript(script('loud', 'exec yes'), 'host', LONG),
      /printed more than 65536 bytes/,
    );
  });

  test('one that is killed did not answer', async () => {
    await assert.rejects(runScript(script('killed', 'kill -9 $$'), 'host', LONG), /killed by SIGKILL/);
  });

  test('one that is not there, or must not be run, did not answer', async () => {
    await assert.rejects(runScript(join(directory, 'nothing'), 'host', LONG), /ENOENT/);
    const path = join(directory, 'plain');
    writeFileSync(path, 'exit 1\n');
    await assert.rejects(runScript(path, 'host', LONG), /EACCES/);
  });
});
