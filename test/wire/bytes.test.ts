// SPDX-License-Identifier: ISC
//
// Integers, copies and comparisons of bytes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as bytes from '../../appliance/wire/bytes.ts';
import { fromHex, toHex } from '../support/hex.ts';

test('integers lie on the wire in network order', () => {
  const at = new Uint8Array(8);
  bytes.setU8(at, 0, 0x1ab);
  bytes.setU16(at, 1, 0x10203);
  bytes.setI32(at, 3, 0x84050607 | 0);
  assert.equal(toHex(at), 'ab02038405060700');
  assert.equal(bytes.u8(at, 0), 0xab);
  assert.equal(bytes.u16(at, 1), 0x0203);
  assert.equal(bytes.i32(at, 3), 0x84050607 | 0);
});

test('little-endian integers lie the other way', () => {
  const at = new Uint8Array(6);
  bytes.setU16LittleEndian(at, 0, 0x0102);
  bytes.setI32LittleEndian(at, 2, 0x83040506 | 0);
  assert.equal(toHex(at), '020106050483');
  assert.equal(bytes.u16LittleEndian(at, 0), 0x0102);
  assert.equal(bytes.i32LittleEndian(at, 2), 0x83040506 | 0);
});

test('every int32 comes back as it was written', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(11), (value, offset) => {
      const at = new Uint8Array(16);
      bytes.setI32(at, offset, value);
      assert.equal(bytes.i32(at, offset), value);
      bytes.setI32LittleEndian(at, offset, value);
      assert.equal(bytes.i32LittleEndian(at, offset), value);
    }),
  );
});

test('copy moves a range, into itself too', () => {
  fc.assert(
    fc.property(fc.nat(900), fc.nat(300), fc.nat(300), (length, from, to) => {
      const source = Uint8Array.from({ length: 1200 }, (_, i) => (i * 7) & 255);
      const wanted = source.slice(from, from + length);
      const other = new Uint8Array(1200);
      bytes.copy(source, from, other, to, length);
      assert.deepEqual(other.slice(to, to + length), wanted);
      bytes.copy(source, from, source, to, length);
      assert.deepEqual(source.slice(to, to + length), wanted);
    }),
  );
});

test('compare orders as memcmp(3)', () => {
  const a = fromHex('00 01 80 ff');
  const b = fromHex('01 7f ff');
  assert.ok(bytes.compare(a, 1, b, 0, 2) > 0);
  assert.ok(bytes.compare(b, 0, a, 1, 2) < 0);
  assert.equal(bytes.compare(a, 3, b, 2, 1), 0);
  assert.ok(bytes.equal(a, 3, b, 2, 1));
  assert.ok(!bytes.equal(a, 0, b, 0, 1));
});

test('zero clears just its range', () => {
  const at = new Uint8Array(5).fill(0xff);
  bytes.zero(at, 1, 3);
  assert.equal(toHex(at), 'ff000000ff');
});
