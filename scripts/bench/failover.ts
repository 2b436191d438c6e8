// SPDX-License-Identifier: ISC
//
// Rows failover-*: a load balancer that translates goes away like in a power cut, and its partner takes over: lab `pair` against keepalived
// and conntrackd on two Linux routers with nftables' DNAT, both with an advertisement a second. How long no datagram was answered, and
// how many connections that stay were lost.

import { readLab } from '../lab/definition.ts';
import { isInstalled, missingProgram, noTap, privilege } from '../lab/requirements.ts';
import { LabStore } from '../lab/store.ts';
import { TapNetwork } from '../lab/tapNetwork.ts';
import { LinuxPair } from './linuxPair.ts';
import { RhinePair } from './rhinePair.ts';
import { alternate, type Bench, type BenchOptions, type Measurement, type RowHead } from './rows.ts';

const PEER = { peerName: 'keepalived, conntrackd', judged: 'excess' } as const;
const GAP: RowHead = { name: 'failover-gap', unit: 'ms', ...PEER, must: 0 };
const LOST: RowHead = { name: 'failover-lost', unit: 'connections', ...PEER, must: 0 };

/** What a failover cost. */
export interface Failover {
  readonly gap: number;
  readonly lost: number;
}

export const failoverRows: Bench = { names: [GAP.name, LOST.name], run };

async function run(wanted: readonly string[], options: BenchOptions): Promise<Measurement[]> {
  const missing =
    missingProgram() ?? noTap() ?? (privilege() === 'enough' ? undefined : 'needs root') ?? missingPeer();
  if (missing !== undefined) return wanted.map((name) => ({ name, missing }));
  const store = new LabStore(options.project);
  const directory = store.create('bench');
  const places = { project: options.project, directory };
  const lab = readLab(options.project, 'pair');
  const network = await TapNetwork.up(lab, places, options.progress, { captures: false });
  const linux = new LinuxPair(directory);
  try {
    const rhine = new RhinePair(network);
    await rhine.prepare();
    await linux.up();
    const lost = { ours: [] as number[], peer: [] as number[] };
    const sample = (fail: () => Promise<Failover>, into: number[]) => async () => {
      const failover = await fail();
      into.push(failover.lost);
      return failover.gap;
    };
    const ours = sample(() => rhine.fail(), lost.ours);
    const peer = sample(() => linux.fail(), lost.peer);
    const gap = await alternate(GAP, options, ours, peer);
    return [gap, { ...LOST, ...lost }].filter(({ name }) => wanted.includes(name));
  } finally {
    await linux.down();
    await network.down();
    store.remove(directory);
  }
}

function missingPeer(): string | undefined {
  const absent = ['keepalived', 'conntrackd', 'nft', 'nginx'].find((program) => !isInstalled(program));
  return absent === undefined ? undefined : `${absent} is not installed`;
}
