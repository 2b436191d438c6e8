// SPDX-License-Identifier: ISC
//
// carp's HMAC on captured advertisements and on computed ones: what is hashed, in which order, with which key.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePrefix } from '../../../appliance/abi/addressText.ts';
import { hmacSha1 } from '../../../appliance/host/cryptography.ts';
import { digest, keyOf, messageOf, sameDigest } from '../../../appliance/kernel/carp/digest.ts';
import { Interface, InterfaceAddress } from '../../../appliance/kernel/link/interface.ts';
import { fromHex, toHex } from '../../support/hex.ts';

const NOWHERE = { output: () => 0 };

function interfaceWith(addresses: readonly string[]): Interface {
  const on = new Interface('carp0', 1, 'carp', NOWHERE);
  on.addresses = addresses.map((text) => {
    const prefix = parsePrefix(text)!;
    return new InterfaceAddress(prefix.family, prefix.words, prefix.length);
  });
  return on;
}

interface Case {
  readonly addresses: readonly string[];
  readonly digest: string;
  readonly vhid?: number;
  readonly passphrase?: string;
  readonly counter?: readonly [number, number];
  readonly lladdr?: string;
  readonly linkLocal?: boolean;
}

function check(one: Case): void {
  const key = keyOf(one.passphrase ?? 'carp-Secret7');
  const lladdr = one.lladdr === undefined ? undefined : fromHex(one.lladdr);
  const source = { on: interfaceWith(one.addresses), key, lladdr };
  const message = messageOf(source, one.vhid ?? 7, one.linkLocal ?? false);
  const [high, low] = one.counter ?? [0x01020304, 0x05060708];
  const made = digest(hmacSha1, key, message, high, low);
  assert.equal(toHex(made), one.digest);
  assert.ok(sameDigest(Uint8Array.of(9, ...made), 1, fromHex(one.digest)));
  assert.ok(!sameDigest(Uint8Array.of(9, ...made), 0, fromHex(`${one.digest}`)));
}

const LINK_LOCAL = 'fe80::200:5eff:fe00:107';
const COMPUTED: Readonly<Record<string, Case>> = {
  'one address': { addresses: ['10.99.7.100'], digest: 'ad0a4b4f197193cdf8cd22ab1cf576bb32ebb833' },
  'two, in whatever order they were set': {
    addresses: ['10.99.7.100', '10.99.7.20'],
    digest: 'b9c8cc36c0d5e001eddc776c5c890a11133c9caf',
  },
  'both families': {
    addresses: ['2001:db8:7::100', '10.99.7.100'],
    digest: '8e656e4062478664f00f2162be5df614c4845504',
  },
  'IPv6 alone': { addresses: ['2001:db8:7::100'], digest: '4a8651554f6d1434779cad4413c1def28098feb2' },
  'a link-local address is left out': {
    addresses: [LINK_LOCAL, '10.99.7.100', '2001:db8:7::100'],
    digest: '8e656e4062478664f00f2162be5df614c4845504',
  },
  'a link-local address, as some send it': {
    addresses: [LINK_LOCAL, '10.99.7.100', '2001:db8:7::100'],
    digest: '1d766ea6c5d86d8c1fb49e0113faa920efcb6f49',
    linkLocal: true,
  },
  'an Ethernet address of its own': {
    addresses: ['10.99.7.100'],
    lladdr: '0200000000aa',
    digest: '7c737b4838a2f7f03048429d7f825d1f0292f2ba',
  },
  'no passphrase': {
    addresses: ['192.0.2.1'],
    vhid: 1,
    passphrase: '',
    digest: 'd497f350f433ccc33c5e0b50223a2cada05b081b',
  },
};
/** ucarp 1.5.2: counters and digests of its own. */
const CAPTURED = [
  [0x7a443d9b, 0xe25375d9, '2c7c11c31afb9c4ac2173fd510c975aa7b8194e1'],
  [0x0746eaee, 0x75d4a3d1, 'b9193d8501ffb3f7a5ecc40fb03bb62c2bc5bcab'],
  [0xc1f5be3b, 0x88a18491, '0bb9de73d3415447f2a34dad2500c5f83be3761a'],
  [0x86de3269, 0x5315888f, '5729897eb396e4d25cf63176f05527aaef3c916c'],
  [0x86de3269, 0x53158890, '3eedaae878cac724a5bc672516d45f8b4dc46b4f'],
  [0x86de3269, 0x53158891, 'f8f62c0a0c91f6738379c2c6d57903df17b0449a'],
] as const;

describe('computed', () => {
  for (const [name, one] of Object.entries(COMPUTED)) test(name, () => check(one));
});

describe('captured', () => {
  for (const [high, low, wanted] of CAPTURED) {
    test(wanted, () => check({ addresses: ['10.99.7.100'], counter: [high, low], digest: wanted }));
  }
});

test('19 bytes of a passphrase count', () => {
  assert.equal(keyOf('1234567890123456789').length, 19);
  assert.deepEqual(keyOf('12345678901234567890'), keyOf('1234567890123456789'));
  assert.deepEqual(keyOf('ä€𝄞'), new TextEncoder().encode('ä€𝄞'));
});
