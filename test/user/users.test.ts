// SPDX-License-Identifier: ISC
//
// Users of the console: passwords are kept as hashes, wrong ones cost time, and without a file nobody is asked.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandContext } from '../../appliance/user/commands/command.ts';
import { passwd } from '../../appliance/user/commands/passwd.ts';
import { login } from '../../appliance/user/users/login.ts';
import { parseUsers } from '../../appliance/user/users/masterPasswd.ts';
import { hashPassword, verifyPassword } from '../../appliance/user/users/passwordHash.ts';
import { MemoryFiles } from '../support/memoryFiles.ts';

test('a hash takes its own password only, and no hash takes any', async () => {
  const hash = await hashPassword('open sesame');
  assert.match(hash, /^\$scrypt\$ln=15,r=8,p=1\$[^$]+\$[^$]+$/);
  assert.notEqual(hash, await hashPassword('open sesame'));
  assert.equal(await verifyPassword('open sesame', hash), true);
  assert.equal(await verifyPassword('open Sesame', hash), false);
  for (const none of [undefined, '', '*', '$scrypt$ln=99,r=8,p=1$AA==$AA==', '$2b$08$x']) {
    assert.equal(await verifyPassword('', none), false);
  }
});

test('a wrong line of master.passwd is told with its place', () => {
  assert.throws(() => parseUsers('root:x:0\nnobody\n'), /\/etc\/master\.passwd:2: expected name:password/);
  assert.deepEqual([...parseUsers('# who\nroot:x:0:0::0:0::/:\n')], [['root', 'x']]);
});

/** Answers questions one after the other, and remembers which were secret. */
function answering(...answers: (string | undefined)[]) {
  const asked: [string, boolean][] = [];
  const ask = async (question: string, secret = false) => {
    asked.push([question, secret]);
    return answers.shift();
  };
  return { ask, asked };
}

async function run(
  files: MemoryFiles,
  args: readonly string[],
  ask?: CommandContext['ask'],
): Promise<{ status: number; text: string }> {
  let text = '';
  const collect = (chunk: string) => {
    text += chunk;
  };
  const status = await passwd.run(args, {
    kernel: undefined,
    files,
    stdout: collect,
    stderr: collect,
    stdin: async () => '',
    signal: new AbortController().signal,
    machine: undefined,
    env: {},
    clock: { now: () => 0 },
    ...(ask && { ask }),
  });
  return { status, text };
}

test('passwd makes the file, and login takes the password that was set', async () => {
  const files = new MemoryFiles();
  const given = { files, name: 'box', say: () => {}, wait: async () => {} };
  assert.equal(await login({ ...given, ask: answering().ask }), true);
  const { ask, asked } = answering('first one', 'first one');
  assert.equal((await run(files, [], ask)).status, 0);
  assert.deepEqual(
    asked.map(([, secret]) => secret),
    [true, true],
  );
  assert.doesNotMatch(files.texts.get('/etc/master.passwd')!, /first one/);
  assert.equal((await run(files, ['anna'], answering('second', 'second').ask)).status, 0);
  assert.equal(await login({ ...given, ask: answering('root', 'first one').ask }), true);
  assert.equal(await login({ ...given, ask: answering('anna', 'second').ask }), true);
});

test('each failure takes longer, whoever was named', async () => {
  const files = new MemoryFiles({ '/etc/master.passwd': `root:${await hashPassword('right one')}:0\n` });
  const waits: number[] = [];
  const said: string[] = [];
  const { ask } = answering('root', 'wrong', 'nobody', 'wrong', 'root', '', 'root', 'right one');
  const entered = await login({
    files,
    name: 'box',
    ask,
    say: (line) => said.push(line),
    wait: async (milliseconds) => void waits.push(milliseconds),
  });
  assert.equal(entered, true);
  assert.deepEqual(waits, [1_000, 2_000, 4_000]);
  assert.deepEqual(said, ['Login incorrect', 'Login incorrect', 'Login incorrect']);
  assert.equal(
    await login({ files, name: 'box', ask: answering('root').ask, say() {}, async wait() {} }),
    false,
  );
});

const REFUSED: readonly (readonly [readonly (string | undefined)[], RegExp])[] = [
  [[undefined], /Password unchanged/],
  [['short'], /enter a longer password/],
  [['long enough', 'long enuogh'], /Mismatch/],
];

for (const [answers, reason] of REFUSED) {
  test(`passwd: ${reason.source}`, async () => {
    const files = new MemoryFiles();
    const { status, text } = await run(files, [], answering(...answers).ask);
    assert.equal(status, 1);
    assert.match(text, reason);
    assert.equal(files.texts.size, 0);
  });
}

test('passwd needs somebody to ask', async () => {
  assert.match((await run(new MemoryFiles(), [])).text, /where it can be asked for/);
  assert.match((await run(new MemoryFiles(), ['Root!'], answering().ask)).text, /not a user's name/);
});
