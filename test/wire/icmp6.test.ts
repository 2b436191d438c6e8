// SPDX-License-Identifier: ISC
//
// ICMPv6: echo, errors, the checksum over the addresses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as icmp6 from '../../appliance/wire/icmp6.ts';
import { echo6 } from '../support/frames.ts';
import { fromHex } from '../support/hex.ts';

test('an echo request is read, and built to the byte', () => {
  assert.equal(icmp6.type(echo6, 54), icmp6.TYPE_ECHO);
  assert.equal(icmp6.identifier(echo6, 54), 7);
  assert.equal(icmp6.sequence(echo6, 54), 1);
  assert.ok(icmp6.checksumValid(echo6, 14, 54, echo6.length));
  const bytes = echo6.slice();
  icmp6.write(bytes, 54, icmp6.TYPE_ECHO, 0, icmp6.echoRest(7, 1));
  icmp6.fillChecksum(bytes, 14, 54, bytes.length);
  assert.deepEqual(bytes, echo6);
});

test('the checksum covers the addresses', () => {
  const bytes = echo6.slice();
  bytes[30]! ^= 1;
  assert.ok(!icmp6.checksumValid(bytes, 14, 54, bytes.length));
});

test('errors are those below 128', () => {
  assert.ok(icmp6.isError(icmp6.TYPE_PARAMETER_PROBLEM) && icmp6.isError(127));
  assert.ok(!icmp6.isError(icmp6.TYPE_ECHO) && !icmp6.isError(icmp6.TYPE_REDIRECT));
});

test('the second word of errors', () => {
  assert.equal(icmp6.mtu(fromHex('0200 0000 00000500'), 0), 1280);
  assert.equal(icmp6.pointer(fromHex('0401 0000 00000028'), 0), 40);
});
