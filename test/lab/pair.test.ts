// SPDX-License-Identifier: ISC
//
// The pair on TAPs: a load balancer or a router that is killed, or halted, while connections stay, downloads run and datagrams are counted.
// RHINE_KILLS sets how often each is killed (default once); with RHINE_LOAD=whole the traffic is 100 connections that stay, downloads of a
// GiB and iperf3 with 8 streams, by Direct Server Return and translated.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, linkSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { stop } from '../../scripts/lab/namespace.ts';
import type { TrafficPlan, TrafficReport } from '../../scripts/lab/traffic.ts';
import { labUp, noLab, PROJECT, type TestLab } from '../support/lab.ts';
import { PairNetwork, pause, until } from '../support/pairNetwork.ts';

const KILLS = Number(process.env.RHINE_KILLS ?? 1);
const VIPS = ['192.0.2.253', '[3ffe:1::1]'];
/** By Direct Server Return, and translated. */
const URLS = VIPS.flatMap((vip) => [`http://${vip}/`, `http://${vip}:8080/`]);
const WHOLE = process.env.RHINE_LOAD === 'whole';
const MEBIBYTE = 1 << 20;
const FILE = WHOLE ? 1_024 : 40;
/** iperf3's ports, translated and by Direct Server Return, and who has a server there. */
const STREAMS = [
  { port: '5201', web: 'web3' },
  { port: '5202', web: 'web1' },
] as const;
const ECHO = join(PROJECT, 'dist/scripts/lab/udpEcho.js');
const PLAN: TrafficPlan = {
  urls: URLS,
  connections: WHOLE ? 25 : 10,
  interval: 50,
  downloads: (WHOLE ? URLS.slice(0, 2) : URLS).map((url) => `${url}big`),
  rate: WHOLE ? 50_000_000 : 10_000_000,
  probe: { address: '192.0.2.253', port: 5007 },
};

/** A file of FILE MiB, no two of them alike; answers its SHA-1. */
function writeFile(path: string): string {
  const hash = createHash('sha1');
  const block = randomBytes(MEBIBYTE);
  const file = openSync(path, 'w');
  for (let i = 0; i < FILE; i++) {
    block.writeUInt32BE(i, 0);
    hash.update(block);
    writeSync(file, block);
  }
  closeSync(file);
  return hash.digest('hex');
}

describe('lab pair', { skip: noLab() ?? false, timeout: 1_800_000 }, () => {
  let lab: TestLab;
  let pair: PairNetwork;

  before(async () => {
    lab = await labUp('pair', { captures: false });
    const sums: string[] = [];
    pair = new PairNetwork(lab.network, sums);
    sums.push(writeFile(join(lab.directory, 'big')));
    for (const web of ['web1', 'web2', 'web3', 'web4']) {
      linkSync(join(lab.directory, 'big'), join(lab.directory, web, 'www/big'));
    }
    for (const { port, web } of WHOLE ? STREAMS : []) {
      lab.network.hosts.get(web)!.start(['iperf3', '-s', '-p', port], { stdio: 'ignore' });
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
    const streams = (WHOLE ? STREAMS : []).map(({ port }) =>
      lab.network.hosts
        .get('client')!
        .start(['iperf3', '-c', VIPS[0]!, '-p', port, '-P', '8', '-b', '20M', '-t', '600'], {
          stdio: ['ignore', 'ignore', 'inherit'],
        }),
    );
    const report = await pair.during(PLAN, act);
    for (const stream of streams) {
      assert.equal(stream.exitCode, null, 'iperf3 lost a connection');
      await stop(stream, 'SIGKILL');
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
