// SPDX-License-Identifier: ISC
//
// The UDP header: its length and its checksum that is never 0.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as checksum from '../../appliance/wire/checksum.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import * as udp from '../../appliance/wire/udp.ts';
import { udp as datagram, udp6 } from '../support/frames.ts';

test('a datagram is read field by field', () => {
  assert.equal(udp.sourcePort(datagram, 34), 5000);
  assert.equal(udp.destinationPort(datagram, 34), 5001);
  assert.equal(udp.length(datagram, 34), 13);
  assert.equal(udp.payloadAt(34), 42);
});

test('datagrams are built to the byte', () => {
  const over4 = datagram.slice().fill(0xff, 34, 42);
  udp.write(over4, 34, 5000, 5001, 13);
  udp.fillChecksum4(over4, 14, 34, over4.length);
  assert.deepEqual(over4, datagram);
  const over6 = udp6.slice().fill(0xff, 54, 62);
  udp.write(over6, 54, 53, 53, 9);
  udp.fillChecksum6(over6, 14, 54, over6.length);
  assert.deepEqual(over6, udp6);
});

test('the length must cover the header and lie within the packet', () => {
  for (const [length, valid] of [
    [7, false],
    [8, true],
    [13, true],
    [14, false],
    [0, false],
  ] as const) {
    const bytes = datagram.slice();
    udp.setLength(bytes, 34, length);
    assert.equal(udp.valid(bytes, 34, bytes.length), valid, `${length}`);
  }
});

test('a checksum is never stored as 0, and verifies', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.nat(0xffff), (from, to) => {
      const bytes = new Uint8Array(28);
      ipv4.write(bytes, 0, 0, 28, 0, 0, 64, 17, 0, 0);
      udp.write(bytes, 20, from, to, 8);
      udp.fillChecksum4(bytes, 0, 20, 28);
      assert.notEqual(udp.checksum(bytes, 20), 0);
      assert.equal(checksum.transport4(bytes, 0, 17, 20, 8), 0);
    }),
  );
  const bytes = new Uint8Array(28);
  ipv4.write(bytes, 0, 0, 28, 0, 0, 64, 17, 0, 0);
  udp.write(bytes, 20, 0xffff - 17 - 16, 0, 8); // 17 and twice the length make the sum 0xffff
  udp.fillChecksum4(bytes, 0, 20, 28);
  assert.equal(udp.checksum(bytes, 20), 0xffff);
});
