// SPDX-License-Identifier: ISC
//
// A filter that puts fragments together before it looks at them, as pf does: what it passes leaves in pieces as they came.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DIRECTION_IN, PASS, type PacketFilter, TAKEN } from '../../../appliance/kernel/filter.ts';
import { COMPLETE } from '../../../appliance/kernel/inet/fragments.ts';
import { Fragments6 } from '../../../appliance/kernel/inet6/fragments6.ts';
import type { Timeouts } from '../../../appliance/kernel/timeout.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as fragment6 from '../../../appliance/wire/fragment6.ts';
import * as icmp6 from '../../../appliance/wire/icmp6.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import { data, frame, ip6 } from '../../support/packets.ts';
import { machine } from './machine6.ts';
import { ofType } from './messages.ts';
import { fragment, LEFT, LEFT_LINK, RIGHT, VR0_LINK } from './router6.ts';

function router(rightMtu: number) {
  const { inet6, timeouts, receive } = machine(rightMtu);
  inet6.ip.filter = reassembling(timeouts);
  return { receive };
}

function reassembling(timeouts: Timeouts): PacketFilter {
  const limits = { fragments: () => 100, lifetime: () => 60_000_000 };
  const fragments = new Fragments6({ timeouts, limits, expired: () => {}, dropped: () => {} });
  return {
    test: (packet, _on, direction) => {
      if (direction !== DIRECTION_IN || packet.protocol !== ipv6.NEXT_FRAGMENT) return PASS;
      return fragments.add(packet) === COMPLETE ? PASS : TAKEN;
    },
  };
}

const BODY = data(4000);

function pieces(size: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let at = 0; at < BODY.length; at += size) {
    const more = at + size < BODY.length;
    const piece = fragment(253, at, more, 7, BODY.subarray(at, at + size));
    frames.push(frame({ to: VR0_LINK, from: LEFT_LINK }, ip6({ source: LEFT, destination: RIGHT }, piece)));
  }
  return frames;
}

test('pieces go on as large as they came, though more would fit', () => {
  const { receive } = router(1500);
  const out = pieces(1000).flatMap(receive);
  assert.deepEqual(
    out.map((bytes) => bytes.length - ethernet.HEADER_LENGTH),
    [1048, 1048, 1048, 1048],
  );
  const headers = ethernet.HEADER_LENGTH + ipv6.HEADER_LENGTH;
  const joined = out.flatMap((bytes) => [...bytes.subarray(headers + fragment6.HEADER_LENGTH)]);
  assert.deepEqual(Uint8Array.from(joined), BODY);
  for (const [i, bytes] of out.entries()) {
    assert.equal(ipv6.hopLimit(bytes, ethernet.HEADER_LENGTH), 63);
    assert.equal(fragment6.fragmentOffset(bytes, headers), 1000 * i);
    assert.equal(fragment6.moreFragments(bytes, headers), i < 3);
  }
});

test('pieces that do not fit are too big, as each would have been alone', () => {
  const { receive } = router(1400);
  const out = pieces(1440).flatMap(receive);
  assert.deepEqual(
    ofType(out, icmp6.TYPE_PACKET_TOO_BIG).map(({ to }) => to),
    [LEFT],
  );
  assert.equal(out.length, 1);
});
