// SPDX-License-Identifier: ISC
//
// The IPv4 header on a captured one: fields, each refusal, the hop, fragment word, options.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import { carp } from '../support/frames.ts';
import { fromHex } from '../support/hex.ts';

/** From a capture: 10.99.7.1 > 224.0.0.18, DF, low delay. */
const header = carp.slice(14, 34);

test('a captured header is read field by field', () => {
  assert.equal(ipv4.version(header, 0), 4);
  assert.equal(ipv4.headerLength(header, 0), 20);
  assert.equal(ipv4.typeOfService(header, 0), 0x10);
  assert.equal(ipv4.totalLength(header, 0), 56);
  assert.equal(ipv4.identification(header, 0), 0xf1aa);
  assert.equal(ipv4.dontFragment(header, 0), true);
  assert.equal(ipv4.moreFragments(header, 0), false);
  assert.equal(ipv4.fragmentOffset(header, 0), 0);
  assert.equal(ipv4.isFragment(header, 0), false);
  assert.equal(ipv4.ttl(header, 0), 255);
  assert.equal(ipv4.protocol(header, 0), ipv4.PROTOCOL_CARP);
  assert.equal(ipv4.checksum(header, 0), 0x9824);
  assert.equal(ipv4.source(header, 0), 0x0a630701);
  assert.equal(ipv4.destination(header, 0), 0xe0000012 | 0);
});

test('the same header is built to the byte', () => {
  const bytes = new Uint8Array(20).fill(0xff);
  ipv4.write(bytes, 0, 0x10, 56, 0xf1aa, ipv4.FRAGMENT_DF, 255, 112, 0x0a630701, 0xe0000012 | 0);
  assert.deepEqual(bytes, header);
});

test('each check has its answer, in the order of ip_input', () => {
  const cases: readonly (readonly [string, (packet: Uint8Array) => Uint8Array, number])[] = [
    ['whole', (packet) => packet, ipv4.OK],
    ['19 bytes of another version', (packet) => set(packet.slice(0, 19), 0, 0x65), ipv4.TOO_SMALL],
    ['version 6', (packet) => set(packet, 0, 0x65), ipv4.BAD_VERSION],
    ['header of 16', (packet) => set(packet, 0, 0x44), ipv4.BAD_HEADER_LENGTH],
    ['header beyond the end', (packet) => set(packet.slice(0, 20), 0, 0x46), ipv4.BAD_HEADER_LENGTH],
    ['a flipped bit', (packet) => set(packet, 8, 254), ipv4.BAD_CHECKSUM],
    ['total below header', (packet) => total(packet, 19), ipv4.BAD_LENGTH],
    ['total beyond the end', (packet) => total(packet, 57), ipv4.TOO_SHORT],
    ['total before the end', (packet) => total(packet, 40), ipv4.OK],
  ];
  for (const [name, change, expected] of cases) {
    const packet = change(carp.slice(14));
    assert.equal(ipv4.valid(packet, 0, packet.length), expected, name);
  }
});

function set(packet: Uint8Array, at: number, value: number): Uint8Array {
  packet[at] = value;
  return packet;
}

function total(packet: Uint8Array, length: number): Uint8Array {
  ipv4.setTotalLength(packet, 0, length);
  ipv4.fillChecksum(packet, 0);
  return packet;
}

test('a header comes back as it was written', () => {
  const byte = fc.nat(255);
  const short = fc.nat(0xffff);
  fc.assert(
    fc.property(
      fc.tuple(
        byte,
        fc.integer({ min: 20, max: 65_535 }),
        short,
        short,
        byte,
        byte,
        fc.integer(),
        fc.integer(),
      ),
      ([tos, length, id, fragment, ttl, protocol, source, destination]) => {
        const bytes = new Uint8Array(24);
        ipv4.write(bytes, 4, tos, length, id, fragment, ttl, protocol, source, destination);
        const answer = ipv4.valid(bytes, 4, 24);
        assert.equal(answer, length > 20 ? ipv4.TOO_SHORT : ipv4.OK);
        assert.equal(ipv4.typeOfService(bytes, 4), tos);
        assert.equal(ipv4.totalLength(bytes, 4), length);
        assert.equal(ipv4.identification(bytes, 4), id);
        assert.equal(ipv4.fragment(bytes, 4), fragment);
        assert.equal(ipv4.ttl(bytes, 4), ttl);
        assert.equal(ipv4.protocol(bytes, 4), protocol);
        assert.equal(ipv4.source(bytes, 4), source);
        assert.equal(ipv4.destination(bytes, 4), destination);
      },
    ),
  );
});

test('a hop keeps the checksum good', () => {
  fc.assert(
    fc.property(fc.nat(0xffff), fc.integer({ min: 1, max: 255 }), fc.nat(255), (id, ttl, protocol) => {
      const bytes = new Uint8Array(20);
      ipv4.write(bytes, 0, 0, 20, id, 0, ttl, protocol, 0x0a000001, 0x0a000002);
      ipv4.decrementTtl(bytes, 0);
      assert.equal(ipv4.ttl(bytes, 0), ttl - 1);
      assert.equal(ipv4.protocol(bytes, 0), protocol);
      assert.equal(ipv4.valid(bytes, 0, 20), ipv4.OK);
    }),
  );
});

test('the fragment word', () => {
  const cases = [
    [0x4000, true, false, 0, false],
    [0x2000, false, true, 0, true],
    [0x20b9, false, true, 1480, true],
    [0x00b9, false, false, 1480, true],
    [0x1fff, false, false, 65_528, true],
  ] as const;
  for (const [word, dont, more, offset, fragment] of cases) {
    const bytes = header.slice();
    ipv4.setFragment(bytes, 0, word);
    assert.equal(ipv4.dontFragment(bytes, 0), dont);
    assert.equal(ipv4.moreFragments(bytes, 0), more);
    assert.equal(ipv4.fragmentOffset(bytes, 0), offset);
    assert.equal(ipv4.isFragment(bytes, 0), fragment);
  }
});

test('options are walked and malformed ones end the walk', () => {
  const cases = [
    ['94 04 00 00', [4]],
    ['01 07 07 04 00 00 00 00', [1, 7]],
    ['44 01 00 00', [0]],
    ['83 00 00 00', [0]],
    ['01 01 01 07', [1, 1, 1, 0]],
    ['07 05 04 00', [0]],
  ] as const;
  for (const [text, lengths] of cases) {
    const bytes = fromHex(text);
    const found: number[] = [];
    for (let at = 0; at < bytes.length; at += found.at(-1)!) {
      found.push(ipv4.optionLength(bytes, at, bytes.length));
      if (found.at(-1) === 0 || bytes[at] === ipv4.OPTION_END) break;
    }
    assert.deepEqual(found, lengths, text);
  }
});

test('kinds of address', () => {
  const of = (a: number, b: number, c: number, d: number) => (a << 24) | (b << 16) | (c << 8) | d;
  assert.ok(ipv4.isMulticast(of(224, 0, 0, 0)) && ipv4.isMulticast(of(239, 255, 255, 255)));
  assert.ok(!ipv4.isMulticast(of(223, 255, 255, 255)) && !ipv4.isMulticast(of(240, 0, 0, 0)));
  assert.ok(ipv4.isLoopback(of(127, 9, 9, 9)) && !ipv4.isLoopback(of(128, 0, 0, 1)));
  assert.ok(ipv4.isExperimental(of(240, 0, 0, 1)) && ipv4.isExperimental(ipv4.BROADCAST));
  assert.ok(ipv4.isThisNetwork(ipv4.ANY) && !ipv4.isThisNetwork(of(1, 0, 0, 0)));
});
