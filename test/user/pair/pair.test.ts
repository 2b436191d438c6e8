// SPDX-License-Identifier: ISC
//
// `rhine pair`: the pairs of conf/ are pairs, and whatever is changed on one of them is found and named.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../../../../', import.meta.url));
const MAIN = join(PROJECT, 'dist/appliance/main.js');

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'rhine-pair-'));
  for (const name of ['lb1', 'lb2', 'r1', 'r2']) copy(name, name);
});
after(() => rmSync(folder, { recursive: true, force: true }));

function copy(from: string, to: string): void {
  cpSync(join(PROJECT, 'conf', from), join(folder, to), {
    recursive: true,
    filter: (path) => !path.includes('/var'),
  });
}

function pair(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, 'pair', ...words], { cwd: folder, encoding: 'utf8' });
}

test('the load balancers and the routers of conf/ are pairs', () => {
  const { status, stdout } = pair('lb1', 'lb2');
  assert.equal(stdout, 'carp0 vhid 3: lb1 goes first\nlb1 and lb2 are a pair\n');
  assert.equal(status, 0);
  assert.equal(
    pair('r2', 'r1').stdout,
    'carp0 vhid 1: r1 goes first\ncarp1 vhid 2: r1 goes first\nr2 and r1 are a pair\n',
  );
});

const MASTERS = 'neither takes the advertisements of the other, and both will be master';
const LOST = 'states that come from the peer find no rule: their timeouts and limits are lost';

/** A change of one file of lb2, and all that is said of it. */
const CASES: readonly (readonly [string, string | RegExp, string, readonly string[]])[] = [
  ['hostname.carp0', 'vhid 3', 'vhid 4', [`carp0: its vhid is 3 on lb1, 4 on lb2: ${MASTERS}`]],
  ['hostname.carp0', 'balancer-pair', 'sesame', [`carp0: the passphrases (pass) differ: ${MASTERS}`]],
  [
    'hostname.carp0',
    'advskew 100',
    'advskew 0',
    ['carp0: both have advskew 0 (vhid 3): nobody is meant to go first'],
  ],
  ['hostname.carp0', 'advskew 100', 'advskew 100 advbase 5', ['carp0: advbase is 1 on lb1, 5 on lb2']],
  [
    'hostname.carp0',
    'inet alias 10.0.0.1 255.255.255.0 10.0.0.255\n',
    '',
    [`carp0: lb2 lacks 10.0.0.1/24 broadcast 10.0.0.255: ${MASTERS}`],
  ],
  [
    'hostname.vr0',
    '10.0.0.6',
    '10.0.0.5',
    ['vr0: both have 10.0.0.5; shared addresses belong on a carp interface'],
  ],
  [
    'hostname.vr0',
    'inet6 alias 3ffe:1::6 64\n',
    '',
    ['vr0: lb1 has an address in 3ffe:1::/64, lb2 has none'],
  ],
  [
    'hostname.vr1',
    '10.255.1.2 255.255.255.0 10.255.1.255',
    '10.255.2.2 255.255.255.0 10.255.2.255',
    [
      'vr1: lb1 has an address in 10.255.1.0/24, lb2 has none',
      'vr1: lb2 has an address in 10.255.2.0/24, lb1 has none',
      'pfsync0: its syncdev is vr1 on lb1 and vr1 on lb2, which have no IPv4 network in common',
    ],
  ],
  [
    'hostname.pfsync0',
    'syncdev vr1',
    'syncdev vr1 syncpeer 10.255.1.9',
    [
      'pfsync0: lb1 tells the group (no syncpeer), lb2 only 10.255.1.9',
      'pfsync0: syncpeer of lb2 is 10.255.1.9, which vr1 of lb1 does not have',
    ],
  ],
  ['hostname.pfsync0', 'up syncdev vr1', 'syncdev vr1', ['pfsync0: it is down on lb2 (up)']],
  [
    'sysctl.conf',
    'net.inet.carp.preempt=1',
    '',
    ['sysctl.conf: net.inet.carp.preempt is 1 on lb1, 0 on lb2'],
  ],
  [
    'pf.conf',
    'set skip on vr1',
    'set skip on vr1\nset timeout tcp.closing 60',
    [
      'pf.conf: limits or timeouts differ: states end at other times (only lb1 has: tcp.closing                 900s)',
    ],
  ],
  [
    'pf.conf',
    'anchor "relayd/*"\n',
    'anchor "relayd/*"\npass\n',
    [`pf.conf: the rules differ: ${LOST} (only lb2 has: pass all flags S/SA keep state)`],
  ],
  [
    'pf.conf',
    /^/,
    'pas\n',
    [
      "lb2: /etc/pf.conf:1: syntax error at 'pas': did you mean pass?",
      'lb2: pfctl: Syntax error in config file: pf rules not loaded',
      'lb2: pf: /etc/pf.conf is wrong; the boot ruleset stays (mend it, then: pfctl -f /etc/pf.conf)',
    ],
  ],
  [
    'relayd.conf',
    'code 200',
    'code 204',
    [
      'relayd.conf: it does not say the same on both (only lb1 has: route to <webservers> port www check http "/" code 200 interface vr0)',
    ],
  ],
  [
    'rc.conf.local',
    'relayd_flags=""',
    'relayd_flags=NO',
    ['rc.conf.local: relayd redirects on one only (only lb1 has: redirect www (route to))'],
  ],
  [
    'rc.conf.local',
    'relayd_flags=""\npf=YES',
    'relayd_flags=NO\npf=NO',
    [
      'rc.conf.local: lb1 filters packets, lb2 does not (pf=YES)',
      'rc.conf.local: relayd redirects on one only (only lb1 has: redirect www (route to))',
    ],
  ],
];

for (const [file, from, to, said] of CASES) {
  test(`${file}: ${String(from).trim()} becomes ${to.trim() || 'nothing'}`, () => {
    rmSync(join(folder, 'lb2'), { recursive: true });
    copy('lb2', 'lb2');
    const path = join(folder, 'lb2/etc', file);
    const before = readFileSync(path, 'utf8');
    const changed = before.replace(from, to);
    assert.notEqual(changed, before);
    writeFileSync(path, changed);
    const { status, stdout } = pair('lb1', 'lb2', '--json');
    const { findings } = JSON.parse(stdout) as { findings: { about: string; text: string }[] };
    const lines = findings.map(({ about, text }) => `${about}: ${text}`);
    assert.deepEqual(lines.slice(0, said.length), said);
    // Rules that cannot be loaded are, besides, not those of the other one.
    if (file !== 'pf.conf' || from instanceof RegExp === false) assert.equal(lines.length, said.length);
    assert.equal(status, 1);
    assert.doesNotMatch(stdout, /balancer-pair|sesame/);
  });
}

test('keys of pfsync: both the same, one without, and one that others may read', () => {
  rmSync(join(folder, 'lb2'), { recursive: true });
  copy('lb2', 'lb2');
  const key = (name: string) => join(folder, name, 'etc/pfsync.key');
  writeFileSync(key('lb1'), `${'ab'.repeat(32)}\n`, { mode: 0o600 });
  assert.match(pair('lb1', 'lb2').stdout, /pfsync0: only lb1 has a key \(pfsync\.key\): neither takes/);
  writeFileSync(key('lb2'), `${'AB'.repeat(32)}\n`, { mode: 0o600 });
  assert.equal(pair('lb1', 'lb2').status, 0);
  writeFileSync(key('lb2'), `${'cd'.repeat(32)}\n`);
  const { stdout } = pair('lb1', 'lb2');
  assert.match(stdout, /pfsync0: the keys \(pfsync\.key\) differ/);
  assert.doesNotMatch(stdout, /abab|cdcd/);
  chmodSync(key('lb2'), 0o644);
  assert.match(pair('lb1', 'lb2').stdout, /pfsync\.key: others than its owner can read it \(chmod 600\)/);
  writeFileSync(key('lb2'), 'abcd\n');
  chmodSync(key('lb2'), 0o600);
  assert.match(
    pair('lb1', 'lb2').stdout,
    /a key has 64 hexadecimal digits[\s\S]*pfsync0 stays down without its key/,
  );
  rmSync(key('lb1'));
});

test('what is no machine directory, and no pair of words', () => {
  assert.match(pair('lb1', '/nowhere').stderr, /machine\.json is missing: this is no machine directory/);
  assert.equal(pair('lb1').status, 2);
  assert.equal(pair('lb1', 'lb2', 'r1').status, 2);
  assert.match(execFileSync(process.execPath, [MAIN, '--help'], { encoding: 'utf8' }), /rhine pair DIR DIR/);
});
