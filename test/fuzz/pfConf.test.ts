// SPDX-License-Identifier: ISC
//
// pf.conf as nobody would write it: real rulesets with pieces cut out, doubled, exchanged with each other and with noise. Whatever comes of
// it is read to its end in every dialect, and gives rules or messages, never a crash, a hang, or more than the text is worth.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import type { Dialect } from '../../appliance/abi/rule.ts';
import { OBSERVED } from '../../appliance/user/config/pf/fingerprints/observed.ts';
import { parsePfOs } from '../../appliance/user/config/pf/fingerprints/pfOs.ts';
import { listRules } from '../../appliance/user/config/pf/listing.ts';
import { type ParsedPfConf, parsePfConf, pfLoadOf } from '../../appliance/user/config/pf/pfConf.ts';
import { DirectPf } from '../kernel/pf/direct.ts';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const DIALECTS: readonly (Dialect | 'auto')[] = ['openbsd-2008', 'openbsd', 'freebsd', 'freebsd-15', 'auto'];
const RUNS = 3_000;

/** Rulesets of this project, and where it is there the recorded ones of the originals. */
const corpus: readonly string[] = [
  ...['conf/router', 'conf/lb'].map((machine) => join(PROJECT, machine, 'etc/pf.conf')).filter(existsSync),
  ...recorded(),
].map((file) => readFileSync(file, 'utf8'));

function recorded(): string[] {
  const beside = process.env.RHINE_CONFORMANCE ?? join(PROJECT, '../shared/conformance');
  const sets = ['openbsd-2008', 'openbsd-modern', 'freebsd-2021'].map((set) => join(beside, 'pfctl', set));
  return sets.filter(existsSync).flatMap((set) =>
    readdirSync(set)
      .filter((name) => name.endsWith('.in'))
      .map((name) => join(set, name)),
  );
}

/** Statements of every kind, for where nothing else is. */
const STATEMENTS: readonly string[] = [
  'ext = "vr0"\nlan = "{ 10.0.0.0/8, 192.0.2.0/24 }"',
  'set limit { states 20000, frags 2000 }\nset skip on lo\nset syncookies adaptive (start 25%, end 12%)',
  'table <bad> persist { 10.0.0.1, !10.0.0.2, 2001:db8::/32 }',
  'match in all scrub (no-df max-mss 1440)\nmatch out on egress inet from !(egress:network) to any nat-to (egress:0)',
  'block return log (all, to pflog1) quick on ! vr0 inet proto { tcp, udp } from <bad> to any port 1000:2000',
  'pass in on vr0 inet6 from any to 64:ff9b::/96 af-to inet from 192.0.2.1 to 0.0.0.0/0',
  'pass in on vr0 proto tcp to port { 22 >< 80, != 99 } flags S/SA synproxy state (max 10, source-track rule, max-src-conn-rate 3/5, overload <bad> flush global, tcp.first 9)',
  'pass out route-to { 10.0.0.1, 10.0.0.2 } round-robin sticky-address',
  'anchor "a/*" in on vr0 {\n pass quick tagged x\n anchor b {\n block\n }\n}',
  'antispoof log quick for { lo0 (vr0) } inet label "$if:$srcaddr"',
  'scrub in on vr0 all no-df random-id fragment reassemble reassemble tcp',
  'nat pass on vr0 from 10.0.0.0/8 to any -> { 192.0.2.1, 192.0.2.2 } port 1024:65535 source-hash 0x1234',
  'rdr on vr0 proto tcp from any to any port 80:90 -> 10.0.0.9 port 8080:*\nbinat on vr0 from 10.0.0.1 to any -> 192.0.2.9',
  'altq on vr0 cbq bandwidth 10Mb queue { a, b }\nqueue a bandwidth 50% cbq(default)\nqueue root on vr0 bandwidth 10M max 10M',
  'include "other"\nload anchor "x" from "/etc/x"',
  'ether block in quick on { vr0, ! vr1 } bridge-to vr2 proto 0x0800 from 00:11:22:33:44:55/24 to { ! 01:02:03:04:05:06&ff:ff:ff:00:00:00 } l3 from 10.0.0.1 label "a" ridentifier 7\nether anchor "e" {\n ether pass tag x\n}',
  'match log (matches) in received-on any scrub (no-df set-tos 8) set (prio 3, tos 0x10)\npass in route-to (vr0 2001:db8::1) prefer-ipv6-nexthop sticky-address inet label "a" label "b" dnpipe (1, 2)',
  'nat on vr0 from 10.0.0.0/8 -> 192.0.2.1 map-e-portset 6/8/0x34\nnat on vr0 inet from (vr1) to any -> (vr0) endpoint-independent\naltq on vr0 fairq bandwidth 1Gb queue q\nqueue q fairq(default codel buckets 4 hogs 1Mb)',
  'pass in proto sctp to port 80 max-pkt-size 128 keep state (allow-related, pflow) nat-to { 10.0.0.1, 10.0.0.2 } rdr-to (vr1)\nset fail-policy return\nset keepcounters\nset timeout sctp.first 9',
  'pass from any os "Linux 6.x" to self user { root, != 5 } probability 20% once max-pkt-rate 10/5',
];

const NOISE: readonly string[] = [
  ...[
    '{',
    '}',
    '(',
    ')',
    '<',
    '>',
    '!',
    '=',
    '/',
    ',',
    '"',
    "'",
    '\\\n',
    '#',
    '$',
    '$ext',
    '$$',
    '->',
    '<>',
    '-',
  ],
  ...[
    '0',
    '-1',
    '65536',
    '4294967296',
    '99999999999999999999',
    '0x',
    '1.2.3.4.5',
    '::',
    '10/33',
    '1e9',
    'NaN',
  ],
  ...[
    '{ { { {',
    'a = $a $a',
    '\0',
    '\u00e9',
    '\t',
    ' '.repeat(50),
    'x'.repeat(9000),
    'fe80::1%vr9',
    '__proto__',
  ],
  ...[
    'constructor',
    'no',
    'pass',
    'anchor',
    'set',
    'table <',
    'include',
    'self',
    'any',
    'all',
    'egress:network:0',
  ],
];

const place = fc.nat({ max: 1_000_000 });

const mutation = fc.oneof(
  fc.record({ kind: fc.constant('cut' as const), at: place, length: fc.nat({ max: 40 }) }),
  fc.record({ kind: fc.constant('double' as const), at: place, length: fc.nat({ max: 60 }) }),
  fc.record({ kind: fc.constant('insert' as const), at: place, text: fc.constantFrom(...NOISE) }),
  fc.record({
    kind: fc.constant('word' as const),
    at: place,
    text: fc.constantFrom(...NOISE, ...STATEMENTS),
  }),
  fc.record({ kind: fc.constant('end' as const), at: place }),
  fc.record({ kind: fc.constant('any' as const), at: place, text: fc.string({ maxLength: 12 }) }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(text: string, change: Mutation): string {
  const at = change.at % (text.length + 1);
  switch (change.kind) {
    case 'cut':
      return text.slice(0, at) + text.slice(at + change.length);
    case 'double':
      return text.slice(0, at + change.length) + text.slice(at);
    case 'end':
      return text.slice(0, at);
    case 'word': {
      const start = text.lastIndexOf(' ', at) + 1;
      const end = text.indexOf(' ', at);
      return `${text.slice(0, start)}${change.text}${end < 0 ? '' : text.slice(end)}`;
    }
    default:
      return text.slice(0, at) + change.text + text.slice(at);
  }
}

const texts = fc
  .tuple(
    fc.array(fc.constantFrom(...STATEMENTS, ...corpus), { minLength: 1, maxLength: 4 }),
    fc.array(mutation, { maxLength: 8 }),
  )
  .map(([parts, changes]) => changes.reduce(mutate, `${parts.join('\n')}\n`));

function read(text: string, dialect: Dialect | 'auto'): ParsedPfConf {
  const files = new Map([['other', { text: 'pass quick\ninclude "other"\n' }]]);
  return parsePfConf(text, 'pf.conf', { dialect, files, randomKey: () => [1, 2, 3, 4] });
}

test('any text gives rules or messages', () => {
  fc.assert(
    fc.property(texts, fc.constantFrom(...DIALECTS), (text, dialect) => {
      const parsed = read(text, dialect);
      if (parsed.errors > 0) {
        assert.ok(parsed.diagnostics.length > 0, 'refused without a word');
        return;
      }
      for (const line of listRules(parsed, { numbered: false })) assert.equal(typeof line, 'string');
    }),
    { numRuns: RUNS },
  );
});

test('what is read without errors is loaded, or refused with a reason', () => {
  const pf = new DirectPf();
  const { list: fingerprints } = parsePfOs(OBSERVED, 'observed');
  fc.assert(
    fc.property(texts, fc.constantFrom(...DIALECTS), (text, dialect) => {
      const parsed = read(text, dialect);
      if (parsed.errors > 0) return;
      try {
        pf.load({ ...pfLoadOf([parsed], true), fingerprints });
      } catch (error) {
        assert.ok(error instanceof Error && 'code' in error, String(error));
      }
    }),
    { numRuns: RUNS },
  );
});

test('what would grow without end is refused', () => {
  const cases = {
    macros: `a0 = "10.0.0.1"\n${Array.from({ length: 40 }, (_, i) => `a${i + 1} = $a${i} $a${i}`).join('\n')}\n`,
    lists: `pass proto tcp from { ${'10.0.0.1 '.repeat(900)} } port { ${'1 '.repeat(900)} } to { ${'10.0.0.2 '.repeat(900)} }\n`,
    braces: `pass from ${'{ '.repeat(50_000)}\n`,
    anchors: 'anchor a {\n'.repeat(50_000),
    includes: 'include "other"\ninclude "other"\n'.repeat(2_000),
  };
  for (const [what, text] of Object.entries(cases)) {
    for (const dialect of DIALECTS) assert.ok(read(text, dialect).errors > 0, `${what}, ${dialect}`);
  }
});

test('a file of fingerprints, mutated', () => {
  fc.assert(
    fc.property(fc.array(mutation, { maxLength: 8 }), (changes) => {
      parsePfOs(changes.reduce(mutate, OBSERVED), 'pf.os');
    }),
    { numRuns: RUNS },
  );
});
