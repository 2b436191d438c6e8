// SPDX-License-Identifier: ISC
//
// Rows checks-*: what it costs relayd to check 1 000 hosts every ten seconds, as processor time of the whole process, kernel thread
// included, less what the same machine takes while it checks nobody. One Linux host has all of the addresses.

import type { SpawnOptions } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LabDefinition } from '../lab/definition.ts';
import { isInstalled, missingProgram, noTap, privilege } from '../lab/requirements.ts';
import { LabStore } from '../lab/store.ts';
import { TapNetwork } from '../lab/tapNetwork.ts';
import { consumed } from './load.ts';
import { alternate, type Bench, type BenchOptions, type Measurement, type RowHead } from './rows.ts';

const TALKER = fileURLToPath(new URL('../lab/talker.js', import.meta.url));

const HOSTS = 1_000;
/** relayd's, in seconds. A sample is made of whole ones, so that every host is checked as often as every other. */
const INTERVAL = 10;
/** Where the hosts are; the load balancer, 10.1.0.1, is beside them. */
const NETWORKS = ['10.1.1.0/24', '10.1.2.0/23', '10.1.4.0/24'];

interface Kind {
  readonly port: number;
  readonly check: string;
}

const KINDS: Readonly<Record<string, Kind>> = {
  'checks-icmp': { port: 80, check: 'icmp' },
  'checks-tcp': { port: 81, check: 'tcp' },
  'checks-send': { port: 82, check: 'send "end\\n" expect "web*"' },
  'checks-http': { port: 83, check: 'http "/" code 200' },
  'checks-https': { port: 84, check: 'https "/" code 200' },
};
const BOUND = { unit: '% of a core', peerName: 'no checks', judged: 'excess' } as const;

/** Checks of https are reported: TLS itself costs more than all the rest. */
function head(name: string): RowHead {
  return name === 'checks-https' ? { name, ...BOUND } : { name, ...BOUND, must: 10, aim: 5 };
}

export const checkRows: Bench = { names: Object.keys(KINDS), run };

async function run(wanted: readonly string[], options: BenchOptions): Promise<Measurement[]> {
  const missing =
    missingProgram() ?? noTap() ?? (privilege() === 'enough' ? undefined : 'needs root') ?? missingPeer();
  if (missing !== undefined) return wanted.map((name) => ({ name, missing }));
  const store = new LabStore(options.project);
  const directory = store.create('bench');
  const project = join(directory, 'machines');
  for (const [name, text] of Object.entries(files())) {
    mkdirSync(dirname(join(project, name)), { recursive: true });
    writeFileSync(join(project, name), text);
  }
  const places = { project, directory };
  const network = await TapNetwork.up(definition(), places, options.progress, { captures: false });
  try {
    await startServer(network, directory);
    const rows: Measurement[] = [];
    for (const name of wanted) rows.push(await measure(network, name, options));
    return rows;
  } finally {
    await network.down();
    store.remove(directory);
  }
}

function missingPeer(): string | undefined {
  const absent = ['nginx', 'openssl'].find((program) => !isInstalled(program));
  return absent === undefined ? undefined : `${absent} is not installed`;
}

function definition(): LabDefinition {
  const one = (name: string, kind: 'host' | 'appliance') => {
    return { name, kind, machine: name, interfaces: { vr0: 'server' }, serves: false };
  };
  const hosts = [one('web', 'host'), one('lb', 'appliance')];
  return { name: 'checks', description: '', segments: ['server'], hosts };
}

/** Every table is disabled at first; who measures a kind enables its table. */
function files(): Record<string, string> {
  const hosts = Array.from({ length: HOSTS }, (_, i) => `10.1.${1 + (i >> 8)}.${i & 255}`).join(' ');
  const redirects = Object.entries(KINDS).map(
    ([table, { port, check }]) => `table <${table}> disable { ${hosts} }
redirect "${table}" {
\tlisten on 192.0.2.1 port ${port}
\tforward to <${table}> check ${check}
}\n`,
  );
  return {
    'web/etc/hostname.vr0': 'inet 10.1.0.2 255.255.0.0\n',
    'lb/machine.json': '{ "name": "lb", "interfaces": { "vr0": {} } }\n',
    'lb/etc/hostname.vr0': 'inet 10.1.0.1 255.255.0.0\n',
    'lb/etc/rc.conf.local': 'pf=YES\nrelayd_flags=""\n',
    'lb/etc/pf.conf': 'anchor "relayd/*"\npass\n',
    'lb/etc/relayd.conf': `interval ${INTERVAL}\ntimeout 1000\n${redirects.join('')}`,
  };
}

/** A server of every kind at every address, though no interface has them. */
async function startServer(network: TapNetwork, directory: string): Promise<void> {
  const web = network.hosts.get('web')!;
  const key = ['-keyout', join(directory, 'key'), '-out', join(directory, 'certificate')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await web.must(['openssl', 'req', '-x509', ...curve, '-subj', '/CN=web', '-days', '2', ...key]);
  const file = join(directory, 'nginx.conf');
  const http = 'location / { return 200 "web\\n"; }';
  writeFileSync(
    file,
    `user root; daemon off; master_process off; pid ${directory}/pid; error_log stderr crit;
     events { worker_connections 4096; }
     http { access_log off;
       ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory};`).join(' ')}
       server { listen 83; ${http} }
       server { listen 84 ssl; ssl_certificate certificate; ssl_certificate_key key; ${http} } }`,
  );
  for (const on of ['all', 'vr0'])
    await web.must(['sh', '-c', `echo 0 > /proc/sys/net/ipv4/conf/${on}/arp_ignore`]);
  for (const range of NETWORKS) await web.must(['ip', 'route', 'add', 'local', range, 'dev', 'vr0']);
  const quiet: SpawnOptions = { stdio: ['ignore', 'ignore', 'inherit'] };
  web.start(['nginx', '-e', 'stderr', '-p', directory, '-c', file], quiet);
  for (const port of [81, 82]) web.start([process.execPath, TALKER, String(port), 'web'], quiet);
}

async function measure(network: TapNetwork, name: string, options: BenchOptions): Promise<Measurement> {
  const relayd = network.appliances.get('lb')!.process;
  const seconds = Math.ceil(options.seconds / INTERVAL) * INTERVAL;
  const share = async () => {
    const before = consumed(relayd);
    await pause(seconds);
    return (consumed(relayd) - before) / ((seconds * 1e9) / 100);
  };
  const checking = async () => {
    await relayctl(network, 'table', 'enable', instance(name));
    await untilUp(network);
    return share();
  };
  const idle = async () => {
    await relayctl(network, 'table', 'disable', instance(name));
    await pause(INTERVAL);
    return share();
  };
  return alternate(head(name), options, checking, idle);
}

/** What relayd calls the table of a kind. */
function instance(name: string): string {
  return `${name}:${KINDS[name]!.port}`;
}

async function untilUp(network: TapNetwork): Promise<void> {
  for (let round = 0; round < 6; round++) {
    await pause(INTERVAL);
    const shown = await relayctl(network, 'show', 'summary');
    if (shown.includes(`active (${HOSTS} hosts)`)) return;
  }
  throw new Error('not all hosts are up');
}

async function relayctl(network: TapNetwork, ...args: string[]): Promise<string> {
  const result = await network.command('lb', ['relayctl', ...args]);
  if (result.status !== 0) throw new Error(`relayctl ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
}
