// SPDX-License-Identifier: ISC
//
// The plain console on a pseudo-terminal (tmux): a machine is booted, secured, configured and halted by typing; needs no root.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PROJECT } from '../support/lab.ts';
import { noTerminal, Terminal } from '../support/terminal.ts';

const RHINE = join(PROJECT, 'dist/appliance/main.js');

const skip = noTerminal();

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'rhine-console-'));
  mkdirSync(join(directory, 'etc'));
  const interfaces = { vr0: { driver: 'memory' } };
  writeFileSync(join(directory, 'machine.json'), JSON.stringify({ name: 'box', interfaces }));
  writeFileSync(join(directory, 'etc/hostname.vr0'), 'inet 10.0.0.1/24\n');
});
after(() => rmSync(directory, { recursive: true, force: true }));

/** Answers the login that is the screen's n-th. */
async function logIn(terminal: Terminal, n: number): Promise<void> {
  const times = (text: string) => new RegExp(`(${text}[\\s\\S]*){${n}}`);
  await terminal.shows(times('box login: '));
  terminal.type('root');
  await terminal.shows(times('box login: root\\n+Password:'));
  terminal.type('open sesame');
  await terminal.shows(times('box login: root\\n+Password:.*\\n+box#'));
}

test('boot, configure, log in, reboot and halt, by typing', { skip }, async () => {
  const editor = 'echo 10.0.0.9 nine >';
  const boot = `TERM=dumb EDITOR='${editor}' ${process.execPath} ${RHINE} boot ${directory}`;
  const terminal = new Terminal(`rhine-${process.pid}`, `${boot}; echo "ended with $?"; sleep 60`);
  try {
    await terminal.shows(/^rc: settings \d+ ms, network \d+ ms, .*daemons \d+ ms\nbox ready\n+box# /m);
    terminal.type("ifconfig vr0 | grep -c '10.0.0.1 '");
    await terminal.shows(/^1\nbox# /m);
    terminal.type('ping 10.0.0.1');
    await terminal.shows(/icmp_seq=1/);
    terminal.key('C-c');
    await terminal.shows(/packets received, 0\.0% packet loss/);
    terminal.type('sysctl > /etc/all; tail -1 /etc/all | wc -l');
    await terminal.shows(/^ +1\nbox# /m);
    writeFileSync(join(directory, 'etc/pf.conf'), 'block in on vr0 proto tcp\npass out\n');
    terminal.type('apply');
    await terminal.shows(/\+pf enabled[\s\S]*\+block drop in on vr0 proto tcp all[\s\S]*apply this\? \[no\]/);
    terminal.type('yes');
    await terminal.shows(/applied as version 2/);
    terminal.type('edit -x /etc/hosts; cat /etc/hosts');
    await terminal.shows(/^10\.0\.0\.9 nine$/m);
    terminal.type('passwd');
    for (const question of ['New password:', 'Retype new password:']) {
      await terminal.shows(new RegExp(question));
      terminal.type('open sesame');
    }
    await terminal.shows(/Retype new password:.*\n+box# /);
    terminal.type('exit');
    await logIn(terminal, 1);
    terminal.type('reboot');
    await terminal.shows(/etc\/ has changes that were never applied[\s\S]*reboot all the same\? \[no\]/);
    terminal.type('yes');
    await terminal.shows(/syncing disks\.\.\. done[\s\S]*box ready/);
    await logIn(terminal, 2);
    terminal.type('halt');
    await terminal.shows(/syncing disks\.\.\. done\n+ended with 0/);
    const history = readFileSync(join(directory, 'var/db/history'), 'utf8');
    assert.match(history, /^apply$/m);
    assert.doesNotMatch(history, /sesame/);
  } finally {
    terminal.end();
  }
});
