// SPDX-License-Identifier: ISC
//
// Row dsr-bulk: a download by Direct Server Return through the router, against a plain C loop with the same offloads between the
// same two namespaces.

import type { ChildProcess } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLab } from '../lab/definition.ts';
import { stop } from '../lab/namespace.ts';
import { isInstalled, missingProgram, noTap, privilege } from '../lab/requirements.ts';
import { LabStore } from '../lab/store.ts';
import { TapNetwork } from '../lab/tapNetwork.ts';
import { alternate, type Bench, type BenchOptions, type Measurement, type RowHead } from './rows.ts';
import { compile, started } from './topology.ts';

const ROW: RowHead = {
  name: 'dsr-bulk',
  unit: 'Gbit/s',
  peerName: 'C loop',
  judged: 'ratio',
  must: 0.6,
};
const VIP = 'http://192.0.2.253/large';
/** The C loop's own network between the client and each web server. */
const CLIENT_END = '198.51.100.1/24';
const SERVER_END = '198.51.100.2/24';
const LOOP_URL = 'http://198.51.100.2/large';
const FILE_SIZE = 64 * 1024 ** 3;

export const dsrRows: Bench = { names: [ROW.name], run: (_wanted, options) => dsrBulk(options) };

async function dsrBulk(options: BenchOptions): Promise<Measurement[]> {
  const missing =
    missingProgram() ?? noTap() ?? (privilege() === 'enough' ? undefined : 'needs root') ?? missingPeer();
  if (missing !== undefined) return [{ name: ROW.name, missing }];
  const store = new LabStore(options.project);
  const directory = store.create('bench');
  const loop = compile(options.project, directory, 'wire');
  const network = await TapNetwork.up(
    readLab(options.project, 'dsr'),
    { project: options.project, directory },
    options.progress,
    {
      captures: false,
    },
  );
  let wire: ChildProcess | undefined;
  try {
    // One server, so that both peers talk to the same namespace.
    await network.stopWeb('web2');
    const page = join(directory, 'web1/www/large');
    mkdirSync(join(directory, 'web1/www'), { recursive: true });
    writeFileSync(page, '');
    truncateSync(page, FILE_SIZE); // a sparse file: reading it costs no disk
    wire = await startLoop(network, loop);
    // Not measured: the first reading of the file fills the page cache, and nginx stalls in it.
    await download(network, LOOP_URL, options.seconds);
    const ours = async () => {
      // relayd rightly takes a server out that a full machine kept from answering within the check's 200 ms.
      await untilBalanced(network);
      return download(network, VIP, options.seconds);
    };
    return [await alternate(ROW, options, ours, () => download(network, LOOP_URL, options.seconds))];
  } finally {
    if (wire !== undefined) await stop(wire, 'SIGKILL');
    await network.down();
    store.remove(directory);
  }
}

function missingPeer(): string | undefined {
  const absent = ['cc', 'curl', 'nginx'].find((program) => !isInstalled(program));
  return absent === undefined ? undefined : `${absent} is not installed`;
}

/** Starts the loop between two TAPs of its own, one in the client's and one in the first web server's namespace. */
async function startLoop(network: TapNetwork, program: string): Promise<ChildProcess> {
  const wire = network.wire.start([program, 'loop-client', 'loop-server'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await started(wire, 'the C loop');
  const ends = [
    ['loop-client', 'client', CLIENT_END],
    ['loop-server', 'web1', SERVER_END],
  ] as const;
  for (const [tap, host, address] of ends) {
    const namespace = network.hosts.get(host)!;
    await network.wire.must(['ip', 'link', 'set', tap, 'netns', String(namespace.pid)]);
    await namespace.must(['ip', 'address', 'add', address, 'dev', tap]);
    await namespace.must(['ip', 'link', 'set', tap, 'up']);
  }
  return wire;
}

/** Until a fetch by the service address is answered three times running. */
async function untilBalanced(network: TapNetwork): Promise<void> {
  let good = 0;
  for (let second = 0; second < 60 && good < 3; second++) {
    const fetched = await network.fetch('client', 'http://192.0.2.253/').catch(() => undefined);
    good = fetched?.body === 'web1\n' ? good + 1 : 0;
    if (good === 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  if (good < 3) throw new Error('the load balancer did not come into service');
}

/** Gbit/s of payload that curl received in so many seconds. */
async function download(network: TapNetwork, url: string, seconds: number): Promise<number> {
  const result = await network.hosts
    .get('client')!
    .run([
      'curl',
      '-sS',
      '-o',
      '/dev/null',
      '--max-time',
      String(seconds),
      '-w',
      '%{size_download} %{time_total}',
      url,
    ]);
  const [size, time] = result.stdout.split(' ').map(Number);
  if (!size || !time) throw new Error(`curl ${url}: ${result.stderr || `status ${result.status}`}`);
  return (size * 8) / time / 1e9;
}
