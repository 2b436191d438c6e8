// SPDX-License-Identifier: ISC
//
// The failover screen of both members of a pair on TAPs, read on pseudo-terminals: what each says of the other, and handing over.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Namespace } from '../../scripts/lab/namespace.ts';
import { noLab, PROJECT } from '../support/lab.ts';
import { LabMachine } from '../support/labMachine.ts';
import { noTerminal, Terminal } from '../support/terminal.ts';

const RHINE = `${process.execPath} ${join(PROJECT, 'dist/appliance/main.js')}`;

/** Files of member 1 or 2; the first one prefers to be master. */
const etcOf = (n: number) => ({
  'hostname.vr0': `inet 10.0.0.${n}/24\n`,
  'hostname.vr1': `inet 10.9.0.${n}/24\n`,
  'hostname.carp0': `inet 10.0.0.5/24 vhid 1 advskew ${n === 1 ? 0 : 100} carpdev vr0 pass sesame\n`,
  'hostname.pfsync0': 'up syncdev vr1\n',
  'sysctl.conf': 'net.inet.carp.preempt=1\n',
  'pf.conf': 'pass\n',
  'other.conf': 'pass\nblock in proto tcp to port 23\n',
});

describe('the failover screens of a pair', { skip: noLab() ?? noTerminal() }, () => {
  let namespace: Namespace;
  const members: LabMachine[] = [];
  const terminals: Terminal[] = [];

  before(async () => {
    namespace = await Namespace.create();
    for (const bridge of ['br0', 'br1'])
      await namespace.must(['ip', 'link', 'add', bridge, 'up', 'type', 'bridge']);
    for (const n of [1, 2]) {
      const name = `m${n}`;
      members.push(await LabMachine.up({ name, interfaces: ['vr0', 'vr1'], etc: etcOf(n), namespace }));
      for (const vr of [0, 1])
        await namespace.must(['ip', 'link', 'set', `${name}-vr${vr}`, 'master', `br${vr}`]);
    }
    for (const { directory } of members)
      terminals.push(
        new Terminal(
          `rhine-failover-${process.pid}`,
          `LC_ALL=C.UTF-8 ${RHINE} console ${directory}; sleep 120`,
        ),
      );
    for (const terminal of terminals) {
      await terminal.until(() => terminal.screen.some((line) => /^m\d#/.test(line)), 'no prompt');
      terminal.key('F6');
    }
  });
  after(async () => {
    for (const terminal of terminals) terminal.end();
    for (const machine of members) await machine.down();
    await namespace?.end();
  });

  test('each member shows itself and what the other says of itself', async () => {
    const [first, second] = terminals as [Terminal, Terminal];
    await first.sees(/^carp0 +1 this MASTER +1\.00s +0 on vr0[^\n]*\n +peer BACKUP/m);
    await second.sees(
      /^carp0 +1 this BACKUP +1\.39s +0 on vr0[^\n]*\n +peer MASTER +1\.00s +0 heard \S+ ago from 10\.0\.0\.1/m,
    );
    for (const terminal of terminals) {
      await terminal.sees(/^ lag: the peer was told everything, its last word \d+(\.\d)?s ago$/m);
      await terminal.sees(/^ {3}peer [0-9a-f]{8}: the same rules, said \d/m);
    }
  });

  test('other rules are told of', async () => {
    await members[1]!.rhine('pfctl', '-f', '/etc/other.conf');
    await terminals[0]!.sees(/^ {3}peer [0-9a-f]{8}: OTHER RULES/m);
    await members[1]!.rhine('pfctl', '-f', '/etc/pf.conf');
    await terminals[0]!.sees(/^ {3}peer [0-9a-f]{8}: the same rules/m);
  });

  test('handing over now, and taking it back', async () => {
    const [first, second] = terminals as [Terminal, Terminal];
    first.key('h');
    await first.sees(/hand every virtual host over to the peer now/);
    first.type('yes');
    await first.sees(
      /^carp0 +1 this BACKUP +1\.00s +128 [^\n]*\n +peer MASTER +1\.39s +0 heard \S+ ago from 10\.0\.0\.2/m,
    );
    await second.sees(/^carp0 +1 this MASTER [^\n]*\n +peer BACKUP/m);
    await first.sees(/^ demotion: 128 /m);
    first.key('t');
    await first.sees(/take the demotion of 128 back/);
    first.type('yes');
    await first.sees(/^carp0 +1 this MASTER/m);
    await second.sees(/^carp0 +1 this BACKUP/m);
  });

  test('a peer that dies is silent', async () => {
    await members[0]!.end('SIGKILL');
    const [, second] = terminals as [Terminal, Terminal];
    await second.sees(/^carp0 +1 this MASTER [^\n]*\n +peer SILENT +last advertisement \d+(\.\d)?s ago/m);
    assert.match(second.screen.join('\n'), /its last word \d+(\.\d)?s ago/);
  });
});
