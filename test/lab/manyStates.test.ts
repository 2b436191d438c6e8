// SPDX-License-Identifier: ISC
//
// 100 000 states of a real machine in the states' screen: its ends, the middle, a filter. The states come from a saved file, each a
// copy of one that the machine had. How long a key takes to be seen is told, not judged.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import * as pfsyncState from '../../appliance/wire/pfsyncState.ts';
import * as saved from '../../appliance/wire/savedStates.ts';
import { PROJECT } from '../support/lab.ts';
import { noTerminal, Terminal } from '../support/terminal.ts';

const COUNT = 100_000;
const MAIN = join(PROJECT, 'dist/appliance/main.js');

const ETC = {
  'hostname.vr0': 'inet 10.0.0.1/24\n',
  'pf.conf': `set limit states ${2 * COUNT}\nset timeout { adaptive.start 0, adaptive.end 0, icmp.first 3600, icmp.error 3600 }\npass\n`,
};

/** A file of so many states that differ from the first of another file by their ids and identifiers alone. */
function copies(file: Uint8Array, count: number): Uint8Array {
  const first = saved.HEADER_LENGTH;
  const record = file.subarray(first, saved.recordEnd(file, first));
  const bytes = new Uint8Array(first + count * record.length + saved.TRAILER_LENGTH);
  bytes.set(file.subarray(0, first));
  const state = saved.stateAt(first);
  const creator = pfsyncState.creator(file, state);
  for (let i = 0; i < count; i++) {
    const at = first + i * record.length;
    const copy = saved.stateAt(at);
    bytes.set(record, at);
    pfsyncState.setId(bytes, copy, 0x10000, i, creator);
    for (const key of [0, 1]) {
      // 10.x.y.z for the end outside, which stands in the same place in both keys.
      bytes.set([10, 1 + (i >>> 16), i >>> 8, i], pfsyncState.addressAt(copy, key, 1));
    }
  }
  saved.writeTrailer(bytes, bytes.length - saved.TRAILER_LENGTH, count);
  return bytes;
}

describe(`${COUNT} states`, { skip: noTerminal() }, () => {
  let directory: string;
  let terminal: Terminal;
  const rhine = (...args: readonly string[]) =>
    execFileSync(process.execPath, [MAIN, '-M', directory, ...args], { encoding: 'utf8', stdio: 'pipe' });

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'rhine-many-'));
    mkdirSync(join(directory, 'etc'));
    const interfaces = { vr0: { driver: 'memory' } };
    writeFileSync(join(directory, 'machine.json'), JSON.stringify({ name: 'box', interfaces }));
    for (const [file, text] of Object.entries(ETC)) writeFileSync(join(directory, 'etc', file), text);
    terminal = new Terminal(`rhine-many-${process.pid}`, `${process.execPath} ${MAIN} boot ${directory}`);
    await terminal.until(() => terminal.screen.includes('box#'), 'no prompt');
    terminal.type('ping -c 1 -w 1 10.0.0.9');
    await terminal.sees(/packet loss/);
    rhine('pfctl', '-k', '0.0.0.0/0', '-k', '224.0.0.0/4');
    rhine('pfctl', '-S', '/var/db/one');
    const file = readFileSync(join(directory, 'var/db/one'));
    writeFileSync(join(directory, 'var/db/many'), copies(file, COUNT));
    rhine('pfctl', '-L', '/var/db/many');
  });
  after(() => {
    terminal?.end();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Milliseconds from a key until the screen shows what it is to. */
  async function latency(key: string, pattern: RegExp): Promise<number> {
    const pressed = performance.now();
    terminal.key(key);
    while (!pattern.test(terminal.screen.join('\n'))) {
      assert.ok(performance.now() - pressed < 30_000, `${pattern} is not seen:\n${terminal.text}`);
    }
    return performance.now() - pressed;
  }

  test('the whole length is scrolled', async (t) => {
    terminal.key('F3');
    await terminal.sees(/ 1 of 10\d{4}$/m);
    const total = Number(/ 1 of (\d+)$/m.exec(terminal.screen.join('\n'))![1]);
    assert.ok(total >= COUNT);
    const base: number[] = [];
    for (let i = 0; i < 10; i++) {
      base.push(await latency('Down', new RegExp(` ${2 * i + 2} of `)));
      await latency('Down', new RegExp(` ${2 * i + 3} of `));
    }
    const whole = (from: number) => new RegExp(` ${from} of \\d+\\n(?:.*\\n)+icmp +\\S+ +10\\.`);
    const end = await latency('End', whole(total));
    await latency('PPage', whole(total - 20));
    const home = await latency('Home', / 1 of [\s\S]*\n(icmp|igmp)/);
    const pages: number[] = [];
    for (let i = 1; i <= 10; i++) {
      const seen = new RegExp(` ${20 * i + 1} of \\d+\\n(?:.*\\n)+icmp +\\S+ +10\\.`);
      pages.push(await latency('NPage', seen));
    }
    for (const times of [base, pages]) times.sort((a, b) => a - b);
    t.diagnostic(
      `a row down ${base[5]!.toFixed(0)} ms, a page ${pages[5]!.toFixed(0)} ms, to the end ${end.toFixed(0)} ms, back ${home.toFixed(0)} ms`,
    );
    terminal.key('/');
    await terminal.sees(/^states with: ?$/m);
    terminal.type('10.2.134.159');
    await terminal.sees(/ states, 1 with '10\.2\.134\.159'[\s\S]*10\.2\.134\.159/);
  });
});
