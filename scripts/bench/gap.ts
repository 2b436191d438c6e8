// SPDX-License-Identifier: ISC
//
// The longest that forwarding stands still while the appliance has long work: the longest round trip of a ping-pong through it, which
// has the delays of the machine in it (the row gap-idle is those alone).

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { roundTrip } from './load.ts';
import { alternate, type BenchOptions, type Row, type RowHead } from './rows.ts';
import { NOWHERE, RHINE4, ruleset, type Topology } from './topology.ts';

const STATES = 500_000; // connections; each has two states, one where it comes in and one where it leaves
const RATE = 80_000;

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
          return longest(topology, work);
        }),
      );
      await topology.command('pfctl', '-q', '-F', 'states');
    }
    return rows;
  },
};

/** Milliseconds of the longest round trip while the work is done. */
async function longest(topology: Topology, work: GapRow['work']): Promise<number> {
  const controller = { done: false, worst: 0 };
  const asking = (async () => {
    while (!controller.done) {
      controller.worst = Math.max(controller.worst, (await roundTrip(topology, RHINE4, 0.5))[2]);
    }
  })();
  await work(topology);
  controller.done = true;
  await asking;
  return controller.worst / 1000;
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
