// SPDX-License-Identifier: ISC
//
// Tables: matching against a plain search, changes and what they report, anchors' own, counters; and pools that choose from them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Address, network, type Prefix } from '../../../appliance/abi/address.ts';
import { parseAddress, parsePrefix } from '../../../appliance/abi/addressText.ts';
import type { TableEntry } from '../../../appliance/abi/pf.ts';
import type { Pool } from '../../../appliance/abi/rule.ts';
import { DIRECTION_IN, DROP, PASS } from '../../../appliance/kernel/filter.ts';
import { Pools } from '../../../appliance/kernel/pf/pools.ts';
import { RulePool } from '../../../appliance/kernel/pf/rulePool.ts';
import { Table } from '../../../appliance/kernel/pf/table.ts';
import { ip4, udp } from '../../support/packets.ts';
import { DirectPf } from './direct.ts';
import { loadOf } from './filter.ts';
import { inTable } from './oracle.ts';

const entry = (text: string): TableEntry => {
  const negated = text.startsWith('!');
  return { prefix: network(parsePrefix(text.replace('!', ''))!), negated };
};
const show = (table: Table) =>
  table.addresses(0, 100).map(({ prefix: one, negated }) => {
    const words = one.words.map((word) => [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff).join('.'));
    return `${negated ? '!' : ''}${words.join(' ')}/${one.length}`;
  });

const prefixes: fc.Arbitrary<Prefix> = fc.constantFrom<4 | 6>(4, 6).chain((family) =>
  fc
    .record({
      words: fc.array(fc.constantFrom(0, -1, 0x0a000001, 0x0a000100, 0x20010db8), {
        minLength: family === 4 ? 1 : 4,
        maxLength: family === 4 ? 1 : 4,
      }),
      length: fc.integer({ min: 0, max: family === 4 ? 32 : 128 }),
    })
    .map(({ words, length }) => network({ family, words, length })),
);

test('longest prefix with negation, as a plain search finds it, through any changes', () => {
  const changes = fc.array(fc.record({ adds: fc.boolean(), prefix: prefixes, negated: fc.boolean() }), {
    maxLength: 60,
    size: 'max',
  });
  fc.assert(
    fc.property(changes, fc.array(prefixes, { maxLength: 20 }), (list, probes) => {
      const table = new Table('', 't', 0);
      const plain: TableEntry[] = [];
      for (const { adds, prefix, negated } of list) {
        const same = plain.findIndex((one) => JSON.stringify(one.prefix) === JSON.stringify(prefix));
        if (adds) {
          const { added } = table.add([{ prefix, negated }], 0);
          assert.equal(added, same < 0 ? 1 : 0);
          if (same < 0) plain.push({ prefix, negated });
        } else {
          const is = same >= 0 && plain[same]!.negated === negated;
          assert.equal(table.delete([{ prefix, negated }]).deleted, is ? 1 : 0);
          if (is) plain.splice(same, 1);
        }
      }
      for (const { family, words } of probes) {
        const address: Address = { family, words };
        assert.equal(table.contains(family, Int32Array.from(words)), inTable(plain, address));
      }
      assert.equal(table.size, plain.length);
    }),
    { numRuns: 300 },
  );
});

test('changes say what they did, or would do', () => {
  const table = new Table('', 't', 0);
  const two = [entry('10.0.0.1/32'), entry('10.1.0.0/16'), entry('10.0.0.1/32')];
  assert.deepEqual(table.add(two, 0, true), { added: 2, deleted: 0, changed: 0 });
  assert.deepEqual(table.add(two, 0), { added: 2, deleted: 0, changed: 0 });
  assert.deepEqual(table.add([entry('!10.1.0.0/16')], 0), { added: 0, deleted: 0, changed: 0 });
  assert.deepEqual(table.replace([entry('!10.1.0.0/16'), entry('10.0.0.2/32')], 0), {
    added: 1,
    deleted: 1,
    changed: 1,
  });
  assert.deepEqual(show(table), ['!10.1.0.0/16', '10.0.0.2/32']);
  assert.deepEqual(table.delete([entry('10.0.0.9/32'), entry('10.0.0.2/32')]), {
    added: 0,
    deleted: 1,
    changed: 0,
  });
  assert.deepEqual(table.flush(), { added: 0, deleted: 1, changed: 0 });
});

test('a hundred thousand addresses', () => {
  const table = new Table('', 't', 0);
  const many = Array.from({ length: 100_000 }, (_, i): TableEntry => {
    return { prefix: { family: 4, words: [Math.imul(i, 0x9e3779b1)], length: 32 }, negated: false };
  });
  assert.equal(table.add(many, 0).added, 100_000);
  assert.ok(table.contains(4, Int32Array.of(Math.imul(77_777, 0x9e3779b1))));
  assert.equal(table.replace(many.slice(50_000), 0).deleted, 50_000);
  assert.ok(!table.contains(4, Int32Array.of(Math.imul(7_777, 0x9e3779b1))));
  assert.ok(table.contains(4, Int32Array.of(Math.imul(77_777, 0x9e3779b1))));
});

test("an anchor's own table goes before the main ruleset's, from when it is filled", () => {
  const direct = new DirectPf();
  direct.load(loadOf('table <t> persist { 10.0.0.1 }\nanchor "a" {\n block in from <t>\n}\n'));
  const from = (source: string) =>
    direct.test(ip4({ source, destination: '10.9.9.9' }, udp(1, 2)), direct.vr0, DIRECTION_IN);
  assert.deepEqual([from('10.0.0.1'), from('10.0.0.2')], [DROP, PASS]);
  const change = { anchor: 'a', name: 't', entries: [entry('10.0.0.2/32')] };
  assert.equal(direct.calls['pf.changeTable']({ ...change, change: 'add' }).added, 1);
  assert.deepEqual([from('10.0.0.1'), from('10.0.0.2')], [PASS, DROP]);
  direct.calls['pf.changeTable']({ ...change, change: 'kill' });
  assert.deepEqual([from('10.0.0.1'), from('10.0.0.2')], [DROP, PASS]);
});

test('tables that nobody names and nobody keeps go; constant ones are not changed', () => {
  const direct = new DirectPf();
  direct.load(
    loadOf('table <used> { 10.0.0.1 }\ntable <kept> persist const { 10.0.0.2 }\nblock in from <used>\n'),
  );
  const names = () => direct.calls['pf.tables']({}).map(({ name }) => name);
  assert.deepEqual(names().sort(), ['kept', 'used']);
  const change = { anchor: '', name: 'kept', change: 'add', entries: [entry('10.0.0.3/32')] } as const;
  assert.throws(() => direct.calls['pf.changeTable'](change), { code: 'EPERM' });
  direct.load(loadOf('pass\n'));
  assert.deepEqual(names(), ['kept']);
});

test('what tables count: evaluations, packets by verdict, and by addresses where they are asked to', () => {
  const direct = new DirectPf();
  direct.load(
    loadOf('table <t> counters { 10.0.0.0/8, !10.1.0.0/16 }\npass in from <t> to any\nblock in from ! <t>\n'),
  );
  const from = (source: string) =>
    direct.test(ip4({ source, destination: '10.9.9.9' }, udp(1, 2)), direct.vr0, DIRECTION_IN);
  for (const source of ['10.0.0.1', '10.0.0.1', '10.1.0.1', '192.0.2.1']) from(source);
  const [table] = direct.calls['pf.tables']({});
  // Two walks came to both rules for each packet but the second, which had a state.
  assert.deepEqual(table?.evaluations, { match: 2, noMatch: 4 });
  assert.deepEqual(table?.packets, [2, 2, 0, 0, 0, 0]);
  assert.deepEqual(table?.bytes, [56, 56, 0, 0, 0, 0]);
  const [wide] = direct.calls['pf.tableAddresses']({ anchor: '', name: 't', cursor: 0 }).items;
  assert.deepEqual(wide?.packets, [0, 2, 0, 0, 0, 0]);
  const change = { anchor: '', name: 't', change: 'replace', entries: [entry('10.0.0.0/8')] } as const;
  direct.calls['pf.changeTable'](change);
  assert.deepEqual(direct.calls['pf.tables']({})[0]?.packets, [2, 2, 0, 0, 0, 0]);
});

// Pools.

function choose(
  pool: Partial<Pool>,
  count: number,
  sources: readonly string[] = ['192.0.2.1'],
  setup = '',
): string[] {
  const direct = new DirectPf();
  if (setup !== '') direct.load(loadOf(setup));
  const pools = new Pools(direct.pf.parts);
  const rule = new RulePool({ entries: [], stickyAddress: false, staticPort: false, ...pool }, '');
  return Array.from({ length: count }, (_, i) => {
    const words = Int32Array.of(...parseAddress(sources[i % sources.length]!)!.words, 0, 0, 0);
    if (!pools.choose(rule, 4, words, words)) return 'nothing';
    return [24, 16, 8, 0].map((shift) => (pools.address[0]! >>> shift) & 0xff).join('.');
  });
}

const prefixEntry = (text: string) => ({ address: { kind: 'prefix', prefix: parsePrefix(text)! } as const });
const tableEntry = { address: { kind: 'table', name: 't' } as const };

test('round robin: networks host by host, tables in order with holes, networks within networks once', () => {
  assert.deepEqual(choose({ type: 'round-robin', entries: [prefixEntry('10.0.0.8/30')] }, 6), [
    '10.0.0.8',
    '10.0.0.9',
    '10.0.0.10',
    '10.0.0.11',
    '10.0.0.8',
    '10.0.0.9',
  ]);
  const setup = 'table <t> persist { 10.0.0.12, 10.0.0.0/30, !10.0.0.1, 10.0.0.2 }\n';
  assert.deepEqual(choose({ type: 'round-robin', entries: [tableEntry] }, 6, undefined, setup), [
    '10.0.0.0',
    '10.0.0.3',
    '10.0.0.2',
    '10.0.0.12',
    '10.0.0.0',
    '10.0.0.3',
  ]);
  assert.deepEqual(choose({ type: 'round-robin', entries: [tableEntry] }, 2), ['nothing', 'nothing']);
});

test('bitmask and source-hash: the same source the same place', () => {
  const sources = ['192.0.2.1', '192.0.2.77', '192.0.2.1'];
  assert.deepEqual(choose({ type: 'bitmask', entries: [prefixEntry('10.0.0.0/24')] }, 3, sources), [
    '10.0.0.1',
    '10.0.0.77',
    '10.0.0.1',
  ]);
  const [a, b, c] = choose(
    { type: 'source-hash', key: [1, 2, 3, 4], entries: [prefixEntry('10.0.0.0/16')] },
    3,
    sources,
  );
  assert.equal(a, c);
  assert.notEqual(a, b);
  const spread = Array.from({ length: 200 }, (_, i) => `192.0.2.${i}`);
  const setup = 'table <t> persist { 10.0.0.1, 10.0.0.2 }\n';
  const chosen = choose(
    { type: 'source-hash', key: [1, 2, 3, 4], entries: [tableEntry] },
    200,
    spread,
    setup,
  );
  const share = chosen.filter((one) => one === '10.0.0.1').length;
  assert.ok(share > 60 && share < 140, `${share}`);
});

test('least states: the host with the fewest gets the next', () => {
  const setup = 'table <t> persist { 10.0.0.1, 10.0.0.2, 10.0.0.3 }\n';
  const chosen = choose({ type: 'least-states', entries: [tableEntry] }, 6, undefined, setup);
  assert.deepEqual([...chosen.slice(0, 3)].sort(), ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
  assert.deepEqual([...chosen.slice(3)].sort(), ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
});
