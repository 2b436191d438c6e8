// SPDX-License-Identifier: ISC
//
// The rows of pfsync(4): a million states to a machine that has just come up, and new connections meanwhile. Both are taken in the same runs.

import { fileURLToPath } from 'node:url';
import { finish, start } from '../lab/namespace.ts';
import type { Figures } from './replication.ts';
import type { Bench, BenchOptions, Measurement } from './rows.ts';

const PROGRAM = fileURLToPath(new URL('../../bundle/replication.js', import.meta.url));
const STATES = 1_000_000;

const TIME = { name: 'replication', unit: 's', judged: 'most', must: 30, aim: 25 } as const;
const NEW = {
  name: 'replication-new',
  unit: '/s of processor time',
  judged: 'ratio',
  peerName: 'without',
  must: 0.9,
  aim: 0.95,
} as const;

export const replicationRows: Bench = {
  names: [TIME.name, NEW.name],
  async run(wanted: readonly string[], options: BenchOptions): Promise<Measurement[]> {
    const figures: Figures[] = [];
    for (let sample = 0; sample < options.pairs; sample++) {
      const one = await measure(options.seconds);
      options.progress(`${TIME.name} ${sample + 1}/${options.pairs}: ${JSON.stringify(one)}`);
      figures.push(one);
    }
    const rows = [
      { ...TIME, ours: figures.map(({ seconds }) => seconds), peer: [] },
      { ...NEW, ours: figures.map(({ during }) => during), peer: figures.map(({ without }) => without) },
    ];
    return rows.filter(({ name }) => wanted.includes(name));
  },
};

async function measure(seconds: number): Promise<Figures> {
  const args = [String(STATES), String(seconds)];
  const result = await finish(
    start([process.execPath, PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'pipe'] }),
  );
  if (result.status !== 0) throw new Error(`${PROGRAM}: ${result.stderr}`);
  const figures = JSON.parse(result.stdout) as Figures;
  if (figures.states < STATES) throw new Error(`the fresh machine has ${figures.states} states`);
  return figures;
}
