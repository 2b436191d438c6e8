// SPDX-License-Identifier: ISC
//
// pfctl's commands on a kernel that remembers: loads all or nothing, what is shown, tables, mistakes of the caller.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bareFacts } from '../../../appliance/user/config/pf/facts.ts';
import { type Outcome, runPfctl } from '../../support/pfctlOffline.ts';
import { PfMemory } from '../../support/pfMemory.ts';

const RULES = `table <web> persist { 10.0.0.1 10.0.0.2 }
anchor "relayd/*"
pass in from <web> label "web"
anchor foo {
  block in
}
`;

const TEXTS = { 'pf.conf': RULES, 'wrong.conf': 'pass in\npass frob\n' };

function session(): (...words: string[]) => Promise<Outcome> {
  const kernel = new PfMemory(bareFacts());
  return (...words) => runPfctl(words, { kernel, texts: TEXTS });
}

test('what was loaded is shown', async () => {
  const pfctl = session();
  assert.deepEqual(await pfctl('-f', 'pf.conf'), { status: 0, stdout: '', stderr: '' });
  assert.equal(
    (await pfctl('-sr')).stdout,
    'anchor "relayd/*" all\npass in from <web> to any flags S/SA label "web"\nanchor "foo" all\n',
  );
  assert.equal((await pfctl('-a', 'foo', '-s', 'rules')).stdout, 'block drop in all\n');
  assert.equal((await pfctl('-s', 'Anchors')).stdout, '  foo\n');
  assert.match((await pfctl('-vvsr')).stdout, /^@1 pass in from <web:2> to any flags S\/SA label "web"$/m);
  assert.equal((await pfctl('-sl')).stdout, 'web 0 0 0 0 0 0 0 0\n');
});

test('a file with an error changes nothing', async () => {
  const pfctl = session();
  await pfctl('-f', 'pf.conf');
  const before = await pfctl('-sr');
  const { status, stderr } = await pfctl('-f', 'wrong.conf');
  assert.equal(status, 1);
  assert.equal(
    stderr,
    'wrong.conf:2: syntax error\npfctl: Syntax error in config file: pf rules not loaded\n',
  );
  assert.deepEqual(await pfctl('-sr'), before);
});

test('-n prints and loads nothing', async () => {
  const pfctl = session();
  assert.match(
    (await pfctl('-nvf', 'pf.conf')).stdout,
    /^table <web> persist \{ 10\.0\.0\.1 10\.0\.0\.2 \}\n/,
  );
  assert.equal((await pfctl('-sr')).stdout, '');
});

test('tables', async () => {
  const pfctl = session();
  await pfctl('-f', 'pf.conf');
  assert.deepEqual(await pfctl('-t', 'web', '-T', 'add', '10.0.0.2', '10.0.0.3'), {
    status: 0,
    stdout: '',
    stderr: '1/2 addresses added.\n',
  });
  assert.equal((await pfctl('-t', 'web', '-T', 'show')).stdout, '   10.0.0.1\n   10.0.0.2\n   10.0.0.3\n');
  assert.equal((await pfctl('-t', 'web', '-T', 'test', '10.0.0.9')).status, 2);
  assert.equal((await pfctl('-t', 'none', '-T', 'show')).stderr, 'pfctl: Table does not exist.\n');
});

test('an address of a table has a weight, which replace leaves alone', async () => {
  const pfctl = session();
  const show = async () => (await pfctl('-t', 't', '-T', 'show')).stdout;
  await pfctl('-t', 't', '-T', 'add', '10.9.0.1', 'weight', '5', '10.9.0.2');
  assert.equal(await show(), '   10.9.0.1\n\tWeight:             5\n   10.9.0.2\n');
  await pfctl('-t', 't', '-T', 'delete', '10.9.0.2', 'weight', '9');
  assert.equal(await show(), '   10.9.0.1\n\tWeight:             5\n');
  assert.equal((await pfctl('-t', 't', '-T', 'add', '10.9.0.3', 'weight', '0')).status, 1);
});

test('JSON holds what the listing holds', async () => {
  const pfctl = session();
  await pfctl('-f', 'pf.conf');
  const rules = JSON.parse((await pfctl('-sr', '--json')).stdout) as { rule: { action: string } }[];
  assert.deepEqual(
    rules.map((entry) => entry.rule.action),
    ['anchor', 'pass', 'anchor'],
  );
});

test('mistakes of the caller', async () => {
  const pfctl = session();
  const first = async (...words: string[]) => {
    const { status, stderr } = await pfctl(...words);
    assert.equal(status, 1);
    return stderr.split('\n')[0];
  };
  assert.equal(await first('-s', 'nothing'), "pfctl: Unknown show modifier 'nothing'");
  assert.equal(await first('-y'), 'pfctl: unknown option -- y');
  assert.equal(await first('-a', 'none', '-sr'), "pfctl: Anchor 'none' not found.");
  assert.equal(await first('-f', 'missing'), 'pfctl: missing: No such file or directory');
  const alone = await runPfctl(['-sr']);
  assert.equal(alone.stderr, 'pfctl: no running machine (name one with -M DIR)\n');
});
