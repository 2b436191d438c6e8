// SPDX-License-Identifier: ISC
//
// The virtio header in front of a TAP's frames.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as vnet from '../../appliance/wire/vnet.ts';
import { fromHex, toHex } from '../support/hex.ts';

test('a large segment: headers of 66, 1448 bytes a piece, checksum at 34 + 16', () => {
  const text = '01014200a80522001000ffff';
  const bytes = fromHex(text);
  assert.equal(vnet.flags(bytes, 0), vnet.FLAG_NEEDS_CSUM);
  assert.equal(vnet.gsoType(bytes, 0), vnet.GSO_TCP4);
  assert.equal(vnet.headersLength(bytes, 0), 66);
  assert.equal(vnet.segmentSize(bytes, 0), 1448);
  assert.equal(vnet.checksumStart(bytes, 0), 34);
  assert.equal(vnet.checksumOffset(bytes, 0), 16);
  vnet.write(bytes, 0, vnet.FLAG_NEEDS_CSUM, vnet.GSO_TCP4, 66, 1448, 34, 16);
  assert.equal(toHex(bytes), text.replace('ffff', '0000'));
});

test('an ordinary frame has a header of zeros', () => {
  const bytes = new Uint8Array(14).fill(0xff);
  vnet.writePlain(bytes, 1);
  assert.equal(toHex(bytes), 'ff000000000000000000000000ff');
});
