// SPDX-License-Identifier: ISC
//
// Looks for planted defects: `node dist/test/simulation/hunt.js [MOST]` tells which seed finds each, of so many.

import { DEFECTS } from './defects.ts';
import { Simulation } from './simulation.ts';

const most = Number(process.argv[2] ?? '1000');
let missed = 0;

for (const { name, plant } of DEFECTS) {
  const takeOut = plant();
  let found = '';
  let seed = 0;
  while (found === '' && seed < most) found = new Simulation(++seed).run()[0] ?? '';
  takeOut();
  if (found === '') missed++;
  process.stdout.write(found === '' ? `${name}: not found\n` : `${name}: seed ${seed}, ${found}\n`);
}
process.exitCode = missed === 0 ? 0 : 1;
