// SPDX-License-Identifier: ISC
//
// A machine as an operator gets it: installed from an answer file, booted on a TAP, and not lost by rules that lock the operator out.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { finish, start } from '../../scripts/lab/namespace.ts';
import { noLab, PROJECT } from '../support/lab.ts';
import { LabMachine } from '../support/labMachine.ts';

const RHINE = join(PROJECT, 'dist/appliance/main.js');
const ANSWERS = `System hostname = inst
Number of network interfaces = 1
IPv4 address for vr0 = 10.78.0.1/24
IPv6 address for vr0 = 2001:db8:78::1/64
Hide the inside behind its IPv4 address (NAT) = no
`;

describe('installed', { skip: noLab() ?? false }, () => {
  let folder: string;
  let machine: LabMachine;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'rhine-inst-'));
    const answers = join(folder, 'answers');
    writeFileSync(answers, ANSWERS);
    const directory = join(folder, 'inst');
    const words = [process.execPath, RHINE, 'install', directory, '-f', answers];
    const { status, stderr } = await finish(start(words, { stdio: ['pipe', 'pipe', 'pipe'] }));
    assert.equal(status, 0, stderr);
    machine = await LabMachine.boot('inst', directory);
    for (const address of ['10.78.0.2/24', '2001:db8:78::2/64']) {
      const added = await machine.linux('ip', 'address', 'add', address, 'dev', 'inst-vr0', 'nodad');
      assert.equal(added.status, 0, added.stderr);
    }
  });

  after(async () => {
    await machine?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const pings = async (address: string) =>
    (await machine.linux('ping', '-c', '1', '-W', '1', address)).status === 0;

  async function until(wanted: boolean): Promise<void> {
    for (let i = 0; i < 100; i++) {
      if ((await pings('10.78.0.1')) === wanted) return;
      await pause(100);
    }
    assert.fail(`the machine is ${wanted ? 'still not' : 'still'} reached`);
  }

  test('it boots, answers on both families, and is what its files say', async () => {
    await until(true);
    assert.equal(await pings('2001:db8:78::1'), true);
    assert.equal(await machine.rhine('apply', '-n'), 'the machine is what its files say\n');
  });

  test('rules that cut the operator off are taken back; confirmed ones stay', async () => {
    const rules = join(machine.directory, 'etc/pf.conf');
    writeFileSync(rules, 'block\n');
    assert.match(await machine.rhine('apply', 'confirm', '3'), /-pass out all flags/);
    await until(false);
    await until(true);
    assert.match(await machine.rhine('history'), /rollback to 1\n$/);
    writeFileSync(rules, 'pass inet proto icmp\n');
    await machine.rhine('apply', 'confirm', '3');
    await machine.rhine('confirm');
    await pause(3_500);
    assert.equal(await pings('10.78.0.1'), true);
    assert.equal(await machine.rhine('pfctl', '-sr'), 'pass inet proto icmp all\n');
    assert.equal(existsSync(join(machine.directory, 'var/db/config/unconfirmed')), false);
  });

  test('a machine that is killed unconfirmed comes up with the version before', async () => {
    writeFileSync(join(machine.directory, 'etc/pf.conf'), 'block\n');
    await machine.rhine('apply', 'confirm', '600');
    await machine.end('SIGKILL');
    const again = await LabMachine.boot('inst', machine.directory, machine.namespace);
    try {
      assert.equal(await again.rhine('pfctl', '-sr'), 'pass inet proto icmp all\n');
      assert.match(await again.rhine('dmesg'), /the last apply was not confirmed: back to version \d+/);
    } finally {
      await again.end('SIGTERM');
    }
  });
});
