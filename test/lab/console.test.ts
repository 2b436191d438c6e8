// SPDX-License-Identifier: ISC
//
// The plain console on a pseudo-terminal (tmux): a machine is booted, secured, configured and halted by typing; needs no root.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { PROJECT } from '../support/lab.ts';

const RHINE = join(PROJECT, 'dist/appliance/main.js');

function hasTmux(): boolean {
  try {
    execFileSync('tmux', ['-V']);
    return true;
  } catch {
    return false;
  }
}

const skip = hasTmux() ? false : 'tmux is not installed';

/** A terminal of its own tmux server; TERM=dumb asks for the console without screens. */
class Terminal {
  private readonly server: string;

  constructor(server: string, command: string) {
    this.server = server;
    const size = ['-x', '80', '-y', '24'];
    this.tmux(
      'new-session',
      '-d',
      ...size,
      `TERM=dumb EDITOR='echo 10.0.0.9 nine >' ${command}; echo "ended with $?"; sleep 60`,
    );
  }

  type(text: string): void {
    this.tmux('send-keys', '-l', text);
    this.tmux('send-keys', 'Enter');
  }

  key(name: string): void {
    this.tmux('send-keys', name);
  }

  get text(): string {
    return this.tmux('capture-pane', '-p', '-J', '-S', '-200');
  }

  /** Waits until the screen shows this. */
  async shows(pattern: RegExp): Promise<void> {
    for (let i = 0; i < 300; i++) {
      if (pattern.test(this.text)) return;
      await pause(100);
    }
    assert.fail(`${pattern} does not appear:\n${this.text}`);
  }

  end(): void {
    this.tmux('kill-server');
  }

  private tmux(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.server, ...args], { encoding: 'utf8' });
  }
}

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
  const terminal = new Terminal(`rhine-${process.pid}`, `${process.execPath} ${RHINE} boot ${directory}`);
  try {
    await terminal.shows(/box ready\n+box# /);
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
