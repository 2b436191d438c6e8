// SPDX-License-Identifier: ISC
//
// npm run bench [-- [--pairs N] [--seconds S] ROW…]: measures every row against its peer in the same run, prints medians and ratios, and
// writes bench/results.json and bench/ratios.svg.

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chart } from './chart.ts';
import { checkRows } from './checks.ts';
import { dsrRows } from './dsr.ts';
import { failoverRows } from './failover.ts';
import { memoryRows } from './memoryRows.ts';
import { replicationRows } from './replicationRows.ts';
import { routerRows } from './router.ts';
import { type Bench, formatRow, type Measurement } from './rows.ts';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

const BENCHES: readonly Bench[] = [routerRows, dsrRows, failoverRows, checkRows, memoryRows, replicationRows];

async function main(): Promise<number> {
  const { values, positionals: wanted } = parseArgs({
    allowPositionals: true,
    strict: false,
    options: {
      pairs: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
    },
  });
  const strange = Object.keys(values).filter((name) => name !== 'pairs' && name !== 'seconds');
  if (strange.length > 0) return refuse('usage: npm run bench [-- [--pairs N] [--seconds S] ROW ...]');
  const [pairs, seconds] = [Number(values.pairs), Number(values.seconds)];
  if (!(pairs >= 1 && seconds >= 1)) return refuse('--pairs and --seconds are numbers from 1 on.');
  const known = BENCHES.flatMap(({ names }) => names);
  const unknown = wanted.filter((name) => !known.includes(name));
  if (unknown.length > 0) return refuse(`There is no row ${unknown.join(', ')}. Rows: ${known.join(', ')}`);
  const machine = {
    processors: cpus().length,
    model: cpus()[0]?.model ?? 'unknown',
    kernel: release(),
    node: process.versions.node,
    load: loadavg()[0],
  };
  process.stdout.write(`${Object.values(machine).join(', ')} (processors, model, kernel, Node, load)\n`);
  const progress = (line: string) => process.stderr.write(`${line}\n`);
  const rows: Measurement[] = [];
  for (const bench of BENCHES) {
    const names = wanted.length === 0 ? bench.names : bench.names.filter((name) => wanted.includes(name));
    if (names.length === 0) continue;
    const measured = await bench.run(names, { project: PROJECT, pairs, seconds, progress });
    for (const row of measured) process.stdout.write(`${formatRow(row)}\n`);
    rows.push(...measured);
  }
  mkdirSync(join(PROJECT, 'bench'), { recursive: true });
  const results = { machine, pairs, seconds, rows };
  writeFileSync(join(PROJECT, 'bench/results.json'), `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(join(PROJECT, 'bench/ratios.svg'), chart(rows));
  return 0;
}

function refuse(why: string): number {
  process.stderr.write(`${why}\n`);
  return 2;
}

process.exit(await main());
