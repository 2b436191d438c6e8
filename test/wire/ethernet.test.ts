// SPDX-License-Identifier: ISC
//
// Ethernet header, addresses of groups, the 802.1Q tag.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import { fromHex, toHex } from '../support/hex.ts';

test('a header is read as it was written', () => {
  const bytes = new Uint8Array(16);
  ethernet.write(bytes, 2, 0x0200, 0x00000002, 0xfe54, 0x80000001 | 0, ethernet.TYPE_IPV6);
  assert.equal(toHex(bytes), '0000020000000002fe548000000186dd');
  assert.equal(ethernet.destinationHigh(bytes, 2), 0x0200);
  assert.equal(ethernet.destinationLow(bytes, 2), 2);
  assert.equal(ethernet.sourceHigh(bytes, 2), 0xfe54);
  assert.equal(ethernet.sourceLow(bytes, 2), 0x80000001 | 0);
  assert.equal(ethernet.type(bytes, 2), 0x86dd);
});

test('an address is copied and read anywhere', () => {
  const bytes = fromHex('010203040506 111213141516 0800');
  ethernet.copyAddress(bytes, ethernet.sourceAt(0), bytes, ethernet.destinationAt(0));
  assert.equal(toHex(bytes), '1112131415161112131415160800');
  assert.equal(ethernet.addressHigh(bytes, 6), 0x1112);
  assert.equal(ethernet.addressLow(bytes, 6), 0x13141516);
});

test('broadcast and groups are told apart by the destination', () => {
  const cases = [
    ['ffffffffffff', true, true],
    ['01005e000012', false, true],
    ['3333ff0000fd', false, true],
    ['feffffffffff', false, false],
    ['ffffffff00ff', false, true],
  ] as const;
  for (const [address, broadcast, multicast] of cases) {
    const bytes = fromHex(`${address} 020000000001 0800`);
    assert.equal(ethernet.isBroadcast(bytes, 0), broadcast, address);
    assert.equal(ethernet.isMulticast(bytes, 0), multicast, address);
  }
});

test('a group has its address: RFC 1112 6.4, RFC 2464 7', () => {
  assert.equal(ethernet.GROUP4_HIGH, 0x0100);
  assert.equal(ethernet.group4Low(0xe0000012 | 0), 0x5e000012); // 224.0.0.18
  assert.equal(ethernet.group4Low(0xefff0102 | 0), 0x5e7f0102); // 239.255.1.2: 23 bits count
  assert.equal(ethernet.GROUP6_HIGH, 0x3333);
});

test('a tag goes in and out and leaves the frame as it was', () => {
  const frame = '020000000002 020000000001 0800 4500';
  fc.assert(
    fc.property(fc.nat(4095), fc.nat(7), (vlan, priority) => {
      const bytes = fromHex(`00000000 ${frame}`);
      const tagged = ethernet.insertTag(bytes, 4, vlan, priority);
      assert.equal(tagged, 0);
      assert.ok(ethernet.hasTag(bytes, 0, bytes.length));
      assert.equal(ethernet.vlan(bytes, 0), vlan);
      assert.equal(ethernet.priority(bytes, 0), priority);
      assert.equal(ethernet.taggedType(bytes, 0), 0x0800);
      assert.equal(ethernet.removeTag(bytes, 0), 4);
      assert.deepEqual(bytes.slice(4), fromHex(frame));
    }),
  );
});

test('a tagged frame on the wire', () => {
  const bytes = fromHex('00000000 020000000002 020000000001 86dd');
  ethernet.insertTag(bytes, 4, 5, 3);
  assert.equal(toHex(bytes), '020000000002020000000001810060' + '0586dd');
  assert.ok(!ethernet.hasTag(bytes, 0, 17));
});
