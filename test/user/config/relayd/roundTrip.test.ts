// SPDX-License-Identifier: ISC
//
// What is printed is read again as the same: any redirection, router or relay, with names of any characters.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bareFacts } from '../../../../appliance/user/config/pf/facts.ts';
import { printRelaydConf } from '../../../../appliance/user/config/relayd/print.ts';
import { parseRelaydConf } from '../../../../appliance/user/config/relayd/relaydConf.ts';
import type {
  Check,
  RelaydConf,
  Statement,
  TableUse,
} from '../../../../appliance/user/config/relayd/syntax.ts';

const place = { file: 'f', line: 0 };
const facts = bareFacts();

/** Any text that the language can hold: no line ends, no NUL, no backslash at the end. */
const text = fc
  .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })
  .filter((one) => !/[\n\0]|\\$/.test(one));
const word = fc.oneof(
  text,
  fc.constantFrom('http', 'check', 'errors', 'www-1', '10.0.0.1', '3ffe::1', '12', 'v1'),
);
const port = fc.integer({ min: 1, max: 65535 });
const hex = fc.stringMatching(/^([0-9a-f]{2}){1,8}$/);

/** The record with each of these keys present or not. */
function optional<T>(values: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> {
  return fc.record(values, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;
}

const check: fc.Arbitrary<Check> = fc.oneof(
  fc.constantFrom<Check>({ kind: 'icmp' }, { kind: 'tcp' }, { kind: 'tls' }),
  word.map((path): Check => ({ kind: 'script', path })),
  fc
    .record({ tls: fc.boolean(), path: word, code: fc.integer({ min: 100, max: 999 }) })
    .map(({ tls, path, code }): Check => ({ kind: 'http', tls, path, expect: { code } })),
  fc
    .record({ tls: fc.boolean(), path: word, host: word, digest: fc.stringMatching(/^[0-9a-f]{40}$/) })
    .map(({ tls, path, host, digest }): Check => ({ kind: 'http', tls, path, host, expect: { digest } })),
  fc.record({ tls: fc.boolean(), data: fc.option(word, { nil: undefined }), expect: word }).map(
    ({ data, ...rest }): Check => ({
      kind: 'send',
      binary: false,
      ...(data !== undefined && { data }),
      ...rest,
    }),
  ),
  fc
    .record({ tls: fc.boolean(), data: hex, expect: hex })
    .map((rest): Check => ({ kind: 'send', binary: true, ...rest })),
);

const use: fc.Arbitrary<TableUse> = fc
  .record({
    port,
    check,
    options: optional({
      timeout: fc.integer({ min: 1, max: 9999 }),
      interval: fc.integer({ min: 1, max: 9 }).map((count) => count * 10),
      demote: fc.stringMatching(/^[a-z]{1,15}$/),
    }),
    mode: fc.oneof(
      fc.constantFrom({}, { mode: 'random' as const }, { mode: 'least-states' as const }),
      fc.record({
        mode: fc.constant('source-hash' as const),
        key: text.filter((one) => !one.startsWith('0x')),
      }),
    ),
  })
  .map(({ options, mode, ...rest }) => ({ table: 't', ...rest, ...options, ...mode, place }));

const redirect: fc.Arbitrary<Statement> = fc
  .record({
    name: word,
    listens: fc.array(
      fc
        .record({ address: word, protocol: fc.constantFrom('tcp', 'udp'), pflog: fc.boolean() })
        .chain((one) =>
          fc.record({ low: port, size: fc.option(fc.integer({ min: 0, max: 9 })) }).map(({ low, size }) => ({
            ...one,
            port: size === null ? { low } : { low, high: Math.min(65535, low + size) },
            place,
          })),
        ),
      { minLength: 1, maxLength: 3 },
    ),
    forward: fc.oneof(
      use.map((one) => ({ kind: 'forward' as const, strict: false, use: one })),
      fc.record({ kind: fc.constant('route' as const), strict: fc.boolean(), use, interface: word }),
    ),
    disabled: fc.boolean(),
    sticky: fc.boolean(),
    rest: optional({
      tag: word,
      match: fc.constant(true),
      sessionTimeout: fc.integer({ min: 1, max: 99999 }),
    }),
  })
  .map(({ forward, rest: { tag, match = false, ...rest }, ...draft }) => ({
    kind: 'redirect',
    ...draft,
    forwards: [forward],
    // What only marks cannot be strict.
    ...(tag === undefined ? {} : { tag: { name: tag, match: match && !forward.strict } }),
    ...rest,
    place,
  }));

const table: Statement = {
  kind: 'table',
  name: 't',
  disabled: false,
  hosts: [{ name: '10.0.0.1', retry: 2, place }],
  timeout: 200,
  place,
};

/** Places are where they are; everything else must come back. */
function withoutPlaces(conf: RelaydConf): unknown {
  return JSON.parse(JSON.stringify(conf, (key, value) => (key === 'place' ? undefined : value)));
}

test('a redirection survives printing', () => {
  fc.assert(
    fc.property(redirect, (statement) => {
      const conf: RelaydConf = {
        globals: { log: { changes: false, checks: false } },
        statements: [table, statement],
      };
      const printed = printRelaydConf(conf);
      const parsed = parseRelaydConf(printed, 'f', { facts });
      assert.deepEqual(parsed.diagnostics, [], printed);
      assert.deepEqual(withoutPlaces(parsed.conf), withoutPlaces(conf), printed);
    }),
    { numRuns: 300 },
  );
});

test('no text makes the parser throw', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'table <t> { 10.0.0.1 }',
      'redirect r {',
      '}',
      '{',
      '\n',
      'listen on 1.2.3.4 port 80',
      'forward to <t> check',
      'http',
      'protocol',
      'match request header',
      '$x',
      'x="y"',
      '"',
      '\\',
      '<',
      '/',
      ',',
    ),
    fc.string({ maxLength: 6 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      parseRelaydConf(pieces.join(' '), 'f', { facts });
    }),
    { numRuns: 500 },
  );
});
