// SPDX-License-Identifier: ISC
//
// Checksums: the examples of RFC 1071 and RFC 1624, the plain sum as oracle, updates by difference.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { i32, setI32, setU16, u16 } from '../../appliance/wire/bytes.ts';
import * as checksum from '../../appliance/wire/checksum.ts';
import * as frames from '../support/frames.ts';
import { fromHex } from '../support/hex.ts';

/** RFC 1071 section 1 taken by its word, one 16-bit word at a time. */
function plainSum(bytes: Uint8Array, offset: number, length: number, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < length; i += 2) {
    sum += bytes[offset + i]! * 256 + (i + 1 < length ? bytes[offset + i + 1]! : 0);
    if (sum > 0xffff) sum -= 0xffff;
  }
  return sum;
}

const word = fc.nat(0xffff);
const packet = fc.uint8Array({ minLength: 40, maxLength: 80 }).filter((bytes) => bytes.some((b) => b !== 0));

test('the example of RFC 1071 section 3', () => {
  assert.equal(checksum.sum(fromHex('0001 f203 f4f5 f6f7'), 0, 8), 0xddf2);
  assert.equal(checksum.compute(fromHex('0001 f203 f4f5 f6f7'), 0, 8), 0x220d);
});

test('the example of RFC 1624 section 4: no 0xffff out of an update', () => {
  assert.equal(checksum.update16(0xdd2f, 0x5555, 0x3285), 0x0000);
});

test('sums equal the plain ones at any offset and length', () => {
  const memory = Uint8Array.from({ length: 70_000 }, (_, i) => (i * 181 + (i >> 8)) & 255);
  fc.assert(
    fc.property(fc.nat(9), fc.nat(600), word, fc.nat(3), (offset, length, initial, base) => {
      const view = new Uint8Array(memory.buffer, base, 1000);
      assert.equal(checksum.sum(view, offset, length, initial), plainSum(view, offset, length, initial));
    }),
  );
  for (const [offset, length] of [
    [0, 65_535],
    [2, 65_536],
    [80, 65_000],
    [81, 65_001],
  ] as const) {
    assert.equal(checksum.sum(memory, offset, length), plainSum(memory, offset, length));
  }
});

test('the largest sums do not overflow', () => {
  const ones = new Uint8Array(65_600).fill(0xff);
  assert.equal(checksum.sum(ones, 0, 65_536, 0xffff), 0xffff);
  assert.equal(checksum.sum(ones, 1, 65_535, 0xffff), plainSum(ones, 1, 65_535, 0xffff));
});

test('sums add up range by range, swapped at odd offsets', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 400 }), fc.nat(400), (bytes, cut) => {
      const at = cut % bytes.length;
      const head = checksum.sum(bytes, 0, at);
      const tail = checksum.sum(bytes, at, bytes.length - at);
      const whole = checksum.fold(head + ((at & 1) === 0 ? tail : checksum.swap(tail)));
      assert.equal(whole, checksum.sum(bytes, 0, bytes.length));
    }),
  );
});

test('frames of another implementation verify', () => {
  const { syn, udp, tcp6, udp6, echo6 } = frames;
  assert.equal(checksum.compute(syn, 14, 20), 0);
  assert.equal(checksum.transport4(syn, 14, 6, 34, syn.length - 34), 0);
  assert.equal(checksum.transport4(udp, 14, 17, 34, udp.length - 34), 0);
  assert.equal(checksum.transport6(tcp6, 14, 6, 54, tcp6.length - 54), 0);
  assert.equal(checksum.transport6(udp6, 14, 17, 54, udp6.length - 54), 0);
  assert.equal(checksum.transport6(echo6, 14, 58, 54, echo6.length - 54), 0);
});

test('UDP stores 0xffff where the sum says 0', () => {
  assert.equal(checksum.finish(0xffff), 0);
  assert.equal(checksum.finishUdp(0xffff), 0xffff);
  assert.equal(checksum.finishUdp(0x1234), 0xedcb);
});

test('a pseudo header counts lengths above 64 KiB', () => {
  const addresses = frames.tcp6.slice(22, 54);
  const written = new Uint8Array(40);
  written.set(addresses);
  setI32(written, 32, 70_000);
  setI32(written, 36, 58);
  assert.equal(checksum.pseudo6(addresses, 0, 58, 70_000), plainSum(written, 0, 40));
});

/** A change of some aligned bytes of a packet that holds its own checksum in its first word. */
function checkedChange(
  bytes: Uint8Array,
  at: number,
  to: Uint8Array,
  update: (field: number, old: Uint8Array) => number,
  finished: boolean,
): void {
  setU16(bytes, 0, 0);
  const stored = checksum.sum(bytes, 0, bytes.length);
  setU16(bytes, 0, finished ? ~stored : stored);
  const old = bytes.slice(at, at + to.length);
  const field = update(u16(bytes, 0), old);
  bytes.set(to, at);
  setU16(bytes, 0, 0);
  const expected = checksum.sum(bytes, 0, bytes.length);
  // 0 and 0xffff are the same number in ones' complement; only all-zero data has a sum of 0.
  assert.equal((finished ? ~field & 0xffff : field) % 0xffff, expected % 0xffff);
  if (finished && expected !== 0) assert.equal(field, ~expected & 0xffff);
}

test('an update by difference equals a new sum: one 16-bit word', () => {
  fc.assert(
    fc.property(packet, word, fc.integer({ min: 1, max: 19 }), (bytes, to, slot) => {
      const value = Uint8Array.of(to >> 8, to & 255);
      const at = 2 * slot;
      checkedChange(bytes.slice(), at, value, (f, old) => checksum.update16(f, u16(old, 0), to), true);
      checkedChange(bytes.slice(), at, value, (f, old) => checksum.sumUpdate16(f, u16(old, 0), to), false);
    }),
  );
});

test('an update by difference equals a new sum: one 32-bit word', () => {
  fc.assert(
    fc.property(packet, fc.integer(), fc.integer({ min: 1, max: 18 }), (bytes, to, slot) => {
      const value = new Uint8Array(4);
      setI32(value, 0, to);
      const at = 2 * slot;
      checkedChange(bytes.slice(), at, value, (f, old) => checksum.update32(f, i32(old, 0), to), true);
      checkedChange(bytes.slice(), at, value, (f, old) => checksum.sumUpdate32(f, i32(old, 0), to), false);
    }),
  );
});

test('an update by difference equals a new sum: an IPv6 address', () => {
  const address = fc.uint8Array({ minLength: 16, maxLength: 16 });
  fc.assert(
    fc.property(packet, address, fc.integer({ min: 1, max: 12 }), (bytes, to, slot) => {
      const w = (b: Uint8Array, i: number) => i32(b, 4 * i);
      const byWords =
        (update: typeof checksum.updateWords) =>
        (field: number, old: Uint8Array): number =>
          update(field, w(old, 0), w(old, 1), w(old, 2), w(old, 3), w(to, 0), w(to, 1), w(to, 2), w(to, 3));
      const at = 2 * slot;
      checkedChange(bytes.slice(), at, to, (f, old) => checksum.update128(f, old, 0, to, 0), true);
      checkedChange(bytes.slice(), at, to, (f, old) => checksum.sumUpdate128(f, old, 0, to, 0), false);
      checkedChange(bytes.slice(), at, to, byWords(checksum.updateWords), true);
      checkedChange(bytes.slice(), at, to, byWords(checksum.sumUpdateWords), false);
    }),
  );
});
