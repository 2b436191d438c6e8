// SPDX-License-Identifier: ISC
//
// pfctl's commands on a kernel that remembers: loads all or nothing, what is shown, tables, mistakes of the caller.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelClient } from '../../../appliance/abi/client.ts';
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

test('-a with a star shows what is below, a called anchor within its call', async () => {
  const kernel = new PfMemory(bareFacts());
  const texts = { ...TEXTS, 'child.conf': 'pass in proto udp\n' };
  const pfctl = (...words: string[]) => runPfctl(words, { kernel, texts });
  await pfctl('-f', 'pf.conf');
  for (const child of ['www', 'ftp']) await pfctl('-a', `relayd/${child}`, '-f', 'child.conf');
  assert.equal((await pfctl('-a', 'relayd', '-sr')).stdout, '');
  const children = (indent: string) =>
    ['ftp', 'www']
      .map((name) => `${indent}anchor "${name}" all {\n${indent}  pass in proto udp all\n${indent}}\n`)
      .join('');
  assert.equal((await pfctl('-a', 'relayd/*', '-sr')).stdout, children(''));
  assert.equal(
    (await pfctl('-a', '*', '-sr')).stdout,
    `anchor "relayd/*" all {\n${children('  ')}}\npass in from <web> to any flags S/SA label "web"\n` +
      'anchor "foo" all {\n  block drop in all\n}\n',
  );
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

test('today -N takes no names for addresses', async () => {
  const { status, stderr } = await runPfctl(['--dialect', 'openbsd', '-nN', '-f', '-'], {
    stdin: 'pass from localhost\n',
  });
  assert.equal(status, 1);
  assert.match(stderr, /^no IP address found for localhost\nstdin:1: could not parse host specification\n/);
});

test('cleared rules have the checksum of no rules', async () => {
  const pfctl = session();
  await pfctl('-f', 'pf.conf');
  const checksum = async () => /^Checksum: 0x(.*)$/m.exec((await pfctl('-vsi')).stdout)?.[1];
  const loaded = await checksum();
  await pfctl('-a', 'foo', '-Fr');
  assert.equal(await checksum(), loaded);
  await pfctl('-Fr');
  // MD5 of nothing.
  assert.equal(await checksum(), 'd41d8cd98f00b204e9800998ecf8427e');
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

test('counters of an address: in and out, blocked and passed', async () => {
  const prefix = { family: 4, words: [0x0a090001], length: 32 };
  const counted = {
    prefix,
    negated: false,
    cleared: 0,
    packets: [1, 2, 3, 4, 5, 6],
    bytes: [10, 20, 30, 40, 50, 60],
  };
  const answers: Readonly<Record<string, unknown>> = {
    'pf.tableAddresses': { items: [counted] },
    'system.time': { bootTime: 0, uptime: 0, now: 0 },
  };
  const kernel = { call: async (name: string) => answers[name], on: () => () => undefined } as KernelClient;
  const { stdout } = await runPfctl(['-t', 't', '-vT', 'show'], { kernel });
  const numbers = stdout.split('\n').filter((line) => line.includes('Packets:'));
  assert.deepEqual(
    numbers.map((line) => line.replace(/\s+/g, ' ').trim()),
    [
      'In/Block: [ Packets: 1 Bytes: 10 ]',
      'In/Pass: [ Packets: 2 Bytes: 20 ]',
      'Out/Block: [ Packets: 4 Bytes: 40 ]',
      'Out/Pass: [ Packets: 5 Bytes: 50 ]',
    ],
  );
});

test('JSON holds what the listing holds', async () => {
  const pfctl = session();
  await pfctl('-f', 'pf.conf');
  const json = async (...words: string[]) => JSON.parse((await pfctl('--json', ...words)).stdout);
  const rules: { text: string; rule: { action: string } }[] = await json('-sr');
  assert.deepEqual(
    rules.map(({ rule }) => rule.action),
    ['anchor', 'pass', 'anchor'],
  );
  const lines = rules.map(({ text }) => `${text}\n`).join('');
  assert.equal(lines, (await pfctl('-sr')).stdout);
  const [web] = await json('-sT');
  assert.deepEqual(web.references, { rules: 1, anchors: 0 });
  assert.equal(web.packets.outXPass, 0);
  const addresses: { address: string }[] = await json('-t', 'web', '-T', 'show');
  assert.deepEqual(
    addresses.map(({ address }) => address),
    ['10.0.0.1', '10.0.0.2'],
  );
  const [label] = await json('-sl');
  assert.deepEqual([label.label, label.packetsOut], ['web', 0]);
  assert.deepEqual(await json('-s', 'Running'), { enabled: false });
});

test('load anchor: each file is announced, one that is missing or goes round in circles is refused', async () => {
  const texts = {
    main: 'load anchor "a" from "one"\nload anchor "b" from "two"\n',
    one: 'load anchor "c" from "two"\n',
    two: 'pass\n',
    circle: 'load anchor "/a" from "circle"\n',
    lost: 'pass\nload anchor "a" from "nowhere"\n',
  };
  const pfctl = (...words: string[]) => runPfctl(words, { texts, kernel: new PfMemory(bareFacts()) });
  const { stderr } = await pfctl('-vf', 'main');
  assert.deepEqual(stderr.match(/Loading.*/g), [
    'Loading anchor a from one',
    'Loading anchor b from two',
    'Loading anchor a/c from two',
  ]);
  for (const dialect of ['openbsd', 'openbsd-2008', 'freebsd']) {
    const circle = await pfctl('--dialect', dialect, '-f', 'circle');
    assert.equal(circle.status, 1);
    assert.match(circle.stderr, /^pfctl: circle: too many anchors load each other\n/);
  }
  const lost = await pfctl('-f', 'lost');
  assert.equal(lost.status, 1);
  assert.match(lost.stderr, /^pfctl: nowhere: No such file or directory\n/);
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
  assert.equal(await first('-o', 'much'), "pfctl: Unknown optimization 'much'");
  assert.equal(await first('-x', 'much'), "pfctl: Unknown debug level 'much'");
  assert.equal(await first('-k', 'a', '-k', 'b', '-k', 'c'), 'pfctl: can only specify -k twice');
  assert.equal(await first('-k', 'id', '-k', 'x'), 'pfctl: wrong id format specified');
  assert.equal(await first('-k', 'id', '-k', '0'), 'pfctl: cannot kill id 0');
  assert.equal(await first('-k', 'label'), 'pfctl: no label specified');
  assert.equal(await first('-k', '10.9.0.0/33'), 'pfctl: prefix too long for AF_INET');
  assert.equal(await first('-k', '2001:db8::/129'), 'pfctl: prefix is too large: 129');
  assert.equal(await first('-k', 'nowhere'), 'pfctl: getaddrinfo: no address associated with name');
  assert.equal(await first('-d'), 'pfctl: pf not enabled');
  assert.equal(await first('-Fa', '-i', 'vr0'), "pfctl: don't specify an interface with -Fall");
  assert.equal(await first('-f', 'missing'), 'pfctl: missing: No such file or directory');
  const alone = await runPfctl(['-sr']);
  assert.equal(alone.stderr, 'pfctl: no running machine (name one with -M DIR)\n');
});
