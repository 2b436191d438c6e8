// SPDX-License-Identifier: ISC
//
// IPv4 input and forwarding: each packet in, what comes out, and every counter that moved.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as arp from '../../../appliance/wire/arp.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { expectFrames, type Statistics } from '../../support/expect.ts';
import {
  arpPacket,
  data,
  frame,
  type Ip4Header,
  icmpMessage,
  ip4,
  type Network,
  payload,
  raw,
  tcpSegment,
  udp,
} from '../../support/packets.ts';
import {
  LEFT,
  LEFT_LINK,
  LEFT_OWN,
  RIGHT,
  RIGHT_OWN,
  Router,
  toLeft,
  toRight,
  VR0_LINK,
} from '../../support/router.ts';

/** A datagram from left to right. */
function across(header: Partial<Ip4Header> = {}, transport = udp(1024, 53, 'hello')): Network {
  return ip4({ source: LEFT, destination: RIGHT, ...header }, transport);
}

/** The same bytes with some changed afterwards, and the header's checksum right again unless that is what is spoilt. */
function spoilt(network: Network, change: (bytes: Uint8Array) => void, checksum = true): Network {
  const bytes = network.bytes.slice();
  change(bytes);
  if (checksum) ipv4.fillChecksum(bytes, 0);
  return { ...network, bytes };
}

/** An error from the router about a packet that came from the left: quotes it whole up to 576 bytes in all. */
function errorAbout(network: Network, type: number, code: number, rest: number, from = LEFT_OWN): Network {
  const quoted = network.bytes.subarray(0, 576 - 28);
  return ip4({ source: from, destination: LEFT, tos: 0xc0 }, icmpMessage(type, code, rest, quoted));
}

/** Frames whose IP id is the kernel's own choice are compared without it. */
function withoutId(frames: readonly Uint8Array[]): Uint8Array[] {
  return frames.map((bytes) => {
    const copy = bytes.slice();
    ipv4.setIdentification(copy, 14, 1);
    ipv4.fillChecksum(copy, 14);
    return copy;
  });
}

interface Row {
  readonly name: string;
  readonly packet: Network;
  readonly left?: readonly Network[];
  readonly right?: readonly Network[];
  readonly counters: Statistics;
}

function run(row: Row, prepare: (router: Router) => void = () => {}): void {
  const router = new Router();
  prepare(router);
  router.host.moved();
  const out = router.fromLeft(row.packet);
  expectFrames(withoutId(out.left), withoutId((row.left ?? []).map(toLeft)));
  expectFrames(out.right, (row.right ?? []).map(toRight));
  assert.deepEqual(router.host.moved(), row.counters);
}

const SOURCE_ROUTE = Uint8Array.of(ipv4.OPTION_LOOSE_SOURCE_ROUTE, 7, 4, 198, 51, 100, 7, 0);
const UNKNOWN_OPTION = Uint8Array.of(0x5e, 4, 0xaa, 0xbb);
const BROKEN_OPTION = Uint8Array.of(0x5e, 40, 0, 0);

const INVALID: readonly Row[] = [
  {
    name: 'shorter than a header',
    packet: raw(0x0800, across().bytes.slice(0, 19)),
    counters: { ip: { received: 1, tooSmall: 1 } },
  },
  {
    name: 'not version 4',
    packet: spoilt(across(), (bytes) => {
      bytes[0] = 0x55;
    }),
    counters: { ip: { received: 1, badVersion: 1 } },
  },
  {
    name: 'a header of less than five words',
    packet: spoilt(
      across(),
      (bytes) => {
        bytes[0] = 0x44;
      },
      false,
    ),
    counters: { ip: { received: 1, badHeaderLength: 1 } },
  },
  {
    name: 'a header longer than the packet',
    packet: spoilt(
      raw(0x0800, across().bytes.slice(0, 24)),
      (bytes) => {
        bytes[0] = 0x4f;
      },
      false,
    ),
    counters: { ip: { received: 1, badHeaderLength: 1 } },
  },
  {
    name: 'a wrong header checksum',
    packet: spoilt(
      across(),
      (bytes) => {
        bytes[10]! ^= 1;
      },
      false,
    ),
    counters: { ip: { received: 1, badChecksum: 1 } },
  },
  {
    name: 'a total length below the header length',
    packet: spoilt(across(), (bytes) => ipv4.setTotalLength(bytes, 0, 19)),
    counters: { ip: { received: 1, badLength: 1 } },
  },
  {
    name: 'cut before its total length',
    packet: raw(0x0800, across().bytes.slice(0, 30)),
    counters: { ip: { received: 1, tooShort: 1 } },
  },
  ...['127.0.0.1', '224.0.0.5', '255.255.255.255'].map((source) => ({
    name: `from ${source} on the wire`,
    packet: across({ source }),
    counters: { ip: { received: 1, badAddress: 1 } },
  })),
  {
    name: 'to 127.0.0.1 on the wire',
    packet: across({ destination: '127.0.0.1' }),
    counters: { ip: { received: 1, badAddress: 1 } },
  },
];

for (const row of INVALID) test(`dropped: ${row.name}`, () => run(row));

const FORWARDED: readonly Row[] = [
  {
    name: 'a datagram, one hop less to live',
    packet: across({ ttl: 64 }),
    right: [across({ ttl: 63 })],
    counters: { ip: { received: 1, forwarded: 1 } },
  },
  {
    name: 'with padding behind it, which goes no further',
    packet: { ...across(), bytes: Uint8Array.of(...across().bytes, 1, 2, 3, 4) },
    right: [across({ ttl: 63 })],
    counters: { ip: { received: 1, forwarded: 1 } },
  },
  {
    name: 'with an option that nobody knows',
    packet: across({ options: UNKNOWN_OPTION }),
    right: [across({ options: UNKNOWN_OPTION, ttl: 63 })],
    counters: { ip: { received: 1, forwarded: 1 } },
  },
  {
    name: 'with TTL 1: time exceeded',
    packet: across({ ttl: 1 }),
    left: [errorAbout(across({ ttl: 1 }), icmp.TYPE_TIME_EXCEEDED, 0, 0)],
    counters: { ip: { received: 1, localOut: 1 }, icmp: { errors: 1 } },
  },
  {
    name: 'to a network without a route: unreachable',
    packet: across({ destination: '203.0.113.1' }),
    left: [errorAbout(across({ destination: '203.0.113.1' }), icmp.TYPE_UNREACHABLE, 0, 0)],
    counters: { ip: { received: 1, cannotForward: 1, localOut: 1 }, icmp: { errors: 1 } },
  },
  {
    name: 'to the broadcast address of the other network: not by default',
    packet: across({ destination: '198.51.100.255' }),
    counters: { ip: { received: 1, cannotForward: 1 } },
  },
  {
    name: 'from nobody',
    packet: across({ source: '0.0.0.0' }),
    counters: { ip: { received: 1, cannotForward: 1 } },
  },
  {
    name: 'to class E',
    packet: across({ destination: '240.0.0.1' }),
    counters: { ip: { received: 1, cannotForward: 1 } },
  },
  {
    name: 'to a group that nobody joined',
    packet: across({ destination: '224.1.2.3' }),
    counters: { ip: { received: 1, notMember: 1 } },
  },
];

for (const row of FORWARDED) test(`forwarding ${row.name}`, () => run(row));

test('source routes are refused with an error (net.inet.ip.sourceroute=0)', () => {
  const packet = across({ destination: LEFT_OWN, options: SOURCE_ROUTE });
  const router = new Router();
  const out = router.fromLeft(packet);
  expectFrames(
    withoutId(out.left),
    withoutId([toLeft(errorAbout(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_SOURCE_ROUTE, 0))]),
  );
  expectFrames(out.right, []);
});

test('an option that runs over the header is a parameter problem at its length', () => {
  const packet = across({ destination: LEFT_OWN, options: BROKEN_OPTION });
  const router = new Router();
  const out = router.fromLeft(packet);
  expectFrames(
    withoutId(out.left),
    withoutId([toLeft(errorAbout(packet, icmp.TYPE_PARAMETER_PROBLEM, 0, 21 << 24))]),
  );
  assert.equal(router.host.moved().ip?.badOptions, 1);
});

test('a machine that does not forward says nothing', () => {
  run({ name: '', packet: across(), counters: { ip: { received: 1, cannotForward: 1 } } }, ({ host }) => {
    host.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 0 });
  });
});

test('a datagram in a broadcast frame is never forwarded', () => {
  const router = new Router();
  const out = router.inject(frame({ to: 'ff:ff:ff:ff:ff:ff', from: LEFT_LINK }, across()));
  expectFrames(out.right, []);
  expectFrames(out.left, []);
  assert.deepEqual(router.host.moved(), { ip: { received: 1, cannotForward: 1 } });
});

test('reject and blackhole routes', () => {
  const destination = '203.0.113.7';
  const prefix = { family: 4 as const, words: [0xcb007100 | 0], length: 24 };
  run(
    {
      name: 'reject',
      packet: across({ destination }),
      left: [errorAbout(across({ destination }), icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_HOST, 0)],
      counters: { ip: { received: 1, cannotForward: 1, localOut: 1 }, icmp: { errors: 1 } },
    },
    ({ host }) => host.call('route.add', { destination: prefix, reject: true }),
  );
  run(
    {
      name: 'blackhole',
      packet: across({ destination }),
      counters: { ip: { received: 1, cannotForward: 1 } },
    },
    ({ host }) => host.call('route.add', { destination: prefix, blackhole: true }),
  );
});

test('a better gateway on the same network: forwarded, and the sender is told', () => {
  const destination = '203.0.113.7';
  const router = new Router();
  router.host.route('203.0.113.0/24', '192.0.2.9');
  router.host.moved();
  const packet = across({ source: '192.0.2.77', destination });
  const out = router.fromLeft(packet);
  const forwarded = across({ source: '192.0.2.77', destination, ttl: 63 });
  assert.deepEqual(out.left.length, 2); // the redirect waits for ARP: it is the request that comes out
  expectFrames(
    out.left.filter((bytes) => bytes[12] === 8 && bytes[13] === 0),
    [toLeft(forwarded)],
  );
  assert.equal(router.host.moved().ip?.redirectsSent, 1);
});

// Fragmentation: the wire towards the right gets a smaller MTU.

function narrowRight(mtu: number): (router: Router) => void {
  return ({ host }) => {
    host.call('interface.set', { name: 'vr1', mtu });
  };
}

test('too long and not to be fragmented: need fragment with the MTU', () => {
  const packet = across({ fragment: ipv4.FRAGMENT_DF }, udp(1024, 53, 1000));
  run(
    {
      name: '',
      packet,
      left: [errorAbout(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, 600)],
      counters: { ip: { received: 1, cannotFragment: 1, localOut: 1 }, icmp: { errors: 1 } },
    },
    narrowRight(600),
  );
});

test('the MTU of a route counts as well', () => {
  const router = new Router();
  router.host.call('route.add', {
    destination: { family: 4, words: [0xcb007100 | 0], length: 24 },
    gateway: { family: 4, words: [0xc6336409 | 0] },
    mtu: 700,
  });
  const packet = across({ destination: '203.0.113.1', fragment: ipv4.FRAGMENT_DF }, udp(1, 2, 1000));
  const out = router.fromLeft(packet);
  expectFrames(
    withoutId(out.left),
    withoutId([toLeft(errorAbout(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, 700))]),
  );
});

test('too long: in fragments of eight bytes times n, options only where they are copied', () => {
  const copied = Uint8Array.of(0x88, 4, 1, 2); // stream identifier: copied
  const once = Uint8Array.of(0x07, 7, 4, 0, 0, 0, 0, 1); // record route: first fragment only
  const options = Uint8Array.of(...once, ...copied);
  const packet = across({ options, id: 77, ttl: 9 }, payload(99, 100));
  const first = across(
    { options, id: 77, ttl: 8, fragment: ipv4.FRAGMENT_MF },
    payload(99, data(100).slice(0, 32)),
  );
  const second = across(
    { options: copied, id: 77, ttl: 8, fragment: ipv4.FRAGMENT_MF | 4 },
    payload(99, data(100).slice(32, 72)),
  );
  const third = across({ options: copied, id: 77, ttl: 8, fragment: 9 }, payload(99, data(100).slice(72)));
  run(
    {
      name: '',
      packet,
      right: [first, second, third],
      counters: { ip: { received: 1, forwarded: 1, fragmented: 1, fragmentsCreated: 3 } },
    },
    narrowRight(70),
  );
});

test('a fragment that is too long is fragmented again', () => {
  const packet = across({ id: 5, fragment: ipv4.FRAGMENT_MF | 10 }, payload(99, 64));
  run(
    {
      name: '',
      packet,
      right: [
        across({ id: 5, ttl: 63, fragment: ipv4.FRAGMENT_MF | 10 }, payload(99, data(64).slice(0, 48))),
        across({ id: 5, ttl: 63, fragment: ipv4.FRAGMENT_MF | 16 }, payload(99, data(64).slice(48))),
      ],
      counters: { ip: { received: 1, forwarded: 1, fragmented: 1, fragmentsCreated: 2 } },
    },
    narrowRight(68),
  );
});

// For this machine.

test('an unknown protocol is unreachable', () => {
  const packet = ip4({ source: LEFT, destination: RIGHT_OWN }, payload(200, 'x'));
  run({
    name: '',
    packet,
    left: [errorAbout(packet, icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_PROTOCOL, 0, RIGHT_OWN)],
    counters: { ip: { received: 1, delivered: 1, noProtocol: 1, localOut: 1 }, icmp: { errors: 1 } },
  });
});

test('a protocol that a raw socket listens to is known', () => {
  const router = new Router();
  const id = router.host.call('socket.open', { type: 'raw', family: 4, protocol: 200 });
  const packet = ip4({ source: LEFT, destination: RIGHT_OWN }, payload(200, 'x'));
  router.host.moved();
  expectFrames(router.fromLeft(packet).left, []);
  const { ip, rawip } = router.host.moved();
  assert.deepEqual(ip, { received: 1, delivered: 1 });
  assert.equal(rawip?.delivered, 1);
  router.host.call('socket.close', { id });
  assert.equal(router.fromLeft(packet).left.length, 1);
});

test('no error answers a broadcast', () => {
  for (const destination of ['192.0.2.255', '255.255.255.255']) {
    const router = new Router();
    const packet = ip4({ source: LEFT, destination }, payload(200, 'x'));
    const out = router.inject(frame({ to: 'ff:ff:ff:ff:ff:ff', from: LEFT_LINK }, packet));
    expectFrames(out.left, []);
    assert.equal(router.host.moved().ip?.delivered, 1);
  }
});

test('a tagged TCP segment passes as it came but for TTL and checksum', () => {
  const router = new Router();
  const segment = tcpSegment({ from: 1000, to: 80, flags: tcp.FLAG_SYN });
  const out = router.inject(
    frame({ to: VR0_LINK, from: LEFT_LINK, vlan: 0, priority: 5 }, across({}, segment)),
  );
  expectFrames(out.right, [toRight(across({ ttl: 63 }, segment))]);
});

test('a host answers for an address on the interface that has it, and for those of loopback on any', () => {
  const toOwn = (destination: string) =>
    ip4({ source: LEFT, destination }, icmpMessage(icmp.TYPE_ECHO, 0, 1, 'data'));
  const router = new Router();
  router.host.address('lo0', '203.0.113.80/32'); // a virtual address, as a server has it for Direct Server Return
  router.host.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 0 });
  assert.equal(router.fromLeft(toOwn(LEFT_OWN)).left.length, 1);
  assert.equal(router.fromLeft(toOwn('203.0.113.80')).left.length, 1);
  router.host.moved();
  assert.equal(router.fromLeft(toOwn(RIGHT_OWN)).left.length, 0);
  assert.deepEqual(router.host.moved(), { ip: { received: 1, wrongInterface: 1 } });
  router.host.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: 1 });
  assert.equal(router.fromLeft(toOwn(RIGHT_OWN)).left.length, 1);
});

test('an address on loopback is not asked for by ARP: nobody answers for it', () => {
  const router = new Router();
  router.host.address('lo0', '192.0.2.80/32');
  const question = arpPacket(arp.REQUEST, { link: LEFT_LINK, address: LEFT }, { address: '192.0.2.80' });
  expectFrames(router.inject(frame({ to: 'ff:ff:ff:ff:ff:ff', from: LEFT_LINK }, question)).left, []);
});
