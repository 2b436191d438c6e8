// SPDX-License-Identifier: ISC
//
// ICMP: echo, errors and what they quote.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as icmp from '../../appliance/wire/icmp.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import { echo, unreachPort } from '../support/frames.ts';
import { fromHex, toHex } from '../support/hex.ts';

test('an echo request is read', () => {
  assert.equal(icmp.type(echo, 34), icmp.TYPE_ECHO);
  assert.equal(icmp.code(echo, 34), 0);
  assert.equal(icmp.identifier(echo, 34), 0x4d2);
  assert.equal(icmp.sequence(echo, 34), 0);
  assert.ok(icmp.checksumValid(echo, 34, echo.length));
  assert.ok(!icmp.isError(icmp.TYPE_ECHO));
});

test('an echo request is built to the byte', () => {
  const bytes = echo.slice(34);
  icmp.write(bytes, 0, icmp.TYPE_ECHO, 0, icmp.echoRest(0x4d2, 0));
  icmp.fillChecksum(bytes, 0, bytes.length);
  assert.deepEqual(bytes, echo.slice(34));
});

test('an error quotes the packet it is about', () => {
  assert.equal(icmp.type(unreachPort, 34), icmp.TYPE_UNREACHABLE);
  assert.equal(icmp.code(unreachPort, 34), icmp.CODE_UNREACHABLE_PORT);
  assert.ok(icmp.isError(icmp.TYPE_UNREACHABLE));
  const quoted = icmp.payloadAt(34);
  assert.equal(ipv4.protocol(unreachPort, quoted), ipv4.PROTOCOL_UDP);
  assert.equal(ipv4.destination(unreachPort, quoted), 0xc00002fd | 0);
});

test('the second word by type', () => {
  assert.equal(icmp.nextHopMtu(fromHex('0304 0000 0000 05dc'), 0), 1500);
  assert.equal(icmp.gateway(fromHex('0501 0000 c00002fd'), 0), 0xc00002fd | 0);
  assert.equal(icmp.pointer(fromHex('0c00 0000 14000000'), 0), 20);
  const bytes = new Uint8Array(8);
  icmp.write(bytes, 0, icmp.TYPE_PARAMETER_PROBLEM, 0, icmp.pointerRest(20));
  assert.equal(toHex(bytes), '0c00000014000000');
});

test('a flipped bit spoils the checksum', () => {
  const bytes = echo.slice();
  bytes[45]! ^= 4;
  assert.ok(!icmp.checksumValid(bytes, 34, bytes.length));
});
