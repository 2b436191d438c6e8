// SPDX-License-Identifier: ISC
//
// The fixed IPv6 header and the kinds of address.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as ipv6 from '../../appliance/wire/ipv6.ts';
import { tcp6 } from '../support/frames.ts';
import { fromHex, toHex } from '../support/hex.ts';

test('a header is read field by field', () => {
  const header = fromHex(`6 b 1 23456 0014 06 40 ${'20010db8'.repeat(4)} ${'ff020000'.repeat(4)}`);
  assert.equal(ipv6.version(header, 0), 6);
  assert.equal(ipv6.trafficClass(header, 0), 0xb1);
  assert.equal(ipv6.flowLabel(header, 0), 0x23456);
  assert.equal(ipv6.payloadLength(header, 0), 20);
  assert.equal(ipv6.nextHeader(header, 0), 6);
  assert.equal(ipv6.hopLimit(header, 0), 64);
  assert.equal(ipv6.sourceWord(header, 0, 3), 0x20010db8);
  assert.equal(ipv6.destinationWord(header, 0, 0), 0xff020000 | 0);
});

test('a header comes back as it was written', () => {
  const words = fc.array(fc.integer(), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(
      fc.nat(255),
      fc.nat(0xfffff),
      fc.nat(0xffff),
      fc.nat(255),
      fc.nat(255),
      words,
      (traffic, flow, length, next, hops, address) => {
        const bytes = new Uint8Array(42);
        ipv6.write(bytes, 2, traffic, flow, length, next, hops);
        for (let i = 0; i < 4; i++) {
          ipv6.setSourceWord(bytes, 2, i, address[i]!);
          ipv6.setDestinationWord(bytes, 2, i, address[4 + i]!);
        }
        assert.equal(ipv6.version(bytes, 2), 6);
        assert.equal(ipv6.trafficClass(bytes, 2), traffic);
        assert.equal(ipv6.flowLabel(bytes, 2), flow);
        assert.equal(ipv6.payloadLength(bytes, 2), length);
        assert.equal(ipv6.nextHeader(bytes, 2), next);
        assert.equal(ipv6.hopLimit(bytes, 2), hops);
        for (let i = 0; i < 4; i++) {
          assert.equal(ipv6.sourceWord(bytes, 2, i), address[i]);
          assert.equal(ipv6.destinationWord(bytes, 2, i), address[4 + i]);
        }
      },
    ),
  );
});

test('a new traffic class leaves the flow label', () => {
  const header = fromHex('600abcde 0000 3b 40');
  ipv6.setTrafficClass(header, 0, 0x28);
  assert.equal(toHex(header), '628abcde00003b40');
});

test('each check has its answer', () => {
  const packet = tcp6.slice(14);
  assert.equal(ipv6.valid(packet, 0, 60), ipv6.OK);
  assert.equal(ipv6.valid(packet, 0, 59), ipv6.TOO_SHORT);
  assert.equal(ipv6.valid(packet, 0, 39), ipv6.TOO_SMALL);
  packet[0] = 0x40;
  assert.equal(ipv6.valid(packet, 0, 60), ipv6.BAD_VERSION);
});

test('addresses are compared and moved whole', () => {
  const packet = tcp6.slice(14);
  const [source, destination] = [ipv6.sourceAt(0), ipv6.destinationAt(0)];
  assert.ok(!ipv6.sameAddress(packet, source, packet, destination));
  ipv6.copyAddress(packet, source, packet, destination);
  assert.ok(ipv6.sameAddress(packet, source, packet, destination));
  ipv6.setAddress(packet, destination, 0xff020000 | 0, 0, 0, 1);
  assert.equal(ipv6.addressWord(packet, destination, 3), 1);
  assert.equal(toHex(packet.slice(24, 40)), `ff02${'0'.repeat(27)}1`);
});

test('kinds of address', () => {
  assert.ok(ipv6.isMulticast(0xff020000 | 0) && !ipv6.isMulticast(0xfe800000 | 0));
  assert.equal(ipv6.multicastScope(0xff050000 | 0), ipv6.SCOPE_SITE_LOCAL);
  assert.ok(ipv6.isLinkLocal(0xfe800000 | 0) && ipv6.isLinkLocal(0xfebfffff | 0));
  assert.ok(!ipv6.isLinkLocal(0xfec00000 | 0) && !ipv6.isLinkLocal(0xfe7fffff | 0));
  assert.ok(ipv6.isUnspecified(0, 0, 0, 0) && !ipv6.isUnspecified(0, 0, 0, 1));
  assert.ok(ipv6.isLoopback(0, 0, 0, 1) && !ipv6.isLoopback(0, 0, 0, 0));
  assert.ok(ipv6.isV4Mapped(0, 0, 0xffff) && !ipv6.isV4Mapped(0, 0, 0));
  assert.equal(ipv6.solicitedNodeWord3(0x123400fd), 0xff3400fd | 0);
});
