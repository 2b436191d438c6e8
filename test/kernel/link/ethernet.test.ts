// SPDX-License-Identifier: ISC
//
// Ethernet: whose frames are taken, 802.1Q tags and vlan interfaces, captures, counters of an interface.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError } from '../../../appliance/abi/errno.ts';
import { IFF_UP } from '../../../appliance/abi/interface.ts';
import * as arp from '../../../appliance/wire/arp.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import { expectFrames, expectNothing } from '../../support/expect.ts';
import { arpPacket, frame, icmpMessage, ip4, raw } from '../../support/packets.ts';
import { LEFT, LEFT_LINK, LEFT_OWN, Router, VR0_LINK } from '../../support/router.ts';

const EVERYONE = 'ff:ff:ff:ff:ff:ff';

function echo(source = LEFT, destination = LEFT_OWN) {
  return ip4({ source, destination }, icmpMessage(icmp.TYPE_ECHO, 0, 1, 'data'));
}

/** The answer to `echo`, its id taken out of what came. */
function answered(frames: readonly Uint8Array[]): number {
  return frames.filter((bytes) => bytes[23] === ipv4.PROTOCOL_ICMP && bytes[34] === icmp.TYPE_ECHO_REPLY)
    .length;
}

function interfaceOf(router: Router, name: string) {
  return router.host.call('interface.list', { name })[0]!;
}

test('frames for others are not for us; broadcasts and joined groups are', () => {
  const router = new Router();
  expectNothing(router.inject(frame({ to: '02:00:00:00:01:77', from: LEFT_LINK }, echo())).left);
  assert.deepEqual(router.host.moved(), { ether: { notForUs: 1 } });
  expectNothing(router.inject(frame({ to: '01:00:5e:7f:00:01', from: LEFT_LINK }, echo())).left);
  assert.deepEqual(router.host.moved(), { ether: { notForUs: 1 } });
  assert.equal(answered(router.inject(frame({ to: VR0_LINK, from: LEFT_LINK }, echo())).left), 1);
});

test('a unicast datagram in a broadcast frame is ours, but an echo request in it is not answered', () => {
  const router = new Router();
  assert.equal(answered(router.inject(frame({ to: EVERYONE, from: LEFT_LINK }, echo())).left), 0);
  assert.deepEqual(router.host.moved(), {
    ip: { received: 1, delivered: 1 },
    icmp: { received: 1, broadcastEcho: 1 },
  });
});

test('unknown types and frames that are cut are counted', () => {
  const router = new Router();
  router.inject(frame({ to: VR0_LINK, from: LEFT_LINK }, raw(0x88cc, 'lldp')));
  assert.deepEqual(router.host.moved(), { ether: { unknownType: 1 } });
  router.inject(frame({ to: VR0_LINK, from: LEFT_LINK }, raw(100, 'an 802.3 length')));
  assert.deepEqual(router.host.moved(), { ether: { unknownType: 1 } });
  router.inject(frame({ to: VR0_LINK, from: LEFT_LINK, vlan: 3 }, echo()).slice(0, 17));
  assert.deepEqual(router.host.moved(), { ether: { tooShort: 1 } });
});

test('an interface that is down takes nothing', () => {
  const router = new Router();
  router.host.call('interface.set', { name: 'vr0', up: false });
  expectNothing(router.inject(frame({ to: VR0_LINK, from: LEFT_LINK }, echo())).left);
  assert.deepEqual(router.host.moved(), { ether: { interfaceDown: 1 } });
});

test('vlan interfaces: tagged both ways, each with its own addresses and counters', () => {
  const router = new Router();
  router.host.call('interface.create', { name: 'vlan7' });
  router.host.call('interface.set', { name: 'vlan7', vlan: { tag: 7, parent: 'vr0' } });
  router.host.address('vlan7', '203.0.113.1/24');
  router.world.run(5_000_000);
  router.left.take();
  const question = arpPacket(
    arp.REQUEST,
    { link: LEFT_LINK, address: '203.0.113.9' },
    { address: '203.0.113.1' },
  );
  const reply = arpPacket(
    arp.REPLY,
    { link: VR0_LINK, address: '203.0.113.1' },
    { link: LEFT_LINK, address: '203.0.113.9' },
  );
  expectFrames(router.inject(frame({ to: EVERYONE, from: LEFT_LINK, vlan: 7, priority: 3 }, question)).left, [
    frame({ to: LEFT_LINK, from: VR0_LINK, vlan: 7 }, reply),
  ]);
  expectNothing(router.inject(frame({ to: EVERYONE, from: LEFT_LINK }, question)).left);
  const { left } = router.inject(
    frame({ to: VR0_LINK, from: LEFT_LINK, vlan: 7 }, echo('203.0.113.9', '203.0.113.1')),
  );
  assert.equal(left.length, 1);
  assert.deepEqual([...left[0]!.slice(12, 18)], [0x81, 0, 0, 7, 8, 0]);
  assert.equal(interfaceOf(router, 'vlan7').counters.inputPackets, 2);
  assert.deepEqual(interfaceOf(router, 'vlan7').vlan, { tag: 7, parent: 'vr0' });
  router.host.moved();
  expectNothing(router.inject(frame({ to: VR0_LINK, from: LEFT_LINK, vlan: 8 }, echo())).left);
  assert.deepEqual(router.host.moved(), { ether: { noVlan: 1 } });
});

test('a vlan interface lives on its parent’s carrier and Ethernet address', () => {
  const router = new Router();
  const { host } = router;
  host.call('interface.create', { name: 'vlan7' });
  host.call('interface.set', { name: 'vlan7', vlan: { tag: 7, parent: 'vr0' } });
  host.kernel.setLink(host.kernel.interfaces.get('vr0'), false);
  assert.equal(interfaceOf(router, 'vlan7').link, 'no carrier');
  host.kernel.setLink(host.kernel.interfaces.get('vr0'), true);
  assert.equal(interfaceOf(router, 'vlan7').link, 'active');
  host.call('interface.set', { name: 'vr0', linkAddress: [2, 0, 0, 0, 1, 0x99] });
  assert.deepEqual(interfaceOf(router, 'vlan7').linkAddress, [2, 0, 0, 0, 1, 0x99]);
});

test('interfaces that come and go leave nothing behind', () => {
  const router = new Router();
  const { host } = router;
  const before = host.call('route.list', { cursor: 0 }).items.length;
  for (let i = 0; i < 5000; i++) {
    host.call('interface.create', { name: 'vlan7' });
    host.call('interface.set', { name: 'vlan7', vlan: { tag: 7, parent: 'vr0' } });
    if (i % 1000 === 999) host.address('vlan7', '203.0.113.1/24');
    if (i < 4999) host.call('interface.destroy', { name: 'vlan7' });
  }
  const from = '203.0.113.9';
  const question = arpPacket(arp.REQUEST, { link: LEFT_LINK, address: from }, { address: '203.0.113.1' });
  router.left.take();
  assert.equal(
    router.inject(frame({ to: EVERYONE, from: LEFT_LINK, vlan: 7 }, question)).left.length > 0,
    true,
  );
  host.call('interface.destroy', { name: 'vlan7' });
  assert.equal(host.call('route.list', { cursor: 0 }).items.length, before);
});

test('tag 0 is only a priority', () => {
  const router = new Router();
  assert.equal(
    answered(router.inject(frame({ to: VR0_LINK, from: LEFT_LINK, vlan: 0, priority: 7 }, echo())).left),
    1,
  );
});

test('vlan interfaces are refused what makes no sense', () => {
  const router = new Router();
  const refuses = (act: () => unknown, code: string) =>
    assert.throws(act, (error) => error instanceof CallError && error.code === code);
  const { host } = router;
  host.call('interface.create', { name: 'vlan7' });
  host.call('interface.create', { name: 'vlan8' });
  host.call('interface.set', { name: 'vlan7', vlan: { tag: 7, parent: 'vr0' } });
  refuses(() => host.call('interface.create', { name: 'vlan7' }), 'EEXIST');
  refuses(() => host.call('interface.create', { name: 'em0' }), 'EINVAL');
  refuses(() => host.call('interface.set', { name: 'vlan8', vlan: { tag: 7, parent: 'vr0' } }), 'EEXIST');
  refuses(() => host.call('interface.set', { name: 'vlan8', vlan: { tag: 4095, parent: 'vr0' } }), 'EINVAL');
  refuses(() => host.call('interface.set', { name: 'vlan8', vlan: { tag: 9, parent: 'lo0' } }), 'EINVAL');
  refuses(() => host.call('interface.set', { name: 'vlan8', vlan: { tag: 9, parent: 'vr9' } }), 'ENXIO');
  refuses(() => host.call('interface.set', { name: 'vr0', mtu: 40 }), 'EINVAL');
  refuses(() => host.call('interface.destroy', { name: 'vr0' }), 'EINVAL');
  refuses(() => host.call('interface.set', { name: 'vr0', linkAddress: [1, 0, 0, 0, 0, 1] }), 'EINVAL');
});

test('a new Ethernet address is the source of what is sent, and the one listened to', () => {
  const router = new Router();
  router.host.call('interface.set', { name: 'vr0', linkAddress: [2, 0, 0, 0, 1, 0x99] });
  assert.equal(answered(router.inject(frame({ to: VR0_LINK, from: LEFT_LINK }, echo())).left), 0);
  const { left } = router.inject(frame({ to: '02:00:00:00:01:99', from: LEFT_LINK }, echo()));
  assert.equal(answered(left), 1);
  assert.deepEqual([...left[0]!.slice(6, 12)], [2, 0, 0, 0, 1, 0x99]);
});

test('an interface without ARP neither asks nor answers', () => {
  const router = new Router();
  router.host.call('interface.set', { name: 'vr0', noArp: true });
  const question = arpPacket(arp.REQUEST, { link: LEFT_LINK, address: LEFT }, { address: LEFT_OWN });
  expectNothing(router.inject(frame({ to: EVERYONE, from: LEFT_LINK }, question)).left);
  router.host.call('neighbor.flush', { family: 4 });
  expectNothing(router.inject(frame({ to: VR0_LINK, from: LEFT_LINK }, echo())).left);
});

// Captures.

test('a capture sees both directions, what is for others too, cut at its snap length', () => {
  const router = new Router();
  const { id, linkType } = router.host.call('capture.open', { interface: 'vr0', snaplen: 60 });
  assert.equal(linkType, 1);
  const other = frame({ to: '02:00:00:00:01:77', from: LEFT_LINK }, echo());
  router.inject(other);
  const start = router.world.now;
  const { left } = router.inject(frame({ to: VR0_LINK, from: LEFT_LINK }, raw(0x1234, 200)));
  expectNothing(left);
  const { count, records } = router.host.call('capture.read', { id });
  assert.equal(count, 2);
  const view = new DataView(records.buffer, records.byteOffset);
  expectFrames([records.slice(16, 16 + view.getUint32(8, true))], [other]);
  const second = 16 + other.length;
  assert.ok(view.getFloat64(second, true) >= start);
  assert.equal(view.getUint32(second + 8, true), 60);
  assert.equal(view.getUint32(second + 12, true), 214);
  assert.deepEqual(router.host.call('capture.read', { id }), { count: 0, records: new Uint8Array(0) });
  assert.deepEqual(router.host.call('capture.close', { id }), { received: 2, dropped: 0 });
});

test('a capture that nobody reads keeps what fits and counts the rest; it says once that there is something', () => {
  const router = new Router();
  const { id } = router.host.call('capture.open', { interface: 'vr0', snaplen: 65_535 });
  for (let i = 0; i < 4000; i++) router.inject(frame({ to: VR0_LINK, from: LEFT_LINK }, raw(0x1234, 1400)));
  assert.equal(router.host.events.filter((event) => event.event === 'capture.ready').length, 1);
  const { records } = router.host.call('capture.read', { id });
  assert.ok(records.length <= 4 * 1024 * 1024);
  const { received, dropped } = router.host.call('capture.close', { id });
  assert.equal(received, 4000);
  assert.ok(dropped > 0);
});

// What ifconfig sees.

test('interfaces as ifconfig lists them', () => {
  const router = new Router();
  const vr0 = interfaceOf(router, 'vr0');
  assert.equal(vr0.flags, 0x8843); // UP,BROADCAST,RUNNING,SIMPLEX,MULTICAST
  assert.equal(vr0.mtu, 1500);
  assert.equal(vr0.link, 'active');
  assert.deepEqual(vr0.groups, []);
  const [address] = vr0.addresses;
  assert.deepEqual(address?.broadcast?.words, [0xc00002ff | 0]);
  const lo0 = interfaceOf(router, 'lo0');
  assert.equal(lo0.flags, 0x8049); // UP,LOOPBACK,RUNNING,MULTICAST
  assert.deepEqual(lo0.groups, ['lo']);
  assert.equal(lo0.mtu, 32768);
  assert.equal(interfaceOf(router, 'lo').name, 'lo0'); // by group
});

test('carrier that goes is told, once', () => {
  const router = new Router();
  const on = router.host.kernel.interfaces.get('vr0');
  router.host.kernel.setLink(on, false);
  router.host.kernel.setLink(on, false);
  const states = router.host.events.filter((event) => event.event === 'interface.state');
  assert.deepEqual(states, [{ event: 'interface.state', data: { name: 'vr0', up: true, link: false } }]);
  assert.equal(interfaceOf(router, 'vr0').link, 'no carrier');
  assert.equal((interfaceOf(router, 'vr0').flags & IFF_UP) !== 0, true);
});

test('the main address is replaced, an alias is added', () => {
  const router = new Router();
  const set = (last: number, alias: boolean) =>
    router.host.call('interface.addAddress', {
      name: 'vr0',
      address: { family: 4, words: [0xcb007100 + last], length: 24 },
      alias,
    });
  const lasts = () =>
    interfaceOf(router, 'vr0')
      .addresses.filter((one) => one.family === 4)
      .map((one) => one.words[0]! & 255);
  set(1, false);
  set(2, true);
  assert.deepEqual(lasts(), [1, 2]);
  set(3, false);
  assert.deepEqual(lasts(), [3, 2]);
});
