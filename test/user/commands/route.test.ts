// SPDX-License-Identifier: ISC
//
// What `route show` and `netstat -r` print, on the article's load balancer: relayd's first checks have gone out.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { isLinkLocal } from '../../../appliance/abi/address.ts';
import { formatAddress } from '../../../appliance/abi/addressText.ts';
import { LabWorld } from '../../support/labWorld.ts';

const INTERNET = `Routing tables

Internet:
Destination        Gateway            Flags   Refs      Use   Mtu  Prio Iface
default            192.0.2.254        UGS        0        0     -     8 vr0
10.0.0/24          10.0.0.1           UCn        0        2     -     4 vr0
10.0.0.1           02:ab:69:1e:60:2c  UHLl       0        0     -     1 vr0
10.0.0.255         10.0.0.1           UHb        0        0     -     1 vr0
127/8              127.0.0.1          UGRS       0        0 32768     8 lo0
127.0.0.1          127.0.0.1          UHLl       0        0 32768     1 lo0
192.0.2.128/25     192.0.2.253        UCn        0        0     -     4 vr0
192.0.2.253        02:ab:69:1e:60:2c  UHLl       0        0     -     1 vr0
192.0.2.255        192.0.2.253        UHb        0        0     -     1 vr0
`;
const INTERNET6 = `Routing tables

Internet6:
Destination                        Gateway                        Flags   Refs      Use   Mtu  Prio Iface
default                            3ffe:1::                       UGS        0        0     -     8 vr0
::1                                ::1                            UHLl       0        0 32768     1 lo0
3ffe:1::/64                        3ffe:1::1                      UCn        0        0     -     4 vr0
3ffe:1::1                          02:ab:69:1e:60:2c              UHLl       0        0     -     1 vr0
3ffe:2::/64                        3ffe:2::1                      UCn        0        2     -     4 vr0
3ffe:2::1                          02:ab:69:1e:60:2c              UHLl       0        0     -     1 vr0
fe80::%vr0/64                      fe80::ab:69ff:fe1e:602c%vr0    UCn        0        0     -     4 vr0
fe80::1%lo0                        fe80::1%lo0                    UHLl       0        0 32768     1 lo0
fe80::ab:69ff:fe1e:602c%vr0        02:ab:69:1e:60:2c              UHLl       0        0     -     1 vr0
`;

let lab: LabWorld;
before(async () => {
  lab = await LabWorld.boot('dsr', 1);
});

const atBalancer = (...words: string[]) => lab.host('lb').command(...words);

test('route -n show -inet', async () =>
  assert.equal(await atBalancer('route', '-n', 'show', '-inet'), INTERNET));
test('route -n show -inet6', async () =>
  assert.equal(await atBalancer('route', '-n', 'show', '-inet6'), INTERNET6));
test('netstat -rn shows the same', async () =>
  assert.equal(await atBalancer('netstat', '-rn', '-f', 'inet'), INTERNET));
test('a link-local gateway is shown with its zone', async () => {
  await atBalancer('route', 'add', '-inet6', '2001:db8::/32', 'fe80::1%vr0');
  assert.match(await atBalancer('route', '-n', 'show'), /^2001:db8::\/32 +fe80::1%vr0 +UGS .* vr0$/m);
});
test('a neighbour is pinged by its link-local address', async () => {
  const [vr0] = lab.host('router').host.call('interface.list', { name: 'vr0' });
  const address = formatAddress(vr0!.addresses.find(isLinkLocal)!);
  const answer = lab.host('lb').command('ping6', '-c', '1', '-w', '1', `${address}%vr0`);
  await lab.world.live(100_000);
  assert.match(await answer, new RegExp(`64 bytes from ${address}%vr0: icmp_seq=0 hlim=64 `));
  assert.match(await atBalancer('ping6', '-c', '1', address), /which link\? \(fe80::.*%INTERFACE\)/);
});

test('networks in short, and masks that are none', async () => {
  const add = (...words: string[]) => atBalancer('route', 'add', ...words, '10.0.0.10');
  assert.equal(await add('10.7/16'), 'add net 10.7.0.0/16: gateway 10.0.0.10\n');
  assert.equal(await add('11', '-netmask', '255.0.0.0'), 'add net 11.0.0.0/8: gateway 10.0.0.10\n');
  assert.match(await atBalancer('route', '-n', 'show', '-inet'), /^11\/8 +10\.0\.0\.10 /m);
  for (const words of [
    ['12/33'],
    ['12'],
    ['12.0.0.0', '-netmask', 'ffff:ff00::'],
    ['12.0.0.0', '-prefixlen', '33'],
  ]) {
    assert.match(await add(...words), /bad (value|netmask|prefix length)/);
  }
});
