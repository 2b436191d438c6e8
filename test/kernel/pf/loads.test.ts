// SPDX-License-Identifier: ISC
//
// Loading in steps: the same outcome as at once, nothing before the commit, one load at a time, members of tables that stay.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packEntries } from '../../../appliance/abi/packedEntries.ts';
import type { Page } from '../../../appliance/abi/page.ts';
import { headOf, type PfCalls, type PfLoad, type TableAddressInfo } from '../../../appliance/abi/pf.ts';
import { changeInSteps, isLong } from '../../../appliance/host/changeInSteps.ts';
import { loadInSteps } from '../../../appliance/host/loadInSteps.ts';
import { compile } from '../../../appliance/kernel/pf/compile.ts';
import { ip4, udp } from '../../support/packets.ts';
import { DirectPf } from './direct.ts';
import { loadOf } from './filter.ts';

const BIG = [
  'table <t> { 10.0.0.0/8, !10.1.0.0/16, 2001:db8::/32, 192.0.2.1 }',
  ...Array.from({ length: 120 }, (_, i) => `block in inet proto udp from 10.0.0.${i} to port ${1000 + i}`),
  'pass in from <t> label "$nr"',
  'anchor "a" {\npass in proto tcp from <t>\n}',
].join('\n');

function inSteps(pf: DirectPf, load: PfLoad): Promise<null> {
  const handlers = pf.calls as unknown as Record<string, (request: unknown) => never>;
  return loadInSteps(load, async (name, request) => handlers[name]!(structuredClone(request)));
}

function shown(pf: DirectPf): unknown {
  const rules = (anchor: string) => pf.calls['pf.rules']({ anchor, cursor: 0 });
  const { items } = pf.calls['pf.tableAddresses']({ anchor: '', name: 't', cursor: 0 });
  return [rules(''), rules('a'), items, pf.calls['pf.tables']({})];
}

function passes(pf: DirectPf, source: string): boolean {
  return pf.test(ip4({ source, destination: '192.0.2.9' }, udp(1, 2)), pf.vr0, 1) === 0;
}

test('in steps as at once', async () => {
  const [whole, steps] = [new DirectPf(), new DirectPf()];
  whole.load(loadOf(`${BIG}\n`));
  await inSteps(steps, loadOf(`${BIG}\n`));
  assert.deepEqual(shown(steps), shown(whole));
});

test('nothing changes before the commit, and a load that is refused changes nothing', async () => {
  const pf = new DirectPf();
  pf.load(loadOf('table <t> { 10.0.0.1 }\nblock in\npass in from <t> no state\n'));
  const next = loadOf('table <t> { 10.0.0.2 }\nblock in\npass in from <t> no state\n');
  const { ticket } = pf.calls['pf.begin'](headOf(next));
  const { rules } = next.anchors[0]!;
  pf.calls['pf.addRules']({ ticket, anchor: '', list: 'filter', rules });
  pf.calls['pf.addEntries']({ ticket, table: 0, entries: packEntries(next.tables[0]!.entries!, 0, 10) });
  assert.deepEqual([passes(pf, '10.0.0.1'), passes(pf, '10.0.0.2')], [true, false]);
  const compiled = (of: typeof rules) => [{ anchor: '', list: 'filter' as const, rules: compile(of) }];
  const commit = (request: PfCalls['pf.commit'][0]) => pf.calls['pf.commit'](request);
  assert.throws(() => commit({ ticket, compiled: compiled(rules.slice(1)) }), { code: 'EINVAL' });
  assert.deepEqual([passes(pf, '10.0.0.1'), passes(pf, '10.0.0.2')], [true, false]);
  commit({ ticket, compiled: compiled(rules) });
  assert.deepEqual([passes(pf, '10.0.0.1'), passes(pf, '10.0.0.2')], [false, true]);
  const unbuilt = loadOf('pass in proto 132 to port 80\n', 'freebsd');
  await assert.rejects(inSteps(pf, unbuilt), { code: 'EOPNOTSUPP' });
  assert.deepEqual([passes(pf, '10.0.0.1'), passes(pf, '10.0.0.2')], [false, true]);
});

test('who begins takes the place of who has not come to an end', () => {
  const pf = new DirectPf();
  const head = headOf(loadOf('pass\n'));
  const { ticket } = pf.calls['pf.begin'](head);
  const other = pf.calls['pf.begin'](head);
  assert.throws(() => pf.calls['pf.commit']({ ticket, compiled: [] }), { code: 'EBUSY' });
  pf.calls['pf.commit']({ ticket: other.ticket, compiled: [] });
  assert.throws(() => pf.calls['pf.commit']({ ticket: other.ticket, compiled: [] }), { code: 'EBUSY' });
});

test('members that stay keep what was counted; the limit is that of the load', () => {
  const pf = new DirectPf();
  const text = (entries: string) => `table <t> counters { ${entries} }\nblock in from <t>\n`;
  pf.load(loadOf(text('10.0.0.1, 10.0.0.2')));
  passes(pf, '10.0.0.1');
  pf.load(loadOf(text('10.0.0.1, !10.0.0.2, 10.0.0.3')));
  const { items } = pf.calls['pf.tableAddresses']({ anchor: '', name: 't', cursor: 0 });
  assert.deepEqual(
    items.map(({ negated, packets }) => [negated, packets[0]]),
    [
      [false, 1],
      [true, 0],
      [false, 0],
    ],
  );
  const limited = (limit: number) =>
    loadOf(`set limit table-entries ${limit}\n${text('10.0.1.0/30, 10.0.2.1')}`);
  assert.throws(() => pf.load(limited(4)), { code: 'ENOMEM' });
  pf.load(limited(5));
});

test('many addresses added, replaced and deleted in steps, as at once', async () => {
  const numbers = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({
      prefix: { family: 4 as const, words: [(10 << 24) + from + i], length: 32 },
      negated: (from + i) % 7 === 0,
    }));
  const [whole, steps] = [new DirectPf(), new DirectPf()];
  const handlers = steps.calls as unknown as Record<string, (request: unknown) => never>;
  for (const [change, entries] of [
    ['add', numbers(0, 1000)],
    ['replace', numbers(500, 2500).map((one, i) => (i % 5 === 0 ? { ...one, negated: !one.negated } : one))],
    ['delete', numbers(400, 2400)],
    ['replace', numbers(0, 500)],
  ] as const) {
    const request = { anchor: '', name: 't', change, entries };
    assert.ok(isLong(request));
    const expected = whole.calls['pf.changeTable'](request);
    const made = await changeInSteps(request, async (name, one) => handlers[name]!(structuredClone(one)));
    assert.deepEqual(made, expected, change);
    const content = ({ calls }: DirectPf) => {
      const pages: string[] = [];
      for (let cursor: number | undefined = 0; cursor !== undefined; ) {
        const page: Page<TableAddressInfo> = calls['pf.tableAddresses']({ anchor: '', name: 't', cursor });
        pages.push(...page.items.map(({ prefix, negated }) => `${negated} ${prefix.words}`));
        cursor = page.next;
      }
      return pages.sort();
    };
    assert.deepEqual(content(steps), content(whole), change);
  }
});

test('an anchor that a rule calls is there, with rules or without', () => {
  const pf = new DirectPf();
  pf.load(loadOf('anchor "z/*"\nanchor "a/b"\nanchor "a" {\nanchor "../q"\npass\n}\n'));
  const anchors = (anchor: string, recursive: boolean) => pf.calls['pf.anchors']({ anchor, recursive });
  assert.deepEqual(anchors('', false), ['a', 'q', 'z']);
  assert.deepEqual(anchors('', true), ['a', 'a/b', 'q', 'z']);
  assert.deepEqual(anchors('a', true), ['a/b']);
  assert.deepEqual(pf.calls['pf.rules']({ anchor: 'z', cursor: 0 }).items, []);
  assert.throws(() => pf.calls['pf.rules']({ anchor: 'y', cursor: 0 }), { code: 'EINVAL' });
});
