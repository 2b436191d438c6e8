// SPDX-License-Identifier: ISC
//
// IGMP and MLD, which say the same for two families.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as icmp6 from '../../appliance/wire/icmp6.ts';
import * as igmp from '../../appliance/wire/igmp.ts';
import * as mld from '../../appliance/wire/mld.ts';
import { igmp2, igmp3, mld1, mld2 } from '../support/frames.ts';
import { fromHex } from '../support/hex.ts';

test('igmp: a version 2 report is read, and built to the byte', () => {
  assert.equal(igmp.type(igmp2, 34), igmp.TYPE_REPORT2);
  assert.equal(igmp.group(igmp2, 34), igmp.REPORT3_GROUP);
  assert.ok(igmp.checksumValid(igmp2, 34, igmp2.length));
  const bytes = new Uint8Array(8).fill(0xff);
  igmp.write(bytes, 0, igmp.TYPE_REPORT2, 0, igmp.REPORT3_GROUP);
  assert.deepEqual(bytes, igmp2.slice(34));
});

test('igmp: a version 3 report is read, and built to the byte', () => {
  assert.equal(igmp.recordCount(igmp3, 34), 1);
  const record = igmp.recordsAt(34);
  assert.equal(igmp.recordType(igmp3, record), igmp.CHANGE_TO_EXCLUDE);
  assert.equal(igmp.recordGroup(igmp3, record), 0xe0000012 | 0);
  assert.equal(igmp.recordSourceCount(igmp3, record), 0);
  const bytes = new Uint8Array(16).fill(0xff);
  igmp.writeReport3(bytes, 0, 1);
  assert.equal(igmp.writeRecord(bytes, 8, igmp.CHANGE_TO_EXCLUDE, 0xe0000012 | 0), 16);
  igmp.fillChecksum(bytes, 0, 16);
  assert.deepEqual(bytes, igmp3.slice(34));
});

test('igmp: records count their sources and auxiliary data', () => {
  const report = fromHex('2200 0000 0000 0001 0101 0002 e0010203 0a000001 0a000002 ffffffff');
  assert.ok(igmp.valid(report, 0, report.length));
  assert.equal(igmp.recordLength(report, 8, report.length), 20);
  assert.equal(igmp.recordSource(report, 8, 1), 0x0a000002);
  assert.ok(!igmp.valid(report, 0, report.length - 1));
});

test('igmp: a version 3 query has sources and a floating response time', () => {
  const query = fromHex('118a 0000 e0010203 0000 0001 0a000001');
  assert.ok(igmp.valid(query, 0, query.length));
  assert.equal(igmp.querySourceCount(query, 0), 1);
  assert.equal(igmp.maximumResponse3(query, 0), 0x1a << 3);
  assert.equal(igmp.maximumResponse3(fromHex('1164'), 0), 100);
  assert.ok(!igmp.valid(query, 0, query.length - 1));
});

test('mld: a version 1 report is read, and built to the byte', () => {
  assert.ok(mld.valid(mld1, 62, mld1.length));
  assert.equal(icmp6.type(mld1, 62), icmp6.TYPE_LISTENER_REPORT);
  assert.equal(mld.groupWord(mld1, 62, 0), 0xff020000 | 0);
  assert.equal(mld.groupWord(mld1, 62, 3), 0xff0000fd | 0);
  const bytes = mld1.slice().fill(0xff, 62);
  mld.write(bytes, 62, icmp6.TYPE_LISTENER_REPORT, 0, mld1, mld.groupAt(62));
  icmp6.fillChecksum(bytes, 14, 62, bytes.length);
  assert.deepEqual(bytes, mld1);
});

test('mld: a version 2 report is read, and built to the byte', () => {
  assert.ok(mld.valid(mld2, 62, mld2.length));
  assert.equal(mld.recordCount(mld2, 62), 1);
  const record = mld.recordsAt(62);
  assert.equal(mld.recordType(mld2, record), mld.CHANGE_TO_EXCLUDE);
  assert.equal(mld.recordSourceCount(mld2, record), 0);
  assert.equal(mld.recordLength(mld2, record, mld2.length), 20);
  const bytes = mld2.slice().fill(0xff, 62);
  mld.writeReport2(bytes, 62, 1);
  const end = mld.writeRecord(bytes, record, mld.CHANGE_TO_EXCLUDE, mld2, mld.recordGroupAt(record));
  icmp6.fillChecksum(bytes, 14, 62, end);
  assert.deepEqual(bytes, mld2);
});

test('mld: the length tells a query of version 1 from one of version 2', () => {
  const query = new Uint8Array(44);
  query[0] = icmp6.TYPE_LISTENER_QUERY;
  for (const [length, valid] of [
    [24, true],
    [25, false],
    [27, false],
    [28, true],
  ] as const) {
    assert.equal(mld.valid(query, 0, length), valid, `${length} bytes`);
  }
  query[27] = 1;
  assert.equal(mld.querySourceCount(query, 0), 1);
  assert.ok(mld.valid(query, 0, 44) && !mld.valid(query, 0, 43));
});

test('mld: a floating response time', () => {
  assert.equal(mld.maximumResponse2(fromHex('8200 0000 2710 0000'), 0), 10_000);
  assert.equal(mld.maximumResponse2(fromHex('8200 0000 8001 0000'), 0), 0x1001 << 3);
  assert.equal(mld.maximumResponse2(fromHex('8200 0000 ffff 0000'), 0), 0x1fff << 10);
});
