// SPDX-License-Identifier: ISC
//
// The longest that forwarding stands still while the appliance has long work: a probe goes through it every millisecond and comes back,
// and the longest time without one is the row. A probe that is lost leaves a gap of a millisecond more, not of a time-out. The delays of the
// machine are in it (the row gap-idle is those alone), but for those of the prober, which it knows.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stop } from '../lab/namespace.ts';
import { alternate, type BenchOptions, type Row, type RowHead } from './rows.ts';
import { NOWHERE, RHINE4, ruleset, started, type Topology } from './topology.ts';

const STATES = 500_000; // connections; each has two states, one where it comes in and one where it leaves
const RATE = 80_000;
const ECHO = 7;

interface GapRow extends RowHead {
  readonly work: (topology: Topology) => Promise<unknown>;
  /** Begins with this many connections in the table. */
  readonly connections: number;
}

const gap = { unit: 'ms', judged: 'most', must: 10, aim: 3 } as const;

const ROWS: readonly GapRow[] = [
  { name: 'gap-idle', unit: 'ms', judged: 'most', connections: 0, work: () => pause(3_000) },
  { name: 'gap-growth', ...gap, connections: 0, work: fill },
  { name: 'gap-load', ...gap, connections: 0, work: loadRules },
  { name: 'gap-show', ...gap, connections: STATES, work: (topology) => topology.command('pfctl', '-ss') },
];

export const gapRows = {
  names: ROWS.map(({ name }) => name),
  async run(wanted: readonly string[], topology: Topology, options: BenchOptions): Promise<Row[]> {
    const rows: Row[] = [];
    for (const { work, connections, ...head } of ROWS.filter(({ name }) => wanted.includes(name))) {
      rows.push(
        await alternate(head, options, async () => {
          await topology.command('pfctl', '-q', '-F', 'states');
          if (connections > 0) await fill(topology);
          return longest(topology, work, options.progress);
        }),
      );
      await topology.command('pfctl', '-q', '-F', 'states');
    }
    return rows;
  },
};

/** Milliseconds of the longest gap while the work is done. */
async function longest(
  topology: Topology,
  work: GapRow['work'],
  progress: BenchOptions['progress'],
): Promise<number> {
  const { client, server, traffic } = topology;
  const echo = server.start([traffic, 'echo', String(ECHO)], { stdio: ['ignore', 'pipe', 'inherit'] });
  await started(echo, 'traffic');
  const probing = client.start([traffic, 'gaps', RHINE4, String(ECHO)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const told = probing.stdout!.setEncoding('utf8').toArray();
  await work(topology);
  probing.stdin!.end();
  const [gap = 0, lost = 0] = (await told).join('').split(' ').map(Number);
  await stop(echo, 'SIGKILL');
  progress(`${lost} probes lost`);
  return gap / 1000;
}

async function fill({ client, traffic }: Topology): Promise<void> {
  await client.must([traffic, 'spray', NOWHERE, String(STATES), String(RATE)]);
}

async function loadRules(topology: Topology): Promise<void> {
  const file = join(topology.machine, 'etc/pf.long');
  writeFileSync(file, ruleset(10_000));
  await topology.command('pfctl', '-q', '-f', '/etc/pf.long');
  await topology.command('pfctl', '-q', '-f', '/etc/pf.conf');
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
