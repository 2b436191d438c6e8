// SPDX-License-Identifier: ISC
//
// The rules of redirections as pfctl(8) prints them, in 2008 and today (relayd.md 2.3, 2.4).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Dialect } from '../../../appliance/abi/rule.ts';
import { Diagnostics } from '../../../appliance/user/config/pf/diagnostics.ts';
import { bareFacts } from '../../../appliance/user/config/pf/facts.ts';
import { printRule } from '../../../appliance/user/config/pf/print.ts';
import { buildConfiguration } from '../../../appliance/user/config/relayd/configuration.ts';
import { parseRelaydConf } from '../../../appliance/user/config/relayd/relaydConf.ts';
import { redirectRules } from '../../../appliance/user/relayd/rules.ts';

/** Printed rules of the only redirection, whose option lines are these. */
function rules(dialect: Dialect, ...lines: string[]): string[] {
  const facts = bareFacts();
  const text = `table <t> { 10.0.0.1 }\nredirect www {\n${lines.join('\n')}\n}\n`;
  const diagnostics = new Diagnostics();
  const { conf } = parseRelaydConf(text, 'f', { facts });
  const { redirects } = buildConfiguration(conf, facts, diagnostics);
  assert.deepEqual(diagnostics.list, []);
  return redirectRules(redirects[0]!, dialect, [1, 2, 3, 4]).map((rule) => printRule(rule, dialect));
}

const FORWARD = ['listen on 192.0.2.253 port http interface vr0', 'forward to <t> port 80 check tcp'];
const ROUTE = [
  'listen on 192.0.2.253 port http interface vr0',
  'route to <t> port 80 check tcp interface vr1',
];

const CASES: readonly (readonly [string, readonly string[], readonly string[], readonly string[]])[] = [
  [
    'forward',
    FORWARD,
    ['rdr on vr0 inet proto tcp from any to 192.0.2.253 port = www -> <www> port 80 round-robin'],
    [
      'pass in quick on vr0 inet proto tcp from any to 192.0.2.253 port = 80 flags S/SA ' +
        'keep state (tcp.established 600) rdr-to <www> port 80 round-robin',
    ],
  ],
  [
    'route',
    ROUTE,
    [
      'pass in quick on vr0 route-to (vr1 <www>) round-robin inet proto tcp from any to 192.0.2.253 port = www ' +
        'flags any keep state (sloppy, tcp.established 600)',
    ],
    [
      'pass in quick on vr0 inet proto tcp from any to 192.0.2.253 port = 80 flags any ' +
        'keep state (sloppy, tcp.established 600) route-to <www> round-robin',
      'pass out quick inet proto tcp from any to 192.0.2.253 port = 80 no state',
    ],
  ],
  [
    'route with IPv6',
    ['listen on 3ffe:1::1 port http interface vr0', ROUTE[1]!],
    [
      'pass in quick on vr0 route-to (vr1 <www>) round-robin inet6 proto tcp from any to 3ffe:1::1 port = www ' +
        'flags any keep state (sloppy, tcp.established 600)',
    ],
    [
      'pass in quick on vr0 inet6 proto tcp from any to 3ffe:1::1 port = 80 flags any ' +
        'keep state (sloppy, tcp.established 600) route-to <www> round-robin',
      'pass out quick inet6 proto tcp from any to 3ffe:1::1 port = 80 no state',
    ],
  ],
  [
    'tag, sticky, session timeout, mode',
    [FORWARD[0]!, 'pftag X', 'sticky-address', 'session timeout 60', `${FORWARD[1]!} mode random`],
    [
      'rdr on vr0 inet proto tcp from any to 192.0.2.253 port = www tag X -> <www> port 80 round-robin sticky-address',
    ],
    [
      'pass in quick on vr0 inet proto tcp from any to 192.0.2.253 port = 80 flags S/SA ' +
        'keep state (tcp.established 60) tag X rdr-to <www> port 80 random sticky-address',
    ],
  ],
];

describe('rules', () => {
  for (const [name, lines, classic, today] of CASES) {
    test(`${name}, 2008`, () => assert.deepEqual(rules('openbsd-2008', ...lines), classic));
    test(`${name}, today`, () => assert.deepEqual(rules('openbsd', ...lines), today));
  }

  test('strict asks for observations of what is TCP', () => {
    const listen = ['listen on 192.0.2.1 port 80', 'listen on 192.0.2.1 udp port 53'];
    const strict = 'route to <t> strict port 80 check icmp interface vr1';
    assert.deepEqual(
      rules('openbsd', ...listen, strict).map((rule) => /\(.*?\)/.exec(rule)?.[0]),
      ['(sloppy)', '(sloppy, observed, tcp.established 600)', undefined, undefined],
    );
    assert.match(
      rules('openbsd-2008', ...listen, strict)[1]!,
      /keep state \(sloppy, observed, tcp.established 600\)$/,
    );
  });

  test('match pftag leaves passing to another rule', () => {
    assert.deepEqual(rules('openbsd', FORWARD[0]!, 'match pftag X', FORWARD[1]!), [
      'match in on vr0 inet proto tcp from any to 192.0.2.253 port = 80 flags S/SA ' +
        'keep state (tcp.established 600) tag X rdr-to <www> port 80 round-robin',
    ]);
  });

  test('a range keeps its ports, unless the table names one', () => {
    const listen = 'listen on 192.0.2.1 udp port 1000:2000 pflog';
    const rule = 'pass in log quick inet proto udp from any to 192.0.2.1 port 1000:2000';
    assert.deepEqual(rules('openbsd', listen, 'forward to <t> check icmp'), [
      `${rule} rdr-to <www> round-robin`,
    ]);
    assert.deepEqual(rules('openbsd', listen, 'forward to <t> port 53 check icmp'), [
      `${rule} rdr-to <www> port 53 round-robin`,
    ]);
  });

  test('listen lines come in reverse, a name that has several addresses too', () => {
    const [first, second] = rules(
      'openbsd',
      'listen on 192.0.2.1 port 80',
      'listen on 192.0.2.2 port 81',
      'forward to <t> check tcp',
    );
    assert.match(first!, /192\.0\.2\.2 port = 81 .* port 80 round-robin$/);
    assert.match(second!, /192\.0\.2\.1 port = 80 .* port 80 round-robin$/);
  });

  test('keys of source-hash: digits as they are, text by its MD5', () => {
    const keyOf = (key: string) => {
      return /source-hash (\S+)/.exec(
        rules('openbsd', FORWARD[0]!, `${FORWARD[1]!} mode source-hash ${key}`)[0]!,
      )?.[1];
    };
    assert.equal(keyOf('0x000102030405060708090a0b0c0d0e0f'), '0x000102030405060708090a0b0c0d0e0f');
    assert.equal(keyOf(''), '0x00000001000000020000000300000004', 'a random one where none is given');
    assert.equal(keyOf('secret'), '0x5ebe2294ecd0e0f08eab7690d2a6ee69');
  });
});
