// SPDX-License-Identifier: ISC
//
// Whatever is captured can be printed and filtered: nothing throws, no control character comes out, nothing beyond the capture is read.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Conversations } from '../../../appliance/user/dissect/conversations.ts';
import { dissect } from '../../../appliance/user/dissect/dissect.ts';
import { compileFilter } from '../../../appliance/user/dissect/filter.ts';
import * as pcap from '../../../appliance/wire/pcap.ts';
import * as frames from '../../support/frames.ts';
import { guard } from '../../support/guard.ts';

const linkType = fc.constantFrom(pcap.LINK_ETHERNET, pcap.LINK_RAW, pcap.LINK_PFLOG, 0);

/** Noise; noise behind a header that is likely to be taken apart; good frames with some bytes changed, or cut. */
const noise = fc.uint8Array({ maxLength: 150 });
const headed = fc
  .tuple(
    fc.constantFrom(
      [0x08, 0x00, 0x45],
      [0x08, 0x00, 0x4f],
      [0x86, 0xdd, 0x60],
      [0x08, 0x06, 0x00],
      [0x81, 0x00, 0x00],
      [0x88, 0xa8, 0x00],
    ),
    noise,
  )
  .map(([head, body]) => Uint8Array.of(...new Uint8Array(12), ...head, ...body));
const damaged = fc
  .tuple(
    fc.constantFrom(...Object.values(frames)),
    fc.array(fc.tuple(fc.nat(160), fc.nat(255)), { maxLength: 4 }),
    fc.nat(160),
  )
  .map(([frame, changes, size]) => {
    const bytes = frame.slice(0, size);
    for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
    return bytes;
  });
const packet = fc.oneof(noise, headed, damaged);

/** The packet between bytes that are not its own. */
function embedded(bytes: Uint8Array): Uint8Array {
  const room = new Uint8Array(bytes.length + 200).fill(0x45);
  room.set(bytes, 40);
  return room;
}

const options = fc.record({
  numeric: fc.boolean(),
  ethernet: fc.boolean(),
  verbose: fc.nat(2),
  quick: fc.boolean(),
  wireLength: fc.option(fc.nat(70_000), { nil: undefined }),
});

test('any bytes print as one line of printable characters', () => {
  const conversations = new Conversations();
  fc.assert(
    fc.property(linkType, packet, options, (link, bytes, how) => {
      const room = guard(embedded(bytes), 0, 40 + bytes.length);
      const text = dissect(link, room, 40, 40 + bytes.length, { ...how, conversations });
      assert.match(text, /^[\x20-\x7e]+$/);
    }),
    { numRuns: 3000 },
  );
});

test('-x and -X add lines, and print printable characters', () => {
  fc.assert(
    fc.property(linkType, packet, fc.constantFrom('x' as const, 'X' as const), (link, bytes, hex) => {
      const how = { numeric: true, ethernet: false, verbose: 0, hex };
      assert.match(dissect(link, embedded(bytes), 40, 40 + bytes.length, how), /^[\x20-\x7e\n\t]+$/);
    }),
  );
});

test('any bytes can be asked any question', () => {
  const filters = [
    'host 192.0.2.1 or net 2001:db8::/32 or arp host 10.0.0.1',
    'tcp port 80 or udp portrange 1-1000',
    'vlan and vlan 5 and icmp6',
    'ip[2:2] > 100 or tcp[13] & 2 != 0 or icmp6[0] = 128 or ether[0:4] / ip[0] = 1 or arp[6:2] = 1',
    'ether host 02:00:00:00:00:01 or broadcast or ip multicast or ip6 multicast',
    'on vr0 or rulenum 7 or action pass or reason match or ruleset ftp or inbound',
  ].map((text) => compileFilter(text));
  fc.assert(
    fc.property(linkType, packet, (link, bytes) => {
      const room = guard(embedded(bytes), 40, 40 + bytes.length);
      for (const filter of filters) {
        assert.equal(typeof filter(link, room, 40, 40 + bytes.length, bytes.length), 'boolean');
      }
    }),
    { numRuns: 1000 },
  );
});
