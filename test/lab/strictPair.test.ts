// SPDX-License-Identifier: ISC
//
// Strict Direct Server Return by the pair of lab `pair`, all four machines on one pfsync link: a load balancer or a router is killed in the
// middle of downloads. The kernel tests do the same in less time, so this one runs only with RHINE_STRICT_PAIR=1.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readLab } from '../../scripts/lab/definition.ts';
import { TapNetwork } from '../../scripts/lab/tapNetwork.ts';
import type { TrafficPlan, TrafficReport } from '../../scripts/lab/traffic.ts';
import { noLab, PROJECT } from '../support/lab.ts';

const URLS = ['http://192.0.2.253/', 'http://[3ffe:1::1]/'];
const FILE = 60_000_000;
const RELAYD = `table <webservers> { 10.0.0.10 10.0.0.11 }
table <v6servers> { 3ffe:2::10 3ffe:2::11 }
redirect www {
	listen on 192.0.2.253 port http interface vr0
	route to <webservers> strict port www check http "/" code 200 interface vr0
}
redirect wwwv6 {
	listen on 3ffe:1::1 port http interface vr0
	route to <v6servers> strict port www check http "/" code 200 interface vr0
}
`;

const wanted = process.env.RHINE_STRICT_PAIR === '1' ? undefined : 'RHINE_STRICT_PAIR is not 1';
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

interface State {
  readonly anchor?: string;
  readonly direction: string;
  readonly sloppy: boolean;
}

describe('lab pair, strict', { skip: wanted ?? noLab() ?? false, timeout: 600_000 }, () => {
  let network: TapNetwork;
  let directory: string;
  const sums: string[] = [];

  const is = async (host: string, state: string) =>
    (await network.command(host, ['ifconfig', 'carp0'])).stdout.includes(`carp: ${state}`);

  const until = async (what: string, reached: () => Promise<boolean>): Promise<void> => {
    for (let i = 0; i < 300; i++) {
      if (await reached()) return;
      await pause(100);
    }
    assert.fail(`not within 30 s: ${what}`);
  };

  const inOrder = async (first: string, second: string) => {
    await until(`${first} is master`, () => is(first, 'MASTER'));
    await until(`${second} is backup`, () => is(second, 'BACKUP'));
    for (const host of [first, second]) {
      await until(`${host} has all states`, async () => {
        const { stdout } = await network.command(host, ['ifconfig', '--json', 'pfsync0']);
        return JSON.parse(stdout).interfaces[0].pfsync.bulk === 'done';
      });
    }
  };

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rhine-lab-'));
    const project = join(directory, 'project');
    cpSync(join(PROJECT, 'conf'), join(project, 'conf'), { recursive: true });
    for (const name of ['lb1', 'lb2']) writeFileSync(join(project, `conf/${name}/etc/relayd.conf`), RELAYD);
    const lab = readLab(project, 'pair');
    const shared = (segment: string) => (segment.endsWith('sync') ? 'sync' : segment);
    const hosts = lab.hosts.map((host) => ({
      ...host,
      interfaces: Object.fromEntries(
        Object.entries(host.interfaces).map(([vr, segment]) => [vr, shared(segment)]),
      ),
    }));
    const definition = { ...lab, segments: ['client', 'server', 'sync'], hosts };
    network = await TapNetwork.up(definition, { project, directory }, () => {}, { captures: false });
    for (const web of ['web1', 'web2']) {
      const bytes = randomBytes(FILE);
      sums.push(createHash('sha1').update(bytes).digest('hex'));
      mkdirSync(join(directory, web, 'www'), { recursive: true });
      writeFileSync(join(directory, web, 'www/big'), bytes);
    }
    await inOrder('lb1', 'lb2');
    await inOrder('r1', 'r2');
    await until('every web server is up', async () => {
      const { stdout } = await network.command('lb1', ['relayctl', 'show', 'hosts', '--json']);
      return !/"status":"(down|unknown)"/.test(stdout) && stdout.includes('"up"');
    });
    // Machines say every ten seconds which addresses they balance.
    await pause(12_000);
  });

  after(async () => {
    await network?.down();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Connections that stay and downloads while `act` is done after three seconds. */
  const during = async (act: () => Promise<void>): Promise<void> => {
    const plan: TrafficPlan = {
      urls: URLS,
      connections: 10,
      interval: 50,
      downloads: URLS.map((url) => `${url}big`),
      rate: 6_000_000,
    };
    const command = [process.execPath, join(PROJECT, 'dist/scripts/lab/traffic.js'), JSON.stringify(plan)];
    const child = network.hosts.get('client')!.start(command, { stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    await pause(3_000);
    await act();
    await pause(3_000);
    child.stdin!.end();
    await ended;
    const report = JSON.parse(text) as TrafficReport;
    assert.deepEqual(report.broken, []);
    for (const one of report.downloads) {
      assert.equal(one.error, undefined, `${one.url}: ${one.error}`);
      assert.ok(sums.includes(one.sha1), `${one.url}: ${one.bytes} bytes, not the file`);
    }
  };

  /** Of a balancer: states of the redirections, and how many of them are sloppy. */
  const states = async (host: string): Promise<readonly [all: number, sloppy: number]> => {
    const { stdout } = await network.command(host, ['pfctl', '--json', '-ss']);
    const mine = (JSON.parse(stdout) as State[]).filter((one) => one.anchor?.startsWith('relayd/'));
    return [mine.length, mine.filter((one) => one.sloppy).length];
  };

  for (const [first, second] of [
    ['lb1', 'lb2'],
    ['r1', 'r2'],
  ] as const) {
    test(`${first} is killed and comes back: no connection breaks, and the load balancer goes on checking`, async (context) => {
      await during(async () => {
        for (const host of ['lb1', 'lb2']) context.diagnostic(`${host}: ${await states(host)}`);
        await network.crash(first);
        await until(`${second} takes over`, () => is(second, 'MASTER'));
        await pause(1_000);
        const balancer = first === 'lb1' ? 'lb2' : 'lb1';
        const [all, sloppy] = await states(balancer);
        context.diagnostic(`${balancer} has ${all} states, ${sloppy} of them sloppy`);
        assert.ok(all >= 22, `${all} states`);
        assert.equal(sloppy, 0);
      });
      await network.boot(first);
      await inOrder(first, second);
    });
  }
});
