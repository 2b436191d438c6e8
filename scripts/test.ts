// SPDX-License-Identifier: ISC
//
// Runs the test files with node:test and closes with one plain line: `N passed, N failed, N skipped`.

import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';

const TESTS = fileURLToPath(new URL('../test/', import.meta.url));

/** Test files below `test/` whose path holds one of the words given; all of them without words. */
function select(words: readonly string[]): string[] {
  return readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.js'))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(trimmed(word))))
    .sort()
    .map((file) => resolve(join(TESTS, file)));
}

function trimmed(word: string): string {
  return word.replace(/^test\//, '').replace(/\.ts$/, '.js');
}

const files = select(process.argv.slice(2));
let passed = 0;
let failed = 0;
let skipped = 0;
let lastFile = '';

const say = (line: string) => process.stdout.write(`${line}\n`);

if (files.length === 0) {
  say('no test file has that name');
  process.exit(2);
}

/** A file that has tests of its own is reported as a test, too: only its failure to load counts. */
function isFile(name: string): boolean {
  return files.includes(resolve(name));
}

const stream = run({ files, concurrency: Math.max(1, availableParallelism() - 1), timeout: 900_000 });

stream.on('test:pass', (data) => {
  // A suite that is skipped names the reason for all of its tests.
  if ((data.details.type === 'suite' && data.skip === undefined) || isFile(data.name)) return;
  announce(data.file);
  if (data.skip !== undefined) {
    skipped++;
    say(`  skipped: ${data.name}: ${data.skip === true ? 'no reason given' : data.skip}`);
  } else {
    passed++;
  }
});

stream.on('test:fail', (data) => {
  const error = data.details.error as Error & { cause?: unknown; failureType?: string };
  if (error.failureType === 'subtestsFailed') return;
  announce(data.file);
  failed++;
  say(`  FAILED: ${data.name}`);
  const cause = error.cause;
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? error.message);
  for (const line of text.split('\n')) say(`    ${line}`);
});

stream.on('test:stderr', (data) => process.stderr.write(data.message));

stream.on('end', () => {
  say(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
});
stream.resume();

function announce(file: string | undefined): void {
  if (file === undefined || file === lastFile) return;
  lastFile = file;
  say(file.slice(TESTS.length).replace(/\.js$/, ''));
}
