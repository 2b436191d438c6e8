// SPDX-License-Identifier: ISC
//
// pfctl against the recorded output of the originals, for each dialect. The recordings are no part of this project: they
// are read from a folder beside the checkout, or from where RHINE_CONFORMANCE says.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseFacts } from '../../appliance/user/config/pf/facts.ts';
import { type Outcome, runPfctl } from '../support/pfctlOffline.ts';
import { PfMemory } from '../support/pfMemory.ts';
import { expandNames } from './interfaceNames.ts';

const BESIDE = fileURLToPath(new URL('../../../../shared/conformance', import.meta.url));
const DATA = join(process.env.RHINE_CONFORMANCE ?? BESIDE, 'pfctl');
const LAUNCHER = fileURLToPath(new URL('../../appliance/main.js', import.meta.url));
const SETS = ['openbsd-2008', 'openbsd-modern', 'freebsd-2021'];

const EXTRA = 'lo1000010';

/** What an interface was for single tests: of its own, or one that the others had too. */
const SETUPS: Readonly<Record<string, object>> = {
  pfsetup1: { groups: ['lo'], mtu: 33204, flags: ['link1'], addresses: ['192.168.0.1/24'] },
  pfsetup2: { groups: ['lo'], mtu: 1500, addresses: [] },
  pfsetup3: { groups: ['lo'], mtu: 8000, addresses: [] },
  pfsetup4: { groups: ['lo'], mtu: 33204, addresses: ['192.168.0.1/24'] },
};
const SETUP_INTERFACES: Readonly<Record<string, string>> = { pfsetup4: 'lo1000000' };

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
  test('the command itself says the same', () => {
    for (const file of names.filter((name) => /^pf1\d\.in$/.test(name)).slice(0, 2)) {
      const words = ['pfctl', '--facts', 'facts.json', '-o', 'none', '-nvf', file];
      const { stdout, stderr } = spawnSync(process.execPath, [LAUNCHER, ...words], {
        cwd: directory,
        encoding: 'utf8',
      });
      assert.equal(trimmed(stdout), trimmed(read(file.replace('.in', '.ok'))), stderr);
    }
  });
  cases('pfopt', (name) =>
    same(`${name}.in`, `${name}.ok`, read(`${name}.opts`).split(/\s+/).filter(Boolean)),
  );
  cases('pfsetup', (name) => same(`${name}.in`, `${name}.ok`, [], withInterface(facts, name)));
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

  /** On a kernel of its own; each list of words is one run of the command. */
  const runs = async (...commands: readonly (readonly string[])[]): Promise<string> => {
    const kernel = new PfMemory(parseFacts(facts));
    let output = '';
    for (const words of commands) {
      const { stdout, stderr } = await runPfctl(words, { directory, kernel });
      assert.equal(stderr.replace(/^.* cleared\n/gm, ''), '');
      output += stdout;
    }
    return output;
  };
  const loads = (suffix: string, optimization: string): void => {
    for (const file of names.filter((name) => name.endsWith(suffix))) {
      test(file, async () => {
        const input = file.replace(suffix, '.in');
        const output = await runs(
          ['-o', optimization, '-a', 'regress', '-f', input],
          ['-o', 'none', '-a', 'regress/*', '-gvvsn'],
          ['-o', 'none', '-a', 'regress/*', '-gvvsr'],
        );
        assert.equal(trimmed(output), trimmed(read(file)));
      });
    }
  };
  loads('.loaded', 'none');
  loads('.optimized', 'basic');
  cases('pfaltq', async (name) => {
    const output = await runs(
      ['-o', 'none', '-f', `${name}.in`],
      ['-o', 'none', '-gsq'],
      ['-o', 'none', '-gsr'],
    );
    assert.equal(trimmed(output), trimmed(read(`${name}.ok`)));
  });
  cases('pfchksum', async (name) => {
    const output = await runs(['-o', 'none', '-f', `${name}.in`], ['-vsi']);
    assert.equal(/^Checksum:.*$/m.exec(output)?.[0], read(`${name}.ok`).trim());
  });
  cases('pfi', async (name) => {
    assert.equal(trimmed(expandNames(read(`${name}.in`), parseFacts(facts))), trimmed(read(`${name}.ok`)));
  });
  cases('pfr', async (name) => {
    const recorded = read(`${name}.ok`)
      .split('\n')
      .filter((line) => !/^(ktable|kentry): /.test(line));
    const output = await new TableSession(new PfMemory(parseFacts(facts)), directory).perform(
      read(`${name}.in`),
    );
    assert.equal(trimmed(output), trimmed(recorded.join('\n')));
  });
}

/** The commands of a `pfr` recording, and what they say, as its README describes. */
class TableSession {
  private readonly kernel: PfMemory;
  private readonly directory: string;
  private output = '';

  constructor(kernel: PfMemory, directory: string) {
    this.kernel = kernel;
    this.directory = directory;
  }

  async perform(script: string): Promise<string> {
    await this.run('# create', 'pass', ['-f', '-'], 'table <regress> persist\n');
    for (const line of script.split('\n')) {
      const [expected, command, ...operands] = line.split(' ');
      if (expected === 'pass' || expected === 'fail') await this.line(expected, command!, operands);
    }
    this.output += '# kill\n';
    for (const what of ['T', 'r', 'n']) await this.run('', 'pass', [`-F${what}`]);
    return this.output;
  }

  private async line(expected: string, command: string, operands: readonly string[]): Promise<void> {
    const title = (words: string): string => `# ${expected} ${command} ${words}`;
    const given = operands.join(' ');
    const table = ['-t', 'regress'];
    if (command === 'list') {
      await this.run(title(''), expected, ['-sT']);
      await this.run(title('-v'), expected, ['-gvsT']);
    } else if (command === 'load') {
      await this.run(title(given), expected, ['-Tl', '-f-'], `${given.replaceAll('DIR', this.directory)}\n`);
    } else if (command === 'rule') {
      await this.run(title(given), expected, ['-f-'], `${given}\n`);
    } else {
      if (expected === 'pass' && ['add', 'delete', 'replace'].includes(command)) {
        await this.run(title(`-n ${given}`), expected, [...table, '-nT', command, ...operands]);
        await this.run(
          title('-nf-'),
          expected,
          [...table, '-nT', command, '-f-'],
          `# list\n${operands.join('\n')}\n`,
        );
        await this.run(title(`-nqv ${given}`), expected, [...table, '-nqvT', command, ...operands]);
        await this.run(title(`-nqvv ${given}`), expected, [...table, '-nqvvT', command, ...operands]);
      }
      await this.run(title(given), expected, [...table, '-T', command, ...operands]);
    }
  }

  private async run(title: string, expected: string, words: readonly string[], stdin = ''): Promise<void> {
    const { status, stdout, stderr } = await runPfctl(['-a', 'regress', ...words], {
      directory: this.directory,
      kernel: this.kernel,
      stdin,
    });
    const lines = (stderr + stdout).split('\n').slice(0, -1);
    // These went through a pipe to sort(1), whose status was the one that counted.
    const isPiped = expected === 'pass' && words[0] === '-t';
    if (isPiped) lines.sort();
    else assert.equal(status === 0, expected === 'pass', `${title}: ${stderr}`);
    this.output += [...(title === '' ? [] : [title]), ...lines].map((line) => `${line}\n`).join('');
  }
}

function withInterface(facts: string, name: string): string {
  const host = JSON.parse(facts) as { interfaces: Record<string, object> };
  host.interfaces[SETUP_INTERFACES[name] ?? EXTRA] = SETUPS[name]!;
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
