// SPDX-License-Identifier: ISC
//
// The pair on TAPs: a load balancer or a router that is killed, or halted, while connections stay, downloads run and datagrams are counted.
// RHINE_KILLS sets how often each is killed (default once).

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { TrafficPlan, TrafficReport } from '../../scripts/lab/traffic.ts';
import { labUp, noLab, PROJECT, type TestLab } from '../support/lab.ts';
import { PairNetwork, pause, until } from '../support/pairNetwork.ts';

const KILLS = Number(process.env.RHINE_KILLS ?? 1);
const VIPS = ['192.0.2.253', '[3ffe:1::1]'];
/** By Direct Server Return, and translated. */
const URLS = VIPS.flatMap((vip) => [`http://${vip}/`, `http://${vip}:8080/`]);
const FILE = 40_000_000;
const ECHO = join(PROJECT, 'dist/scripts/lab/udpEcho.js');
const PLAN: TrafficPlan = {
  urls: URLS,
  connections: 10,
  interval: 50,
  downloads: URLS.map((url) => `${url}big`),
  rate: 10_000_000,
  probe: { address: '192.0.2.253', port: 5007 },
};

describe('lab pair', { skip: noLab() ?? false, timeout: 1_800_000 }, () => {
  let lab: TestLab;
  let pair: PairNetwork;

  before(async () => {
    lab = await labUp('pair', { captures: false });
    const sums: string[] = [];
    pair = new PairNetwork(lab.network, sums);
    for (const web of ['web1', 'web2', 'web3', 'web4']) {
      const bytes = randomBytes(FILE);
      sums.push(createHash('sha1').update(bytes).digest('hex'));
      writeFileSync(join(lab.directory, web, 'www/big'), bytes);
    }
    for (const web of ['web3', 'web4']) {
      lab.network.hosts.get(web)!.start([process.execPath, ECHO, '5007'], { stdio: 'ignore' });
    }
    await pair.inOrder('lb1', 'lb2');
    await pair.inOrder('r1', 'r2');
    await pair.served();
    await pause(1_000);
  });

  after(() => lab?.down());

  /** Traffic of all kinds while `act` is done; all of it must come through. */
  const during = async (act: () => Promise<void>): Promise<TrafficReport> => {
    const report = await pair.during(PLAN, act);
    assert.ok(report.requests > 100 && report.probes.answered > 100, JSON.stringify(report.probes));
    return report;
  };

  for (const [first, second] of [
    ['lb1', 'lb2'],
    ['r1', 'r2'],
  ] as const) {
    test(`${first} is killed, comes back, and takes over again: no connection breaks`, async (context) => {
      for (let kill = 1; kill <= KILLS; kill++) {
        const report = await during(async () => {
          await lab.network.crash(first);
          await until(`${second} takes over`, () => pair.carpIs(second, 'MASTER'));
        });
        context.diagnostic(`kill ${kill}: ${Math.round(report.probes.longestGap)} ms without an answer`);
        await lab.network.boot(first);
        await pair.inOrder(first, second);
      }
    });

    test(`${first} hands over: by a word, and by halting`, async (context) => {
      const word = await during(async () => {
        await lab.network.command(first, ['ifconfig', '-g', 'carp', 'carpdemote', '100']);
        await until(`${second} is master`, () => pair.carpIs(second, 'MASTER'));
      });
      context.diagnostic(`carpdemote: ${Math.round(word.probes.longestGap)} ms without an answer`);
      await lab.network.command(first, ['ifconfig', '-g', 'carp', '-carpdemote', '100']);
      await pair.inOrder(first, second);
      const halt = await during(async () => {
        await lab.network.command(first, ['halt']);
        await until(`${second} is master`, () => pair.carpIs(second, 'MASTER'));
      });
      context.diagnostic(`halt: ${Math.round(halt.probes.longestGap)} ms without an answer`);
      await lab.network.boot(first);
      await pair.inOrder(first, second);
    });
  }
});
