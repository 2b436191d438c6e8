// SPDX-License-Identifier: ISC
//
// Runs seeds: `node dist/test/simulation/replay.js FIRST [COUNT]` prints what went wrong in which; with `--log`, what
// happened; with `--pcap DIR` that, and a capture of every segment of the last one.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Simulation } from './simulation.ts';

const [first = '1', count = '1'] = process.argv.slice(2).filter((word) => /^\d+$/.test(word));
const place = process.argv.indexOf('--pcap');
const directory = place < 0 ? undefined : process.argv[place + 1];
let failed = 0;

for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  const simulation = new Simulation(seed);
  const violations = simulation.run();
  if (violations.length > 0) failed++;
  for (const text of violations) process.stdout.write(`seed ${seed}: ${text}\n`);
  if (directory !== undefined) writeCaptures(simulation, directory);
  if (directory !== undefined || process.argv.includes('--log')) {
    process.stdout.write(`${simulation.log.join('\n')}\n`);
  }
}
process.stdout.write(`${count} runs from seed ${first}: ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

function writeCaptures({ network }: Simulation, into: string): void {
  mkdirSync(into, { recursive: true });
  for (const [name, { wire }] of network.wires) writeFileSync(join(into, `${name}.pcap`), wire.pcap());
}
