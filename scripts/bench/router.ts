// SPDX-License-Identifier: ISC
//
// The rows of a router between TAPs: strict states, 100 rules, each way against a peer in the same run.

import { isInstalled, missingProgram, noTap, privilege } from '../lab/requirements.ts';
import { gapRows } from './gap.ts';
import { http, type Load, processorTime, roundTrip, tcpBulk, udpBulk, udpWithoutLoss } from './load.ts';
import { alternate, type Bench, type BenchOptions, type Measurement, type RowHead } from './rows.ts';
import {
  HAPROXY,
  LOOP4,
  LOOP6,
  NFT_NAT,
  NFT_RDR,
  RHINE_NAT,
  RHINE_RDR,
  RHINE4,
  RHINE6,
  Topology,
} from './topology.ts';

interface RouterRow extends RowHead {
  /** Programs without which there is no such row. */
  readonly needs: readonly string[];
  /** Addresses that stand for the ways. */
  readonly ours: string;
  readonly peer: string;
  readonly load: Load;
}

const LOOP = { peerName: 'C loop', judged: 'ratio' } as const;
const NFTABLES = { peerName: 'nftables', judged: 'ratio' } as const;
const PROXY = { peerName: 'HAProxy', judged: 'ratio' } as const;
const CONNECTIONS = 32;

const up = { unit: 'Gbit/s', needs: ['iperf3'], load: tcpBulk(false) };
const down = { unit: 'Gbit/s', needs: ['iperf3'], load: tcpBulk(true) };
const newHttp = { unit: '/s', needs: ['wrk', 'nginx'], load: http(CONNECTIONS, false) };
const sameHttp = { unit: '/s', needs: ['wrk', 'nginx'], load: http(CONNECTIONS, true) };
const bulk = { ...LOOP, must: 0.85, aim: 0.95 };

const cost = {
  unit: 'ns/packet',
  peerName: 'C loop',
  judged: 'share',
  needs: [],
  ours: RHINE4,
  peer: LOOP4,
} as const;

const ROWS: readonly RouterRow[] = [
  { name: 'tcp-bulk-4-up', ...up, ...bulk, ours: RHINE4, peer: LOOP4 },
  { name: 'tcp-bulk-4-down', ...down, ...bulk, ours: RHINE4, peer: LOOP4 },
  { name: 'tcp-bulk-6-up', ...up, ...bulk, ours: RHINE6, peer: LOOP6 },
  { name: 'tcp-bulk-6-down', ...down, ...bulk, ours: RHINE6, peer: LOOP6 },
  { name: 'tcp-nat', ...up, ...NFTABLES, must: 0.6, aim: 0.75, ours: RHINE_NAT, peer: NFT_NAT },
  { name: 'tcp-rdr', ...up, ...NFTABLES, must: 0.6, aim: 0.75, ours: RHINE_RDR, peer: NFT_RDR },
  {
    name: 'udp-64',
    unit: 'packets/s',
    ...LOOP,
    must: 0.65,
    aim: 0.85,
    needs: [],
    ours: RHINE4,
    peer: LOOP4,
    load: udpWithoutLoss(22, 1, 400_000),
  },
  {
    name: 'udp-bulk',
    unit: 'Gbit/s',
    ...bulk,
    needs: [],
    ours: RHINE4,
    peer: LOOP4,
    load: udpBulk(1400, 45, 2_000_000),
  },
  { name: 'cost-single', ...cost, load: processorTime(3_000) },
  { name: 'cost-burst', ...cost, load: processorTime(60_000) },
  { name: 'http-new', ...newHttp, ...NFTABLES, must: 1, aim: 1.5, ours: RHINE_RDR, peer: NFT_RDR },
  { name: 'http-new-proxy', ...newHttp, ...PROXY, must: 2, aim: 3, ours: RHINE_RDR, peer: HAPROXY },
  { name: 'http-keepalive', ...sameHttp, ...PROXY, must: 1, aim: 1.3, ours: RHINE_RDR, peer: HAPROXY },
  {
    name: 'latency-median',
    unit: 'µs',
    peerName: 'C loop',
    judged: 'excess',
    must: 25,
    aim: 15,
    needs: [],
    ours: RHINE4,
    peer: LOOP4,
    load: async (...args) => (await roundTrip(...args))[0],
  },
  {
    name: 'latency-p99',
    unit: 'µs',
    peerName: 'C loop',
    judged: 'excess',
    must: 100,
    aim: 60,
    needs: [],
    ours: RHINE4,
    peer: LOOP4,
    load: async (...args) => (await roundTrip(...args))[1],
  },
];

const PEER_PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  nftables: ['nft'],
  HAProxy: ['haproxy'],
};
const BOOT: RowHead = { name: 'boot', unit: 's', judged: 'most', must: 1, aim: 0.4 };

export const routerRows: Bench = {
  names: [...ROWS.map(({ name }) => name), ...gapRows.names, BOOT.name],
  run: measure,
};

async function measure(wanted: readonly string[], options: BenchOptions): Promise<Measurement[]> {
  const missing = whyNotHere();
  if (missing !== undefined) return wanted.map((name) => ({ name, missing }));
  const topology = await Topology.up(options.project);
  const interrupted = () => {
    topology.down().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const results: Measurement[] = [];
  try {
    for (const row of ROWS.filter(({ name }) => wanted.includes(name))) {
      results.push(await measureRow(row, topology, options));
    }
    results.push(...(await gapRows.run(wanted, topology, options)));
    // Last: it takes the network of the others apart.
    if (wanted.includes(BOOT.name)) results.push(await alternate(BOOT, options, () => topology.bootTime()));
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await topology.down();
  }
  return results;
}

function whyNotHere(): string | undefined {
  if (!isInstalled('cc')) return 'cc is not installed';
  return missingProgram() ?? noTap() ?? (privilege() === 'enough' ? undefined : 'needs root');
}

async function measureRow(row: RouterRow, topology: Topology, options: BenchOptions): Promise<Measurement> {
  const { name, unit, peerName, judged, must, aim } = row;
  const absent = [...row.needs, ...(PEER_PROGRAMS[peerName!] ?? [])].find((program) => !isInstalled(program));
  if (absent !== undefined) return { name, missing: `${absent} is not installed` };
  const sample = (address: string) => () => row.load(topology, address, options.seconds);
  // Once unmeasured on each way: neighbors are found, code is compiled.
  for (const address of [row.ours, row.peer]) await row.load(topology, address, 1);
  const head = { name, unit, peerName, judged, must, aim };
  return alternate(head, options, sample(row.ours), sample(row.peer));
}
