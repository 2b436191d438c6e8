// SPDX-License-Identifier: ISC
//
// pfsync's formats on published packets: read field by field, and written back to the byte.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as wire from '../../appliance/wire/pfsync.ts';
import * as state from '../../appliance/wire/pfsyncState.ts';
import { fromHex, toHex } from '../support/hex.ts';

const ZEROS = '00000000000000000000000000000000';
const ID = [0x65a1b2c3, 7, 0xc0ffee01 | 0] as const;

/** A packet with one section, made by `fill`. */
function packet(action: number, length: number, fill: (bytes: Uint8Array, at: number) => void): string {
  const bytes = new Uint8Array(wire.HEADER_LENGTH + wire.SECTION_LENGTH + length).fill(0xee);
  wire.writeHeader(bytes, 0);
  wire.setLength(bytes, 0, bytes.length);
  wire.writeSection(bytes, wire.HEADER_LENGTH, action, length, 1);
  fill(bytes, wire.HEADER_LENGTH + wire.SECTION_LENGTH);
  return toHex(bytes);
}

describe('written', () => {
  test('a request for everything', () => {
    const made = packet(wire.ACTION_UPDATE_REQUEST, wire.REFERENCE_LENGTH, (bytes, at) =>
      wire.writeReference(bytes, at, 0, 0, 0),
    );
    assert.equal(made, `06000024${ZEROS}050300010000000000000000 00000000`.replaceAll(' ', ''));
  });

  test('an acknowledgment', () => {
    const made = packet(wire.ACTION_INSERT_ACK, wire.REFERENCE_LENGTH, (bytes, at) =>
      wire.writeReference(bytes, at, ...ID),
    );
    assert.equal(made, `06000024${ZEROS}0203000165a1b2c300000007c0ffee01`);
  });

  test('a clear of one interface', () => {
    const made = packet(wire.ACTION_CLEAR, wire.CLEAR_LENGTH, (bytes, at) =>
      wire.writeClear(bytes, at, 'vr0', ID[2]),
    );
    assert.equal(made, `0600002c${ZEROS}0005000176723000000000000000000000000000c0ffee01`);
  });

  test('the end of a bulk', () => {
    const made = packet(wire.ACTION_BULK_STATUS, wire.BULK_STATUS_LENGTH, (bytes, at) =>
      wire.writeBulkStatus(bytes, at, ID[2], wire.BULK_END),
    );
    assert.equal(made, `06000024${ZEROS}0a030001c0ffee010000000002000000`);
  });
});

const UPDATE = fromHex(`0600007c ${ZEROS}
  04150001 65a1b2c300000007
  0000000000000000 000007d0 000105b8 00000000 ffff05b4 0486 000000000000
  0000000000000000 00001770 00011558 00000000 fe8805b4 0487 000000000000
  c0ffee01 00000000 02 00 0000
  07030001 65a1b2c300000007 c0ffee01`);

test('an update and a deletion in one packet, read and written back', () => {
  assert.equal(wire.endOf(UPDATE, 0, UPDATE.length), 124);
  const [first, second] = [
    wire.HEADER_LENGTH,
    wire.HEADER_LENGTH + wire.SECTION_LENGTH + state.COMPRESSED_LENGTH,
  ];
  assert.equal(wire.action(UPDATE, first), wire.ACTION_UPDATE_COMPRESSED);
  assert.equal(wire.messageLength(UPDATE, first), state.COMPRESSED_LENGTH);
  assert.equal(wire.action(UPDATE, second), wire.ACTION_DELETE_COMPRESSED);
  const at = first + wire.SECTION_LENGTH;
  const peer = (which: number) => {
    const place = state.compressedPeerAt(at, which);
    return [
      state.peerState(UPDATE, place),
      state.seqLow(UPDATE, place),
      state.seqHigh(UPDATE, place),
      state.window(UPDATE, place),
      state.mss(UPDATE, place),
      state.windowScale(UPDATE, place),
    ];
  };
  assert.deepEqual(peer(0), [4, 2000, 67000, 65535, 1460, 0x86]);
  assert.deepEqual(peer(1), [4, 6000, 71000, 65160, 1460, 0x87]);
  assert.equal(state.compressedTimeout(UPDATE, at), 2);
  const written = new Uint8Array(UPDATE.length).fill(0xee);
  wire.writeHeader(written, 0);
  wire.setLength(written, 0, UPDATE.length);
  wire.writeSection(written, first, wire.ACTION_UPDATE_COMPRESSED, state.COMPRESSED_LENGTH, 1);
  state.writeCompressed(written, at, ...ID, 2);
  state.writePeer(written, state.compressedPeerAt(at, 0), 4, 2000, 67000, 0, 65535, 1460, 0x86);
  state.writePeer(written, state.compressedPeerAt(at, 1), 4, 6000, 71000, 0, 65160, 1460, 0x87);
  wire.writeSection(written, second, wire.ACTION_DELETE_COMPRESSED, wire.REFERENCE_LENGTH, 1);
  wire.writeReference(written, second + wire.SECTION_LENGTH, ...ID);
  assert.equal(toHex(written), toHex(UPDATE));
});

const STATE = fromHex(`65a1b2c300000007 76723000000000000000000000000000
  c0a8070a000000000000000000000000 cb007150000000000000000000000000 c73801bb 0000 02 00
  c0a8070a000000000000000000000000 cb007150000000000000000000000000 c73801bb 0000 02 00
  0000000000000000 000003e8 000101d0 00000000 ffff05b4 0486 000000000000
  0000000000000000 00001388 00011170 00000000 fe8805b4 0487 000000000000
  00000000000000000000000000000000
  00000003 ffffffff ffffffff 0000000a 00015176
  000000000000000c 000000000000000a 0000000000000708 0000000000001450
  c0ffee01 00000000 00000000 0000 02 06 01 00 00 02 00 00 00 00 0000 0000`);

test('a whole state, read and written back', () => {
  assert.equal(STATE.length, state.STATE_LENGTH);
  assert.equal(state.interfaceName(STATE, 0), 'vr0');
  assert.deepEqual([state.port(STATE, 0, 0, 0), state.port(STATE, 0, 0, 1)], [51000, 443]);
  assert.deepEqual([state.age(STATE, 0), state.expire(STATE, 0), state.rule(STATE, 0)], [10, 86390, 3]);
  assert.deepEqual([state.packets(STATE, 0, 0), state.packets(STATE, 0, 1)], [12, 10]);
  assert.deepEqual([state.octets(STATE, 0, 0), state.octets(STATE, 0, 1)], [1800, 5200]);
  assert.deepEqual(
    [state.family(STATE, 0), state.protocol(STATE, 0), state.direction(STATE, 0), state.timeout(STATE, 0)],
    [state.AF_INET, 6, 1, 2],
  );
  const written = new Uint8Array(state.STATE_LENGTH).fill(0xee);
  state.clear(written, 0);
  state.setId(written, 0, ...ID);
  state.setInterfaceName(written, 0, 'vr0');
  for (const key of [0, 1]) {
    for (const which of [0, 1]) {
      written.set(
        STATE.subarray(state.addressAt(0, key, which), state.addressAt(0, key, which) + 16),
        state.addressAt(0, key, which),
      );
    }
    state.setKey(written, 0, key, state.AF_INET, 51000, 443);
  }
  state.writePeer(written, state.peerAt(0, 0), 4, 1000, 66000, 0, 65535, 1460, 0x86);
  state.writePeer(written, state.peerAt(0, 1), 4, 5000, 70000, 0, 65160, 1460, 0x87);
  state.setRules(written, 0, 3, state.NONE);
  state.setTimes(written, 0, 10, 86390);
  state.setCounters(written, 0, 0, 12, 1800);
  state.setCounters(written, 0, 1, 10, 5200);
  state.setKind(written, 0, {
    family: state.AF_INET,
    protocol: 6,
    direction: 1,
    log: 0,
    routeType: 0,
    timeout: 2,
  });
  state.setFlags(written, 0, 0);
  assert.equal(toHex(written), toHex(STATE));
});

test('counters beyond 32 bits', () => {
  const bytes = new Uint8Array(state.STATE_LENGTH);
  state.setCounters(bytes, 0, 1, 2 ** 40 + 5, 2 ** 52 + 2 ** 31);
  assert.deepEqual([state.packets(bytes, 0, 1), state.octets(bytes, 0, 1)], [2 ** 40 + 5, 2 ** 52 + 2 ** 31]);
});

test('a length that the packet does not have', () => {
  const bytes = UPDATE.slice();
  wire.setLength(bytes, 0, 125);
  assert.equal(wire.endOf(bytes, 0, bytes.length), -1);
  wire.setLength(bytes, 0, 19);
  assert.equal(wire.endOf(bytes, 0, bytes.length), -1);
});
