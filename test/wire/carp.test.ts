// SPDX-License-Identifier: ISC
//
// The carp advertisement, on a captured one and on computed ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as carp from '../../appliance/wire/carp.ts';
import { carp as frame } from '../support/frames.ts';
import { fromHex, toHex } from '../support/hex.ts';

test('a captured advertisement is read field by field', () => {
  assert.equal(carp.version(frame, 34), 2);
  assert.equal(carp.type(frame, 34), carp.TYPE_ADVERTISEMENT);
  assert.equal(carp.vhid(frame, 34), 7);
  assert.equal(carp.advskew(frame, 34), 10);
  assert.equal(carp.authlen(frame, 34), 7);
  assert.equal(carp.demote(frame, 34), 0);
  assert.equal(carp.advbase(frame, 34), 1);
  assert.equal(carp.checksum(frame, 34), 0x369b);
  assert.equal(carp.counterHigh(frame, 34), 0x7a443d9b);
  assert.equal(carp.counterLow(frame, 34), 0xe25375d9 | 0);
  const digest = carp.digestAt(34);
  assert.equal(toHex(frame.slice(digest, digest + 20)), '2c7c11c31afb9c4ac2173fd510c975aa7b8194e1');
  assert.ok(carp.checksumValid(frame, 34));
});

test('advertisements are built to the byte', () => {
  const digest = fromHex('ad0a4b4f197193cdf8cd22ab1cf576bb32ebb833');
  const cases = [
    [0, '210764070001 2afb 0102030405060708'],
    [3, '210764070301 27fb 0102030405060708'],
  ] as const;
  for (const [demote, head] of cases) {
    const bytes = new Uint8Array(36).fill(0xff);
    carp.write(bytes, 0, 7, 1, 100, demote, 0x01020304, 0x05060708);
    carp.setDigest(bytes, 0, digest, 0);
    carp.fillChecksum(bytes, 0);
    assert.deepEqual(bytes, Uint8Array.of(...fromHex(head), ...digest));
  }
});

test('bytes behind the 36 are neither required nor summed', () => {
  const bytes = Uint8Array.of(...frame.slice(34), 1, 2, 3);
  assert.ok(carp.valid(bytes, 0, bytes.length));
  assert.ok(carp.checksumValid(bytes, 0));
  bytes[20]! ^= 1;
  assert.ok(!carp.checksumValid(bytes, 0));
});
