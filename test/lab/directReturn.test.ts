// SPDX-License-Identifier: ISC
//
// `relayctl dsr` on TAPs: each leg of Direct Server Return to a host is broken in turn, and must be the one that it names.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { noLab, PROJECT } from '../support/lab.ts';
import { PORT, SERVERS, ServiceLab, VIP4, VIP6 } from '../support/serviceLab.ts';

describe('lab service: which leg is broken', { skip: noLab() ?? false, timeout: 120_000 }, () => {
  let lab: ServiceLab;

  before(async () => {
    lab = await ServiceLab.up('openbsd');
  });

  after(() => lab?.down());

  const { four, six } = SERVERS.web1!;
  const transfer = `${PROJECT}/dist/scripts/lab/transfer.js`;

  /** The legs of a host that are not well; a leg that is broken makes the exit status 1. */
  const legs = async (address: string): Promise<readonly string[]> => {
    const shown = await lab.network.command('lb', ['relayctl', '--json', 'dsr', address]);
    const { paths } = JSON.parse(shown.stdout) as {
      paths: { legs: { leg: string; state: string; evidence: string }[] }[];
    };
    assert.equal(paths.length, 1, shown.stdout);
    const found = paths[0]!.legs.filter((one) => one.state !== 'ok').map((one) => `${one.leg} ${one.state}`);
    assert.equal(shown.status, found.some((one) => one.endsWith('broken')) ? 1 : 0, shown.stdout);
    return found;
  };

  /** Three clients in turn, one for each host. */
  const clients = async (address: string, seconds: number): Promise<void> => {
    const client = lab.network.hosts.get('client')!;
    const words = [address, String(PORT), 'down', '1000', String(seconds)];
    await Promise.all([1, 2, 3].map(() => client.must([process.execPath, transfer, ...words])));
  };

  for (const [address, vip, length, family] of [
    [four, VIP4, 32, '-4'],
    [six, VIP6, 128, '-6'],
  ] as const) {
    test(`relayctl dsr ${address} names the leg that is broken`, async () => {
      const web1 = lab.network.hosts.get('web1')!;
      await clients(vip, 10);
      assert.deepEqual(await legs(address), []);

      await web1.must(['ip', 'address', 'delete', `${vip}/${length}`, 'dev', 'lo']);
      assert.deepEqual(await legs(address), ['address broken']);
      await web1.must(['ip', 'address', 'add', `${vip}/${length}`, 'dev', 'lo']);

      await lab.stopTalker('web1');
      assert.deepEqual(await legs(address), ['listener broken']);
      await lab.startTalker('web1');
      await lab.untilHosts((statuses) => statuses.get(address) === 'up');
      assert.deepEqual(await legs(address), []);

      const [gateway] = (await web1.must(['ip', family, 'route', 'show', 'default'])).trim().split('\n');
      await web1.must(['ip', family, 'route', 'delete', 'default']);
      await clients(vip, 5);
      assert.deepEqual(await legs(address), ['return path broken']);
      await web1.must(['ip', family, 'route', 'add', ...gateway!.split(/\s+/)]);
      await clients(vip, 10);
      assert.deepEqual(await legs(address), []);
    });
  }

  // IPv6 addresses do not survive it.
  for (const [address, family] of [
    [six, 'neighbor solicitations'],
    [four, 'ARP'],
  ] as const) {
    test(`a host that answers no ${family} is named, whatever the cache still has`, async () => {
      const web1 = lab.network.hosts.get('web1')!;
      await web1.must(['ip', 'link', 'set', 'vr0', 'down']);
      const shown = await lab.network.command('lb', ['relayctl', 'dsr', address]);
      await web1.must(['ip', 'link', 'set', 'vr0', 'up']);
      assert.equal(shown.status, 1);
      assert.match(
        shown.stdout,
        new RegExp(`\\n\tneighbor    broken: nobody answers ${family} for ${address}\\n`),
      );
      assert.match(shown.stdout, /\n\tlistener {4}not proven: nothing reaches the host\n/);
    });
  }

  test('a host outside of all redirections that route is told so', async () => {
    const shown = await lab.network.command('lb', ['relayctl', 'dsr', '172.28.3.99']);
    assert.deepEqual([shown.status, shown.stderr], [1, 'command failed: no such host\n']);
  });
});
