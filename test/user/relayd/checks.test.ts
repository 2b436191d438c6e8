// SPDX-License-Identifier: ISC
//
// Checks of hosts: patterns, answers of servers, results and their words; and the rules of both eras.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../appliance/abi/addressText.ts';
import type { Check } from '../../../appliance/user/config/relayd/model.ts';
import { parseRelaydConf } from '../../../appliance/user/config/relayd/parser.ts';
import { runCheck } from '../../../appliance/user/relayd/checks/check.ts';
import { matchesGlob, unescapeExpected } from '../../../appliance/user/relayd/glob.ts';
import { rulesOf } from '../../../appliance/user/relayd/rules.ts';
import { World } from './world.ts';

for (const [pattern, text, wanted] of [
  ['220 *', '220 mail ready\r\n', true],
  ['220', '220 mail', false],
  ['*ready*', 'is\nready now', true],
  ['?[0-9][!a]', 'x5b', true],
  ['?[0-9][!a]', 'x5a', false],
  ['\\*', '*', true],
  ['\\*', 'x', false],
  ['', '', true],
  ['**a**b', 'xxaxxb', true],
] as const) {
  test(`pattern ${pattern} on ${JSON.stringify(text)}: ${wanted}`, () => {
    assert.equal(matchesGlob(pattern, text), wanted);
  });
}

test('a pattern of many stars takes no time without end', () => {
  assert.equal(matchesGlob(`${'*a'.repeat(60)}b`, 'a'.repeat(2000)), false);
});

test('escapes of expect', () => {
  assert.equal(unescapeExpected('a\\r\\n\\x41\\q'), 'a\r\nA\\q');
});

const http = (rest: Partial<Check> & object): Check =>
  ({ kind: 'http', tls: false, path: '/', ...rest }) as Check;
const send = (expect: string, rest: object = {}): Check =>
  ({ kind: 'send', expect, binary: false, tls: false, data: 'x', ...rest }) as Check;

for (const [name, check, answer, state, message] of [
  ['code', http({ code: 200 }), 'HTTP/1.1 200 OK\r\n\r\n', 'up', 'http code ok'],
  ['another code', http({ code: 200 }), 'HTTP/1.1 301 Moved\r\n\r\n', 'down', 'http code mismatch'],
  ['no status line', http({ code: 200 }), 'SSH-2.0-x\r\n', 'down', 'http code malformed'],
  ['silence', http({ code: 200 }), undefined, 'down', 'tcp read timeout'],
  ['empty', http({ code: 200 }), '', 'down', 'tcp read failed'],
  [
    'MD5',
    http({ digest: '5d41402abc4b2a76b9719d911017c592' }),
    'HTTP/1.0 200\r\n\r\nhello',
    'up',
    'http digest ok',
  ],
  [
    'wrong MD5',
    http({ digest: '5d41402abc4b2a76b9719d911017c592' }),
    'HTTP/1.0 200\r\n\r\nhallo',
    'down',
    'http digest mismatch',
  ],
  ['expected', send('y*'), 'yes', 'up', 'send/expect ok'],
  ['closed without it', send('n*'), 'yes', 'unknown', 'send/expect failed'],
  ['binary', send('7965', { binary: true, data: '00' }), 'yes', 'up', 'send/expect ok'],
  ['script', { kind: 'script', path: '/x' }, '', 'up', 'script ok'],
  ['tcp', { kind: 'tcp' }, '', 'up', 'tcp connect ok'],
  ['icmp', { kind: 'icmp' }, '', 'up', 'icmp ok'],
] as const) {
  test(`check: ${name}`, async () => {
    const world = new World();
    world.answer = answer;
    const address = parseAddress('10.0.0.1')!;
    const { network, clock } = world;
    const parts = { network, clock, runScript: async () => 1 };
    const done = runCheck(check, { name: '10.0.0.1', address, port: 80 }, 200, parts);
    await clock.pass(1000);
    const result = await done;
    assert.deepEqual([result.state, result.message], [state, message]);
  });
}

test('rules of both eras', () => {
  const { conf } = parseRelaydConf(
    'table <t> { 10.0.0.1 }\nredirect r {\n listen on 1.1.1.1 port 80 interface vr0\n listen on 1.1.1.2 udp port 8000:8010\n match pftag X\n forward to <t> mode source-hash check tcp\n}',
    'f',
  );
  const [range, single] = rulesOf(conf!.redirects[0]!, 'openbsd');
  assert.equal(single!.action, 'match');
  assert.equal(single!.quick, false);
  assert.deepEqual(single!.flags, { set: 0x02, mask: 0x12 });
  assert.deepEqual(single!.rdr!.ports, { low: 80, high: 80 });
  assert.equal(single!.rdr!.key!.length, 4);
  assert.equal(range!.flags, undefined);
  assert.equal(range!.rdr!.ports, undefined);
  assert.deepEqual(range!.destination.port, { operator: ':', low: 8000, high: 8010 });
  const [, old] = rulesOf(conf!.redirects[0]!, 'openbsd-2008');
  assert.deepEqual(
    [old!.list, old!.action, old!.rdr!.type, old!.state],
    ['rdr', 'rdr', 'round-robin', undefined],
  );
});
