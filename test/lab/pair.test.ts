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

const KILLS = Number(process.env.RHINE_KILLS ?? 1);
const VIPS = ['192.0.2.253', '[3ffe:1::1]'];
/** By Direct Server Return, and translated. */
const URLS = VIPS.flatMap((vip) => [`http://${vip}/`, `http://${vip}:8080/`]);
const FILE = 40_000_000;
const TRAFFIC = join(PROJECT, 'dist/scripts/lab/traffic.js');
const ECHO = join(PROJECT, 'dist/scripts/lab/udpEcho.js');

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

describe('lab pair', { skip: noLab() ?? false, timeout: 1_800_000 }, () => {
  let lab: TestLab;
  const sums: string[] = [];

  const carpIs = async (host: string, state: string) =>
    (await lab.network.command(host, ['ifconfig', 'carp0'])).stdout.includes(`carp: ${state}`);

  const until = async (what: string, reached: () => Promise<boolean>): Promise<void> => {
    for (let i = 0; i < 300; i++) {
      if (await reached()) return;
      await pause(100);
    }
    assert.fail(`not within 30 s: ${what}`);
  };

  const bulkDone = async (host: string) => {
    const { stdout } = await lab.network.command(host, ['ifconfig', '--json', 'pfsync0']);
    return JSON.parse(stdout).interfaces[0].pfsync.bulk === 'done';
  };

  /** Both are there, the first is master, and each has the other's states. */
  const inOrder = async (first: string, second: string) => {
    await until(`${first} is master`, () => carpIs(first, 'MASTER'));
    await until(`${second} is backup`, () => carpIs(second, 'BACKUP'));
    for (const host of [first, second]) await until(`${host} has all states`, () => bulkDone(host));
  };

  const served = async () => {
    const { stdout } = await lab.network.command('lb1', ['relayctl', 'show', 'hosts', '--json']);
    return !/"status":"(down|unknown)"/.test(stdout) && stdout.includes('"up"');
  };

  before(async () => {
    lab = await labUp('pair', { captures: false });
    for (const web of ['web1', 'web2', 'web3', 'web4']) {
      const bytes = randomBytes(FILE);
      sums.push(createHash('sha1').update(bytes).digest('hex'));
      writeFileSync(join(lab.directory, web, 'www/big'), bytes);
    }
    for (const web of ['web3', 'web4']) {
      lab.network.hosts.get(web)!.start([process.execPath, ECHO, '5007'], { stdio: 'ignore' });
    }
    await inOrder('lb1', 'lb2');
    await inOrder('r1', 'r2');
    await until('every web server is up', served);
    await pause(1_000);
  });

  after(() => lab?.down());

  /** Traffic while `act` is done three seconds later; all of it must come through. */
  const during = async (act: () => Promise<void>): Promise<TrafficReport> => {
    const plan: TrafficPlan = {
      urls: URLS,
      connections: 10,
      interval: 50,
      downloads: URLS.map((url) => `${url}big`),
      rate: 10_000_000,
      probe: { address: '192.0.2.253', port: 5007 },
    };
    const client = lab.network.hosts.get('client')!;
    const child = client.start([process.execPath, TRAFFIC, JSON.stringify(plan)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
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
          await until(`${second} takes over`, () => carpIs(second, 'MASTER'));
        });
        context.diagnostic(`kill ${kill}: ${Math.round(report.probes.longestGap)} ms without an answer`);
        await lab.network.boot(first);
        await inOrder(first, second);
      }
    });

    test(`${first} hands over: by a word, and by halting`, async (context) => {
      const word = await during(async () => {
        await lab.network.command(first, ['ifconfig', '-g', 'carp', 'carpdemote', '100']);
        await until(`${second} is master`, () => carpIs(second, 'MASTER'));
      });
      context.diagnostic(`carpdemote: ${Math.round(word.probes.longestGap)} ms without an answer`);
      await lab.network.command(first, ['ifconfig', '-g', 'carp', '-carpdemote', '100']);
      await inOrder(first, second);
      const halt = await during(async () => {
        await lab.network.command(first, ['halt']);
        await until(`${second} is master`, () => carpIs(second, 'MASTER'));
      });
      context.diagnostic(`halt: ${Math.round(halt.probes.longestGap)} ms without an answer`);
      await lab.network.boot(first);
      await inOrder(first, second);
    });
  }
});
