// SPDX-License-Identifier: ISC
//
// The rows of the kernel alone, each sample in a process of its own.

import { fileURLToPath } from 'node:url';
import { finish, start } from '../lab/namespace.ts';
import type { Figures } from './memory.ts';
import { alternate, type Bench, type BenchOptions, type Measurement, type RowHead } from './rows.ts';

const PROGRAM = fileURLToPath(new URL('../../bundle/memory.js', import.meta.url));

/** What a kernel is loaded with; `flows` of the connections carry the traffic. */
interface Bed {
  readonly rules: number;
  readonly entries: number;
  readonly states: number;
  readonly flows: number;
}

interface MemoryRow extends RowHead {
  readonly ours: Bed;
  readonly peer?: Bed;
  readonly figure: (figures: Figures) => number;
}

const SMALL: Bed = { rules: 100, entries: 0, states: 1_000, flows: 500 };
const MILLION: Bed = { rules: 100, entries: 0, states: 1_000_000, flows: 500_000 };
const FULL: Bed = { rules: 10_000, entries: 100_000, states: 1_000_000, flows: 500 };
const EMPTY: Bed = { rules: 10, entries: 0, states: 1_000, flows: 500 };

const million = (figure: (figures: Figures) => number) => (figures: Figures) => figure(figures) / 1e6;
const forwarded = million((figures) => figures.forwarded);
const opened = million((figures) => figures.opened);
const rate = { unit: 'M/s', judged: 'least' } as const;
const scale = { unit: 'M/s', judged: 'ratio', peerName: 'hardly loaded', ours: FULL, peer: EMPTY } as const;

const rules = { unit: 'M/s', judged: 'ratio', peerName: '10 rules', peer: EMPTY } as const;

const ROWS: readonly MemoryRow[] = [
  { name: 'memory-1k', ...rate, must: 3, aim: 5, ours: SMALL, figure: forwarded },
  { name: 'memory-1m', ...rate, must: 2, aim: 3, ours: MILLION, figure: forwarded },
  { name: 'scale-established', ...scale, must: 0.9, aim: 0.95, figure: forwarded },
  { name: 'scale-new', ...scale, must: 0.5, aim: 0.8, figure: opened },
  { name: 'new-1k-rules', ...rules, must: 0.5, aim: 0.8, ours: { ...EMPTY, rules: 1_000 }, figure: opened },
  { name: 'new-10k-rules', ...rules, must: 0.5, aim: 0.8, ours: { ...EMPTY, rules: 10_000 }, figure: opened },
  {
    name: 'established-10k-rules',
    ...rules,
    must: 0.9,
    aim: 0.95,
    ours: { ...EMPTY, rules: 10_000 },
    figure: forwarded,
  },
  {
    name: 'load-10k-rules',
    unit: 's',
    judged: 'share', // ten times the rules, at most ten times the time
    peerName: '1 000 rules',
    must: 10,
    ours: { ...EMPTY, rules: 10_000 },
    peer: { ...EMPTY, rules: 1_000 },
    figure: ({ loaded }) => loaded,
  },
  {
    name: 'state-memory',
    unit: 'MB',
    judged: 'most',
    must: 400,
    aim: 250,
    ours: MILLION,
    figure: million((figures) => figures.memory),
  },
  { name: 'growth-longest', unit: 'ms', judged: 'most', must: 10, aim: 3, ours: MILLION, figure: longest },
  {
    name: 'garbage',
    unit: 'bytes/frame',
    judged: 'most',
    must: 1,
    aim: 0.1,
    ours: SMALL,
    figure: ({ garbage }) => Math.max(0, garbage),
  },
];

function longest(figures: Figures): number {
  return figures.longest;
}

export const memoryRows: Bench = {
  names: ROWS.map(({ name }) => name),
  async run(wanted: readonly string[], options: BenchOptions): Promise<Measurement[]> {
    const measurements: Measurement[] = [];
    for (const { ours, peer, figure, ...head } of ROWS.filter(({ name }) => wanted.includes(name))) {
      const sample = (bed: Bed) => async () => figure(await measure(bed));
      measurements.push(
        await alternate(head, options, sample(ours), peer === undefined ? undefined : sample(peer)),
      );
    }
    return measurements;
  },
};

async function measure({ rules, entries, states, flows }: Bed): Promise<Figures> {
  const args = [rules, entries, states, flows].map(String);
  const result = await finish(
    start([process.execPath, PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'pipe'] }),
  );
  if (result.status !== 0) throw new Error(`${PROGRAM}: ${result.stderr}`);
  return JSON.parse(result.stdout) as Figures;
}
