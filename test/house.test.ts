// SPDX-License-Identifier: ISC
//
// The rules of the house that the compiler cannot hold: who may import whom, no cycles, and what the kernel must not know.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Layer of a source file, by the longest prefix. */
const LAYERS = [
  'appliance/wire',
  'appliance/abi',
  'appliance/kernel',
  'appliance/user',
  'appliance/host',
  'appliance',
  'drivers',
  'scripts',
  'test',
] as const;
type Layer = (typeof LAYERS)[number];

/** DESIGN's table: a layer and those it may import, besides itself. */
const MAY_IMPORT: Record<Layer, readonly Layer[]> = {
  'appliance/wire': [],
  'appliance/abi': ['appliance/wire'],
  'appliance/kernel': ['appliance/wire', 'appliance/abi'],
  'appliance/user': ['appliance/wire', 'appliance/abi'],
  'appliance/host': ['appliance/abi', 'appliance/kernel', 'drivers'],
  drivers: ['appliance/wire', 'appliance/abi', 'appliance/kernel'],
  appliance: ['appliance/abi', 'appliance/user', 'appliance/host'],
  scripts: [...LAYERS],
  test: [...LAYERS],
};

/** What drivers may see of the kernel. */
const DRIVER_VIEW = ['appliance/kernel/device.ts', 'appliance/kernel/packet.ts'];

/** npm packages, and the only places that may import them. */
const PACKAGES: Record<string, RegExp> = {
  'ip-address': /^appliance\/abi\/addressText\.ts$|^test\//,
  koffi: /^drivers\//,
  'cbor-x': /^appliance\/user\/control\/|^test\//,
  pino: /^appliance\/(user|host|main)|^test\//,
  blessed: /^appliance\/user\/console\//,
  'fast-check': /^test\//,
  '@rollup/wasm-node': /^scripts\/bundle/,
};

/** Words that would make the kernel depend on the day it runs. */
const FORBIDDEN_IN_KERNEL: readonly (readonly [RegExp, string])[] = [
  [/\bDate\b/, 'the wall clock'],
  [/\bMath\.random\b/, 'ambient randomness'],
  [/\basync\b|\bawait\b|\bPromise\b/, 'asynchronous code'],
  [/\b\d+n\b|\bBigInt\b/, 'BigInt'],
  [/\bsetTimeout\b|\bsetInterval\b|\bqueueMicrotask\b/, 'timers of the host'],
];

const files = ['appliance', 'drivers', 'scripts', 'test'].flatMap((top) =>
  readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => `${top}/${name}`),
);

const sources = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));

function layerOf(file: string): Layer {
  return LAYERS.find((layer) => file.startsWith(`${layer}/`))!;
}

interface Import {
  readonly specifier: string;
  /** Types alone are gone when the program runs. */
  readonly typeOnly: boolean;
}

function imports(file: string): Import[] {
  const text = sources.get(file)!;
  const pattern = /(?:^|\n)\s*((?:import|export)\b[^'";]*?)from\s+'([^']+)'|import\('([^']+)'\)/g;
  return [...text.matchAll(pattern)].map((match) => ({
    specifier: match[2] ?? match[3]!,
    typeOnly: /^(import|export) type\b/.test(match[1] ?? ''),
  }));
}

function importsOf(file: string): string[] {
  return imports(file).map(({ specifier }) => specifier);
}

function target(file: string, specifier: string): string {
  return relative(ROOT, resolve(ROOT, dirname(file), specifier));
}

/** The text without comments and string contents, for the search of words. */
function code(text: string): string {
  return text
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

test('imports go the way the layers allow', () => {
  const wrong: string[] = [];
  for (const file of files) {
    const from = layerOf(file);
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith('node:')) {
        if (from === 'appliance/wire' || from === 'appliance/abi' || from === 'appliance/kernel') {
          wrong.push(`${file}: ${specifier}`);
        }
      } else if (specifier.startsWith('.')) {
        const to = target(file, specifier);
        const layer = layerOf(to);
        if (layer !== from && !MAY_IMPORT[from].includes(layer)) wrong.push(`${file}: ${to}`);
        if (from === 'drivers' && layer === 'appliance/kernel' && !DRIVER_VIEW.includes(to)) {
          wrong.push(`${file}: ${to}`);
        }
      } else if (!PACKAGES[specifier]?.test(file)) {
        wrong.push(`${file}: package ${specifier}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
});

test('no import goes round in a circle', () => {
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      return;
    }
    if (done.has(file)) return;
    for (const { specifier, typeOnly } of imports(file)) {
      if (!specifier.startsWith('.') || typeOnly) continue;
      const to = target(file, specifier);
      if (sources.has(to)) walk(to, [...path, file]);
    }
    done.add(file);
  };
  for (const file of files) walk(file, []);
  assert.deepEqual(cycles, []);
});

test('the kernel knows no clock, no chance, no promise', () => {
  const wrong: string[] = [];
  for (const file of files.filter((name) => /^appliance\/(wire|abi|kernel)\//.test(name))) {
    if (file === 'appliance/abi/client.ts') continue; // what userland holds is asynchronous
    const text = code(sources.get(file)!);
    for (const [pattern, what] of FORBIDDEN_IN_KERNEL) {
      const found = pattern.exec(text);
      if (found) wrong.push(`${file}: ${what} (${found[0]})`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('every source file says what it is', () => {
  const wrong = files.filter((file) => {
    const [first, second, third] = sources
      .get(file)!
      .replace(/^#!.*\n/, '')
      .split('\n');
    return first !== '// SPDX-License-Identifier: ISC' || second !== '//' || !third?.startsWith('// ');
  });
  assert.deepEqual(wrong, []);
});
