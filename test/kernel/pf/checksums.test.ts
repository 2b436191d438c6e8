// SPDX-License-Identifier: ISC
//
// Whatever is rewritten, checksums stay right: random packets through every change that pf makes, finished sums and partial ones.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DIRECTION_IN } from '../../../appliance/kernel/filter.ts';
import { finishChecksum } from '../../../appliance/kernel/link/offload.ts';
import type { Packet } from '../../../appliance/kernel/packet.ts';
import { changeFamily } from '../../../appliance/kernel/pf/changeFamily.ts';
import { Descriptor } from '../../../appliance/kernel/pf/descriptor.ts';
import { Ends, protocolIn } from '../../../appliance/kernel/pf/ends.ts';
import { applyScrub, normalizeTcp } from '../../../appliance/kernel/pf/headers.ts';
import { hops } from '../../../appliance/kernel/pf/hops.ts';
import { ScrubSettings } from '../../../appliance/kernel/pf/scrubSettings.ts';
import * as translate from '../../../appliance/kernel/pf/translate.ts';
import { Random } from '../../../appliance/kernel/random.ts';
import { setU16 } from '../../../appliance/wire/bytes.ts';
import * as checksum from '../../../appliance/wire/checksum.ts';
import * as icmp from '../../../appliance/wire/icmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import {
  icmp6Message,
  icmpMessage,
  ip4,
  ip6,
  type Transport,
  tcpSegment,
  udp,
} from '../../support/packets.ts';
import { DirectPf } from './direct.ts';
import { verify } from './filter.ts';

const port = fc.integer({ min: 1, max: 0xffff });
const word = fc.integer();
const bytes = fc.uint8Array({ maxLength: 40 });

const OPTIONS = [
  [],
  [2, 4, 5, 180],
  [1, 2, 4, 5, 180, 1, 1, 1],
  [1, 1, 5, 10, 1, 2, 3, 4, 5, 6, 7, 8],
  [1, 5, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1],
];

const tcpSegments = fc
  .record({
    from: port,
    to: port,
    sequence: word,
    acknowledgment: word,
    options: fc.constantFrom(...OPTIONS),
    bytes,
  })
  .map(({ bytes: data, options, ...header }) => ({
    protocol: 6,
    make: (): Transport => tcpSegment({ ...header, options: Uint8Array.from(options) }, data),
  }));
const udps = fc
  .record({ from: port, to: port, bytes })
  .map(({ from, to, bytes: data }) => ({ protocol: 17, make: (): Transport => udp(from, to, data) }));
const echoes = fc.record({ id: port, bytes }).map(({ id, bytes: data }) => ({
  protocol: 1,
  make: (family: 4 | 6): Transport =>
    family === 4
      ? icmpMessage(icmp.TYPE_ECHO, 0, icmp.echoRest(id, 1), data)
      : icmp6Message(128, 0, icmp.echoRest(id, 1), data),
}));

const changes = fc.record({
  source: fc.tuple(word, word, word, word),
  destination: fc.tuple(word, word, word, word),
  sourcePort: port,
  destinationPort: port,
  sequence: word,
  acknowledgment: word,
  difference: word,
  scrub: fc.record({ minTtl: fc.nat(255), maxMss: fc.nat(1500), tos: fc.nat(255), noDf: fc.boolean() }),
  isToday: fc.boolean(),
});

/** The checksum as the stack leaves it for a device: the sum of the pseudo header alone. */
function unfinish(packet: Packet, field: number): void {
  const { bytes: all, network, transport, end } = packet;
  const length = end - transport;
  const sum =
    packet.family === 4
      ? checksum.sum(all, network + 12, 8, packet.protocol + length)
      : checksum.sum(all, ipv6.sourceAt(network), 32, packet.protocol + length);
  setU16(all, transport + field, sum);
  packet.needsChecksum = true;
  packet.checksumStart = transport;
  packet.checksumField = transport + field;
}

test('from one family to the other and back, large segments with them', () => {
  const direct = new DirectPf();
  const descriptor = new Descriptor();
  const ends = (family: 4 | 6, protocol: number, change: { source: number[]; sourcePort: number }): Ends => {
    const made = new Ends();
    made.family = family;
    made.protocol = protocolIn(family, protocol);
    made.source.set(change.source);
    made.destination.set([...change.source].reverse());
    made.sourcePort = change.sourcePort;
    made.destinationPort = change.sourcePort ^ 1;
    return made;
  };
  fc.assert(
    fc.property(
      fc.constantFrom<4 | 6>(4, 6),
      fc.oneof(tcpSegments, udps, echoes),
      fc.boolean(),
      changes,
      (family, { protocol, make }, partial, change) => {
        const other = family === 4 ? 6 : 4;
        const header = { source: '192.0.2.1', destination: '192.0.2.2', tos: 0x2e, ttl: 77 };
        const network =
          family === 4
            ? ip4(header, make(4))
            : ip6({ source: '2001:db8::1', destination: 'fd00::2', trafficClass: 0x2e, hops: 77 }, make(6));
        const packet = direct.prepare(network);
        if (partial && protocol !== 1) unfinish(packet, protocol === 6 ? 16 : 6);
        if (partial && protocol === 6)
          Object.assign(packet, { gsoType: family === 4 ? 1 : 4, segmentSize: 8 });
        for (const to of [other, family] as const) {
          descriptor.read(packet, direct.vr0, DIRECTION_IN, true);
          changeFamily(descriptor, ends(to, descriptor.protocol, change), 1);
          assert.equal(packet.family, to);
          assert.equal(ipv4.version(packet.bytes, packet.network), to);
          if (partial && protocol === 6) assert.equal(packet.gsoType, to === 4 ? 1 : 4);
        }
        finishChecksum(packet);
        verify(packet.bytes, packet.network);
        descriptor.read(packet, direct.vr0, DIRECTION_IN, true);
        assert.deepEqual([hops(descriptor), descriptor.tos], [77, 0x2e]);
      },
    ),
    { numRuns: 1000 },
  );
});

test('addresses, ports, ids, numbers, options, headers: every sum follows', () => {
  const direct = new DirectPf();
  const descriptor = new Descriptor();
  const random = new Random([1, 2, 3, 4]);
  fc.assert(
    fc.property(
      fc.constantFrom<4 | 6>(4, 6),
      fc.oneof(tcpSegments, udps, echoes),
      fc.boolean(),
      changes,
      (family, { protocol, make }, partial, change) => {
        const header = { source: '192.0.2.1', destination: '192.0.2.2' };
        const network =
          family === 4
            ? ip4(header, make(4))
            : ip6({ source: '2001:db8::1', destination: 'fd00::2' }, make(6));
        const packet = direct.prepare(network);
        if (partial && protocol !== 1) unfinish(packet, protocol === 6 ? 16 : 6);
        descriptor.read(packet, direct.vr0, DIRECTION_IN, change.isToday);
        translate.changeSource(descriptor, Int32Array.from(change.source), change.sourcePort);
        translate.changeDestination(descriptor, Int32Array.from(change.destination), change.destinationPort);
        if (protocol === 6) {
          translate.changeSequence(descriptor, change.sequence);
          translate.changeAcknowledgment(descriptor, change.acknowledgment);
          translate.lowerSack(descriptor, change.difference);
          normalizeTcp(descriptor);
        }
        applyScrub(descriptor, Object.assign(new ScrubSettings(), change.scrub), random);
        finishChecksum(packet);
        verify(packet.bytes, packet.network);
      },
    ),
    { numRuns: 2000 },
  );
});
