// SPDX-License-Identifier: ISC
//
// Strict Direct Server Return by the pair of lab `pair`, all four machines on one pfsync link: a load balancer or a router is killed in the
// middle of downloads.

import { createHash, randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readLab } from '../../scripts/lab/definition.ts';
import { TapNetwork } from '../../scripts/lab/tapNetwork.ts';
import type { TrafficPlan } from '../../scripts/lab/traffic.ts';
import { noLab, PROJECT } from '../support/lab.ts';
import { PairNetwork, pause, until } from '../support/pairNetwork.ts';

const URLS = ['http://192.0.2.253/', 'http://[3ffe:1::1]/'];
const FILE = 40_000_000;
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

const PLAN: TrafficPlan = {
  urls: URLS,
  connections: 10,
  interval: 50,
  downloads: URLS.map((url) => `${url}big`),
  rate: 4_000_000,
};

interface State {
  readonly anchor?: string;
  readonly direction: string;
  readonly sloppy: boolean;
}

describe('lab pair, strict', { skip: noLab() ?? false, timeout: 600_000 }, () => {
  let network: TapNetwork;
  let directory: string;
  let pair: PairNetwork;

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
    const sums: string[] = [];
    pair = new PairNetwork(network, sums);
    for (const web of ['web1', 'web2']) {
      const bytes = randomBytes(FILE);
      sums.push(createHash('sha1').update(bytes).digest('hex'));
      mkdirSync(join(directory, web, 'www'), { recursive: true });
      writeFileSync(join(directory, web, 'www/big'), bytes);
    }
    await pair.inOrder('lb1', 'lb2');
    await pair.inOrder('r1', 'r2');
    await pair.served();
    // Machines say every ten seconds which addresses they balance.
    await pause(12_000);
  });

  after(async () => {
    await network?.down();
    rmSync(directory, { recursive: true, force: true });
  });

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
      await pair.during(PLAN, async () => {
        for (const host of ['lb1', 'lb2']) context.diagnostic(`${host}: ${await states(host)}`);
        await network.crash(first);
        await until(`${second} takes over`, () => pair.carpIs(second, 'MASTER'));
        const balancer = first === 'lb1' ? 'lb2' : 'lb1';
        await until(`${balancer} checks all connections in full`, async () => {
          const [all, sloppy] = await states(balancer);
          return all >= PLAN.urls.length * PLAN.connections + PLAN.downloads.length && sloppy === 0;
        });
      });
      await network.boot(first);
      await pair.inOrder(first, second);
    });
  }
});
