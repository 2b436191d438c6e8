// SPDX-License-Identifier: ISC
//
// Capture files in both byte orders and with both clocks.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as pcap from '../../appliance/wire/pcap.ts';
import { fromHex, toHex } from '../support/hex.ts';

const LITTLE = 'd4c3b2a1 0200 0400 00000000 00000000 00000400 01000000';
const BIG = 'a1b2c3d4 0002 0004 00000000 00000000 00040000 00000075';

test('a file header is built to the byte', () => {
  const bytes = new Uint8Array(24).fill(0xff);
  pcap.writeFileHeader(bytes, 0, pcap.LINK_ETHERNET, 262_144);
  assert.equal(toHex(bytes), LITTLE.replaceAll(' ', ''));
});

test('files of both byte orders and both clocks are read', () => {
  const cases = [
    [LITTLE, true, false, 1],
    [BIG, false, false, 117],
    [LITTLE.replace('d4c3b2a1', '4d3cb2a1'), true, true, 1],
    [BIG.replace('a1b2c3d4', 'a1b23c4d'), false, true, 117],
  ] as const;
  for (const [text, little, nanoseconds, link] of cases) {
    const bytes = fromHex(text);
    assert.ok(pcap.valid(bytes, 0, 24), text);
    assert.equal(pcap.isLittleEndian(bytes, 0), little);
    assert.equal(pcap.isNanoseconds(bytes, 0), nanoseconds);
    assert.equal(pcap.snaplen(bytes, 0), 262_144);
    assert.equal(pcap.linkType(bytes, 0), link);
  }
});

test('other files are refused', () => {
  for (const text of [
    LITTLE.replace('d4c3b2a1', '0a0d0d0a'), // pcapng
    LITTLE.replace('0200', '0300'),
    LITTLE.replace('d4c3', 'd4c4'),
    BIG.replace('a1b2', 'a1b3'),
  ]) {
    assert.ok(!pcap.valid(fromHex(text), 0, 24), text);
  }
});

test('a record is read as it was written', () => {
  const bytes = new Uint8Array(20);
  pcap.writeRecordHeader(bytes, 0, 0xfedcba98, 999_999, 4, 1514);
  assert.equal(toHex(bytes), '98badcfe3f420f0004000000ea050000' + '00000000');
  assert.equal(pcap.seconds(bytes, 0, true), 0xfedcba98);
  assert.equal(pcap.fraction(bytes, 0, true), 999_999);
  assert.equal(pcap.capturedLength(bytes, 0, true), 4);
  assert.equal(pcap.wireLength(bytes, 0, true), 1514);
  assert.equal(pcap.frameAt(0), 16);
  assert.equal(pcap.capturedLength(fromHex('00000000 00000000 00000003'), 0, false), 3);
});

test('a record must be whole and of sensible length', () => {
  const bytes = new Uint8Array(20);
  pcap.writeRecordHeader(bytes, 0, 0, 0, 4, 4);
  assert.ok(pcap.recordValid(bytes, 0, 20, true));
  assert.ok(!pcap.recordValid(bytes, 0, 19, true));
  assert.ok(!pcap.recordValid(bytes, 0, 15, true));
  pcap.writeRecordHeader(bytes, 0, 0, 0, -1, -1);
  assert.ok(!pcap.recordValid(bytes, 0, 20, true));
});
