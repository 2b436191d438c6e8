// SPDX-License-Identifier: ISC
//
// The life of a neighbour (RFC 4861 7): asked for, reachable, stale, probed, gone; and which messages are believed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Neighbor } from '../../../appliance/abi/neighbor.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as nd6 from '../../../appliance/wire/nd6.ts';
import { type Ip6Header, icmp6Message, ip6, udp, words6 } from '../../support/packets.ts';
import { advertisement, ofType, seen, solicitation, solicitedNode } from './messages.ts';
import {
  LEFT,
  LEFT_LINK,
  LEFT_OWN,
  RIGHT,
  RIGHT_LINK,
  RIGHT_OWN,
  Router6,
  SECOND,
  VR0_LINK,
  VR1_LINK,
} from './router6.ts';

const NS = icmp6.TYPE_NEIGHBOR_SOLICITATION;
const NA = icmp6.TYPE_NEIGHBOR_ADVERTISEMENT;
const OTHER_LINK = '02:00:00:00:cc:09';

function across(header: Partial<Ip6Header> = {}) {
  return ip6({ source: LEFT, destination: RIGHT, ...header }, udp(1024, 53, 'hello'));
}

function neighbor(router: Router6, address: string): Neighbor | undefined {
  const words = words6(address);
  return router.host
    .call('neighbor.list', { family: 6 })
    .find((one) => one.address.words.every((word, i) => word === words[i]));
}

/** What the right side's Ethernet address is believed to be, and the state of the entry. */
function believed(router: Router6): readonly [string | undefined, string | undefined] {
  const entry = neighbor(router, RIGHT);
  return [entry?.linkAddress?.map((byte) => byte.toString(16).padStart(2, '0')).join(':'), entry?.state];
}

test('an unknown neighbour is asked for, and gets what waited in order', () => {
  const router = new Router6();
  router.right.answer = undefined;
  for (let i = 0; i < 3; i++) router.fromLeft(across({ flow: i }));
  const [asked, ...more] = router.right.take().map(seen);
  router.world.run(0.5 * SECOND);
  assert.deepEqual(more, []);
  assert.equal(asked, undefined); // taken by fromLeft
  router.right.send(
    advertisement({
      link: RIGHT_LINK,
      toLink: VR1_LINK,
      source: RIGHT,
      destination: RIGHT_OWN,
      target: RIGHT,
      flags: nd6.FLAG_SOLICITED | nd6.FLAG_OVERRIDE,
      option: RIGHT_LINK,
    }),
  );
  router.world.run(1000);
  assert.equal(router.right.take().length, 3);
  assert.deepEqual(believed(router), [RIGHT_LINK, 'reachable']);
});

test('the solicitation goes to the group of the target, from an address of the link, with our Ethernet address', () => {
  const router = new Router6();
  router.right.answer = undefined;
  const out = router.fromLeft(across());
  assert.deepEqual(out.right.map(seen), [
    {
      type: NS,
      code: 0,
      from: RIGHT_OWN,
      to: solicitedNode(RIGHT),
      hops: 255,
      link: '33:33:ff:00:00:09',
      target: RIGHT,
      flags: 0,
      option: VR1_LINK,
    },
  ]);
});

test('three questions without an answer: address unreachable for every packet that waited', () => {
  const router = new Router6();
  router.right.answer = undefined;
  router.fromLeft(across());
  router.fromLeft(across({ flow: 1 }));
  router.world.run(5 * SECOND);
  assert.equal(ofType(router.right.take(), NS).length, 2); // and one that fromLeft took
  const errors = ofType(router.left.take(), icmp6.TYPE_UNREACHABLE);
  assert.deepEqual(
    errors.map(({ code, from, to }) => [code, from, to]),
    [
      [icmp6.CODE_UNREACHABLE_ADDRESS, LEFT_OWN, LEFT],
      [icmp6.CODE_UNREACHABLE_ADDRESS, LEFT_OWN, LEFT],
    ],
  );
  assert.equal(neighbor(router, RIGHT), undefined);
  assert.equal(router.host.moved().nd6?.unresolved, 2);
});

test('at most ten packets wait for a neighbour, the newest', () => {
  const router = new Router6();
  const { answer } = router.right;
  router.right.answer = undefined;
  for (let i = 0; i < 15; i++) router.fromLeft(across({ flow: i }));
  router.right.answer = answer;
  router.world.run(2 * SECOND);
  const flows = router.right
    .take()
    .filter((bytes) => seen(bytes) === undefined)
    .map((bytes) => bytes[17]);
  assert.deepEqual(flows, [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  assert.equal(router.host.moved().nd6?.heldDropped, 5);
});

test('reachable for about half a minute, then stale; used when stale, probed after five seconds', () => {
  const router = new Router6();
  router.fromLeft(across());
  router.world.run(0.1 * SECOND);
  assert.deepEqual(believed(router), [RIGHT_LINK, 'reachable']);
  router.world.run(14 * SECOND);
  assert.deepEqual(believed(router), [RIGHT_LINK, 'reachable']);
  router.world.run(32 * SECOND);
  assert.deepEqual(believed(router), [RIGHT_LINK, 'stale']);
  router.right.take();
  router.fromLeft(across());
  assert.deepEqual(believed(router), [RIGHT_LINK, 'delay']);
  router.world.run(4.9 * SECOND);
  assert.deepEqual(ofType(router.right.take(), NS), []);
  router.world.run(0.2 * SECOND);
  const [probe] = ofType(router.right.take(), NS);
  assert.deepEqual([probe?.to, probe?.link, probe?.from], [RIGHT, RIGHT_LINK, RIGHT_OWN]);
  assert.deepEqual(believed(router), [RIGHT_LINK, 'reachable']);
});

test('a neighbour that does not answer three probes is forgotten', () => {
  const router = new Router6().introduce();
  router.right.answer = undefined;
  assert.equal(router.fromLeft(across()).right.length, 1);
  router.world.run(5.5 * SECOND);
  assert.deepEqual(believed(router), [RIGHT_LINK, 'probe']);
  router.world.run(3 * SECOND);
  const probes = ofType(router.right.take(), NS).filter(({ target }) => target === RIGHT);
  assert.equal(probes.length, 3);
  assert.equal(neighbor(router, RIGHT), undefined);
});

test('a stale neighbour that nobody uses is forgotten after a day', () => {
  const router = new Router6().introduce();
  router.world.run(23 * 3600 * SECOND);
  assert.deepEqual(believed(router), [RIGHT_LINK, 'stale']);
  router.world.run(2 * 3600 * SECOND);
  assert.equal(neighbor(router, RIGHT), undefined);
});

/** RFC 4861 7.2.5: [override, solicited, option] on an entry that is reachable, and what is believed then. */
const ADVERTISED = [
  [0, 0, undefined, RIGHT_LINK, 'reachable'],
  [0, 1, undefined, RIGHT_LINK, 'reachable'],
  [0, 0, RIGHT_LINK, RIGHT_LINK, 'reachable'],
  [0, 0, OTHER_LINK, RIGHT_LINK, 'stale'],
  [0, 1, OTHER_LINK, RIGHT_LINK, 'stale'],
  [1, 0, undefined, RIGHT_LINK, 'reachable'],
  [1, 0, RIGHT_LINK, RIGHT_LINK, 'reachable'],
  [1, 0, OTHER_LINK, OTHER_LINK, 'stale'],
  [1, 1, OTHER_LINK, OTHER_LINK, 'reachable'],
] as const;

for (const [override, solicited, option, link, state] of ADVERTISED) {
  test(`advertisement override ${override} solicited ${solicited} from ${option ?? 'nowhere'}`, () => {
    const router = new Router6();
    router.fromLeft(across());
    router.world.run(0.1 * SECOND);
    assert.deepEqual(believed(router), [RIGHT_LINK, 'reachable']);
    router.right.send(
      advertisement({
        link: RIGHT_LINK,
        toLink: VR1_LINK,
        source: RIGHT,
        destination: RIGHT_OWN,
        target: RIGHT,
        flags: (override ? nd6.FLAG_OVERRIDE : 0) | (solicited ? nd6.FLAG_SOLICITED : 0),
        ...(option === undefined ? {} : { option }),
      }),
    );
    router.world.run(1000);
    assert.deepEqual(believed(router), [link, state]);
  });
}

test('an advertisement of somebody unknown makes no entry; a changed address is told', () => {
  const router = new Router6();
  const says = {
    link: RIGHT_LINK,
    source: RIGHT,
    destination: 'ff02::1',
    target: RIGHT,
    flags: nd6.FLAG_OVERRIDE,
    option: RIGHT_LINK,
  };
  router.right.send(advertisement(says));
  router.world.run(1000);
  assert.equal(neighbor(router, RIGHT), undefined);
  router.fromLeft(across());
  router.world.run(1000);
  router.right.send(advertisement({ ...says, option: OTHER_LINK }));
  router.world.run(1000);
  assert.deepEqual(believed(router), [OTHER_LINK, 'stale']);
  const told = router.host.events.filter((event) => event.event === 'neighbor.conflict');
  assert.equal(told.length, 1);
  assert.equal(told[0]?.event === 'neighbor.conflict' && told[0].data.kind, 'changed');
});

test('a permanent entry is neither changed nor forgotten', () => {
  const router = new Router6();
  router.host.call('neighbor.set', {
    address: { family: 6, words: words6(RIGHT) },
    linkAddress: [2, 0, 0, 0, 0xbb, 9],
  });
  router.right.send(
    advertisement({
      link: OTHER_LINK,
      source: RIGHT,
      destination: 'ff02::1',
      target: RIGHT,
      flags: nd6.FLAG_OVERRIDE,
      option: OTHER_LINK,
    }),
  );
  router.world.run(48 * 3600 * SECOND);
  assert.deepEqual(believed(router), [RIGHT_LINK, 'permanent']);
  router.host.call('neighbor.delete', { address: { family: 6, words: words6(RIGHT) } });
  assert.equal(neighbor(router, RIGHT), undefined);
  assert.throws(() => router.host.call('neighbor.delete', { address: { family: 6, words: words6(RIGHT) } }));
});

/** Solicitations that are not answered, and what counts them. */
const IGNORED = [
  ['forwarded on the way', { hops: 254 }, 'icmp6', 'badSolicitation'],
  ['for a group', { target: 'ff02::1' }, 'icmp6', 'badSolicitation'],
  ['from nobody with an Ethernet address', { source: '::' }, 'icmp6', 'badSolicitation'],
  ['from off the link', { source: '2001:db8:7::1' }, 'nd6', 'notFromNeighbor'],
  ['for an address of the other side', { target: RIGHT_OWN }, 'nd6', 'solicitationsReceived'],
] as const;

for (const [name, change, group, counter] of IGNORED) {
  test(`no answer to a solicitation ${name}`, () => {
    const router = new Router6();
    const says = { link: LEFT_LINK, source: LEFT, destination: solicitedNode(LEFT_OWN), target: LEFT_OWN };
    const out = router.inject(solicitation({ ...says, option: LEFT_LINK, ...change }));
    assert.deepEqual(out.left, []);
    assert.equal(router.host.moved()[group]?.[counter], 1);
  });
}

test('a solicitation by unicast is answered without our Ethernet address and without override', () => {
  const router = new Router6().introduce();
  const says = { link: LEFT_LINK, toLink: VR0_LINK, source: LEFT, destination: LEFT_OWN, target: LEFT_OWN };
  const [answer] = router.inject(solicitation(says)).left.map(seen);
  assert.deepEqual(
    [answer?.type, answer?.flags, answer?.option],
    [NA, nd6.FLAG_ROUTER | nd6.FLAG_SOLICITED, undefined],
  );
});

test('a probe for one of our addresses is answered to all', () => {
  const router = new Router6();
  const says = { link: LEFT_LINK, source: '::', destination: solicitedNode(LEFT_OWN), target: LEFT_OWN };
  const [answer] = router.inject(solicitation(says)).left.map(seen);
  assert.deepEqual(
    [answer?.type, answer?.to, answer?.flags, answer?.option],
    [NA, 'ff02::1', nd6.FLAG_ROUTER | nd6.FLAG_OVERRIDE, VR0_LINK],
  );
});

test('an anycast address answers without override, from one that is not', () => {
  const router = new Router6();
  const address = { family: 6, words: words6('2001:db8:1::'), length: 64, anycast: true } as const;
  router.host.call('interface.addAddress', { name: 'vr0', address, alias: true });
  router.world.run(2 * SECOND);
  router.forget();
  const says = {
    link: LEFT_LINK,
    source: LEFT,
    destination: solicitedNode('2001:db8:1::'),
    target: '2001:db8:1::',
  };
  const [answer] = router.inject(solicitation({ ...says, option: LEFT_LINK })).left.map(seen);
  assert.deepEqual(
    [answer?.type, answer?.from, answer?.target, answer?.flags],
    [NA, LEFT_OWN, '2001:db8:1::', nd6.FLAG_ROUTER | nd6.FLAG_SOLICITED],
  );
  const echo = ip6({ source: LEFT, destination: '2001:db8:1::' }, icmp6Message(icmp6.TYPE_ECHO, 0, 1));
  const [reply] = ofType(router.fromLeft(echo).left, icmp6.TYPE_ECHO_REPLY);
  assert.equal(reply?.from, LEFT_OWN);
});

test('the cache is bounded, and those in use stay', () => {
  const router = new Router6().introduce();
  for (let i = 0; i < 3000; i++) {
    router.left.send(
      solicitation({
        link: LEFT_LINK,
        source: `2001:db8:1::1:${i.toString(16)}`,
        destination: solicitedNode(LEFT_OWN),
        target: LEFT_OWN,
        option: LEFT_LINK,
      }),
    );
    if (i % 600 === 0) {
      router.fromLeft(across());
      router.world.run(SECOND);
    }
  }
  router.world.run(1000);
  assert.ok(router.host.call('neighbor.list', { family: 6 }).length < 2060);
  assert.notEqual(neighbor(router, RIGHT), undefined);
  assert.ok((router.host.moved().nd6?.evicted ?? 0) > 900);
});

test('routers are known by what they say', () => {
  const router = new Router6();
  router.fromLeft(across());
  router.world.run(0.1 * SECOND);
  assert.equal(neighbor(router, RIGHT)?.router, false);
  const flags = nd6.FLAG_ROUTER | nd6.FLAG_SOLICITED;
  const says = { link: RIGHT_LINK, toLink: VR1_LINK, source: RIGHT, destination: RIGHT_OWN, target: RIGHT };
  router.right.send(advertisement({ ...says, flags }));
  router.world.run(1000);
  assert.equal(neighbor(router, RIGHT)?.router, true);
});
