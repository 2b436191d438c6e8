// SPDX-License-Identifier: ISC
//
// The configuration of a running machine: checked as boot would, applied with its difference shown, taken back when nobody
// confirms it, kept in versions.

import assert from 'node:assert/strict';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import fc from 'fast-check';
import { diffLines, formatDiff } from '../../../appliance/user/rc/lineDiff.ts';
import { Versions } from '../../../appliance/user/rc/versions.ts';
import { LiveMachine } from '../../support/liveMachine.ts';
import { MemoryFiles } from '../../support/memoryFiles.ts';

test('a line diff leads from one text to the other (seeded)', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 });
  fc.assert(
    fc.property(text, text, (from, to) => {
      const lines = diffLines(from, to);
      const without = (sign: string) => lines.filter((line) => line.sign !== sign).map((line) => line.text);
      assert.deepEqual(without('+'), from);
      assert.deepEqual(without('-'), to);
    }),
    { seed: 6, numRuns: 500 },
  );
});

test('a line diff is short', () => {
  const from = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  assert.deepEqual(formatDiff(diffLines(from, ['a', 'b', 'x', 'd', 'e', 'f', 'g', 'h']), 1), [
    ' b',
    '-c',
    '+x',
    ' d',
    '...',
    ' g',
    '+h',
  ]);
  assert.deepEqual(formatDiff(diffLines(from, from)), []);
});

test('versions: one for each state of etc/, bounded, whole or not at all, without secrets', async () => {
  const files = new MemoryFiles({ '/etc/pf.conf': '0', '/etc/master.passwd': 'x', '/etc/pf/more.conf': 'y' });
  const versions = new Versions(files, () => 1_000);
  assert.deepEqual((await versions.record('boot')).files, { 'pf.conf': '0', 'pf/more.conf': 'y' });
  assert.equal((await versions.record('apply')).number, 1);
  for (let i = 1; i <= 120; i++) {
    await files.write('/etc/pf.conf', String(i));
    await versions.record('apply');
  }
  const numbers = await versions.numbers();
  assert.deepEqual([numbers.length, numbers[0], numbers.at(-1)], [100, 22, 121]);
  files.refusal = 'ENOSPC';
  files.texts.set('/etc/pf.conf', 'full');
  await assert.rejects(versions.record('apply'));
  assert.equal((await versions.latest())!.files['pf.conf'], '120');
  files.refusal = undefined;
  files.texts.set('/etc/new', 'new');
  await versions.restore((await versions.read(50))!);
  assert.equal(files.texts.get('/etc/pf.conf'), '49');
  assert.equal(files.texts.has('/etc/new'), false);
  assert.equal(files.texts.get('/etc/master.passwd'), 'x');
});

const PASS = 'pass\n';
const ETC = {
  'hostname.vr0': 'inet 10.0.0.1 255.255.255.0\ninet6 2001:db8::1 64\n',
  'hostname.vr1': 'inet 10.1.0.1/24\n!route add 10.9.0.0/16 10.1.0.9\n',
  mygate: '10.1.0.254\n',
  'sysctl.conf': 'net.inet.ip.forwarding=1\nnet.inet6.ip6.dad_count=0\n',
  'pf.conf': PASS,
};

/** A machine with these files, as they are put back before each test. */
let live: LiveMachine;
before(async () => {
  live = await LiveMachine.boot(ETC);
});
after(() => live.down());

async function reset(): Promise<void> {
  for (const [name, text] of Object.entries(ETC)) live.write(name, text);
  await live.command('rollback');
  await live.command('apply -y');
}

test('what was booted needs no change, and is a version', async () => {
  assert.deepEqual(await live.command('apply -n'), {
    status: 0,
    stdout: 'the machine is what its files say\n',
    stderr: '',
  });
  assert.match((await live.command('history')).stdout, /^ +1 {2}\w.* boot\n$/);
  assert.equal((await live.command('check')).stdout, 'configuration OK\n');
});

test('check tells of every file as boot would', async () => {
  live.write('hostname.vr0', 'inet 10.0.0.300\nmtu lots\n');
  live.write('hostname.vr7', 'up\n');
  live.write('mygate', 'router\n');
  live.write('sysctl.conf', 'net.inet.ip.forwrding=1\n');
  live.write('pf.conf', 'pass in on\n');
  live.write('rc.conf.local', 'relayd_flags=""\n');
  live.write('relayd.conf', 'redirect www {\n listen on nowhere\n}\n');
  live.write('master.passwd', 'root\n');
  const { status, stderr } = await live.command('check');
  assert.equal(status, 3);
  for (const place of [
    '/etc/hostname.vr0:1: ',
    'ifconfig: lots: not a number',
    '/etc/hostname.vr7',
    '/etc/mygate:1: ',
    '/etc/sysctl.conf:1: ',
    '/etc/pf.conf:1: ',
    '/etc/relayd.conf:2: ',
    '/etc/master.passwd:1: ',
  ]) {
    assert.ok(stderr.includes(place), `${place} in\n${stderr}`);
  }
  const { problems } = JSON.parse((await live.command('check --json')).stdout);
  assert.equal(problems.join('\n'), stderr.trim());
  assert.deepEqual(JSON.parse((await live.command('apply -n --json')).stdout).problems, problems);
  const refused = await live.command('apply -y');
  assert.deepEqual([refused.status, refused.stdout], [3, '']);
  assert.match(refused.stderr, /nothing was applied\n$/);
  assert.equal(await live.answersOperator(), true);
  for (const name of ['hostname.vr7', 'rc.conf.local', 'relayd.conf', 'master.passwd']) {
    await live.machine.files.remove(`/etc/${name}`);
  }
  await reset();
});

test('apply shows the change, asks, and makes what a boot would make', async () => {
  live.write('hostname.vr0', 'inet 10.0.0.1 255.255.255.0\ninet alias 10.0.0.7/32\nmtu 1400\ngroup lan\n');
  live.write('hostname.vlan5', 'vlan 5 vlandev vr1\ninet 10.5.0.1/24\n');
  live.write('mygate', '10.1.0.253\n');
  live.write('hostname.vr1', 'inet 10.1.0.1/24\n');
  live.write('sysctl.conf', 'net.inet6.ip6.dad_count=0\n');
  live.write('pf.conf', 'block in on vr1\npass\n');
  const questions: string[] = [];
  const answer = (text: string) => async (question: string) => {
    questions.push(question);
    return text;
  };
  const no = await live.command('apply', answer('no'));
  assert.equal(no.status, 1);
  for (const line of [
    '-net.inet.ip.forwarding=1',
    '+net.inet.ip.forwarding=0',
    '-vr0 2001:db8::1/64',
    '+vr0 10.0.0.7',
    '+vr0 group lan',
    '+vlan5 10.5.0.1/24',
    '-10.9.0.0/16 10.1.0.9',
    '-default 10.1.0.254',
    '+default 10.1.0.253',
    '+block drop in on vr1 all',
  ]) {
    assert.ok(no.stdout.includes(`  ${line}`), `${line} in\n${no.stdout}`);
  }
  assert.deepEqual(questions, ['apply this? [no] ']);
  assert.doesNotMatch((await live.command('ifconfig vr0')).stdout, /10\.0\.0\.7/);
  const yes = await live.command('apply', answer('yes'));
  assert.equal(yes.status, 0, yes.stderr);
  assert.equal((await live.command('apply -n')).stdout, 'the machine is what its files say\n');
  assert.match((await live.command('ifconfig vr0')).stdout, /mtu 1400[\s\S]*10\.0\.0\.7/);
  assert.match((await live.command('pfctl -sr')).stdout, /^block drop in on vr1 all/);
  const routes = (await live.command('route show -inet')).stdout;
  assert.match(routes, /default +10\.1\.0\.253/);
  assert.doesNotMatch(routes, /10\.9/);
  await live.machine.files.remove('/etc/hostname.vlan5');
  await reset();
  assert.doesNotMatch((await live.command('ifconfig')).stdout, /vlan5/);
  assert.match((await live.command('ifconfig vr0')).stdout, /mtu 1500/);
});

test('what was set by hand goes as well, after it was shown', async () => {
  await live.command('ifconfig vr0 alias 10.0.0.8/32');
  await live.command('pfctl -F rules');
  const shown = await live.command('apply -y');
  assert.match(shown.stdout, /-vr0 10\.0\.0\.8\n/);
  assert.match(shown.stdout, /\+pass flags S\/SA|\+pass all/);
  assert.equal((await live.command('apply -n')).stdout, 'the machine is what its files say\n');
});

test('an interface that there is not is told of, as a warning', async () => {
  live.write(
    'pf.conf',
    'pass in on { vr0 vr7 } from (vr8:network) to any\npass out on lo label "x on vr9"\n',
  );
  const { status, stderr, stdout } = await live.command('check');
  assert.equal(status, 0);
  assert.match(stdout, /configuration OK/);
  const named = [
    ...stderr.matchAll(/there is no interface or group (\w+) \(there are lo0, pflog0, vr0, vr1\)/g),
  ];
  assert.deepEqual(named.map((match) => match[1]).sort(), ['vr7', 'vr8']);
  live.write('pf.conf', PASS);
});

test('a reboot with changes that were not applied is asked about', async () => {
  live.write('pf.conf', 'pas\n');
  const { status, stderr } = await live.command('reboot', async (question) => {
    assert.match(question, /reboot all the same/);
    return 'no';
  });
  assert.equal(status, 1);
  assert.match(stderr, /pf\.conf:1: syntax error[\s\S]*never applied[\s\S]*not rebooted/);
  live.write('pf.conf', PASS);
  assert.equal((await live.command('check')).status, 0);
});

test('without anybody to ask, apply needs -y', async () => {
  live.write('sysctl.conf', 'net.inet.ip.ttl=32\nnet.inet6.ip6.dad_count=0\n');
  const result = await live.command('apply');
  assert.equal(result.status, 1);
  assert.match(result.stderr, /apply -y applies/);
  await reset();
});

test('lock-out: rules that cut the operator off are taken back when nobody confirms', async () => {
  const { versions } = JSON.parse((await live.command('history --json')).stdout);
  const { number } = versions.at(-1);
  live.write('pf.conf', 'block\n');
  live.write('hostname.vr1', 'inet 10.1.0.77/24\n');
  const applied = await live.command('apply confirm 3');
  assert.equal(applied.status, 0, applied.stderr);
  assert.match(applied.stdout, /taken back in 3 seconds unless you type: confirm/);
  assert.equal(await live.answersOperator(), false);
  assert.equal((await live.command('apply -y')).status, 5);
  for (let i = 0; i < 100 && live.read('etc/pf.conf') !== PASS; i++) await pause(50);
  for (let i = 0; i < 100 && !(await live.answersOperator()); i++) await pause(50);
  assert.equal(live.read('etc/pf.conf'), PASS);
  assert.match((await live.command('ifconfig vr1')).stdout, /inet 10\.1\.0\.1 /);
  const { stdout } = await live.command('history');
  assert.match(
    stdout,
    new RegExp(` ${number + 1} .* apply confirm 3\n.* ${number + 2} .* rollback to ${number}\n$`),
  );
  assert.equal((await live.command('confirm')).status, 5);
});

test('confirm keeps what was applied; rollback takes it back at once', async () => {
  live.write('sysctl.conf', 'net.inet.ip.ttl=33\nnet.inet6.ip6.dad_count=0\n');
  await live.command('apply confirm 600');
  const confirmed = await live.command('confirm');
  assert.deepEqual([confirmed.status, confirmed.stdout], [0, 'confirmed: what was applied stays\n']);
  assert.equal((await live.command('sysctl -n net.inet.ip.ttl')).stdout, '33\n');
  live.write('sysctl.conf', 'net.inet.ip.ttl=34\nnet.inet6.ip6.dad_count=0\n');
  await live.command('apply confirm');
  assert.equal((await live.command('rollback')).status, 0);
  assert.equal((await live.command('sysctl -n net.inet.ip.ttl')).stdout, '33\n');
  assert.equal(live.read('etc/sysctl.conf'), 'net.inet.ip.ttl=33\nnet.inet6.ip6.dad_count=0\n');
  await reset();
});

test('a machine that dies unconfirmed boots with the version before', async () => {
  live.write('pf.conf', 'block\n');
  await live.command('apply confirm 600');
  assert.equal(await live.answersOperator(), false);
  await live.machine.shutdown();
  await live.start();
  assert.ok(live.log.some((line) => /the last apply was not confirmed: back to version \d+/.test(line)));
  assert.equal(live.read('etc/pf.conf'), PASS);
  assert.equal(await live.answersOperator(), true);
});

test('history, diff and rollback N', async () => {
  live.write('pf.conf', 'pass\nblock in on vr1\n');
  await live.command('apply -y');
  const versions = JSON.parse((await live.command('history --json')).stdout).versions;
  const last = versions.at(-1).number;
  live.write('pf.conf', 'pass\npass in on vr1\n');
  assert.equal(
    (await live.command('diff')).stdout,
    '--- etc/pf.conf\n+++ etc/pf.conf\n pass\n-block in on vr1\n+pass in on vr1\n',
  );
  assert.match((await live.command(`diff ${last - 1} ${last}`)).stdout, /\+block in on vr1/);
  assert.match((await live.command('diff 4711')).stderr, /there is no version 4711/);
  const back = await live.command(`rollback -y ${last - 1}`);
  assert.equal(back.status, 0, back.stderr);
  assert.equal(live.read('etc/pf.conf'), PASS);
  // What was typed and never applied is not lost.
  assert.match((await live.command('history')).stdout, / edited\n.* rollback to \d+\n$/);
  assert.match((await live.command('rollback')).stderr, /nothing waits to be confirmed: name a version/);
});

test('relayd is started, read again and ended as the files say', async () => {
  const redirect = (host: string) =>
    `table <web> { ${host} }\nredirect www {\n listen on 10.0.0.1 port 80\n forward to <web> check icmp\n}\n`;
  live.write('pf.conf', 'anchor "relayd/*"\npass\n');
  live.write('rc.conf.local', 'relayd_flags=""\n');
  live.write('relayd.conf', redirect('10.1.0.10'));
  const started = await live.command('apply -y');
  assert.equal(started.status, 0, started.stderr);
  assert.match(started.stdout, /redirects:\n {2}\+redirect www \(forward to\)\n/);
  assert.match((await live.command('relayctl show redirects')).stdout, /www/);
  live.write('relayd.conf', redirect('10.1.0.11'));
  const changed = await live.command('apply -y');
  assert.match(changed.stdout, /- {2}<web:80> 10\.1\.0\.10\n {2}\+ {2}<web:80> 10\.1\.0\.11\n/);
  assert.match((await live.command('relayctl show hosts')).stdout, /10\.1\.0\.11/);
  await live.machine.files.remove('/etc/rc.conf.local');
  assert.equal((await live.command('apply -y')).status, 0);
  assert.match((await live.command('relayctl show hosts')).stderr, /relayd does not run/);
});

test('what cannot be kept is not applied', async () => {
  live.write('sysctl.conf', 'net.inet.ip.ttl=77\nnet.inet6.ip6.dad_count=0\n');
  const versions = join(live.directory, 'var/db/config');
  renameSync(versions, `${versions}.away`);
  writeFileSync(versions, 'in the way');
  const result = await live.command('apply -y');
  rmSync(versions);
  renameSync(`${versions}.away`, versions);
  assert.equal(result.status, 1);
  assert.match(result.stderr, /nothing was applied, for it could not be kept: Not a directory/);
  assert.notEqual((await live.command('sysctl -n net.inet.ip.ttl')).stdout, '77\n');
  assert.equal((await live.command('apply -y')).status, 0);
});
