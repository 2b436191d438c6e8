// SPDX-License-Identifier: ISC
//
// The article's network on TAPs: Direct Server Return with real programs, hosts that fail, path MTU, fragments, a clean end.

import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Fetched } from '../../scripts/lab/network.ts';
import { reportFlow } from '../../scripts/lab/report.ts';
import { readFrames } from '../../scripts/lab/trace.ts';
import { labUp, noLab, type TestLab } from '../support/lab.ts';

const VIP4 = 'http://192.0.2.253/';
const VIP6 = 'http://[3ffe:1::1]/';
/** relayd's interval, its timeout, and the round in which a change is pushed. */
const ROUND = 11_000;

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function tally(results: readonly (Fetched | { readonly error: string })[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) {
    const key = 'error' in result ? result.error : result.body.trim();
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

describe('lab dsr', { skip: noLab() ?? false }, () => {
  let lab: TestLab;

  /** relayd's word on a host by its address. */
  const hostStatus = async (address: string): Promise<string> => {
    const shown = await lab.network.command('lb', ['relayctl', 'show', 'hosts']);
    const line = shown.stdout.split('\n').find((text) => text.split(/\s+/).includes(address));
    return line === undefined ? `no line for ${address}:\n${shown.stdout}${shown.stderr}` : line;
  };

  const until = async (address: string, word: RegExp, limit: number): Promise<void> => {
    const end = Date.now() + limit;
    let last = '';
    while (Date.now() < end) {
      last = await hostStatus(address);
      if (word.test(last)) return;
      await pause(250);
    }
    assert.match(last, word);
  };

  before(async () => {
    lab = await labUp('dsr');
    for (const address of ['10.0.0.10', '10.0.0.11', '3ffe:2::10', '3ffe:2::11']) {
      await until(address, /\bup\b/, 3 * ROUND);
    }
    await pause(ROUND); // the round that puts the last of them into service
  });

  after(() => lab?.down());

  for (const [family, url] of [
    ['IPv4', VIP4],
    ['IPv6', VIP6],
  ] as const) {
    test(`${family}: 200 fetches one after the other and 200 at once, all answered, by both servers`, async () => {
      for (const concurrency of [1, 200]) {
        const counts = tally(await lab.network.fetchMany('client', url, 200, concurrency));
        assert.deepEqual(Object.keys(counts).sort(), ['web1', 'web2']);
        assert.equal(counts.web1! + counts.web2!, 200);
        assert.ok(Math.min(counts.web1!, counts.web2!) >= 80, JSON.stringify(counts));
      }
    });

    test(`${family}: requests pass the load balancer untouched, replies do not pass it`, async () => {
      const fetched = await lab.network.fetch('client', url);
      await lab.network.flushCaptures();
      const { captures, stations } = lab.network;
      const flow = { client: fetched.local, server: fetched.remote };
      const traced = reportFlow(flow, 'lb', captures, stations);
      assert.ok(traced.directServerReturn, traced.lines.join('\n'));
      assert.equal(traced.answeredBy, fetched.body.trim());
    });
  }

  test('the load balancer saw no frame from a web server to the client', async () => {
    await lab.network.flushCaptures();
    const client = (await lab.network.hosts.get('client')!.must(['hostname', '-I'])).trim().split(/\s+/);
    const capture = lab.network.captures.find((one) => one.host === 'lb')!;
    const frames = readFrames(capture);
    assert.ok(frames.length > 1000, `only ${frames.length} frames captured`);
    assert.deepEqual(
      frames.filter((frame) => client.includes(frame.destination.address)),
      [],
    );
  });

  test('tcpdump finds no bad checksum in what the appliances captured', async (context) => {
    const wire = lab.network.wire;
    if ((await wire.run(['sh', '-c', 'command -v tcpdump'])).status !== 0)
      return context.skip('no tcpdump here');
    for (const capture of lab.network.captures) {
      const text = await wire.must(['tcpdump', '-n', '-vv', '-r', capture.file]);
      const bad = text.split('\n').filter((line) => /incorrect|bad cksum|wrong/.test(line));
      assert.deepEqual(bad.slice(0, 5), [], `${capture.host} ${capture.interface}`);
    }
  });

  test('ping, ping6 and a fragmented ping reach the web server through the router', async () => {
    const client = lab.network.hosts.get('client')!;
    await client.must(['ping', '-c', '3', '-i', '0.2', '-W', '2', '10.0.0.10']);
    await client.must(['ping', '-6', '-c', '3', '-i', '0.2', '-W', '2', '3ffe:2::11']);
    await client.must(['ping', '-c', '2', '-i', '0.2', '-W', '2', '-s', '4000', '10.0.0.10']);
    await client.must(['ping', '-c', '2', '-i', '0.2', '-W', '2', '-s', '4000', '192.0.2.2']);
    await client.must(['ping', '-6', '-c', '2', '-i', '0.2', '-W', '2', '-s', '4000', '3ffe:2::10']);
  });

  test('traceroute shows the router, both families', async (context) => {
    const client = lab.network.hosts.get('client')!;
    if ((await client.run(['sh', '-c', 'command -v traceroute'])).status !== 0) {
      return context.skip('no traceroute here');
    }
    const four = await client.must(['traceroute', '-n', '-q', '1', '-w', '2', '10.0.0.10']);
    assert.match(four, /^ 1 {2}192\.0\.2\.2 /m);
    assert.match(four, /^ 2 {2}10\.0\.0\.10 /m);
    const six = await client.must(['traceroute', '-6', '-n', '-q', '1', '-w', '2', '3ffe:2::10']);
    assert.match(six, /^ 1 {2}3ffe:: /m);
    assert.match(six, /^ 2 {2}3ffe:2::10 /m);
  });

  test('path MTU discovery works for Direct Server Return, both families', async (context) => {
    const client = lab.network.hosts.get('client')!;
    if ((await client.run(['sh', '-c', 'command -v curl'])).status !== 0) return context.skip('no curl here');
    for (const host of ['web1', 'web2']) {
      const page = join(lab.directory, host, 'www');
      if (!existsSync(page)) return context.skip('no nginx here');
      writeFileSync(join(page, 'large'), Buffer.alloc(300_000, host));
    }
    // The way to the client narrows behind the router: its errors go to the service address, and must reach the right server.
    await lab.network.command('router', ['ifconfig', 'vr1', 'mtu', '1300']);
    for (const url of [VIP4, VIP6]) {
      const size = await client.must([
        'curl',
        '-g',
        '-sS',
        '-m',
        '8',
        '-o',
        '/dev/null',
        '-w',
        '%{size_download}',
        `${url}large`,
      ]);
      assert.equal(size, '300000', url);
    }
    await lab.network.command('router', ['ifconfig', 'vr1', 'mtu', '1500']);
    const narrowed = await Promise.all(
      ['web1', 'web2'].map((host) =>
        lab.network.hosts.get(host)!.must(['ip', 'route', 'get', '192.0.2.1', 'from', '192.0.2.253']),
      ),
    );
    assert.match(narrowed.join(), /mtu 1300/);
  });

  test('a web server that stops leaves service without one failed connection, and comes back', async () => {
    await lab.network.stopWeb('web1');
    await until('10.0.0.10', /\bdown\b/, 2 * ROUND);
    await until('3ffe:2::10', /\bdown\b/, ROUND);
    for (const url of [VIP4, VIP6]) {
      assert.deepEqual(tally(await lab.network.fetchMany('client', url, 60, 10)), { web2: 60 });
    }
    await lab.network.startWeb('web1');
    await until('10.0.0.10', /\bup\b/, 2 * ROUND);
    await pause(ROUND);
    const counts = tally(await lab.network.fetchMany('client', VIP4, 60, 10));
    assert.equal((counts.web1 ?? 0) + (counts.web2 ?? 0), 60);
    assert.ok((counts.web1 ?? 0) > 0, JSON.stringify(counts));
  });

  test('with both web servers down the service address refuses, and it recovers', async () => {
    await lab.network.stopWeb('web1');
    await lab.network.stopWeb('web2');
    await until('10.0.0.10', /\bdown\b/, 2 * ROUND);
    await until('10.0.0.11', /\bdown\b/, 2 * ROUND);
    const [refused] = await lab.network.fetchMany('client', VIP4, 1, 1);
    assert.ok(
      refused !== undefined && 'error' in refused && /ECONNREFUSED/.test(refused.error),
      JSON.stringify(refused),
    );
    await lab.network.startWeb('web1');
    await lab.network.startWeb('web2');
    await until('10.0.0.11', /\bup\b/, 2 * ROUND);
    await pause(ROUND);
    const counts = tally(await lab.network.fetchMany('client', VIP4, 20, 4));
    assert.equal((counts.web1 ?? 0) + (counts.web2 ?? 0), 20);
  });
});
