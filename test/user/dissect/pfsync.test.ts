// SPDX-License-Identifier: ISC
//
// pfsync in tcpdump: published packets, and what pfctl prints of a state.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dissect } from '../../../appliance/user/dissect/dissect.ts';
import * as pcap from '../../../appliance/wire/pcap.ts';
import { fromHex } from '../../support/hex.ts';

const HEADER = '45100038 10004000 fff07671 0a630901 e00000f0';
const ZEROS = '00000000000000000000000000000000';

function print(payload: string, verbose = 0): string {
  const bytes = fromHex(`${HEADER}${payload}`);
  bytes[3] = bytes.length & 0xff;
  bytes[2] = bytes.length >>> 8;
  return dissect(pcap.LINK_RAW, bytes, 0, bytes.length, { numeric: true, ethernet: false, verbose });
}

test('a request for everything', () => {
  const text = print(`06000024${ZEROS}05030001000000000000000000000000`);
  assert.equal(
    text.replace(/ \(DF\).*$/, ''),
    '10.99.9.1: PFSYNCv6 len 36\n    act UPD ST REQ count 1\n\tid: 0000000000000000 creatorid: 00000000',
  );
});

test('an update, a deletion, a clear, the end of a bulk', () => {
  const update = `04150001 65a1b2c300000007 ${'00'.repeat(64)} c0ffee01 00000000 02 00 0000`;
  const rest =
    '07030001 65a1b2c300000007 c0ffee01 00050001 76723000 000000000000000000000000 c0ffee01 0a030001 c0ffee01 00000e8b 02000000';
  const lines = print(`060000a4${ZEROS}${update}${rest}`).split('\n');
  assert.deepEqual(lines.slice(1, -1), [
    '    act UPD ST COMP count 1',
    '\tid: 65a1b2c300000007 creatorid: c0ffee01',
    '    act DEL ST COMP count 1',
    '\tid: 65a1b2c300000007 creatorid: c0ffee01',
    '    act CLR ST count 1',
    '\tcreatorid: c0ffee01 interface: vr0',
    '    act BULK UPD STAT count 1',
  ]);
  assert.match(lines.at(-1)!, /^\tcreatorid: c0ffee01 age: 01:02:03 status: end/);
});

test('a whole state as pfctl prints it', () => {
  const key = 'c0a8070a000000000000000000000000cb007150000000000000000000000000c73801bb00000200';
  const state = `65a1b2c30000000776723000000000000000000000000000${key}${key}
    0000000000000000 000003e8 000101d0 00000000 ffff05b4 0486 000000000000
    0000000000000000 00001388 00011170 00000000 fe8805b4 0487 000000000000
    ${ZEROS} 00000003 ffffffff ffffffff 0000000a 00015176
    000000000000000c 000000000000000a 0000000000000708 0000000000001450
    c0ffee01 00000000 00000000 0000 02 06 01 00 00 02 00 00 00 00 0000 0000`;
  const lines = print(`06000120${ZEROS}0d420001${state}`, 2).split('\n');
  assert.equal(lines[1], '    act INS ST count 1');
  assert.equal(lines[2], '\tvr0 tcp 203.0.113.80:443 <- 192.168.7.10:51000       ESTABLISHED:ESTABLISHED');
  assert.equal(lines[3], '\t[5000 + 65000] wscale 7  [1000 + 65000] wscale 6');
  assert.equal(lines[4], '\tage 00:00:10, expires in 23:59:50, 12:10 pkts, 1800:5200 bytes, rule 3');
  assert.match(lines[5]!, /^\tid: 65a1b2c300000007 creatorid: c0ffee01/);
});

test('associations, and what is our own', () => {
  const tdb = `00001001 1c020000${'00'.repeat(24)} 0000000000000007 0000000100000000 32 01 0000`;
  const own =
    '47030001 00000001 0102030405060708 45030001 c0ffee01 00000004 00000008 48030001 65a1b2c300000007 c0ffee01';
  const lines = print(`0600007c${ZEROS}0f0d0001${tdb}${own}`).split('\n');
  lines[lines.length - 1] = lines.at(-1)!.replace(/ \(DF\).*$/, '');
  assert.deepEqual(lines.slice(1), [
    '    act UPD TDB count 1',
    '\tspi: 0x00001001 rpl: 7 cur_bytes: 4294967296',
    '    act GREETING count 1',
    '\tsalt: 0102030405060708 own, asking',
    '    act BULK PLACES count 1',
    '\tcreatorid: c0ffee01 places: 4:8',
    '    act CLEARED count 1',
    '\tid: 65a1b2c300000007 creatorid: c0ffee01',
  ]);
});

test('what is cut or unknown', () => {
  assert.match(print(`06000024${ZEROS}63030001000000000000000000000000`), /act UNKNOWN id 99/);
  assert.match(print(`0600ffff${ZEROS}05030001`), /invalid header length/);
  assert.match(print(`06000024${ZEROS}05030009000000000000000000000000`), /invalid packet length/);
  assert.match(print(`05000028${ZEROS}05000001000000000000000000000000`), /PFSYNCv5 len 40/);
});
