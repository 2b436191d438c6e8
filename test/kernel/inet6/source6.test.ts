// SPDX-License-Identifier: ISC
//
// Source address selection (RFC 6724 5), with that RFC's examples (10.1) and the article's balancer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, parsePrefix } from '../../../appliance/abi/addressText.ts';
import { selectSource } from '../../../appliance/kernel/inet6/source6.ts';
import { Interface, InterfaceAddress } from '../../../appliance/kernel/link/interface.ts';
import { words6 } from '../../support/packets.ts';

const NOWHERE = { output: () => 0 };

function link(name: string, index: number, addresses: readonly string[]): Interface {
  const on = new Interface(name, index, 'ethernet', NOWHERE);
  on.addresses = addresses.map((text) => {
    const [prefix, ...words] = text.split(' ');
    const { words: bits, length } = parsePrefix(prefix!)!;
    const address = new InterfaceAddress(6, bits, length, { anycast: words.includes('anycast') });
    if (words.includes('tentative')) address.state = 'tentative';
    return address;
  });
  return on;
}

/** Addresses of the interface that the packet leaves by, those of another one, the destination, and what is chosen. */
const CASES: readonly (readonly [readonly string[], readonly string[], string, string | undefined])[] = [
  [['2001:db8:3::1/64', 'fe80::1/64'], [], '2001:db8:1::1', '2001:db8:3::1'],
  [['2001:db8:3::1/64', 'fe80::1/64'], [], 'ff05::1', '2001:db8:3::1'],
  [['fe80::1/64'], ['2001:db8:3::1/64'], 'ff02::1', 'fe80::1'],
  [['2001:db8:1::1/64', '2001:db8:2::1/64'], [], '2001:db8:1::2', '2001:db8:1::1'],
  [['2001:db8:2::1/64', '2001:db8:1::1/64'], [], '2001:db8:1::2', '2001:db8:1::1'],
  [['2001:db8:3::2/64', 'fe80::2/64'], [], 'fe80::1', 'fe80::2'],
  [['2002:c633:6401::d5e3/64', '2001:db8:1::1/64'], [], '2002:c633:6401::1', '2002:c633:6401::d5e3'],
  [['fd00::1/64', '2001:db8:1::1/64'], [], 'fd11::1', 'fd00::1'],
  [['2001:db8:1::1/64 tentative', '2001:db8:2::1/64'], [], '2001:db8:1::2', '2001:db8:2::1'],
  [['2001:db8:1::/64 anycast', '2001:db8:2::1/64'], [], '2001:db8:1::2', '2001:db8:2::1'],
  [['fe80::1/64'], ['2001:db8:3::1/64'], '2001:db8:1::1', '2001:db8:3::1'],
  [['2001:db8:1::1/64'], ['2001:db8:1::99/128'], '2001:db8:1::99', '2001:db8:1::99'],
  [['fe80::1/64'], ['fe80::2/64'], '2001:db8:1::1', 'fe80::1'],
  [[], ['::1/128', 'fe80::2/64'], '2001:db8:1::1', undefined],
  // The balancer of the article, and a server that has the balancer's address on loopback.
  [['3ffe:1::1/64', '3ffe:2::1/64', 'fe80::1/64'], [], '3ffe:2::10', '3ffe:2::1'],
  [['3ffe:2::10/64', 'fe80::1/64'], ['3ffe:1::1/128', '::1/128'], '3ffe::1', '3ffe:2::10'],
  [['3ffe::/64', 'fe80::1/64'], [], '3ffe::1', '3ffe::'],
];

for (const [own, other, destination, chosen] of CASES) {
  test(`${own} | ${other} to ${destination}: ${chosen}`, () => {
    const out = link('vr0', 1, own);
    const local = selectSource([out, link('vr1', 2, other)], out, Int32Array.from(words6(destination)));
    const words = local && [...local.address.words];
    assert.equal(words && formatAddress({ family: 6, words }), chosen);
  });
}
