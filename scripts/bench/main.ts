// SPDX-License-Identifier: ISC
//
// npm run bench [-- ROW…]: measures every row against its peer in the same run, prints medians and ratios, and writes
// bench/results.json.

import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dsrBulk } from './dsr.ts';
import { type Bench, formatRow, type Measurement } from './rows.ts';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));

const BENCHES: Readonly<Record<string, Bench>> = {
  'dsr-bulk': dsrBulk,
};

async function main(wanted: readonly string[]): Promise<number> {
  const unknown = wanted.filter((name) => BENCHES[name] === undefined);
  if (unknown.length > 0) {
    process.stderr.write(`There is no row ${unknown.join(', ')}. Rows: ${Object.keys(BENCHES).join(', ')}\n`);
    return 2;
  }
  process.stdout.write(
    `${cpus().length} processors, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.versions.node}\n`,
  );
  const measurements: Measurement[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const progress = (line: string) => process.stderr.write(`${line}\n`);
    const rows = await bench({ project: PROJECT, pairs: 5, seconds: 5, progress });
    for (const row of rows) process.stdout.write(`${formatRow(row)}\n`);
    measurements.push(...rows);
  }
  mkdirSync(join(PROJECT, 'bench'), { recursive: true });
  writeFileSync(join(PROJECT, 'bench/results.json'), `${JSON.stringify(measurements, null, 2)}\n`);
  return 0;
}

process.exit(await main(process.argv.slice(2)));
