// SPDX-License-Identifier: ISC
//
// What is said of misspelt words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explainDiagnostic } from '../../../../appliance/user/config/pf/diagnostics.ts';
import { loadPfConf } from '../../../../appliance/user/config/pf/loadPfConf.ts';
import { nearest } from '../../../../appliance/user/config/pf/nearest.ts';

const WORDS = ['pass', 'block', 'proto', 'port', 'to', 'quick', 'keep', 'route-to', "'{'"];

for (const [typed, meant] of [
  ['prot', 'proto'],
  ['porto', 'proto'],
  ['qiuck', 'quick'],
  ['routeto', 'route-to'],
  ['pas', 'pass'],
  ['bolck', 'block'],
  ['vr0', undefined],
  ['x', undefined],
  ['{', undefined],
  ['p'.repeat(10_000), undefined],
] as const) {
  test(`${typed.slice(0, 10)} is ${meant ?? 'no misspelt word'}`, () =>
    assert.equal(nearest(typed, WORDS), meant));
}

/** Every problem of a pf.conf, with help. */
async function explained(text: string): Promise<string[]> {
  const { configurations } = await loadPfConf(text, 'pf.conf', async () => '', {});
  return configurations.flatMap(({ diagnostics }) => diagnostics.map(explainDiagnostic));
}

for (const [text, said] of [
  ['pas in on vr0', "pf.conf:1: syntax error at 'pas': did you mean pass?"],
  ['pass in proto tcp to any prt 80', "pf.conf:1: syntax error at 'prt': did you mean port?"],
  ['pass in quik', "pf.conf:1: syntax error at 'quik': did you mean quick?"],
  ['set', 'pf.conf:1: syntax error'],
] as const) {
  test(text, async () => assert.deepEqual(await explained(`${text}\n`), [said]));
}
