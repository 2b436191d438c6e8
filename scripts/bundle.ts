// SPDX-License-Identifier: ISC
//
// Puts each program whose speed matters into one file, dist/bundle/NAME.js, as the last step of the build.
//
// V8 reads what a module imports through a cell, with a check, each time: `tcp.FLAG_SYN` is no constant to it, and no imported function
// is known to stay what it is. Within one module it is, and a forwarded packet reads some hundreds of them: 1.5 times the packets a
// second (docs/performance.md). Nothing else is changed, so that a stack trace still reads like the source.

import { fileURLToPath } from 'node:url';
import { rollup } from '@rollup/wasm-node';

const DIST = new URL('../', import.meta.url);

const PROGRAMS = {
  kernelThread: 'appliance/host/worker.js',
  memory: 'scripts/bench/memory.js',
  replication: 'scripts/bench/replication.js',
} as const;

/** A file of dist/, for people and imports. */
function file(path: string): string {
  return fileURLToPath(new URL(path, DIST));
}

for (const [name, program] of Object.entries(PROGRAMS)) {
  const bundle = await rollup({
    input: file(program),
    // What npm packages and Node bring stays where it is.
    external: (id) => !id.startsWith('.') && !id.startsWith('/'),
    onwarn: (warning) => {
      throw new Error(warning.message);
    },
  });
  await bundle.write({
    file: file(`bundle/${name}.js`),
    format: 'es',
    generatedCode: { constBindings: true },
  });
  await bundle.close();
}
