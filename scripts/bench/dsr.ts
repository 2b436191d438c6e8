// SPDX-License-Identifier: ISC
//
// Downloads by Direct Server Return. Row dsr-bulk: through the router, against a plain C loop with the same offloads between the same two
// namespaces. Rows dsr-bytes and dsr-core: what the load balancer has of it, against the same one when it translates both ways.

import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLab } from '../lab/definition.ts';
import { stop } from '../lab/namespace.ts';
import { isInstalled, missingProgram, noTap, privilege } from '../lab/requirements.ts';
import { LabStore } from '../lab/store.ts';
import { TapNetwork } from '../lab/tapNetwork.ts';
import { consumed } from './load.ts';
import { alternate, type Bench, type BenchOptions, type Measurement, type RowHead } from './rows.ts';
import { compile, started } from './topology.ts';

const BULK: RowHead = { name: 'dsr-bulk', unit: 'Gbit/s', peerName: 'C loop', judged: 'ratio', must: 0.6 };
/** Bytes that the load balancer's interface takes in and puts out, for each byte that the client gets. */
const BYTES: RowHead = {
  name: 'dsr-bytes',
  unit: 'bytes/byte',
  peerName: 'rdr',
  judged: 'share',
  must: 1 / 50,
};
/** Gbit that the client gets for each second of the load balancer's processor time. */
const CORE: RowHead = { name: 'dsr-core', unit: 'Gbit/core-s', peerName: 'rdr', judged: 'ratio', must: 1.2 };
const VIP = 'http://192.0.2.253/large';
/** The same server by translation: requests come back to the load balancer because they seem to be its own. */
const TRANSLATED = 'http://192.0.2.253:8080/large';
const TRANSLATION = `rdr pass on vr0 inet proto tcp to 192.0.2.253 port 8080 -> 10.0.0.10 port 80
nat pass on vr0 inet proto tcp from ! 10.0.0.1 to 10.0.0.10 port 80 -> 10.0.0.1
`;
/** The C loop's own network between the client and each web server. */
const CLIENT_END = '198.51.100.1/24';
const SERVER_END = '198.51.100.2/24';
const LOOP_URL = 'http://198.51.100.2/large';
const FILE_SIZE = 64 * 1024 ** 3;

export const dsrRows: Bench = { names: [BULK.name, BYTES.name, CORE.name], run: measure };

async function measure(wanted: readonly string[], options: BenchOptions): Promise<Measurement[]> {
  const missing =
    missingProgram() ?? noTap() ?? (privilege() === 'enough' ? undefined : 'needs root') ?? missingPeer();
  if (missing !== undefined) return wanted.map((name) => ({ name, missing }));
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
    const rows: Measurement[] = [];
    if (wanted.includes(BULK.name)) {
      const speed = (url: string) => async () => {
        await untilBalanced(network);
        return gigabits(await download(network, url, options.seconds)).each;
      };
      rows.push(await alternate(BULK, options, speed(VIP), speed(LOOP_URL)));
    }
    if (wanted.some((name) => name !== BULK.name)) rows.push(...(await balancerRows(network, options)));
    return rows.filter(({ name }) => wanted.includes(name));
  } finally {
    if (wire !== undefined) await stop(wire, 'SIGKILL');
    await network.down();
    store.remove(directory);
  }
}

/** Both rows from the same downloads. */
async function balancerRows(network: TapNetwork, options: BenchOptions): Promise<Measurement[]> {
  const { directory, process: balancer } = network.appliances.get('lb')!;
  const rules = join(directory, 'etc/pf.conf');
  writeFileSync(rules, TRANSLATION + readFileSync(rules, 'utf8'));
  await command(network, 'sysctl', 'net.inet.ip.forwarding=1');
  await command(network, 'pfctl', '-f', '/etc/pf.conf');
  const shares = { ours: [] as number[], peer: [] as number[] };
  const sample = (url: string, share: number[]) => async () => {
    await untilBalanced(network);
    const [time, bytes] = [consumed(balancer), await interfaceBytes(network)];
    const downloaded = await download(network, url, options.seconds);
    share.push(((await interfaceBytes(network)) - bytes) / downloaded.bytes);
    return gigabits(downloaded).all / ((consumed(balancer) - time) / 1e9);
  };
  const core = await alternate(CORE, options, sample(VIP, shares.ours), sample(TRANSLATED, shares.peer));
  return [{ ...BYTES, ...shares }, core];
}

async function command(network: TapNetwork, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await network.command('lb', words);
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
  return stdout;
}

/** What the load balancer's interface has counted, both ways. */
async function interfaceBytes(network: TapNetwork): Promise<number> {
  const { interfaces } = JSON.parse(await command(network, 'netstat', '-i', '--json')) as {
    interfaces: { name: string; counters: { inputBytes: number; outputBytes: number } }[];
  };
  const { counters } = interfaces.find(({ name }) => name === 'vr0')!;
  return counters.inputBytes + counters.outputBytes;
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

/**
 * Until a fetch by the service address is answered three times running: relayd rightly takes a server out that a full machine kept from
 * answering within the check's 200 ms.
 */
async function untilBalanced(network: TapNetwork): Promise<void> {
  let good = 0;
  for (let second = 0; second < 60 && good < 3; second++) {
    const fetched = await network.fetch('client', 'http://192.0.2.253/').catch(() => undefined);
    good = fetched?.body === 'web1\n' ? good + 1 : 0;
    if (good === 0) await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  if (good < 3) throw new Error('the load balancer did not come into service');
}

interface Downloaded {
  readonly bytes: number;
  readonly seconds: number;
}

/** What curl gets in so many seconds. */
async function download(network: TapNetwork, url: string, seconds: number): Promise<Downloaded> {
  const format = '%{size_download} %{time_total}';
  const words = ['curl', '-sS', '-o', '/dev/null', '--max-time', String(seconds), '-w', format, url];
  const result = await network.hosts.get('client')!.run(words);
  const [bytes, time] = result.stdout.split(' ').map(Number);
  if (!bytes || !time) throw new Error(`curl ${url}: ${result.stderr || `status ${result.status}`}`);
  return { bytes, seconds: time };
}

/** In all, and in each second. */
function gigabits({ bytes, seconds }: Downloaded): { all: number; each: number } {
  const all = (bytes * 8) / 1e9;
  return { all, each: all / seconds };
}
