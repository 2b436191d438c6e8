// SPDX-License-Identifier: ISC
//
// pfctl against the recorded output of the originals, for each dialect. The recordings are no part of this project: they
// are read from a folder beside the checkout, or from where RHINE_CONFORMANCE says.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Outcome, runPfctl } from '../support/pfctlOffline.ts';

const BESIDE = fileURLToPath(new URL('../../../../shared/conformance', import.meta.url));
const DATA = join(process.env['RHINE_CONFORMANCE'] ?? BESIDE, 'pfctl');
const SETS = ['openbsd-2008', 'openbsd-modern', 'freebsd-2021'];

const EXTRA = 'lo1000010';

/** What that interface was for single tests; the others had none. */
const SETUPS: Readonly<Record<string, object>> = {
  pfsetup1: { groups: ['lo'], mtu: 33204, flags: ['link1'], addresses: ['192.168.0.1/24'] },
  pfsetup2: { groups: ['lo'], mtu: 1500, addresses: [] },
  pfsetup3: { groups: ['lo'], mtu: 8000, addresses: [] },
};

/** Where the originals' recording mixed both streams: lines of standard output begin like this. */
const STANDARD_OUTPUT =
  /^([A-Za-z_]\w* = "|(set|altq|queue|table|scrub|match|pass|block|antispoof|anchor|nat|rdr|binat|nat-anchor|rdr-anchor|binat-anchor|load anchor|no (nat|rdr|binat|scrub)) )/;

const absent = existsSync(DATA) ? false : `no recordings at ${DATA}`;

for (const set of SETS) {
  describe(`pfctl as ${set}`, { skip: absent }, () => {
    if (absent === false) testSet(join(DATA, set));
  });
}

function testSet(directory: string): void {
  const names = readdirSync(directory).sort();
  const facts = readFileSync(join(directory, 'facts.json'), 'utf8');
  const read = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const run = (file: string, words: readonly string[] = [], host = facts): Promise<Outcome> =>
    runPfctl(['--facts', 'host.json', '-o', 'none', '-nvf', file, ...words], {
      directory,
      texts: { 'host.json': host },
    });
  const same = async (
    file: string,
    expected: string,
    words: readonly string[] = [],
    host = facts,
  ): Promise<void> => {
    const { stdout, stderr } = await run(file, words, host);
    assert.equal(trimmed(stdout), trimmed(read(expected)), stderr);
  };
  const cases = (kind: string, body: (name: string) => Promise<void>): void => {
    const pattern = new RegExp(`^(${kind}\\d+)\\.in$`);
    for (const file of names) {
      const name = pattern.exec(file)?.[1];
      if (name !== undefined) test(name, () => body(name));
    }
  };

  cases('pf', async (name) => {
    await same(`${name}.in`, `${name}.ok`);
    // What was printed reads as what was written.
    await same(`${name}.ok`, `${name}.ok`);
  });
  cases('pfopt', (name) =>
    same(`${name}.in`, `${name}.ok`, read(`${name}.opts`).split(/\s+/).filter(Boolean)),
  );
  cases('pfsetup', (name) => same(`${name}.in`, `${name}.ok`, [], withInterface(facts, SETUPS[name]!)));
  cases('pfsimple', async (name) => {
    const { status, stderr } = await run(`${name}.in`);
    assert.equal(status, 0, stderr);
  });
  cases('pfail', async (name) => {
    const wanted = messages(read(`${name}.ok`)).filter((line) => !STANDARD_OUTPUT.test(line));
    if (wanted.length === 0) return same(`${name}.in`, `${name}.ok`);
    const { status, stderr } = await run(`${name}.in`);
    const got = messages(stderr);
    let found = 0;
    for (const line of got) if (line === wanted[found]) found++;
    assert.equal(found, wanted.length, `wanted:\n${wanted.join('\n')}\ngot:\n${got.join('\n')}`);
    assert.equal(status, 1);
  });
}

function withInterface(facts: string, entry: object): string {
  const host = JSON.parse(facts) as { interfaces: Record<string, object> };
  host.interfaces[EXTRA] = entry;
  return JSON.stringify(host);
}

function trimmed(text: string): string {
  return text.replace(/[^\S\n]+$/gm, '').trimEnd();
}

/** Messages without the name of the file, which was standard input in the recordings. */
function messages(text: string): string[] {
  return trimmed(text)
    .split('\n')
    .map((line) => line.replace(/^\S*:(\d+): /, '$1: '));
}
