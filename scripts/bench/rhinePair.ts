// SPDX-License-Identifier: ISC
//
// Lab `pair` in the rows failover-*: lb1 is killed while web3 and web4 are asked by translation.

import type { TapNetwork } from '../lab/tapNetwork.ts';
import type { Failover } from './failover.ts';
import { during, ECHO, ECHO_PORT, until } from './failoverTraffic.ts';

/** Port of the redirect `inner`. */
const TRANSLATED = 8080;

export class RhinePair {
  private readonly network: TapNetwork;

  constructor(network: TapNetwork) {
    this.network = network;
  }

  async prepare(): Promise<void> {
    for (const web of ['web3', 'web4']) {
      const words = [process.execPath, ECHO, String(ECHO_PORT)];
      this.network.hosts.get(web)!.start(words, { stdio: 'ignore' });
    }
    await this.inOrder();
    await until('the hosts are up', async () => {
      const hosts = await this.say('lb1', 'relayctl', 'show', 'hosts', '--json');
      return hosts.includes('"up"') && !/"status":"(down|unknown)"/.test(hosts);
    });
  }

  async fail(): Promise<Failover> {
    const failover = await during(this.network.hosts.get('client')!, TRANSLATED, async () => {
      await this.network.crash('lb1');
      await until('lb2 is master', () => this.carpIs('lb2', 'MASTER'));
    });
    await this.network.boot('lb1');
    await this.inOrder();
    return failover;
  }

  /** lb1 is master, lb2 its backup by a hair, and each has what the other has. */
  private async inOrder(): Promise<void> {
    for (const carp of ['carp0', 'carp1']) await this.say('lb2', 'ifconfig', carp, 'advskew', '20');
    await until('lb1 is master', () => this.carpIs('lb1', 'MASTER'));
    await until('lb2 is backup', () => this.carpIs('lb2', 'BACKUP'));
    for (const host of ['lb1', 'lb2']) {
      await until(`${host} has all states`, async () =>
        (await this.say(host, 'ifconfig', '--json', 'pfsync0')).includes('"bulk":"done"'),
      );
    }
  }

  private async carpIs(host: string, state: 'MASTER' | 'BACKUP'): Promise<boolean> {
    return (await this.say(host, 'ifconfig', 'carp0')).includes(`carp: ${state}`);
  }

  private async say(host: string, ...words: string[]): Promise<string> {
    return (await this.network.command(host, words)).stdout;
  }
}
