// SPDX-License-Identifier: ISC
//
// ICMP: echo, when an error may be said and how it quotes, what errors about our own packets change (RFC 792, RFC 1122 3.2.2, RFC 1191).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress } from '../../../appliance/abi/addressText.ts';
import { GSO_TCP4 } from '../../../appliance/kernel/packet.ts';
import * as checksum from '../../../appliance/wire/checksum.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { ALL_OFFLOADS } from '../../../drivers/memory.ts';
import { expectFrames, expectNothing } from '../../support/expect.ts';
import {
  data,
  frame,
  type Ip4Header,
  icmpMessage,
  ip4,
  payload,
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
  VR0_LINK,
} from '../../support/router.ts';

const SECOND = 1_000_000;
/** Where the IP header and, without options, the ICMP message are in a frame. */
const IP = 14;
const MESSAGE = IP + ipv4.HEADER_LENGTH;

function echo(destination: string, size = 56, header: Partial<Ip4Header> = {}) {
  return ip4(
    { source: LEFT, destination, ...header },
    icmpMessage(icmp.TYPE_ECHO, 0, icmp.echoRest(7, 1), size),
  );
}

/** The reply, when the kernel chose `id`. */
function reply(from: string, id: number, size = 56, header: Partial<Ip4Header> = {}) {
  return ip4(
    { source: from, destination: LEFT, id, ...header },
    icmpMessage(icmp.TYPE_ECHO_REPLY, 0, icmp.echoRest(7, 1), size),
  );
}

function idOf(bytes: Uint8Array | undefined): number {
  return bytes === undefined ? 0 : ipv4.identification(bytes, IP);
}

test('an echo request to any of our addresses is answered from it, TTL and id of our own', () => {
  for (const own of [LEFT_OWN, RIGHT_OWN]) {
    const router = new Router();
    const { left } = router.fromLeft(echo(own, 56, { ttl: 3, tos: 0x10 }));
    expectFrames(left, [toLeft(reply(own, idOf(left[0]), 56, { tos: 0x10 }))]);
    assert.deepEqual(router.host.moved(), {
      ip: { received: 1, delivered: 1, localOut: 1 },
      icmp: { received: 1, replies: 1 },
    });
  }
});

test('an echo request to everyone is not answered unless net.inet.icmp.bmcastecho', () => {
  for (const destination of ['192.0.2.255', '255.255.255.255', '224.0.0.1']) {
    const router = new Router();
    const to = destination === '224.0.0.1' ? '01:00:5e:00:00:01' : 'ff:ff:ff:ff:ff:ff';
    expectNothing(router.inject(frame({ to, from: LEFT_LINK }, echo(destination))).left);
    assert.equal(router.host.moved().icmp?.broadcastEcho, 1);
    router.host.call('sysctl.set', { name: 'net.inet.icmp.bmcastecho', value: 1 });
    const { left } = router.inject(frame({ to, from: LEFT_LINK }, echo(destination)));
    expectFrames(left, [toLeft(reply(LEFT_OWN, idOf(left[0])))]);
  }
});

test('an address mask request is answered where net.inet.icmp.maskrepl says so (RFC 950)', () => {
  const router = new Router();
  const ask = ip4({ source: LEFT, destination: LEFT_OWN }, icmpMessage(icmp.TYPE_MASK, 0, 7, 4));
  expectNothing(router.fromLeft(ask).left);
  router.host.call('sysctl.set', { name: 'net.inet.icmp.maskrepl', value: 1 });
  const { left } = router.fromLeft(ask);
  const mask = Uint8Array.of(255, 255, 255, 0);
  expectFrames(left, [
    toLeft(
      ip4(
        { source: LEFT_OWN, destination: LEFT, id: idOf(left[0]) },
        icmpMessage(icmp.TYPE_MASK_REPLY, 0, 7, mask),
      ),
    ),
  ]);
});

test('a message that is cut or has a wrong checksum is counted and answered by nothing', () => {
  const router = new Router();
  const short = ip4(
    { source: LEFT, destination: LEFT_OWN },
    payload(ipv4.PROTOCOL_ICMP, Uint8Array.of(8, 0, 0)),
  );
  expectNothing(router.fromLeft(short).left);
  assert.equal(router.host.moved().icmp?.tooShort, 1);
  const wrong = echo(LEFT_OWN);
  wrong.bytes[30]! ^= 0x40;
  expectNothing(router.fromLeft(wrong).left);
  assert.equal(router.host.moved().icmp?.badChecksum, 1);
});

test('`ping -s 4000`: reassembled, answered, and the answer fragmented', () => {
  const router = new Router();
  const whole = echo(LEFT_OWN, 4000, { id: 99 }).bytes;
  const body = whole.subarray(ipv4.HEADER_LENGTH);
  const out: Uint8Array[] = [];
  for (let at = 0; at < body.length; at += 1480) {
    const more = at + 1480 < body.length ? ipv4.FRAGMENT_MF : 0;
    const part = ip4(
      { source: LEFT, destination: LEFT_OWN, id: 99, fragment: more | (at >> 3) },
      payload(ipv4.PROTOCOL_ICMP, body.slice(at, at + 1480)),
    );
    out.push(...router.fromLeft(part).left);
  }
  const id = idOf(out[0]);
  const answer = reply(LEFT_OWN, id, 4000).bytes.subarray(ipv4.HEADER_LENGTH);
  const want = [0, 1480, 2960].map((at) =>
    toLeft(
      ip4(
        { source: LEFT_OWN, destination: LEFT, id, fragment: (at < 2960 ? ipv4.FRAGMENT_MF : 0) | (at >> 3) },
        payload(ipv4.PROTOCOL_ICMP, answer.slice(at, at + 1480)),
      ),
    ),
  );
  expectFrames(out, want);
  assert.deepEqual(router.host.moved().ip, {
    received: 3,
    fragments: 3,
    reassembled: 1,
    delivered: 1,
    localOut: 1,
    fragmented: 1,
    fragmentsCreated: 3,
  });
});

// When an error must not be said (RFC 1122 3.2.2).

const SILENT: readonly [string, ReturnType<typeof ip4>][] = [
  [
    'an ICMP error',
    ip4({ source: LEFT, destination: RIGHT, ttl: 1 }, icmpMessage(icmp.TYPE_UNREACHABLE, 1, 0, 28)),
  ],
  [
    'a redirect',
    ip4({ source: LEFT, destination: RIGHT, ttl: 1 }, icmpMessage(icmp.TYPE_REDIRECT, 1, 0, 28)),
  ],
  [
    'a later fragment',
    ip4({ source: LEFT, destination: RIGHT, ttl: 1, fragment: 5 }, payload(ipv4.PROTOCOL_UDP, 40)),
  ],
  ['one from class E', ip4({ source: '240.0.0.1', destination: RIGHT, ttl: 1 }, udp(1, 2))],
];

for (const [name, packet] of SILENT) {
  test(`no error about ${name}`, () => {
    const router = new Router();
    expectNothing(router.fromLeft(packet).left);
    expectNothing(router.right.take());
  });
}

test('an error about an ICMP query is said', () => {
  const router = new Router();
  assert.equal(router.fromLeft(echo(RIGHT, 10, { ttl: 1 })).left.length, 1);
});

test('errors are limited to net.inet.icmp.errppslimit in a second', () => {
  const router = new Router();
  const packet = ip4({ source: LEFT, destination: RIGHT, ttl: 1 }, udp(1, 2));
  router.world.run(SECOND - (router.world.now % SECOND));
  let errors = 0;
  for (let i = 0; i < 150; i++) errors += router.fromLeft(packet).left.length;
  assert.equal(errors, 100);
  assert.equal(router.host.moved().icmp?.errorsLimited, 50);
  router.world.run(SECOND);
  assert.equal(router.fromLeft(packet).left.length, 1);
});

test('an error is never longer than 576 bytes', () => {
  const router = new Router();
  const { left } = router.fromLeft(ip4({ source: LEFT, destination: RIGHT, ttl: 1 }, udp(1, 2, 1400)));
  assert.equal(left[0]!.length, IP + 576);
  assert.ok(icmp.checksumValid(left[0]!, MESSAGE, left[0]!.length));
});

// Large segments: the sender must see the segment that it sent.

function largeSegment(flags: number) {
  const transport = tcpSegment({ from: 1000, to: 80, flags }, 4000);
  const packet = ip4({ source: LEFT, destination: RIGHT, fragment: ipv4.FRAGMENT_DF }, transport);
  const at = ipv4.HEADER_LENGTH;
  // As a TAP hands it over: the checksum field holds the sum of the pseudo header.
  const sum = checksum.pseudo4(
    ipv4.source(packet.bytes, 0),
    ipv4.destination(packet.bytes, 0),
    ipv4.PROTOCOL_TCP,
    packet.bytes.length - at,
  );
  tcp.setChecksum(packet.bytes, at, sum);
  const notes = {
    gsoType: GSO_TCP4,
    segmentSize: 1400,
    checksumStart: IP + at,
    checksumField: IP + at + tcp.CHECKSUM_OFFSET,
  };
  return { packet, notes };
}

test('a large segment of pieces that do not fit: need fragment, quoting the first piece', () => {
  const router = new Router({ capabilities: ALL_OFFLOADS });
  router.host.call('interface.set', { name: 'vr1', mtu: 1400 });
  const { packet, notes } = largeSegment(tcp.FLAG_ACK | tcp.FLAG_PSH);
  const { left, right } = router.fromLeft(packet, notes);
  expectNothing(right);
  assert.equal(left.length, 1);
  const message = left[0]!;
  assert.equal(icmp.type(message, MESSAGE), icmp.TYPE_UNREACHABLE);
  assert.equal(icmp.code(message, MESSAGE), icmp.CODE_UNREACHABLE_NEED_FRAGMENT);
  assert.equal(icmp.nextHopMtu(message, MESSAGE), 1400);
  const quoted = icmp.payloadAt(MESSAGE);
  assert.equal(ipv4.totalLength(message, quoted), 1440);
  const first = ip4(
    { source: LEFT, destination: RIGHT, fragment: ipv4.FRAGMENT_DF },
    tcpSegment({ from: 1000, to: 80, flags: tcp.FLAG_ACK }, data(4000).slice(0, 1400)),
  );
  assert.deepEqual(message.slice(quoted), first.bytes.slice(0, message.length - quoted));
});

test('a large segment whose pieces fit passes whole where the device takes it', () => {
  const router = new Router({ capabilities: ALL_OFFLOADS });
  const { packet, notes } = largeSegment(tcp.FLAG_ACK);
  const { right } = router.fromLeft(packet, notes);
  assert.deepEqual(
    right.map((bytes) => bytes.length),
    [IP + packet.bytes.length],
  );
});

// Errors about packets of ours.

/** Our echo reply to a host far away makes a route of its own for it; here only the error matters. */
function needFragment(mtu: number, destination = '203.0.113.9', size = 1000) {
  const ours = ip4({ source: LEFT_OWN, destination }, udp(5000, 53, size));
  return ip4(
    { source: LEFT, destination: LEFT_OWN },
    icmpMessage(icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, mtu, ours.bytes.slice(0, 60)),
  );
}

function pathMtu(router: Router): number {
  return router.host.call('route.get', { destination: parseAddress('203.0.113.9')! }).mtu;
}

test('a path MTU is learnt, only ever smaller, and forgotten after ten minutes', () => {
  const router = new Router();
  router.host.route('default', LEFT);
  router.fromLeft(needFragment(1300));
  assert.equal(pathMtu(router), 1300);
  router.fromLeft(needFragment(1400));
  assert.equal(pathMtu(router), 1300);
  router.fromLeft(needFragment(1200));
  assert.equal(pathMtu(router), 1200);
  router.world.run(601 * SECOND);
  assert.equal(pathMtu(router), 0);
});

test('a router that does not tell the MTU: the next plateau below what was sent (RFC 1191 7.1)', () => {
  const router = new Router();
  router.host.route('default', LEFT);
  router.fromLeft(needFragment(0, '203.0.113.9', 1472));
  assert.equal(pathMtu(router), 1492);
});

test('an absurd MTU, or one about a packet that is not ours, changes nothing', () => {
  const router = new Router();
  router.host.route('default', LEFT);
  router.fromLeft(needFragment(40));
  assert.equal(pathMtu(router), 0);
  const theirs = ip4({ source: RIGHT, destination: '203.0.113.9' }, udp(1, 2, 500));
  router.fromLeft(
    ip4(
      { source: LEFT, destination: LEFT_OWN },
      icmpMessage(icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, 900, theirs.bytes.slice(0, 60)),
    ),
  );
  assert.equal(pathMtu(router), 0);
});

test('errors with a cut or broken quote are counted', () => {
  const router = new Router();
  for (const quote of [Uint8Array.of(0x45), new Uint8Array(20), needFragment(1).bytes.slice(0, 24)]) {
    router.fromLeft(
      ip4({ source: LEFT, destination: LEFT_OWN }, icmpMessage(icmp.TYPE_UNREACHABLE, 1, 0, quote)),
    );
  }
  assert.equal(router.host.moved().icmp?.badLength, 3);
});

test('a redirect is believed by a host that is told to, from the gateway it uses, to a neighbour', () => {
  const ours = ip4({ source: LEFT_OWN, destination: '203.0.113.9' }, udp(5000, 53, 20));
  const redirect = (gateway: string, from = LEFT) =>
    ip4(
      { source: from, destination: LEFT_OWN },
      icmpMessage(
        icmp.TYPE_REDIRECT,
        icmp.CODE_REDIRECT_HOST,
        parseAddress(gateway)!.words[0]!,
        ours.bytes.slice(0, 28),
      ),
    );
  const gatewayNow = (router: Router) =>
    router.host.call('route.get', { destination: parseAddress('203.0.113.9')! }).gateway?.words[0];
  const host = (accept: boolean, forwarding = false): Router => {
    const router = new Router();
    router.host.route('default', LEFT);
    router.host.call('sysctl.set', { name: 'net.inet.ip.forwarding', value: forwarding ? 1 : 0 });
    router.host.call('sysctl.set', { name: 'net.inet.icmp.rediraccept', value: accept ? 1 : 0 });
    return router;
  };
  const cases: [string, Router, ReturnType<typeof redirect>, string][] = [
    ['believed', host(true), redirect('192.0.2.77'), '192.0.2.77'],
    ['not by default', host(false), redirect('192.0.2.77'), LEFT],
    ['not by a router', host(true, true), redirect('192.0.2.77'), LEFT],
    ['not from others', host(true), redirect('192.0.2.77', '192.0.2.13'), LEFT],
    ['not to far away', host(true), redirect('198.18.0.1'), LEFT],
    ['not to ourselves', host(true), redirect(LEFT_OWN), LEFT],
  ];
  for (const [name, router, packet, gateway] of cases) {
    router.inject(frame({ to: VR0_LINK, from: LEFT_LINK }, packet));
    assert.equal(gatewayNow(router), parseAddress(gateway)!.words[0], name);
  }
});
