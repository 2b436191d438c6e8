// SPDX-License-Identifier: ISC
//
// Hostile frames: random bytes and changed copies of real packets never throw, never grow anything, and every drop is counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import * as nd6 from '../../../appliance/wire/nd6.ts';
import { frame, icmp6Message, ip6, raw, tcpSegment, udp } from '../../support/packets.ts';
import { advertisement, echo, solicitation, solicitedNode } from './messages.ts';
import {
  extension,
  fragment,
  LEFT,
  LEFT_LINK,
  LEFT_LOCAL,
  LEFT_OWN,
  RIGHT,
  Router6,
  VR0_LINK,
} from './router6.ts';

const SKIP = [0, 0x1e, 4, 0, 0, 0, 0];

function toRouter(network: Parameters<typeof frame>[1]): Uint8Array {
  return frame({ to: VR0_LINK, from: LEFT_LINK }, network);
}

/** One good frame of each kind. */
const GOOD: readonly Uint8Array[] = [
  echo({ to: VR0_LINK, from: LEFT_LINK, source: LEFT, destination: LEFT_OWN }, 64),
  toRouter(ip6({ source: LEFT, destination: RIGHT }, udp(1, 2, 100))),
  toRouter(ip6({ source: LEFT, destination: RIGHT, hops: 1 }, tcpSegment({ from: 1, to: 2 }, 100))),
  toRouter(ip6({ source: LEFT, destination: LEFT_OWN }, fragment(58, 0, true, 1, 64))),
  toRouter(ip6({ source: LEFT, destination: LEFT_OWN }, fragment(58, 64, false, 1, 64))),
  toRouter(
    ip6(
      { source: LEFT, destination: LEFT_OWN },
      extension(
        ipv6.NEXT_HOP_BY_HOP,
        SKIP,
        extension(ipv6.NEXT_DESTINATION_OPTIONS, SKIP, extension(ipv6.NEXT_ROUTING, SKIP, udp(1, 2))),
      ),
    ),
  ),
  solicitation({
    link: LEFT_LINK,
    source: LEFT,
    destination: solicitedNode(LEFT_OWN),
    target: LEFT_OWN,
    option: LEFT_LINK,
  }),
  advertisement({
    link: LEFT_LINK,
    source: LEFT,
    destination: 'ff02::1',
    target: LEFT,
    flags: nd6.FLAG_OVERRIDE,
    option: LEFT_LINK,
  }),
  toRouter(
    ip6(
      { source: LEFT, destination: LEFT_OWN },
      icmp6Message(
        icmp6.TYPE_PACKET_TOO_BIG,
        0,
        1300,
        ip6({ source: LEFT_OWN, destination: LEFT }, tcpSegment({ from: 1, to: 2 })).bytes,
      ),
    ),
  ),
  toRouter(
    ip6(
      { source: LEFT_LOCAL, destination: LEFT_OWN, hops: 1 },
      extension(ipv6.NEXT_HOP_BY_HOP, SKIP, icmp6Message(icmp6.TYPE_LISTENER_QUERY, 0, 0, 20)),
    ),
  ),
  toRouter(ip6({ source: LEFT_LOCAL, destination: LEFT_OWN, hops: 255 }, icmp6Message(134, 0, 0, 40))),
  toRouter(ip6({ source: LEFT_LOCAL, destination: LEFT_OWN, hops: 255 }, icmp6Message(137, 0, 0, 72))),
];

const mutated = fc
  .record({
    frame: fc.constantFrom(...GOOD),
    changes: fc.array(fc.tuple(fc.nat(250), fc.nat(255)), { maxLength: 6 }),
    length: fc.option(fc.nat(250)),
  })
  .map(({ frame: good, changes, length }) => {
    const bytes = good.slice(0, Math.max(14, length ?? good.length));
    for (const [at, value] of changes) if (at >= 14 && at < bytes.length) bytes[at] = value;
    return bytes;
  });

const random = fc
  .uint8Array({ maxLength: 200 })
  .map((bytes) => frame({ to: VR0_LINK, from: LEFT_LINK }, raw(0x86dd, bytes)));

/** Random bytes behind a good header, so that the walk over extension headers is reached. */
const chained = fc
  .tuple(fc.constantFrom(0, 43, 44, 51, 58, 60), fc.uint8Array({ maxLength: 120 }))
  .map(([next, bytes]) =>
    toRouter(
      ip6(
        { source: LEFT, destination: LEFT_OWN },
        { protocol: next, length: bytes.length, write: (into, at) => into.set(bytes, at) },
      ),
    ),
  );

test('nothing throws, and what comes in is accounted for', () => {
  const router = new Router6().introduce();
  fc.assert(
    fc.property(fc.oneof(mutated, random, chained), (bytes) => {
      router.host.moved();
      router.inject(bytes);
      const { ip6: counted = {}, icmp6: messages } = router.host.moved();
      if (counted.received === undefined) return; // not for us any more
      const ends = Object.keys(counted).filter((name) => name !== 'received' && name !== 'localOut');
      // A hop limit that ran out has no counter but that of the error that answers it.
      assert.ok(ends.length > 0 || (messages?.errors ?? 0) > 0);
    }),
    { numRuns: 3000 },
  );
  router.world.run(200_000_000);
  assert.ok(router.host.call('neighbor.list', { family: 6 }).length <= 2060);
  assert.ok(router.host.call('route.list', { cursor: 0, family: 6 }).items.length < 50);
});

test('the same frames give the same frames', () => {
  const run = () => {
    const router = new Router6().introduce();
    for (const bytes of GOOD) router.inject(bytes);
    router.world.run(100_000_000);
    return [router.leftWire.pcap(), router.rightWire.pcap()];
  };
  assert.deepEqual(run(), run());
});
