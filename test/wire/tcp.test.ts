// SPDX-License-Identifier: ISC
//
// TCP header and options, sequence numbers modulo 2^32.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as tcp from '../../appliance/wire/tcp.ts';
import * as options from '../../appliance/wire/tcpOptions.ts';
import { sack, syn, tcp6 } from '../support/frames.ts';
import { guard } from '../support/guard.ts';
import { fromHex, toHex } from '../support/hex.ts';

test('a SYN is read field by field', () => {
  assert.equal(tcp.sourcePort(syn, 34), 1024);
  assert.equal(tcp.destinationPort(syn, 34), 80);
  assert.equal(tcp.sequence(syn, 34), 123);
  assert.equal(tcp.acknowledgment(syn, 34), 0);
  assert.equal(tcp.headerLength(syn, 34), 40);
  assert.equal(tcp.flags(syn, 34), tcp.FLAG_SYN);
  assert.equal(tcp.window(syn, 34), 65_535);
  assert.equal(tcp.urgentPointer(syn, 34), 0);
  assert.equal(tcp.segmentLength(syn, 34, syn.length), 1);
});

test('its options are found', () => {
  assert.equal(options.mss(syn, options.find(syn, 34, options.MSS)), 1460);
  assert.equal(options.windowShift(syn, options.find(syn, 34, options.WINDOW_SCALE)), 6);
  assert.notEqual(options.find(syn, 34, options.SACK_PERMITTED), -1);
  const stamps = options.find(syn, 34, options.TIMESTAMPS);
  assert.equal(options.timestampValue(syn, stamps), 0x11223344);
  assert.equal(options.timestampEcho(syn, stamps), 0);
  assert.equal(options.find(syn, 34, options.SACK), -1);
});

test('the same SYN is built to the byte', () => {
  const bytes = syn.slice().fill(0xff, 34);
  tcp.write(bytes, 34, 1024, 80, 123, 0, tcp.FLAG_SYN, 65_535);
  let at = options.writeMss(bytes, options.first(34), 1460);
  at = options.writeNop(bytes, at);
  at = options.writeWindowScale(bytes, at, 6);
  at = options.writeSackPermitted(bytes, at);
  at = options.writeTimestamps(bytes, at, 0x11223344, 0);
  const end = options.finish(bytes, 34, at);
  tcp.fillChecksum4(bytes, 14, 34, end);
  assert.deepEqual(bytes, syn);
});

test('SACK blocks are read, and built to the byte', () => {
  const at = options.find(sack, 34, options.SACK);
  assert.equal(options.sackCount(sack, at), 2);
  assert.equal(options.sackLeft(sack, at, 0), 200);
  assert.equal(options.sackRight(sack, at, 0), 300);
  assert.equal(options.sackRight(sack, at, 1), -1);
  assert.equal(tcp.segmentLength(sack, 34, sack.length), 5);
  const bytes = new Uint8Array(18);
  assert.equal(options.writeSack(bytes, 0, 2), 18);
  options.setSackBlock(bytes, 0, 0, 200, 300);
  options.setSackBlock(bytes, 0, 1, 400, -1);
  assert.deepEqual(bytes, sack.slice(at, at + 18));
});

test('a segment over IPv6 gets its checksum', () => {
  const bytes = tcp6.slice();
  tcp.write(bytes, 54, 1024, 80, 123, 456, tcp.FLAG_ACK, 100);
  tcp.fillChecksum6(bytes, 14, 54, bytes.length);
  assert.deepEqual(bytes, tcp6);
});

test('malformed options end the walk', () => {
  const cases = [
    ['02 04 05 b4', 4],
    ['02 03 05 b4', 0],
    ['02 04 05', 0],
    ['02', 0],
    ['03 00', 0],
    ['04 02', 2],
    ['05 02', 0],
    ['05 09 00000000 00000000', 0],
    ['08 0a 00000000 00000000', 10],
    ['1e 01', 0],
    ['1e 02', 2],
    ['00', 1],
    ['01', 1],
  ] as const;
  for (const [text, length] of cases) {
    const bytes = fromHex(text);
    assert.equal(options.length(guard(bytes, 0, bytes.length), 0, bytes.length), length, text);
  }
});

test('what stands behind END is not an option', () => {
  const bytes = new Uint8Array(28);
  tcp.setHeaderLength(bytes, 0, 28);
  bytes.set(fromHex('01 01 01 00 02 04 05 b4'), 20);
  assert.equal(options.find(bytes, 0, options.MSS), -1);
});

test('any options are walked within the header', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 20, maxLength: 60 }), fc.nat(9), (bytes, kind) => {
      if (!tcp.valid(bytes, 0, bytes.length)) return;
      const at = options.find(guard(bytes, 0, bytes.length), 0, kind);
      assert.ok(at === -1 || (at >= 20 && at < tcp.headerLength(bytes, 0)));
    }),
  );
});

test('a header comes back as it was written', () => {
  const short = fc.nat(0xffff);
  fc.assert(
    fc.property(
      fc.tuple(short, short, fc.integer(), fc.integer(), fc.nat(255), short),
      ([from, to, sequence, acknowledgment, flags, window]) => {
        const bytes = new Uint8Array(24).fill(0xff);
        tcp.write(bytes, 2, from, to, sequence, acknowledgment, flags, window);
        assert.ok(tcp.valid(bytes, 2, 22));
        assert.equal(tcp.sourcePort(bytes, 2), from);
        assert.equal(tcp.destinationPort(bytes, 2), to);
        assert.equal(tcp.sequence(bytes, 2), sequence);
        assert.equal(tcp.acknowledgment(bytes, 2), acknowledgment);
        assert.equal(tcp.flags(bytes, 2), flags);
        assert.equal(tcp.window(bytes, 2), window);
        assert.equal(toHex(bytes.slice(22)), 'ffff');
      },
    ),
  );
});

test('SYN and FIN each take a sequence number', () => {
  const bytes = new Uint8Array(20);
  tcp.write(bytes, 0, 1, 2, 0, 0, tcp.FLAG_SYN | tcp.FLAG_FIN, 0);
  assert.equal(tcp.segmentLength(bytes, 0, 20), 2);
});

test('sequence numbers are compared modulo 2^32', () => {
  assert.ok(tcp.before(0xfffffff0 | 0, 5) && tcp.after(5, 0xfffffff0 | 0));
  assert.ok(tcp.before(0x7fffffff, 0x80000000 | 0));
  assert.ok(!tcp.before(7, 7) && !tcp.after(7, 7));
});
