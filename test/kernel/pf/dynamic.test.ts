// SPDX-License-Identifier: ISC
//
// What `(vr0)`, `(vr0:0)`, `(self)` and the like stand for, to rules and to pools.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InterfaceAddress } from '../../../appliance/kernel/link/interface.ts';
import { Interfaces } from '../../../appliance/kernel/link/interfaces.ts';
import { Dynamic, type DynamicEntry } from '../../../appliance/kernel/pf/dynamic.ts';
import { Kifs } from '../../../appliance/kernel/pf/kifs.ts';
import { icmpMessage, ip4, udp, word4, words6 } from '../../support/packets.ts';
import { LEFT, LEFT_OWN, RIGHT, RIGHT_OWN } from '../../support/router.ts';
import { Filter } from './filter.ts';

const LINK_LOCAL = 'fe80::1';
const GLOBAL = '2001:db8::1';

/** vr0 has a link-local address first, as interfaces do; vr1, of group lan, an IPv4 one. */
function dynamic(name: string, options: { network?: boolean; noAlias?: boolean; length?: number } = {}) {
  const interfaces = new Interfaces();
  const kifs = new Kifs(interfaces);
  const vr0 = interfaces.attach('vr0', 'ethernet', { output: () => 0 });
  const vr1 = interfaces.attach('vr1', 'ethernet', { output: () => 0 });
  interfaces.setGroup(vr1, 'lan', true);
  interfaces.addAddress(vr0, new InterfaceAddress(6, words6(LINK_LOCAL), 64));
  interfaces.addAddress(vr0, new InterfaceAddress(6, words6(GLOBAL), 64));
  interfaces.addAddress(vr1, new InterfaceAddress(4, [word4('192.0.2.1')], 24));
  const address = { kind: 'dynamic', interface: name, network: false, noAlias: false } as const;
  return new Dynamic({ ...address, broadcast: false, peer: false, ...options }, interfaces, kifs);
}

const plain = (entries: readonly DynamicEntry[]) =>
  entries.map(({ words, length }) => ({ words: [...words], length }));
const host6 = (text: string) => ({ words: [...words6(text)], length: 128 });

test('an interface means its link-local addresses too, to rules but not to pools', () => {
  const own = dynamic('vr0');
  assert.deepEqual(plain(own.entries(6)), [host6(LINK_LOCAL), host6(GLOBAL)]);
  assert.deepEqual(plain(own.routable(6)), [host6(GLOBAL)]);
  assert.equal(own.contains(6, Int32Array.from(words6(LINK_LOCAL))), true);
});

test('its first address and its networks are never link-local', () => {
  assert.deepEqual(plain(dynamic('vr0', { noAlias: true }).entries(6)), [host6(GLOBAL)]);
  assert.deepEqual(plain(dynamic('vr0', { network: true }).entries(6)), [
    { words: [...words6('2001:db8::')], length: 64 },
  ]);
});

test('a length cuts every address', () => {
  assert.deepEqual(plain(dynamic('vr0', { length: 16 }).entries(6)), [
    { words: [...words6('fe80::')], length: 16 },
    { words: [...words6('2001::')], length: 16 },
  ]);
});

test('self means every interface, a group its members', () => {
  const four = [{ words: [word4('192.0.2.1')], length: 32 }];
  for (const name of ['self', 'lan', 'vr1']) assert.deepEqual(plain(dynamic(name).entries(4)), four);
  assert.deepEqual(plain(dynamic('self').entries(6)), [host6(LINK_LOCAL), host6(GLOBAL)]);
  assert.deepEqual(plain(dynamic('lan').entries(6)), []);
});

test('a rule about (self) decides on packets to any address of ours', () => {
  const filter = new Filter('pass\nblock in proto icmp to (self)\n');
  const echo = (destination: string) =>
    filter.left(ip4({ source: LEFT, destination }, icmpMessage(8, 0, 0x10001)));
  assert.deepEqual([echo(LEFT_OWN), echo(RIGHT_OWN)], [[], []]);
  assert.equal(filter.left(ip4({ source: LEFT, destination: RIGHT }, udp(1, 2))).length, 1);
  filter.load('pass\n');
  assert.equal(echo(LEFT_OWN).length, 1);
});
