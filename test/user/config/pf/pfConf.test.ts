// SPDX-License-Identifier: ISC
//
// pf.conf(5): dialects told apart, what is printed reads as what was written, errors with their lines, the optimizer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Dialect } from '../../../../appliance/abi/rule.ts';
import { rulesetChecksum } from '../../../../appliance/user/config/pf/checksum.ts';
import { formatDiagnostic } from '../../../../appliance/user/config/pf/diagnostics.ts';
import { bareFacts } from '../../../../appliance/user/config/pf/facts.ts';
import { listRules } from '../../../../appliance/user/config/pf/listing.ts';
import { md5Hex } from '../../../../appliance/user/config/pf/md5.ts';
import {
  type ParsedPfConf,
  type ParseOptions,
  parsePfConf,
} from '../../../../appliance/user/config/pf/pfConf.ts';

const FACTS = bareFacts();

function parse(text: string, options: ParseOptions = {}): ParsedPfConf {
  return parsePfConf(text, 'pf.conf', { facts: FACTS, optimization: 'none', ...options });
}

function printed(parsed: ParsedPfConf): string[] {
  assert.equal(parsed.errors, 0, parsed.diagnostics.map(formatDiagnostic).join('\n'));
  return [...parsed.echo, ...listRules(parsed, { facts: FACTS, numbered: false })];
}

function errors(text: string, options?: ParseOptions): string[] {
  return parse(text, options).diagnostics.map(formatDiagnostic);
}

test('the ruleset of a load balancer of 2008 is read as one', () => {
  const parsed = parse(
    'rdr-anchor "relayd/*"\nanchor "relayd/*"\npass in quick on vr0 inet proto tcp to 10.0.0.1 port 80\n',
  );
  assert.equal(parsed.dialect, 'openbsd-2008');
  assert.deepEqual(printed(parsed), [
    'rdr-anchor "relayd/*" all',
    'anchor "relayd/*" all',
    'pass in quick on vr0 inet proto tcp from any to 10.0.0.1 port = www flags S/SA keep state',
  ]);
});

const CLASSIC = [
  'nat on vr0 from 10/8 to any -> (vr0)',
  'rdr on vr0 proto tcp to port 80 -> 10.0.0.2',
  'binat on vr0 from 10.0.0.1 to any -> 192.0.2.1',
  'no nat on vr0 from 10.0.0.1 to any',
  'scrub in all',
  'nat-anchor "a"',
  'pass in on vr0 route-to (vr1 10.0.0.2) all',
  'set require-order no',
  'set debug urgent',
];

test('auto: what only 2008 has makes a ruleset one of 2008', () => {
  for (const text of CLASSIC) {
    const parsed = parse(`pass all\n${text}\n`);
    assert.equal(parsed.dialect, 'openbsd-2008', text);
  }
});

const FREEBSD = [
  'ether block in',
  'scrub fragment no reassemble',
  'nat on vr0 inet from any to any -> (vr0) endpoint-independent',
  'pass in dnpipe 3',
  'block in label "a" ridentifier 4',
  'set keepcounters',
  'altq on lo0 fairq bandwidth 1Mb queue q\nqueue q fairq(default)',
];

test('auto: what only FreeBSD has makes a ruleset one of FreeBSD', () => {
  for (const text of FREEBSD) {
    const parsed = parse(
      `pass in on vr0\n${text}\n`
        .replace('pass in on vr0\naltq', 'altq')
        .replace(/^pass in on vr0\n(nat|set|scrub)/, '$1'),
    );
    assert.equal(parsed.dialect, 'freebsd-15', text);
    assert.equal(parsed.errors, 0, text);
  }
});

const TODAY = [
  'pass in quick on vr0',
  'match out on egress inet from 10/8 nat-to (egress)',
  'pass in on vr0 proto tcp to port 80 rdr-to 10.0.0.2',
  'match in all scrub (no-df random-id)',
  'set skip on lo',
  'block return in log',
  'pass in on vr0 inet proto tcp to port 80 route-to 10.0.0.2',
  'frobnicate',
];

test('auto: everything else is read as today', () => {
  for (const text of TODAY) assert.equal(parse(`${text}\n`).dialect, 'openbsd', text);
});

test('errors carry their lines, and nothing more is said than the originals say', () => {
  assert.deepEqual(errors('pass in\nblock out frob\n\n\npass out\npass in\npass proto tcp frob port 80\n'), [
    'pf.conf:2: syntax error',
    'pf.conf:7: syntax error',
  ]);
  assert.deepEqual(errors('pass proto udp flags S/SA\npass to port 80\n'), [
    'pf.conf:1: flags only apply to tcp',
    'pf.conf:2: port only applies to tcp/udp',
    'pf.conf:2: skipping rule due to errors',
    'pf.conf:2: rule expands to no valid combination',
  ]);
  assert.deepEqual(errors('pass on $ext\n'), [
    "pf.conf:1: macro 'ext' not defined",
    'pf.conf:1: syntax error',
  ]);
});

test('a syntax error tells what would have fitted', () => {
  const [diagnostic] = parse('pass in quick frob\n').diagnostics;
  for (const word of ['on', 'proto', 'from', 'keep']) assert.ok(diagnostic?.expected?.includes(word), word);
});

test('an include is read where it is named, and its errors name it', () => {
  const files = new Map([['more', { text: 'pass out\nblock frob\n' }]]);
  const parsed = parse('pass in\ninclude "more"\n', { files });
  assert.deepEqual(parsed.diagnostics.map(formatDiagnostic), ['more:2: syntax error']);
  assert.deepEqual(parse('include "more"\n').missingFiles, ['more']);
});

test('today: queues and targets that do not go together', () => {
  const root = 'queue top on vr0 bandwidth 2M';
  const cases = {
    [`${root}\nqueue a parent top flows 9 default\n`]: 'pfctl: queue a: no bandwidth was specified',
    [`${root} flows 9\nqueue a parent top bandwidth 1M default\n`]:
      'pfctl: flow queue top is not a leaf queue',
    'pass in inet6 af-to inet from 198.51.100.1 route-to 198.51.100.2\n':
      'pf.conf:1: af-to cannot be used together with route-to, reply-to, dup-to',
  };
  for (const [text, message] of Object.entries(cases))
    assert.deepEqual(errors(text, { dialect: 'openbsd' }), [message]);
});

test('today: addresses of a table have weights', () => {
  const text = 'table <t> const { 10.9.0.1 weight 3 !10.9.0.2 }';
  const parsed = parse(`${text}\n`, { dialect: 'openbsd' });
  assert.deepEqual(printed(parsed), [text]);
  assert.deepEqual(
    parsed.tables[0]!.entries!.map(({ weight }) => weight),
    [3, undefined],
  );
});

test('lists multiply', () => {
  const text = 'pass proto { tcp udp } from { 10.0.0.1, 10.0.0.2 } to any port { 53 80 }\n';
  assert.equal(printed(parse(text)).length, 8);
});

/** Rules whose sources differ only. */
function family(count: number): string {
  return Array.from(
    { length: count },
    (_, i) => `pass in proto tcp from 10.0.0.${i + 1} to any port 80\n`,
  ).join('');
}

test('the optimizer: six addresses become a table, five do not; covered rules go', () => {
  const optimized = (text: string) => parse(text, { optimization: 'basic' });
  assert.equal(optimized(family(5)).rulesets.get('')!.rules.length, 5);
  const six = optimized(family(6));
  assert.equal(six.rulesets.get('')!.rules.length, 1);
  assert.equal(six.tables[0]?.entries?.length, 6);
  assert.deepEqual(printed(optimized('pass in from 10.0.0.0/8\npass in from 10.1.0.0/16\n')), [
    'pass in inet from 10.0.0.0/8 to any flags S/SA',
  ]);
});

test('MD5 as RFC 1321 has it; a ruleset has a checksum of its own', () => {
  const md5 = (text: string) => md5Hex(new TextEncoder().encode(text));
  assert.equal(md5(''), 'd41d8cd98f00b204e9800998ecf8427e');
  assert.equal(md5('message digest'), 'f96b697d7cb7938d525a2f31aaf161d0');
  const sum = (text: string) => rulesetChecksum(parse(text).rulesets.get('')!.rules, 'openbsd');
  assert.equal(sum('pass in\n'), sum('# a comment\npass   in\n'));
  assert.notEqual(sum('pass in\n'), sum('pass out\n'));
});

const word = (...words: string[]) => fc.constantFrom(...words);
const maybe = (arbitrary: fc.Arbitrary<string>) => fc.option(arbitrary, { nil: '' });

const port = word(
  'port 80',
  'port { 22 443 }',
  'port 1000:2000',
  'port != 25',
  'port > 1023',
  'port ssh',
  'port 5 >< 9',
);
const host4 = word(
  'any',
  '10.0.0.1',
  '! 10.0.0.0/8',
  '{ 10.0.0.1 192.168.0.0/16 }',
  '<web>',
  '(vr0)',
  '127.0.0.1',
);
const host6 = word('any', '::1', '2001:db8::/32', '! fe80::/10');

/** Rules that every dialect understands. */
const ruleText: fc.Arbitrary<string> = fc
  .record({
    action: word('pass', 'block', 'block return', 'block drop'),
    direction: maybe(word('in', 'out')),
    log: maybe(word('log', 'log (all)')),
    quick: maybe(word('quick')),
    on: maybe(word('on vr0', 'on ! vr0', 'on { vr0 vr1 }', 'on egress')),
    six: fc.boolean(),
    proto: maybe(word('proto tcp', 'proto udp', 'proto { tcp udp }')),
    source: fc.nat(),
    sourcePort: maybe(port),
    destinationPort: maybe(port),
    flags: maybe(word('flags S/SA', 'flags any', 'flags /FR')),
    state: maybe(word('keep state', 'no state', 'keep state (max 100)', 'modulate state', 'synproxy state')),
    label: maybe(word('label "$if:$proto"', 'tag T', 'tagged T')),
  })
  .chain((parts) => {
    const host = parts.six ? host6 : host4;
    return fc.tuple(host, host).map(([from, to]) => {
      const { proto } = parts;
      const tcp = proto === 'proto tcp';
      const words = [
        parts.action,
        parts.direction,
        parts.log,
        parts.quick,
        parts.on,
        parts.six ? 'inet6' : 'inet',
        proto,
        `from ${from}`,
        proto === '' ? '' : parts.sourcePort,
        `to ${to}`,
        proto === '' ? '' : parts.destinationPort,
        tcp ? parts.flags : '',
        parts.action !== 'pass' || (parts.state.startsWith('syn') && !tcp) ? '' : parts.state,
        parts.label,
      ];
      return words.filter((one) => one !== '').join(' ');
    });
  });

const DIALECTS: readonly Dialect[] = ['openbsd-2008', 'openbsd', 'freebsd', 'freebsd-15'];

for (const dialect of DIALECTS) {
  test(`${dialect}: what is printed reads as what was written`, () => {
    fc.assert(
      fc.property(fc.array(ruleText, { minLength: 1, maxLength: 5 }), (rules) => {
        const first = parse(`${rules.join('\n')}\n`, { dialect });
        // Some combinations are errors by themselves; they are of no interest here.
        if (first.errors > 0) return;
        const lines = printed(first);
        const again = printed(parse(`${lines.join('\n')}\n`, { dialect }));
        assert.deepEqual(again, lines);
      }),
      { numRuns: 400 },
    );
  });
}

test('any text is refused or read, never thrown at', () => {
  const piece = word(
    'pass',
    'block',
    'anchor',
    'table',
    'set',
    'in',
    'on',
    'from',
    'to',
    'port',
    'any',
    '{',
    '}',
    '(',
    ')',
    '<',
    '>',
    ',',
    '!',
    '=',
    '/',
    '"x"',
    '10.0.0.1',
    '80',
    'x',
    '\n',
    '$x',
    'x = "y"',
    'keep state',
    'nat',
    'rdr',
    '->',
    'queue',
    'altq',
    'scrub',
    'antispoof',
    'for',
    'include',
    'label',
    'timeout',
    'match',
    'nat-to',
    'route-to',
    'rdr-to',
    'load',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 14 }), word('auto', ...DIALECTS), (pieces, dialect) => {
      const parsed = parse(pieces.join(' '), { dialect: dialect as Dialect | 'auto', optimization: 'basic' });
      assert.ok(parsed.errors >= 0);
    }),
    { numRuns: 3000 },
  );
});
