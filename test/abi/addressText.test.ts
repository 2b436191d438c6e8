// SPDX-License-Identifier: ISC
//
// Addresses as text: RFC 5952 forms, hostile input, and agreement with the library that reads them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Address6 } from 'ip-address';
import { contains, ipv4, ipv6, network, sameAddress } from '../../appliance/abi/address.ts';
import {
  formatAddress,
  formatLinkAddress,
  formatPrefix,
  parseAddress,
  parseLinkAddress,
  parsePrefix,
} from '../../appliance/abi/addressText.ts';

const FORMS: readonly (readonly [string, string])[] = [
  ['192.0.2.253', '192.0.2.253'],
  ['0.0.0.0', '0.0.0.0'],
  ['255.255.255.255', '255.255.255.255'],
  ['3ffe::', '3ffe::'],
  ['3ffe:1::1', '3ffe:1::1'],
  ['::', '::'],
  ['::1', '::1'],
  // RFC 5952 4.2.2: one group of zeros is not shortened; 4.2.3: the longest run, the first of equal ones.
  ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
  ['2001:0db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
  ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
  ['2001:DB8::AbCd', '2001:db8::abcd'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
];

for (const [text, canonical] of FORMS) {
  test(`${text} reads and prints as ${canonical}`, () => {
    const address = parseAddress(text);
    assert.ok(address);
    assert.equal(formatAddress(address), canonical);
  });
}

for (const text of [
  '',
  '1.2.3',
  '1.2.3.256',
  '1.2.3.4.5',
  '::1::',
  '12345::',
  'fe80::1%vr0',
  '10.0.0.1/8',
  'host',
  ':',
  '1.2.3.4 ',
]) {
  test(`'${text}' is not an address`, () => assert.equal(parseAddress(text), undefined));
}

for (const text of ['10.0.0.0/33', '10.0.0.0/', '3ffe::/129', '10.0.0.0/-1', '10.0.0.0/8/8', '/8']) {
  test(`'${text}' is not a prefix`, () => assert.equal(parsePrefix(text), undefined));
}

test('a prefix keeps its host bits until its network is asked for', () => {
  const prefix = parsePrefix('192.0.2.253/25')!;
  assert.equal(formatPrefix(prefix), '192.0.2.253/25');
  assert.equal(formatPrefix(network(prefix)), '192.0.2.128/25');
  assert.ok(contains(prefix, parseAddress('192.0.2.129')!));
  assert.ok(!contains(prefix, parseAddress('192.0.2.1')!));
  assert.ok(!contains(prefix, parseAddress('::')!));
});

test('every IPv4 word prints and reads back', () => {
  fc.assert(
    fc.property(fc.integer(), (word) => {
      const address = ipv4(word);
      assert.ok(sameAddress(parseAddress(formatAddress(address))!, address));
    }),
  );
});

test('every IPv6 address prints as the library prints it, and reads back', () => {
  const word = fc.oneof(fc.integer(), fc.constant(0), fc.constant(1), fc.constant(0x10000));
  fc.assert(
    fc.property(word, word, word, word, (a, b, c, d) => {
      fc.pre(!(a === 0 && b === 0)); // forms with embedded IPv4 are a matter of taste
      const address = ipv6(a, b, c, d);
      const text = formatAddress(address);
      assert.ok(sameAddress(parseAddress(text)!, address));
      assert.equal(new Address6(text).correctForm(), text);
    }),
  );
});

test('Ethernet addresses', () => {
  assert.deepEqual(parseLinkAddress('02:0:5e:A0:01:ff'), [2, 0, 0x5e, 0xa0, 1, 255]);
  assert.equal(formatLinkAddress([2, 0, 0x5e, 0xa0, 1, 255]), '02:00:5e:a0:01:ff');
  for (const text of ['02:00:5e:a0:01', '02:00:5e:a0:01:fff', '02-00-5e-a0-01-ff', '02:00:5e:a0:01:g0']) {
    assert.equal(parseLinkAddress(text), undefined);
  }
});
