// SPDX-License-Identifier: ISC
//
// Packets that do not fit: packet too big on the way, path MTU kept for our own, fragments put together and made.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GSO_TCP6 } from '../../../appliance/kernel/packet.ts';
import { pseudo6 } from '../../../appliance/wire/checksum.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as fragment6 from '../../../appliance/wire/fragment6.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import { expectFrames, expectNothing } from '../../support/expect.ts';
import { data, icmp6Message, ip6, payload, tcpSegment, udp } from '../../support/packets.ts';
import { ofType } from './messages.ts';
import { fragment, LEFT, LEFT_OWN, RIGHT, Router6, SECOND, toLeft, toRight } from './router6.ts';

const IP = ethernet.HEADER_LENGTH;
const TCP = IP + ipv6.HEADER_LENGTH;

test('what does not fit the next link is answered with its MTU, never fragmented', () => {
  const router = new Router6({ rightMtu: 1400 }).introduce();
  const packet = ip6({ source: LEFT, destination: RIGHT }, udp(1, 2, 1353));
  const out = router.fromLeft(packet);
  expectNothing(out.right);
  const quoted = packet.bytes.subarray(0, 1232);
  expectFrames(out.left, [
    toLeft(
      ip6({ source: LEFT_OWN, destination: LEFT }, icmp6Message(icmp6.TYPE_PACKET_TOO_BIG, 0, 1400, quoted)),
    ),
  ]);
  assert.deepEqual(router.host.moved(), {
    ip6: { received: 1, cannotFragment: 1, cannotForward: 1, localOut: 1 },
    icmp6: { errors: 1 },
  });
  const fits = ip6({ source: LEFT, destination: RIGHT }, udp(1, 2, 1352));
  assert.equal(router.fromLeft(fits).right.length, 1);
});

/** A large segment as a device with TCP segmentation hands it over: the checksum field holds the pseudo header's sum. */
function largeSegment(length: number, flags: number) {
  const network = ip6(
    { source: LEFT, destination: RIGHT },
    tcpSegment({ from: 1024, to: 80, flags }, length),
  );
  const at = ipv6.HEADER_LENGTH;
  const sum = pseudo6(network.bytes, ipv6.sourceAt(0), ipv6.NEXT_TCP, network.bytes.length - at);
  tcp.setChecksum(network.bytes, at, sum);
  return network;
}

const NOTES = { gsoType: GSO_TCP6, checksumStart: TCP, checksumField: TCP + 16 };
const OFFLOADS = { capabilities: { checksum: true, tso4: true, tso6: true, uso: true } };

test("of a large segment one piece's length counts", () => {
  const router = new Router6({ wire: OFFLOADS, rightMtu: 1400 }).introduce();
  const segment = largeSegment(30_000, tcp.FLAG_ACK);
  const out = router.fromLeft(segment, { ...NOTES, segmentSize: 1340 });
  assert.equal(out.right.length, 1);
  assert.equal(out.right[0]?.length, IP + segment.bytes.length);
});

test('of a large segment that does not fit the first piece is quoted, as it would be on the wire', () => {
  const router = new Router6({ wire: OFFLOADS, rightMtu: 1400 }).introduce();
  const flags = tcp.FLAG_ACK | tcp.FLAG_PSH | tcp.FLAG_FIN;
  const out = router.fromLeft(largeSegment(30_000, flags), { ...NOTES, segmentSize: 1341 });
  expectNothing(out.right);
  const first = tcpSegment({ from: 1024, to: 80, flags: tcp.FLAG_ACK }, data(30_000).subarray(0, 1341));
  const quoted = ip6({ source: LEFT, destination: RIGHT }, first).bytes.subarray(0, 1232);
  expectFrames(out.left, [
    toLeft(
      ip6({ source: LEFT_OWN, destination: LEFT }, icmp6Message(icmp6.TYPE_PACKET_TOO_BIG, 0, 1400, quoted)),
    ),
  ]);
});

/** Echo of `length` bytes from the left; the reply's fragments. */
function echoOf(router: Router6, length: number): Uint8Array[] {
  const whole = ip6({ source: LEFT, destination: LEFT_OWN }, icmp6Message(icmp6.TYPE_ECHO, 0, 1, length));
  const body = whole.bytes.subarray(ipv6.HEADER_LENGTH);
  for (let at = 0; at < body.length; at += 1440) {
    const piece = body.subarray(at, at + 1440);
    const more = at + 1440 < body.length;
    router.left.send(
      frameToRouter(
        ip6({ source: LEFT, destination: LEFT_OWN }, fragment(ipv6.NEXT_ICMP6, at, more, 7, piece)),
      ),
    );
  }
  router.world.run(1000);
  return router.left.take();
}

function frameToRouter(network: { type: number; bytes: Uint8Array }): Uint8Array {
  const bytes = toLeft(network);
  ethernet.copyAddress(toLeft(network), ethernet.sourceAt(0), bytes, ethernet.destinationAt(0));
  return bytes;
}

/** The fragmentable part that these fragments make, in the order given. */
function joined(frames: readonly Uint8Array[]): Uint8Array {
  const parts = frames.map((bytes) => bytes.subarray(IP + ipv6.HEADER_LENGTH + fragment6.HEADER_LENGTH));
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

test('a long echo comes in fragments, is put together, and its answer goes in fragments', () => {
  const router = new Router6().introduce();
  const replies = echoOf(router, 4000);
  assert.deepEqual(
    replies.map((bytes) => bytes.length - IP),
    [1496, 1496, 40 + 8 + 4008 - 2 * 1448],
  );
  const reply = ip6({ source: LEFT_OWN, destination: LEFT }, icmp6Message(icmp6.TYPE_ECHO_REPLY, 0, 1, 4000));
  assert.deepEqual(joined(replies), reply.bytes.slice(ipv6.HEADER_LENGTH));
  assert.deepEqual(router.host.moved().ip6, {
    received: 3,
    delivered: 3,
    fragments: 3,
    reassembled: 1,
    localOut: 1,
    fragmented: 1,
    fragmentsCreated: 3,
  });
});

/** The router's own fragments to the left, by their length. */
function lengths(router: Router6, length: number): number[] {
  return echoOf(router, length).map((bytes) => bytes.length - IP);
}

test('a packet too big about one of ours is heeded, down to 1280, for ten minutes', () => {
  const router = new Router6().introduce();
  const ours = ip6({ source: LEFT_OWN, destination: LEFT }, icmp6Message(icmp6.TYPE_ECHO_REPLY, 0, 1, 1400));
  const tell = (mtu: number, source = LEFT_OWN) => {
    const about = ip6({ source, destination: LEFT }, icmp6Message(icmp6.TYPE_ECHO_REPLY, 0, 1, 1400));
    const quoted = about.bytes.subarray(0, 1232);
    router.fromLeft(
      ip6({ source: RIGHT, destination: LEFT_OWN }, icmp6Message(icmp6.TYPE_PACKET_TOO_BIG, 0, mtu, quoted)),
    );
  };
  const route = () =>
    router.host.call('route.get', { destination: { family: 6, words: [0x20010db8, 0x10000, 0, 9] } }).mtu;
  assert.equal(ours.bytes.length, 1448);
  tell(1400, '2001:db8:1::77'); // not ours
  assert.equal(route(), 0);
  tell(1400);
  assert.equal(route(), 1400);
  assert.deepEqual(lengths(router, 1400), [1400, 104]);
  tell(1450); // larger than what is known
  assert.equal(route(), 1400);
  tell(600);
  assert.equal(route(), 1280);
  router.world.run(601 * SECOND);
  router.left.take();
  assert.equal(route(), 0);
});

const A = ip6({ source: LEFT, destination: LEFT_OWN }, icmp6Message(icmp6.TYPE_ECHO, 0, 1, 64)).bytes.slice(
  40,
);

function send(router: Router6, position: number, more: boolean, bytes: Uint8Array, id = 7): Uint8Array[] {
  const network = ip6(
    { source: LEFT, destination: LEFT_OWN },
    fragment(ipv6.NEXT_ICMP6, position, more, id, bytes),
  );
  return router.fromLeft(network).left;
}

test('fragments come in any order, and twice', () => {
  const router = new Router6().introduce();
  assert.deepEqual(send(router, 48, false, A.subarray(48)), []);
  assert.deepEqual(send(router, 16, true, A.subarray(16, 48)), []);
  assert.deepEqual(send(router, 16, true, A.subarray(16, 48)), []);
  assert.equal(send(router, 0, true, A.subarray(0, 16)).length, 1);
  const { ip6: counted } = router.host.moved();
  assert.deepEqual([counted?.reassembled, counted?.fragmentsDropped], [1, 1]);
});

test('an overlap drops the datagram and what is yet to come of it', () => {
  const router = new Router6().introduce();
  send(router, 0, true, A.subarray(0, 32));
  send(router, 24, true, A.subarray(24, 48));
  send(router, 32, true, A.subarray(32, 48));
  assert.deepEqual(send(router, 48, false, A.subarray(48)), []);
  const { ip6: counted } = router.host.moved();
  assert.deepEqual(
    [counted?.reassembled, counted?.fragmentsDropped, counted?.fragmentsOverlapping],
    [undefined, 4, 3],
  );
  router.world.run(61 * SECOND);
  assert.deepEqual(ofType(router.left.take(), icmp6.TYPE_TIME_EXCEEDED), []);
});

test('an atomic fragment is whole whatever else has its id', () => {
  const router = new Router6().introduce();
  send(router, 0, true, A.subarray(0, 32));
  assert.equal(send(router, 0, false, A).length, 1);
  assert.equal(send(router, 32, false, A.subarray(32)).length, 1);
});

test('an incomplete datagram is told of after 60 s, if its first fragment came', () => {
  const router = new Router6().introduce();
  const first = ip6(
    { source: LEFT, destination: LEFT_OWN },
    fragment(ipv6.NEXT_ICMP6, 0, true, 7, A.subarray(0, 16)),
  );
  router.fromLeft(first);
  send(router, 48, false, A.subarray(48), 8);
  router.world.run(59 * SECOND);
  router.left.take();
  router.host.moved();
  router.world.run(2 * SECOND);
  const error = ip6(
    { source: LEFT_OWN, destination: LEFT },
    icmp6Message(icmp6.TYPE_TIME_EXCEEDED, icmp6.CODE_EXCEEDED_REASSEMBLY, 0, first.bytes),
  );
  const errors = router.left.take().filter((bytes) => bytes.length === 14 + error.bytes.length);
  expectFrames(errors, [toLeft(error)]);
  assert.equal(router.host.moved().ip6?.fragmentsTimedOut, 2);
});

const MALFORMED = [
  { name: 'a middle one that is no multiple of eight', position: 0, more: true, length: 13, pointer: 4 },
  { name: 'one beyond the longest datagram', position: 65_528, more: false, length: 16, pointer: 42 },
] as const;

for (const { name, position, more, length, pointer } of MALFORMED) {
  test(`malformed fragments: ${name}`, () => {
    const router = new Router6().introduce();
    const network = ip6({ source: LEFT, destination: LEFT_OWN }, fragment(253, position, more, 7, length));
    expectFrames(router.fromLeft(network).left, [
      toLeft(
        ip6(
          { source: LEFT_OWN, destination: LEFT },
          icmp6Message(icmp6.TYPE_PARAMETER_PROBLEM, 0, pointer, network.bytes),
        ),
      ),
    ]);
    assert.equal(router.host.moved().ip6?.fragmentsMalformed, 1);
  });
}

test('fragments that are only passing are not touched', () => {
  const router = new Router6().introduce();
  const piece = fragment(ipv6.NEXT_UDP, 1440, true, 9, 1440);
  const out = router.fromLeft(ip6({ source: LEFT, destination: RIGHT }, piece));
  expectFrames(out.right, [toRight(ip6({ source: LEFT, destination: RIGHT, hops: 63 }, piece))]);
});

test('what reassembly holds is bounded', () => {
  const router = new Router6().introduce();
  for (let id = 0; id < 1000; id++) send(router, 8, true, data(8), id);
  const { ip6: counted } = router.host.moved();
  assert.equal(counted?.fragments, 1000);
  assert.equal(counted?.fragmentsDropped, 800); // the oldest make room
  router.world.run(61 * SECOND);
  assert.equal(router.host.moved().ip6?.fragmentsTimedOut, 200);
});

test('a datagram of ours to nobody known in pieces: nothing is kept beyond the bound', () => {
  const router = new Router6();
  const network = ip6({ source: '2001:db8:1::77', destination: LEFT_OWN }, payload(253, 1200));
  for (let i = 0; i < 50; i++) router.fromLeft(network);
  const moved = router.host.moved();
  assert.equal(moved.nd6?.held, 50);
  assert.equal(moved.nd6?.heldDropped, 40);
});
