// SPDX-License-Identifier: ISC
//
// IPv6 input and forwarding: each packet in, what comes out, and every counter that moved.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import { expectFrames, type Statistics } from '../../support/expect.ts';
import {
  frame,
  type Ip6Header,
  icmp6Message,
  ip6,
  type Network,
  payload,
  type Transport,
  tcpSegment,
  udp,
} from '../../support/packets.ts';
import {
  extension,
  LEFT,
  LEFT_LINK,
  LEFT_LOCAL,
  LEFT_OWN,
  RIGHT,
  RIGHT_OWN,
  Router6,
  toLeft,
  toRight,
  VR0_LINK,
  VR0_LOCAL,
} from './router6.ts';

/** A protocol that nobody has. */
const NOBODY = 253;

function across(header: Partial<Ip6Header> = {}, transport: Transport = udp(1024, 53, 'hello')): Network {
  return ip6({ source: LEFT, destination: RIGHT, ...header }, transport);
}

function toRouter(header: Partial<Ip6Header> = {}, transport: Transport = payload(NOBODY, 'x')): Network {
  return ip6({ source: LEFT, destination: LEFT_OWN, ...header }, transport);
}

function spoilt(network: Network, change: (bytes: Uint8Array) => void): Network {
  const bytes = network.bytes.slice();
  change(bytes);
  return { ...network, bytes };
}

function cut(network: Network, length: number): Network {
  return { ...network, bytes: network.bytes.slice(0, length) };
}

/** An error from the router about a packet that came from the left: quotes as much as 1280 bytes in all allow. */
function errorAbout(network: Network, type: number, code: number, rest = 0, from = LEFT_OWN): Network {
  const quoted = network.bytes.subarray(0, 1280 - 48);
  return ip6({ source: from, destination: LEFT }, icmp6Message(type, code, rest, quoted));
}

interface Case {
  readonly name: string;
  readonly packet: Network;
  readonly left?: Network;
  readonly right?: Network;
  readonly moved: Statistics;
}

const received = (ip6s: Record<string, number>, others: Statistics = {}): Statistics => ({
  ip6: { received: 1, ...ip6s },
  ...others,
});
const answered = (ip6s: Record<string, number> = {}) =>
  received({ localOut: 1, ...ip6s }, { icmp6: { errors: 1 } });

const DESTINATION = ipv6.NEXT_DESTINATION_OPTIONS;
const UNKNOWN_SKIP = [0, 0x1e, 4, 0, 0, 0, 0];
const UNKNOWN_DISCARD = [0, 0x5e, 4, 0, 0, 0, 0];
const UNKNOWN_REPORT = [0, 0x9e, 4, 0, 0, 0, 0];
const OVERRUN = [0, 0x1e, 9, 0, 0, 0, 0];
const ROUTING0 = [0, 0, 0, 0, 0, 0, 0];
const ROUTING2_USED = [0, 2, 0, 0, 0, 0, 0];
const ROUTING2_LEFT = [0, 2, 1, 0, 0, 0, 0];

const CASES: readonly Case[] = [
  {
    name: 'is forwarded with one hop less',
    packet: across(),
    right: across({ hops: 63 }),
    moved: received({ forwarded: 1 }),
  },
  {
    name: 'traffic class and flow label pass',
    packet: across({ trafficClass: 0xb8, flow: 0x12345 }),
    right: across({ trafficClass: 0xb8, flow: 0x12345, hops: 63 }),
    moved: received({ forwarded: 1 }),
  },
  {
    name: 'padding behind the payload is cut off',
    packet: { ...across(), bytes: new Uint8Array([...across().bytes, 1, 2, 3]) },
    right: across({ hops: 63 }),
    moved: received({ forwarded: 1 }),
  },
  {
    name: 'hop limit 2 goes on with 1',
    packet: across({ hops: 2 }),
    right: across({ hops: 1 }),
    moved: received({ forwarded: 1 }),
  },
  {
    name: 'hop limit 1 ends here',
    packet: across({ hops: 1 }),
    left: errorAbout(across({ hops: 1 }), icmp6.TYPE_TIME_EXCEEDED, 0),
    moved: answered(),
  },
  {
    name: 'hop limit 0 too',
    packet: across({ hops: 0 }),
    left: errorAbout(across({ hops: 0 }), icmp6.TYPE_TIME_EXCEEDED, 0),
    moved: answered(),
  },
  {
    name: 'no route',
    packet: across({ destination: '2001:db8:3::1' }),
    left: errorAbout(across({ destination: '2001:db8:3::1' }), icmp6.TYPE_UNREACHABLE, 0),
    moved: answered({ cannotForward: 1 }),
  },
  {
    name: 'a long packet is quoted to 1280 bytes in all',
    packet: across({ hops: 1 }, udp(1, 2, 1400)),
    left: errorAbout(across({ hops: 1 }, udp(1, 2, 1400)), icmp6.TYPE_TIME_EXCEEDED, 0),
    moved: answered(),
  },
  {
    name: 'no error about an error',
    packet: across({ hops: 1 }, icmp6Message(1, 0, 0, 'x')),
    moved: received({}, { icmp6: { errors: 1, errorsAboutErrors: 1 } }),
  },
  {
    name: 'no error about a redirect',
    packet: across({ hops: 1 }, icmp6Message(icmp6.TYPE_REDIRECT, 0, 0, 32)),
    moved: received({}, { icmp6: { errors: 1, errorsAboutErrors: 1 } }),
  },
  {
    name: 'an error about an echo',
    packet: across({ hops: 1 }, icmp6Message(icmp6.TYPE_ECHO, 0, 0)),
    left: errorAbout(across({ hops: 1 }, icmp6Message(icmp6.TYPE_ECHO, 0, 0)), icmp6.TYPE_TIME_EXCEEDED, 0),
    moved: answered(),
  },
  {
    name: 'a link-local source does not leave its link',
    packet: across({ source: LEFT_LOCAL }),
    left: ip6(
      { source: VR0_LOCAL, destination: LEFT_LOCAL },
      icmp6Message(
        icmp6.TYPE_UNREACHABLE,
        icmp6.CODE_UNREACHABLE_BEYOND_SCOPE,
        0,
        across({ source: LEFT_LOCAL }).bytes,
      ),
    ),
    moved: answered({ badScope: 1 }),
  },
  {
    name: "somebody else's link-local address is not forwarded to",
    packet: across({ destination: 'fe80::1234' }),
    moved: received({ cannotForward: 1 }),
  },
  {
    name: 'the unspecified source is not forwarded',
    packet: across({ source: '::' }),
    moved: received({ cannotForward: 1 }),
  },
  { name: 'a group source', packet: across({ source: 'ff02::1' }), moved: received({ badScope: 1 }) },
  {
    name: 'the unspecified destination',
    packet: across({ destination: '::' }),
    moved: received({ badScope: 1 }),
  },
  {
    name: 'loopback as destination',
    packet: across({ destination: '::1' }),
    moved: received({ badScope: 1 }),
  },
  { name: 'loopback as source', packet: across({ source: '::1' }), moved: received({ badScope: 1 }) },
  {
    name: 'IPv4-mapped',
    packet: across({ destination: '::ffff:192.0.2.1' }),
    moved: received({ badScope: 1 }),
  },
  {
    name: 'bits in a link-local address',
    packet: across({ source: 'fe80:2::9' }),
    moved: received({ badScope: 1 }),
  },
  {
    name: 'a group that nobody joined',
    packet: across({ destination: 'ff0e::1234' }),
    moved: received({ notMember: 1 }),
  },
  {
    name: 'an interface-local group',
    packet: across({ destination: 'ff01::1' }),
    moved: received({ badScope: 1 }),
  },
  {
    name: 'the reserved scope',
    packet: across({ destination: 'ff00::1' }),
    moved: received({ badScope: 1 }),
  },
  { name: 'version 4', packet: spoilt(across(), (b) => (b[0] = 0x45)), moved: received({ badVersion: 1 }) },
  { name: 'not even a header', packet: cut(across(), 39), moved: received({ tooSmall: 1 }) },
  { name: 'cut before its end', packet: cut(across(), 50), moved: received({ tooShort: 1 }) },
  {
    name: 'an unknown protocol',
    packet: toRouter(),
    left: errorAbout(toRouter(), icmp6.TYPE_PARAMETER_PROBLEM, 1, 6),
    moved: answered({ delivered: 1, noProtocol: 1 }),
  },
  {
    name: 'no next header',
    packet: toRouter({}, payload(ipv6.NEXT_NONE, '')),
    moved: received({ delivered: 1, noProtocol: 1 }),
  },
  {
    name: 'a protocol behind destination options: the pointer is at what names it',
    packet: toRouter({}, extension(DESTINATION, UNKNOWN_SKIP, payload(NOBODY, 'x'))),
    left: errorAbout(
      toRouter({}, extension(DESTINATION, UNKNOWN_SKIP, payload(NOBODY, 'x'))),
      icmp6.TYPE_PARAMETER_PROBLEM,
      1,
      40,
    ),
    moved: answered({ delivered: 1, noProtocol: 1 }),
  },
  {
    name: 'destination options are not looked at on the way',
    packet: across({}, extension(DESTINATION, UNKNOWN_DISCARD, udp(1, 2))),
    right: across({ hops: 63 }, extension(DESTINATION, UNKNOWN_DISCARD, udp(1, 2))),
    moved: received({ forwarded: 1 }),
  },
  {
    name: 'an option that says discard',
    packet: toRouter({}, extension(DESTINATION, UNKNOWN_DISCARD, payload(NOBODY, 'x'))),
    moved: received({ delivered: 1, badOptions: 1 }),
  },
  {
    name: 'an option that says report',
    packet: toRouter({}, extension(DESTINATION, UNKNOWN_REPORT, payload(NOBODY, 'x'))),
    left: errorAbout(
      toRouter({}, extension(DESTINATION, UNKNOWN_REPORT, payload(NOBODY, 'x'))),
      icmp6.TYPE_PARAMETER_PROBLEM,
      2,
      42,
    ),
    moved: answered({ delivered: 1, badOptions: 1 }),
  },
  {
    name: 'an option longer than its header',
    packet: toRouter({}, extension(DESTINATION, OVERRUN, payload(NOBODY, 'x'))),
    left: errorAbout(
      toRouter({}, extension(DESTINATION, OVERRUN, payload(NOBODY, 'x'))),
      icmp6.TYPE_PARAMETER_PROBLEM,
      0,
      43,
    ),
    moved: answered({ delivered: 1, badOptions: 1 }),
  },
  {
    name: 'hop-by-hop options are looked at on the way',
    packet: across({}, extension(ipv6.NEXT_HOP_BY_HOP, UNKNOWN_DISCARD, udp(1, 2))),
    moved: received({ badOptions: 1 }),
  },
  {
    name: 'hop-by-hop options that are to be skipped',
    packet: across({}, extension(ipv6.NEXT_HOP_BY_HOP, UNKNOWN_SKIP, udp(1, 2))),
    right: across({ hops: 63 }, extension(ipv6.NEXT_HOP_BY_HOP, UNKNOWN_SKIP, udp(1, 2))),
    moved: received({ forwarded: 1 }),
  },
  {
    name: 'hop-by-hop options elsewhere than first',
    packet: across(
      {},
      extension(DESTINATION, UNKNOWN_SKIP, extension(ipv6.NEXT_HOP_BY_HOP, UNKNOWN_SKIP, udp(1, 2))),
    ),
    left: errorAbout(
      across(
        {},
        extension(DESTINATION, UNKNOWN_SKIP, extension(ipv6.NEXT_HOP_BY_HOP, UNKNOWN_SKIP, udp(1, 2))),
      ),
      icmp6.TYPE_PARAMETER_PROBLEM,
      1,
      40,
    ),
    moved: answered({ badOptions: 1 }),
  },
  {
    name: 'a routing header of type 0',
    packet: across({}, extension(ipv6.NEXT_ROUTING, ROUTING0, udp(1, 2))),
    left: errorAbout(
      across({}, extension(ipv6.NEXT_ROUTING, ROUTING0, udp(1, 2))),
      icmp6.TYPE_PARAMETER_PROBLEM,
      0,
      42,
    ),
    moved: answered({ badOptions: 1 }),
  },
  {
    name: 'a routing header of type 0 in front of another one',
    packet: across(
      {},
      extension(ipv6.NEXT_ROUTING, ROUTING0, extension(ipv6.NEXT_ROUTING, ROUTING2_USED, udp(1, 2))),
    ),
    left: errorAbout(
      across(
        {},
        extension(ipv6.NEXT_ROUTING, ROUTING0, extension(ipv6.NEXT_ROUTING, ROUTING2_USED, udp(1, 2))),
      ),
      icmp6.TYPE_PARAMETER_PROBLEM,
      0,
      42,
    ),
    moved: answered({ badOptions: 1 }),
  },
  {
    name: 'a routing header that is used up is skipped',
    packet: toRouter({}, extension(ipv6.NEXT_ROUTING, ROUTING2_USED, icmp6Message(icmp6.TYPE_ECHO, 0, 7))),
    left: ip6({ source: LEFT_OWN, destination: LEFT }, icmp6Message(icmp6.TYPE_ECHO_REPLY, 0, 7)),
    moved: received({ delivered: 1, localOut: 1 }, { icmp6: { reflected: 1 } }),
  },
  {
    name: 'one that is not used up is of no known type',
    packet: toRouter({}, extension(ipv6.NEXT_ROUTING, ROUTING2_LEFT, udp(1, 2))),
    left: errorAbout(
      toRouter({}, extension(ipv6.NEXT_ROUTING, ROUTING2_LEFT, udp(1, 2))),
      icmp6.TYPE_PARAMETER_PROBLEM,
      0,
      42,
    ),
    moved: answered({ delivered: 1, badOptions: 1 }),
  },
  {
    name: 'an extension header longer than the packet',
    packet: across({}, extension(DESTINATION, [5, 1, 4, 0, 0, 0, 0], payload(NOBODY, 'x'))),
    moved: received({ tooShort: 1 }),
  },
  {
    name: 'an echo request',
    packet: toRouter({}, icmp6Message(icmp6.TYPE_ECHO, 0, icmp6.echoRest(9, 1), 'ping')),
    left: ip6(
      { source: LEFT_OWN, destination: LEFT },
      icmp6Message(icmp6.TYPE_ECHO_REPLY, 0, icmp6.echoRest(9, 1), 'ping'),
    ),
    moved: received({ delivered: 1, localOut: 1 }, { icmp6: { reflected: 1 } }),
  },
  {
    name: 'an echo request to an address on the other side (weak model of a router)',
    packet: toRouter({ destination: RIGHT_OWN }, icmp6Message(icmp6.TYPE_ECHO, 0, 1, 'ping')),
    left: ip6({ source: RIGHT_OWN, destination: LEFT }, icmp6Message(icmp6.TYPE_ECHO_REPLY, 0, 1, 'ping')),
    moved: received({ delivered: 1, localOut: 1 }, { icmp6: { reflected: 1 } }),
  },
  {
    name: 'an echo request to the link-local address of this link',
    packet: toRouter({ source: LEFT_LOCAL, destination: VR0_LOCAL }, icmp6Message(icmp6.TYPE_ECHO, 0, 1)),
    left: ip6({ source: VR0_LOCAL, destination: LEFT_LOCAL }, icmp6Message(icmp6.TYPE_ECHO_REPLY, 0, 1)),
    moved: received({ delivered: 1, localOut: 1 }, { icmp6: { reflected: 1 } }),
  },
  {
    name: 'an echo request to the link-local address of the other link',
    packet: toRouter(
      { source: LEFT_LOCAL, destination: 'fe80::ff:fe00:102' },
      icmp6Message(icmp6.TYPE_ECHO, 0, 1),
    ),
    moved: received({ cannotForward: 1 }),
  },
  {
    name: 'an echo request with a bad checksum',
    packet: spoilt(toRouter({}, icmp6Message(icmp6.TYPE_ECHO, 0, 1, 'ping')), (b) => (b[43]! ^= 1)),
    moved: received({ delivered: 1 }, { icmp6: { badChecksum: 1 } }),
  },
  {
    name: 'a type that nobody knows',
    packet: toRouter({}, icmp6Message(200, 0, 1)),
    moved: received({ delivered: 1 }, { icmp6: { unknownType: 1 } }),
  },
];

for (const { name, packet, left, right, moved } of CASES) {
  test(name, () => {
    const router = new Router6().introduce();
    const out = router.fromLeft(packet);
    expectFrames(out.left, left === undefined ? [] : [toLeft(left)]);
    expectFrames(out.right, right === undefined ? [] : [toRight(right)]);
    assert.deepEqual(router.host.moved(), moved);
  });
}

test('an echo request to all nodes is answered from an address of the interface', () => {
  const router = new Router6().introduce();
  const packet = toRouter(
    { source: LEFT_LOCAL, destination: 'ff02::1' },
    icmp6Message(icmp6.TYPE_ECHO, 0, 1),
  );
  const out = router.inject(frame({ to: '33:33:00:00:00:01', from: LEFT_LINK }, packet));
  expectFrames(out.left, [
    toLeft(ip6({ source: VR0_LOCAL, destination: LEFT_LOCAL }, icmp6Message(icmp6.TYPE_ECHO_REPLY, 0, 1))),
  ]);
});

test('no error about a packet to many, but for the two that the RFC allows', () => {
  const router = new Router6().introduce();
  const unknown = toRouter({ destination: 'ff02::1' }, payload(NOBODY, 'x'));
  assert.deepEqual(router.inject(frame({ to: '33:33:00:00:00:01', from: LEFT_LINK }, unknown)).left, []);
  const option = toRouter(
    { destination: 'ff02::1' },
    extension(DESTINATION, UNKNOWN_REPORT, payload(NOBODY, 'x')),
  );
  const out = router.inject(frame({ to: '33:33:00:00:00:01', from: LEFT_LINK }, option));
  expectFrames(out.left, [toLeft(errorAbout(option, icmp6.TYPE_PARAMETER_PROBLEM, 2, 42))]);
  const forwarded = router.inject(frame({ to: '33:33:00:00:00:01', from: LEFT_LINK }, across({ hops: 1 })));
  assert.deepEqual(forwarded.left, []);
});

test('a host does not forward, and takes its addresses only on the interface that has them', () => {
  const router = new Router6({ forwarding: false }).introduce();
  router.fromLeft(across());
  router.fromLeft(toRouter({ destination: RIGHT_OWN }));
  assert.deepEqual(router.host.moved(), { ip6: { received: 2, cannotForward: 1, wrongInterface: 1 } });
});

test('an address of loopback is reached from everywhere, as the servers of the article need it', () => {
  const router = new Router6({ forwarding: false }).introduce();
  router.host.address('lo0', '3ffe:1::1/128');
  router.forget();
  const out = router.fromLeft(toRouter({ destination: '3ffe:1::1' }, icmp6Message(icmp6.TYPE_ECHO, 0, 1)));
  expectFrames(out.left, [
    toLeft(ip6({ source: '3ffe:1::1', destination: LEFT }, icmp6Message(icmp6.TYPE_ECHO_REPLY, 0, 1))),
  ]);
});

test('errors are limited to 100 in a second', () => {
  const router = new Router6().introduce();
  let errors = 0;
  for (let i = 0; i < 150; i++) {
    router.left.send(frame({ to: VR0_LINK, from: LEFT_LINK }, across({ hops: 1 })));
  }
  router.world.run(1000);
  errors += router.left.take().length;
  assert.equal(errors, 100);
  assert.equal(router.host.moved().icmp6?.errorsRateLimited, 50);
  router.world.run(1_000_000);
  assert.equal(router.fromLeft(across({ hops: 1 })).left.length, 1);
});

test('a reject route answers, a blackhole does not', () => {
  const router = new Router6().introduce();
  const add = (destination: readonly number[], kind: object) =>
    router.host.call('route.add', {
      destination: { family: 6, words: destination, length: 48 },
      interface: 'lo0',
      ...kind,
    });
  add([0x20010db8, 0x80000, 0, 0], { reject: true });
  add([0x20010db8, 0x90000, 0, 0], { blackhole: true });
  const rejected = across({ destination: '2001:db8:8::1' });
  expectFrames(router.fromLeft(rejected).left, [
    toLeft(errorAbout(rejected, icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_ADDRESS)),
  ]);
  assert.deepEqual(router.fromLeft(across({ destination: '2001:db8:9::1' })).left, []);
});

test('a TCP segment passes byte for byte', () => {
  const router = new Router6().introduce();
  const segment = tcpSegment({ from: 1024, to: 80 }, 1440);
  const out = router.fromLeft(across({}, segment));
  expectFrames(out.right, [toRight(across({ hops: 63 }, segment))]);
});
