// SPDX-License-Identifier: ISC
//
// ARP for IPv4 over Ethernet: fields, building, what is not ours.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as arp from '../../appliance/wire/arp.ts';
import { arpReply, arpRequest } from '../support/frames.ts';

test('a reply is read field by field', () => {
  assert.equal(arp.hardwareType(arpReply, 14), 1);
  assert.equal(arp.protocolType(arpReply, 14), 0x0800);
  assert.equal(arp.operation(arpReply, 14), arp.REPLY);
  assert.equal(arp.senderHigh(arpReply, 14), 0x0200);
  assert.equal(arp.senderLow(arpReply, 14), 2);
  assert.equal(arp.sender(arpReply, 14), 0xc00002fd | 0);
  assert.equal(arp.targetHigh(arpReply, 14), 0x0200);
  assert.equal(arp.targetLow(arpReply, 14), 1);
  assert.equal(arp.target(arpReply, 14), 0xc0000201 | 0);
});

test('a request is built to the byte', () => {
  const bytes = new Uint8Array(arp.PACKET_LENGTH).fill(0xff);
  arp.write(bytes, 0, arp.REQUEST, 0x0200, 1, 0xc0000201 | 0, 0, 0, 0xc00002fd | 0);
  assert.deepEqual(bytes, arpRequest.slice(14));
});

test('other hardware, protocols and lengths are not ours', () => {
  for (const [at, value] of [
    [1, 6],
    [2, 0x86],
    [4, 8],
    [5, 16],
  ] as const) {
    const bytes = arpRequest.slice(14);
    bytes[at] = value;
    assert.equal(arp.valid(bytes, 0, bytes.length), false, `byte ${at}`);
  }
});
