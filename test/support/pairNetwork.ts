// SPDX-License-Identifier: ISC
//
// The machines of lab `pair` as a test sees them: who is master, who has all states, and traffic that must come through what is done to them.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TapNetwork } from '../../scripts/lab/tapNetwork.ts';
import type { TrafficPlan, TrafficReport } from '../../scripts/lab/traffic.ts';
import { PROJECT } from './lab.ts';

const TRAFFIC = join(PROJECT, 'dist/scripts/lab/traffic.js');
/** Milliseconds of undisturbed traffic, before and after. */
const CALM = 3_000;

export const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Waits for half a minute at most. */
export async function until(what: string, reached: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (await reached()) return;
    await pause(100);
  }
  assert.fail(`not within 30 s: ${what}`);
}

export class PairNetwork {
  private readonly network: TapNetwork;
  /** SHA-1 of each file that may be downloaded. */
  private readonly sums: readonly string[];

  constructor(network: TapNetwork, sums: readonly string[]) {
    this.network = network;
    this.sums = sums;
  }

  async carpIs(host: string, state: 'MASTER' | 'BACKUP'): Promise<boolean> {
    const { stdout } = await this.network.command(host, ['ifconfig', 'carp0']);
    return stdout.includes(`carp: ${state}`);
  }

  /** Both are there, the first is master, and each has the other's states. */
  async inOrder(first: string, second: string): Promise<void> {
    await until(`${first} is master`, () => this.carpIs(first, 'MASTER'));
    await until(`${second} is backup`, () => this.carpIs(second, 'BACKUP'));
    for (const host of [first, second]) await until(`${host} has all states`, () => this.bulkDone(host));
  }

  private async bulkDone(host: string): Promise<boolean> {
    const { stdout } = await this.network.command(host, ['ifconfig', '--json', 'pfsync0']);
    return JSON.parse(stdout).interfaces[0].pfsync.bulk === 'done';
  }

  /** The load balancers have found every web server up. */
  async served(): Promise<void> {
    await until('every web server is up', async () => {
      const { stdout } = await this.network.command('lb1', ['relayctl', 'show', 'hosts', '--json']);
      return !/"status":"(down|unknown)"/.test(stdout) && stdout.includes('"up"');
    });
  }

  /** The client's traffic while `act` is done in its midst: no connection may break, every download must be whole. */
  async during(plan: TrafficPlan, act: () => Promise<void>): Promise<TrafficReport> {
    const client = this.network.hosts.get('client')!;
    const command = [process.execPath, TRAFFIC, JSON.stringify(plan)];
    const child = client.start(command, { stdio: ['pipe', 'pipe', 'inherit'] });
    let text = '';
    child.stdout!.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    const ended = new Promise((resolve) => child.once('close', resolve));
    await pause(CALM);
    await act();
    await pause(CALM);
    child.stdin!.end();
    await ended;
    const report = JSON.parse(text) as TrafficReport;
    assert.deepEqual(report.broken, []);
    for (const one of report.downloads) {
      assert.equal(one.error, undefined, `${one.url}: ${one.error}`);
      assert.ok(this.sums.includes(one.sha1), `${one.url}: ${one.bytes} bytes, not the file`);
    }
    return report;
  }
}
