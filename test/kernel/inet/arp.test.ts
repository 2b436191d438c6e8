// SPDX-License-Identifier: ISC
//
// ARP: asking, answering, holding packets meanwhile, refreshing, forgetting; what is told of conflicts (RFC 826, RFC 1122 2.3.2, RFC 5227).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipv4 as address } from '../../../appliance/abi/address.ts';
import type { NeighborEvents } from '../../../appliance/abi/neighbor.ts';
import * as arp from '../../../appliance/wire/arp.ts';
import { expectFrames, expectNothing } from '../../support/expect.ts';
import { arpPacket, frame, type Ip4Header, ip4, udp, word4 } from '../../support/packets.ts';
import {
  LEFT,
  LEFT_LINK,
  LEFT_OWN,
  RIGHT_OWN,
  Router,
  toRight,
  VR0_LINK,
  VR1_LINK,
} from '../../support/router.ts';
import { World } from '../../support/world.ts';

const SECOND = 1_000_000;
const EVERYONE = 'ff:ff:ff:ff:ff:ff';
const NEIGHBOR = '198.51.100.77';
const NEIGHBOR_LINK = '02:00:00:00:bb:77';

function across(header: Partial<Ip4Header> = {}, text = 'hello') {
  return ip4({ source: LEFT, destination: NEIGHBOR, ...header }, udp(1024, 53, text));
}

/** The router asks for a neighbour on the right. */
const question = frame(
  { to: EVERYONE, from: VR1_LINK },
  arpPacket(arp.REQUEST, { link: VR1_LINK, address: RIGHT_OWN }, { address: NEIGHBOR }),
);

const answer = frame(
  { to: VR1_LINK, from: NEIGHBOR_LINK },
  arpPacket(arp.REPLY, { link: NEIGHBOR_LINK, address: NEIGHBOR }, { link: VR1_LINK, address: RIGHT_OWN }),
);

function toNeighbor(network: ReturnType<typeof across>): Uint8Array {
  return frame({ to: NEIGHBOR_LINK, from: VR1_LINK }, network);
}

function request(sender: string, target: string, from = LEFT_LINK): Uint8Array {
  return frame(
    { to: EVERYONE, from },
    arpPacket(arp.REQUEST, { link: from, address: sender }, { address: target }),
  );
}

function conflicts(router: Router): NeighborEvents['neighbor.conflict'][] {
  return router.host.events.flatMap((event) => (event.event === 'neighbor.conflict' ? [event.data] : []));
}

test('an unknown neighbour is asked for; the packets wait, and go in their order', () => {
  const router = new Router();
  const first = router.fromLeft(across({ id: 1 }));
  expectFrames(first.right, [question]);
  expectNothing(router.fromLeft(across({ id: 2 })).right);
  router.right.send(answer);
  router.world.run(1000);
  expectFrames(router.right.take(), [
    toNeighbor(across({ id: 1, ttl: 63 })),
    toNeighbor(across({ id: 2, ttl: 63 })),
  ]);
  expectFrames(router.fromLeft(across({ id: 3 })).right, [toNeighbor(across({ id: 3, ttl: 63 }))]);
});

test('of too many packets that wait the newest are kept (RFC 1122 2.3.2.2)', () => {
  const router = new Router();
  for (let id = 1; id <= 30; id++) router.fromLeft(across({ id }));
  router.right.send(answer);
  router.world.run(1000);
  const sent = router.right.take();
  assert.ok(sent.length > 0 && sent.length <= 16);
  expectFrames(sent.slice(-1), [toNeighbor(across({ id: 30, ttl: 63 }))]);
  assert.equal(router.host.moved().arp?.dropped, 30 - sent.length);
});

test('who does not answer is asked five times, a second apart, then is down for 20 s and the sender is told', () => {
  const router = new Router();
  router.fromLeft(across());
  router.world.run(10 * SECOND);
  assert.equal(router.right.take().length, 4);
  const refused = router.fromLeft(across());
  expectNothing(refused.right);
  assert.equal(refused.left.length, 1); // host unreachable
  router.world.run(21 * SECOND);
  expectFrames(router.fromLeft(across()).right, [question]);
});

test('questions for our addresses are answered, on their own interface only', () => {
  const router = new Router();
  const reply = frame(
    { to: LEFT_LINK, from: VR0_LINK },
    arpPacket(arp.REPLY, { link: VR0_LINK, address: LEFT_OWN }, { link: LEFT_LINK, address: LEFT }),
  );
  expectFrames(router.inject(request(LEFT, LEFT_OWN)).left, [reply]);
  expectNothing(router.inject(request(LEFT, RIGHT_OWN)).left);
  expectNothing(router.inject(request(LEFT, '192.0.2.200')).left);
});

test('a probe from nobody is answered (RFC 5227 2.1.1), and nothing is learnt from it', () => {
  const router = new Router();
  const reply = frame(
    { to: LEFT_LINK, from: VR0_LINK },
    arpPacket(arp.REPLY, { link: VR0_LINK, address: LEFT_OWN }, { link: LEFT_LINK, address: '0.0.0.0' }),
  );
  expectFrames(router.inject(request('0.0.0.0', LEFT_OWN)).left, [reply]);
  assert.ok(!router.host.call('neighbor.list', { family: 4 }).some((one) => one.address.words[0] === 0));
});

test('only who speaks to us gets an entry; who has one is heard in any case (RFC 826)', () => {
  const router = new Router();
  const known = () => router.host.call('neighbor.list', { family: 4 }).length;
  const before = known();
  router.inject(request('192.0.2.50', '192.0.2.51', '02:00:00:00:aa:50'));
  assert.equal(known(), before);
  router.inject(request('192.0.2.50', LEFT_OWN, '02:00:00:00:aa:50'));
  assert.equal(known(), before + 1);
  router.inject(request('203.0.113.50', LEFT_OWN, '02:00:00:00:aa:51'));
  assert.equal(known(), before + 1);
});

test('a new Ethernet address of a neighbour is taken over and told', () => {
  const router = new Router();
  router.inject(request(LEFT, LEFT_OWN, '02:00:00:00:aa:10'));
  assert.deepEqual(conflicts(router), [
    {
      interface: 'vr0',
      address: address(word4(LEFT)),
      linkAddress: [2, 0, 0, 0, 0xaa, 0x10],
      kind: 'changed',
      previous: [2, 0, 0, 0, 0xaa, 9],
    },
  ]);
});

test('another station with our address is told', () => {
  const router = new Router();
  router.inject(request(LEFT_OWN, LEFT_OWN, '02:00:00:00:aa:66'));
  assert.deepEqual(
    conflicts(router).map((one) => [one.kind, one.linkAddress[5]]),
    [['duplicate', 0x66]],
  );
  assert.equal(router.host.moved().arp?.duplicateAddress, 1);
});

test('of a quarrel not every word is told', () => {
  const router = new Router();
  for (let i = 0; i < 100; i++) router.left.send(request(LEFT_OWN, LEFT_OWN, '02:00:00:00:aa:66'));
  router.world.run(1000);
  assert.equal(conflicts(router).length, 10);
  assert.equal(router.host.moved().arp?.duplicateAddress, 100);
});

test('an entry set for good is not changed by anybody', () => {
  const router = new Router();
  router.host.call('neighbor.set', {
    address: address(word4(NEIGHBOR)),
    linkAddress: [2, 0, 0, 0, 0xbb, 0x77],
  });
  expectFrames(router.fromLeft(across()).right, [toNeighbor(across({ ttl: 63 }))]);
  router.right.send(
    frame(
      { to: EVERYONE, from: '02:00:00:00:bb:13' },
      arpPacket(arp.REQUEST, { link: '02:00:00:00:bb:13', address: NEIGHBOR }, { address: RIGHT_OWN }),
    ),
  );
  router.world.run(3000 * SECOND);
  router.right.take();
  expectFrames(router.fromLeft(across()).right, [toNeighbor(across({ ttl: 63 }))]);
  assert.deepEqual(
    conflicts(router).map((one) => one.kind),
    ['attempt-permanent'],
  );
});

test('published entries are answered for (proxy ARP), with the address they were given', () => {
  const router = new Router();
  const proxied = '192.0.2.200';
  router.host.call('neighbor.set', {
    address: address(word4(proxied)),
    linkAddress: [2, 0, 0, 0, 1, 1],
    published: true,
  });
  expectFrames(router.inject(request(LEFT, proxied)).left, [
    frame(
      { to: LEFT_LINK, from: VR0_LINK },
      arpPacket(arp.REPLY, { link: VR0_LINK, address: proxied }, { link: LEFT_LINK, address: LEFT }),
    ),
  ]);
  router.host.call('neighbor.delete', { address: address(word4(proxied)) });
  expectNothing(router.inject(request(LEFT, proxied)).left);
});

test('an entry that is used is refreshed by asking its owner alone before its 20 minutes are over', () => {
  const router = new Router();
  router.fromLeft(across());
  router.right.send(answer);
  router.world.run(1000);
  router.right.take();
  router.world.run(1000 * SECOND);
  router.fromLeft(across());
  router.right.take();
  router.world.run(150 * SECOND);
  const asked = router.right.take();
  expectFrames(asked.slice(0, 1), [
    frame(
      { to: NEIGHBOR_LINK, from: VR1_LINK },
      arpPacket(arp.REQUEST, { link: VR1_LINK, address: RIGHT_OWN }, { address: NEIGHBOR }),
    ),
  ]);
  router.right.send(answer);
  router.world.run(200 * SECOND);
  router.right.take();
  expectFrames(router.fromLeft(across()).right, [toNeighbor(across({ ttl: 63 }))]);
});

test('an entry that is not used runs out after 20 minutes without a word', () => {
  const router = new Router();
  router.world.run(1300 * SECOND);
  expectNothing(router.left.take());
  const entries = router.host.call('neighbor.list', { family: 4 });
  assert.deepEqual(entries.map((one) => one.state).sort(), ['local', 'local']);
});

test('a new address, and carrier, are announced to everyone, twice', () => {
  const world = new World();
  const wire = world.wire();
  const host = world.host('h');
  const { port } = host.connect('vr0', wire, { linkAddress: VR0_LINK });
  const announcement = frame(
    { to: EVERYONE, from: VR0_LINK },
    arpPacket(arp.REQUEST, { link: VR0_LINK, address: LEFT_OWN }, { address: LEFT_OWN }),
  );
  const announced = () => wire.take().filter((bytes) => bytes[12] === 8 && bytes[13] === 6);
  host.address('vr0', `${LEFT_OWN}/24`);
  world.run(5 * SECOND);
  expectFrames(announced(), [announcement, announcement]);
  port.carrier = false;
  world.run(5 * SECOND);
  expectNothing(announced());
  port.carrier = true;
  world.run(5 * SECOND);
  expectFrames(announced(), [announcement, announcement]);
});

/** The frame with one byte changed. */
function withByte(at: number, value: number): (bytes: Uint8Array) => Uint8Array {
  return (bytes) => {
    const copy = bytes.slice();
    copy[at] = value;
    return copy;
  };
}

test('malformed and impossible ARP is counted and answered by nothing', () => {
  const good = request(LEFT, LEFT_OWN);
  const cases: [string, (bytes: Uint8Array) => Uint8Array, string][] = [
    ['cut', (bytes) => bytes.slice(0, 41), 'malformed'],
    ['other hardware', withByte(15, 6), 'malformed'],
    ['other protocol', withByte(17, 1), 'malformed'],
    ['hardware address length', withByte(18, 5), 'malformed'],
    ['protocol address length', withByte(19, 16), 'malformed'],
    ['operation', withByte(21, 9), 'malformed'],
    ['sender is a group', withByte(22, 3), 'badAddress'],
  ];
  for (const [name, spoil, counter] of cases) {
    const router = new Router();
    expectNothing(router.inject(spoil(good)).left);
    assert.equal(router.host.moved().arp?.[counter], 1, name);
  }
});

test('an interface that is down is asked nothing and says nothing', () => {
  const router = new Router();
  router.host.call('interface.set', { name: 'vr1', up: false });
  const out = router.fromLeft(across());
  expectNothing(out.right);
  assert.equal(out.left.length, 1); // host unreachable
});

test('what is known of a link is forgotten with its carrier', () => {
  const router = new Router();
  const packet = ip4({ source: LEFT, destination: '198.51.100.9' }, udp(1, 2, 'x'));
  expectFrames(router.fromLeft(packet).right, [
    toRight(ip4({ source: LEFT, destination: '198.51.100.9', ttl: 63 }, udp(1, 2, 'x'))),
  ]);
  router.host.kernel.setLink(router.host.kernel.interfaces.get('vr1'), false);
  router.host.kernel.setLink(router.host.kernel.interfaces.get('vr1'), true);
  router.right.take();
  router.world.run(5 * SECOND);
  router.right.take();
  const out = router.fromLeft(packet);
  assert.equal(out.right.length, 1);
  assert.equal(out.right[0]![13], 6); // a question
});
