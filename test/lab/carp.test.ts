// SPDX-License-Identifier: ISC
//
// carp with real peers on a TAP: ucarp takes over and gives way as the appliance does, and tcpdump reads every advertisement.

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { stop } from '../../scripts/lab/namespace.ts';
import { noLab } from '../support/lab.ts';
import { LabMachine } from '../support/labMachine.ts';

const PASSWORD = 'shared-Secret';
const LIMIT = 20_000;
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function reason(): string | undefined {
  return noLab() ?? (existsSync('/usr/sbin/ucarp') ? undefined : 'ucarp is not installed');
}

async function until(what: string, reached: () => Promise<boolean> | boolean): Promise<void> {
  const end = Date.now() + LIMIT;
  while (Date.now() < end) {
    if (await reached()) return;
    await pause(100);
  }
  assert.fail(`not within ${LIMIT / 1000} s: ${what}`);
}

/** ucarp on the Linux side of the TAP; what it says of its state. */
class Ucarp {
  text = '';
  readonly child: ChildProcess;

  constructor(machine: LabMachine, skew: number, ...more: string[]) {
    const words = ['--interface=carp-vr0', '--srcip=10.77.0.2', '--vhid=9', `--pass=${PASSWORD}`];
    const rest = [
      '--addr=10.77.0.100',
      '--advbase=1',
      `--advskew=${skew}`,
      '-u',
      '/bin/true',
      '-d',
      '/bin/true',
    ];
    this.child = machine.namespace.start(['ucarp', ...words, ...rest, ...more], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding('utf8').on('data', (piece: string) => {
        this.text += piece;
      });
    }
  }

  /** The state it told of last. */
  get state(): string | undefined {
    return [...this.text.matchAll(/Switching to state: (\w+)/g)].at(-1)?.[1];
  }
}

describe('carp and Linux', { skip: reason() ?? false }, () => {
  let machine: LabMachine;
  let ucarp: Ucarp | undefined;

  before(async () => {
    machine = await LabMachine.up({
      name: 'carp',
      interfaces: ['vr0'],
      etc: {
        'hostname.vr0': 'inet 10.77.0.1 255.255.255.0\ninet6 2001:db8:77::1 64\n',
        'hostname.carp0': `inet 10.77.0.100 255.255.255.0 10.77.0.255 vhid 9 pass ${PASSWORD} carpdev vr0 advskew 50\n`,
        'hostname.carp1': `vhid 10\ncarpdev vr0\npass ${PASSWORD}\ninet6 2001:db8:77::100 64\n`,
      },
    });
    assert.equal((await machine.linux('ip', 'address', 'add', '10.77.0.2/24', 'dev', 'carp-vr0')).status, 0);
  });

  after(async () => {
    if (ucarp !== undefined) await stop(ucarp.child, 'SIGKILL');
    await machine?.down();
  });

  const carpIs = async (state: string) =>
    (await machine.rhine('ifconfig', 'carp0')).includes(`carp: ${state} carpdev vr0 vhid 9 advbase 1`);

  test('alone, the appliance is master; ifconfig shows it, and never the passphrase', async () => {
    await until('master', () => carpIs('MASTER'));
    const shown = await machine.rhine('ifconfig', 'carp0');
    assert.match(shown, /\tlladdr 00:00:5e:00:01:09\n/);
    assert.match(
      shown,
      /\tindex \d+ priority 15 llprio 3\n\tcarp: MASTER .*\n\tgroups: carp\n\tstatus: master\n/,
    );
    assert.match(await machine.rhine('ifconfig', '-g', 'carp'), /^carp: carp demote count 0\n$/);
    const everything = shown + (await machine.rhine('dmesg')) + (await machine.rhine('ifconfig', '--json'));
    assert.ok(!everything.includes(PASSWORD));
  });

  test('tcpdump reads the advertisements of both families, checksums good', async () => {
    const filter = ['-c', '6', '-i', 'carp-vr0', 'proto', '112', 'or', 'ip6', 'proto', '112'];
    const { stdout } = await machine.linux('timeout', '15', 'tcpdump', '-T', 'carp', '-nvv', ...filter);
    const lines = stdout.split('\n').filter((line) => line.includes('CARPv2'));
    assert.ok(lines.length >= 6, stdout);
    for (const line of lines)
      assert.match(line, /CARPv2-advertise 36: vhid=(9|10) advbase=1 advskew=(50|0) authlen=7 counter=\d+$/);
    assert.match(stdout, /10\.77\.0\.1 > 224\.0\.0\.18/);
    assert.match(stdout, /2001:db8:77::1 > ff02::12|fe80::[0-9a-f:]+ > ff02::12/);
    assert.doesNotMatch(stdout, /bad carp cksum|bad cksum/);
  });

  test('ucarp with the same password stays backup, takes over when the appliance goes, and hands back', async () => {
    ucarp = new Ucarp(machine, 100);
    await until('ucarp is backup', () => ucarp!.state === 'BACKUP');
    await pause(5_000);
    assert.equal(ucarp.state, 'BACKUP');
    assert.ok(await carpIs('MASTER'));
    await machine.rhine('ifconfig', 'carp0', 'down');
    await until('ucarp is master', () => ucarp!.state === 'MASTER');
    await machine.rhine('sysctl', 'net.inet.carp.preempt=1');
    await machine.rhine('ifconfig', 'carp0', 'up');
    await until('ucarp gives way', () => ucarp!.state === 'BACKUP');
    assert.ok(await carpIs('MASTER'));
    await stop(ucarp.child, 'SIGKILL');
  });

  test('the appliance is backup to a better ucarp, takes over when that is killed, and gives way again', async () => {
    ucarp = new Ucarp(machine, 0, '--preempt');
    await until('the appliance gives way', () => carpIs('BACKUP'));
    assert.equal(ucarp.state, 'MASTER');
    assert.match(await machine.rhine('ifconfig', 'carp0'), /\tstatus: backup\n/);
    await stop(ucarp.child, 'SIGKILL');
    await until('master', () => carpIs('MASTER'));
    ucarp = new Ucarp(machine, 0, '--preempt');
    await until('backup', () => carpIs('BACKUP'));
    await stop(ucarp.child, 'SIGKILL');
  });

  test('another password: not heard, and counted', async () => {
    await until('master', () => carpIs('MASTER'));
    const wrong = new Ucarp(machine, 0, '--preempt', `--pass=${PASSWORD}x`);
    ucarp = wrong;
    await until('it advertises', () => wrong.state === 'MASTER');
    await pause(3_000);
    assert.ok(await carpIs('MASTER'));
    assert.match(
      await machine.rhine('netstat', '-s', '-p', 'carp'),
      /\t\t[1-9]\d* discarded for bad authentication\n/,
    );
    await stop(wrong.child, 'SIGKILL');
  });

  test('halting hands over at once', async () => {
    await machine.rhine('sysctl', 'net.inet.carp.preempt=0');
    ucarp = new Ucarp(machine, 100);
    await until('ucarp is backup', () => ucarp!.state === 'BACKUP');
    const bowOut = 'ip[21:1]=9 and ip[25:1]=255';
    const tcpdump = ['tcpdump', '--immediate-mode', '-l', '-T', 'carp', '-nc', '1', '-i', 'carp-vr0'];
    const capture = machine.namespace.start(['timeout', '30', ...tcpdump, bowOut], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const told = capture.stdout!.setEncoding('utf8').toArray();
    await new Promise((resolve) => capture.stderr!.once('data', resolve)); // "listening on carp-vr0"
    await machine.end('SIGTERM');
    assert.match((await told).join(''), /advbase=255 advskew=255/);
  });
});
