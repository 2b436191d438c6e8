// SPDX-License-Identifier: ISC
//
// Evaluation of rules, compiled and indexed, against the plain reference of oracle.ts: random rulesets with anchors and tables, random packets.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Prefix } from '../../../appliance/abi/address.ts';
import { parseAddress, parsePrefix } from '../../../appliance/abi/addressText.ts';
import type { NumberMatch, PortOperator, Rule, RuleAddress, RuleHost } from '../../../appliance/abi/rule.ts';
import { DIRECTION_IN, DIRECTION_OUT, DROP, PASS } from '../../../appliance/kernel/filter.ts';
import type { ActiveRule } from '../../../appliance/kernel/pf/activeRule.ts';
import { judge } from '../../../appliance/kernel/pf/judge.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { icmpMessage, ip4, ip6, payload, tcpSegment, udp } from '../../support/packets.ts';
import { DirectPf } from './direct.ts';
import { decide, type Facts, type TableFacts } from './oracle.ts';

// Few values each, so that rules and packets meet.
const HOSTS4 = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '192.0.2.1', '255.255.255.255'];
const HOSTS6 = ['2001:db8::1', '2001:db8::2', '2001:db8:1::1', 'fd00::1'];
const PREFIXES4 = ['10.0.0.0/8', '10.0.0.0/24', '10.0.0.1/32', '10.0.1.0/24', '128.0.0.0/1', '192.0.2.0/25'];
const PREFIXES6 = ['2001:db8::/32', '2001:db8::/64', '2001:db8::1/128', 'fd00::/8'];
const PORTS = [1, 22, 80, 443, 65535];
const OPERATORS: PortOperator[] = ['=', '!=', '<', '<=', '>', '>=', '><', '<>', ':'];
const TABLES = ['t', 'u'];
const TAGS = ['RED', 'BLUE'];
const FLAGS = [tcp.FLAG_SYN, tcp.FLAG_ACK, tcp.FLAG_SYN | tcp.FLAG_ACK, tcp.FLAG_RST];

const prefix = (text: string): Prefix => parsePrefix(text)!;
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined, freq: 1 });

const addresses: fc.Arbitrary<RuleAddress> = fc.oneof(
  { weight: 2, arbitrary: fc.constant({ kind: 'any' } as const) },
  {
    weight: 4,
    arbitrary: fc
      .constantFrom(...PREFIXES4, ...PREFIXES6)
      .map((text) => ({ kind: 'prefix', prefix: prefix(text) }) as const),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(HOSTS4, HOSTS6).chain((hosts) =>
      fc.tuple(fc.constantFrom(...hosts), fc.constantFrom(...hosts)).map(([from, to]) => {
        return { kind: 'range', from: parseAddress(from)!, to: parseAddress(to)! } as const;
      }),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom(...TABLES).map((name) => ({ kind: 'table', name }) as const) },
);

const ports: fc.Arbitrary<NumberMatch> = fc.record({
  operator: fc.constantFrom(...OPERATORS),
  low: fc.constantFrom(...PORTS),
  high: fc.constantFrom(...PORTS),
});

const hosts = (withPort: boolean): fc.Arbitrary<RuleHost> =>
  fc
    .record({
      address: addresses,
      negated: fc.boolean(),
      port: withPort ? maybe(ports) : fc.constant(undefined),
    })
    // Nobody can write `! any`.
    .map((host) => (host.address.kind === 'any' ? { ...host, negated: false } : host));

const rules = (anchors: readonly string[]): fc.Arbitrary<Rule> =>
  fc.constantFrom(undefined, 6, 17, 1).chain((protocol) =>
    fc
      .record({
        kind: fc.constantFrom<'pass' | 'block' | 'match' | 'anchor'>(
          'pass',
          'pass',
          'block',
          'match',
          'anchor',
        ),
        anchor: anchors.length === 0 ? fc.constant(undefined) : fc.constantFrom(...anchors),
        direction: maybe(fc.constantFrom<'in' | 'out'>('in', 'out')),
        quick: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
        interface: maybe(
          fc.record({ name: fc.constantFrom('vr0', 'vr1', 'egress', 'none'), negated: fc.boolean() }),
        ),
        source: hosts(protocol === 6 || protocol === 17),
        destination: hosts(protocol === 6 || protocol === 17),
        flags: maybe(fc.constantFrom({ set: 2, mask: 0x12 }, { set: 0, mask: 4 })),
        icmp: maybe(fc.constantFrom({ type: 8 }, { type: 8, code: 0 }, { type: 0 })),
        tos: fc.integer({ min: 0, max: 9 }).map((n) => (n === 0 ? 0x10 : undefined)),
        tag: maybe(fc.constantFrom(...TAGS)),
        tagged: fc
          .integer({ min: 0, max: 9 })
          .map((n) => (n < 2 ? { name: TAGS[n]!, negated: n === 1 } : undefined)),
      })
      .map(({ kind, anchor, flags, icmp, ...rest }): Rule => {
        const isAnchor = kind === 'anchor' && anchor !== undefined;
        return stripped({
          ...rest,
          list: 'filter',
          action: isAnchor ? 'anchor' : kind === 'anchor' ? 'pass' : kind,
          anchor: isAnchor ? anchor : undefined,
          protocol,
          flags: protocol === 6 ? flags : undefined,
          icmp: protocol === 1 ? icmp : undefined,
        });
      }),
  );

function stripped(rule: { [K in keyof Rule]: Rule[K] | undefined }): Rule {
  return Object.fromEntries(
    Object.entries(rule).filter(([, value]) => value !== undefined),
  ) as unknown as Rule;
}

const entries: fc.Arbitrary<TableFacts[]> = fc
  .uniqueArray(fc.constantFrom(...PREFIXES4, ...PREFIXES6))
  .chain((texts) =>
    fc.tuple(...texts.map((text) => fc.boolean().map((negated) => ({ prefix: prefix(text), negated })))),
  );

interface World {
  readonly main: Rule[];
  readonly a: Rule[];
  readonly 'a/x': Rule[];
  readonly 'a/y': Rule[];
  readonly b: Rule[];
  readonly t: TableFacts[];
  readonly u: TableFacts[];
  readonly own: TableFacts[];
}

const worlds: fc.Arbitrary<World> = fc.record({
  // Some long enough to be indexed, in more than one word of bits.
  main: fc.array(rules(['a', 'a/*', 'b', '*']), { maxLength: 80, size: 'max' }),
  a: fc.array(rules(['x', 'x/*']), { maxLength: 40, size: 'max' }),
  'a/x': fc.array(rules([]), { maxLength: 5 }),
  'a/y': fc.array(rules([]), { maxLength: 5 }),
  b: fc.array(rules(['/a/y']), { maxLength: 5 }),
  t: entries,
  u: entries,
  own: entries,
});

const facts: fc.Arbitrary<Facts> = fc.constantFrom<4 | 6>(4, 6).chain((family) => {
  const address = fc.constantFrom(...(family === 4 ? HOSTS4 : HOSTS6)).map((text) => parseAddress(text)!);
  const protocol = fc.constantFrom(...(family === 4 ? [1, 6, 17, 47] : [6, 17, 47]));
  return fc
    .record({
      on: fc.constantFrom('vr0', 'vr1'),
      direction: fc.constantFrom<'in' | 'out'>('in', 'out'),
      protocol,
      source: address,
      destination: address,
      sourcePort: fc.constantFrom(...PORTS),
      destinationPort: fc.constantFrom(...PORTS),
      flags: fc.constantFrom(...FLAGS),
      icmpType: fc.constantFrom(0, 8),
      tos: fc.constantFrom(0, 0x10, 0x11),
    })
    .map(({ icmpType, ...rest }) => ({
      ...rest,
      family,
      groups: rest.on === 'vr0' ? ['egress'] : [],
      ...(rest.protocol === 1 ? { icmp: { type: icmpType, code: 0 } } : {}),
    }));
});

function packetOf(one: Facts) {
  const text = (words: readonly number[]) =>
    words.length === 1
      ? [24, 16, 8, 0].map((shift) => (words[0]! >>> shift) & 0xff).join('.')
      : words
          .map((word) => `${((word >>> 16) & 0xffff).toString(16)}:${(word & 0xffff).toString(16)}`)
          .join(':');
  const transport =
    one.protocol === 6
      ? tcpSegment({ from: one.sourcePort, to: one.destinationPort, flags: one.flags })
      : one.protocol === 17
        ? udp(one.sourcePort, one.destinationPort, 'x')
        : one.icmp !== undefined
          ? icmpMessage(one.icmp.type, one.icmp.code, 0)
          : payload(one.protocol, 8);
  const header = { source: text(one.source.words), destination: text(one.destination.words) };
  return one.family === 4
    ? ip4({ ...header, tos: one.tos }, transport)
    : ip6({ ...header, trafficClass: one.tos }, transport);
}

const nameOf = (rule: ActiveRule): string | undefined =>
  rule.number < 0 ? undefined : `${rule.anchor}#${rule.number}`;

/** Each packet gets what the plain evaluation says, and is told of as what it gets. */
function decidesAlike(world: World, packets: readonly Facts[]): void {
  const direct = new DirectPf();
  direct.interfaces.setGroup(direct.vr0, 'egress', true);
  const rulesets = new Map([
    ['', world.main],
    ['a', world.a],
    ['a/x', world['a/x']],
    ['a/y', world['a/y']],
    ['b', world.b],
  ]);
  const tables = new Map([
    ['/t', world.t],
    ['/u', world.u],
    ['a/u', world.own],
  ]);
  const load = {
    dialect: 'openbsd' as const,
    anchors: [...rulesets].map(([path, list]) => ({ path, rules: list })),
    tables: [...tables].map(([key, list]) => {
      const [, anchor, name] = /^(.*)\/(.*)$/.exec(key)!;
      const attributes = { persist: true, constant: false, counters: false };
      return { anchor: anchor!, name: name!, ...attributes, entries: list };
    }),
  };
  direct.load(load);
  const judged = new DirectPf();
  judged.interfaces.setGroup(judged.vr0, 'egress', true);
  judged.load(load);
  for (const one of packets) {
    const packet = direct.prepare(packetOf(one));
    const direction = one.direction === 'in' ? DIRECTION_IN : DIRECTION_OUT;
    const verdict = direct.pf.test(packet, one.on === 'vr0' ? direct.vr0 : direct.vr1, direction);
    const expected = decide({ rulesets, tables }, one);
    assert.deepEqual(
      { rule: nameOf(direct.pf.parts.rules.rule), verdict },
      { rule: expected.rule, verdict: expected.action === 'pass' ? PASS : DROP },
    );
    // A judgement is what the packet gets: by the same rule, and with the same bytes afterwards.
    const copy = judged.prepare(packetOf(one));
    const told = judge(judged.pf, copy, one.on === 'vr0' ? judged.vr0 : judged.vr1, one.direction);
    assert.deepEqual(
      [
        told.verdict,
        told.by === 'rule' ? told.rule!.number : told.by,
        copy.bytes.slice(copy.network, copy.end),
      ],
      [
        verdict === PASS ? 'pass' : 'block',
        told.by === 'rule' ? direct.pf.parts.rules.rule.number : told.by,
        packet.bytes.slice(packet.network, packet.end),
      ],
    );
    assert.ok(told.by === 'rule' || told.by === 'state', told.by);
  }
}

test('compiled evaluation decides as the plain one does', () => {
  const packets = fc.array(facts, { minLength: 5, maxLength: 40 });
  fc.assert(fc.property(worlds, packets, decidesAlike), { numRuns: 300 });
});

test('and in a list so long that its index has summaries of several words', () => {
  const packets = fc.array(facts, { minLength: 5, maxLength: 40 });
  const spread = worlds.map((world) => ({ ...world, main: between(world.main, 2_500) }));
  fc.assert(fc.property(spread, packets, decidesAlike), { numRuns: 25 });
});

/** The rules of a list, spread among so many others that no packet here matches, each for a reason of its own. */
function between(list: readonly Rule[], count: number): Rule[] {
  const block = { list: 'filter', action: 'block', quick: true } as const;
  const any = { address: { kind: 'any' }, negated: false } as const;
  const host = (i: number) => prefix(`240.${i >>> 8}.${i & 255}.1`);
  const port = (i: number) => ({ ...any, port: { operator: '=', low: 50_000 + i, high: 0 } as const });
  const from = (i: number) => ({ address: { kind: 'prefix', prefix: host(i) }, negated: false }) as const;
  const others = Array.from({ length: count }, (_, i): Rule => {
    if (i % 3 === 0) return { ...block, source: from(i), destination: any };
    if (i % 3 === 1) return { ...block, protocol: 6, source: any, destination: port(i) };
    return { ...block, source: any, destination: from(i) };
  });
  const step = Math.floor(count / (list.length + 1));
  return [
    ...list.flatMap((rule, i) => [...others.slice(i * step, (i + 1) * step), rule]),
    ...others.slice(list.length * step),
  ];
}

test('every walk counts an evaluation for each rule up to where it ended', () => {
  const direct = new DirectPf();
  const any = { address: { kind: 'any' }, negated: false } as const;
  const rule = (action: 'pass' | 'block', quick: boolean, port: number): Rule => ({
    list: 'filter',
    action,
    quick,
    protocol: 17,
    source: any,
    destination: { ...any, port: { operator: '=', low: port, high: 0 } },
  });
  const list = [rule('pass', false, 1), rule('pass', true, 2), rule('block', false, 1)];
  direct.load({ anchors: [{ path: '', rules: list }] });
  const header = { source: '10.0.0.1', destination: '10.0.0.2' };
  for (const port of [1, 2, 2]) direct.test(ip4(header, udp(9, port)), direct.vr0, DIRECTION_IN);
  const loaded = direct.calls['pf.rules']({ anchor: '', cursor: 0 }).items;
  assert.deepEqual(
    loaded.map(({ counters }) => [counters.evaluations, counters.packets]),
    [
      [3, 0],
      [3, 2],
      [1, 1],
    ],
  );
});
