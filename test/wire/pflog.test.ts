// SPDX-License-Identifier: ISC
//
// The header of pflog(4): today's, and the one of 2008 on reading.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { i32 } from '../../appliance/wire/bytes.ts';
import * as pflog from '../../appliance/wire/pflog.ts';
import { tcp6 } from '../support/frames.ts';
import { fromHex, toHex } from '../support/hex.ts';

const ascii = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

test('a header is built to the byte', () => {
  const bytes = new Uint8Array(100).fill(0xff);
  pflog.write(bytes, 0, pflog.AF_INET, 1, 0, 7, 2, pflog.DIRECTION_IN);
  pflog.setName(bytes, pflog.interfaceAt(0), ascii('vr0'), 3);
  pflog.setName(bytes, pflog.rulesetAt(0), ascii('ftp'), 3);
  pflog.setOwner(bytes, 0, 1000, 4711);
  pflog.setRuleOwner(bytes, 0, 0, 99);
  const expected =
    `64020100 ${toHex(ascii('vr0'))}${'00'.repeat(13)} ${toHex(ascii('ftp'))}${'00'.repeat(13)}` +
    ` 00000007 00000002 000003e8 00001267 00000000 00000063 01 00 02 00 ${'00'.repeat(36)}`;
  assert.equal(toHex(bytes), toHex(fromHex(expected)));
  assert.equal(pflog.payloadAt(bytes, 0), 100);
});

test('without an anchor and an owner the numbers say so', () => {
  const bytes = new Uint8Array(100);
  pflog.write(bytes, 0, pflog.AF_INET6, 0, 8, pflog.NONE, pflog.NONE, pflog.DIRECTION_OUT);
  assert.equal(pflog.family(bytes, 0), 24);
  assert.equal(pflog.action(bytes, 0), 0);
  assert.equal(pflog.reason(bytes, 0), 8);
  assert.equal(pflog.rule(bytes, 0), -1);
  assert.equal(pflog.subrule(bytes, 0), -1);
  assert.equal(pflog.uid(bytes, 0), -1);
  assert.equal(pflog.pid(bytes, 0), pflog.NO_PID);
  assert.equal(pflog.direction(bytes, 0), pflog.DIRECTION_OUT);
  assert.equal(pflog.rewritten(bytes, 0), false);
});

test('what was translated is told by the original addresses and ports', () => {
  const bytes = new Uint8Array(100);
  pflog.write(bytes, 0, pflog.AF_INET, 0, 0, 1, pflog.NONE, pflog.DIRECTION_OUT);
  pflog.setOriginal4(bytes, 0, 0x0a000001, 0xc0000201 | 0);
  pflog.setOriginalPorts(bytes, 0, 1024, 80);
  assert.ok(pflog.rewritten(bytes, 0) && pflog.hasOriginal(bytes, 0));
  assert.equal(i32(bytes, pflog.originalSourceAt(0)), 0x0a000001);
  assert.equal(i32(bytes, pflog.originalDestinationAt(0)), 0xc0000201 | 0);
  assert.equal(pflog.originalSourcePort(bytes, 0), 1024);
  assert.equal(pflog.originalDestinationPort(bytes, 0), 80);
  pflog.setOriginal6(bytes, 0, tcp6, 22);
  assert.deepEqual(bytes.slice(64, 96), tcp6.slice(22, 54));
});

test('a name too long is cut and ends in a zero', () => {
  const bytes = new Uint8Array(100);
  pflog.setName(bytes, pflog.rulesetAt(0), ascii('abcdefghijklmnopqrst'), 20);
  assert.equal(bytes[20 + 14], 'o'.charCodeAt(0));
  assert.equal(bytes[20 + 15], 0);
  assert.equal(bytes[36], 0);
});

test('the header of 2008 is 61 bytes and three of padding', () => {
  const bytes = new Uint8Array(64);
  bytes[0] = 61;
  assert.ok(pflog.valid(bytes, 0, 64));
  assert.equal(pflog.payloadAt(bytes, 0), 64);
  assert.ok(!pflog.hasOriginal(bytes, 0));
  assert.ok(!pflog.valid(bytes, 0, 63));
  bytes[0] = 60;
  assert.ok(!pflog.valid(bytes, 0, 64));
});
