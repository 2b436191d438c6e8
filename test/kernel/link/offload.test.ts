// SPDX-License-Identifier: ISC
//
// Large segments and unfinished checksums in front of devices that cannot take them (the rules of TSO and USO).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cut, finishChecksum, notesValid } from '../../../appliance/kernel/link/offload.ts';
import {
  GSO_NONE,
  GSO_TCP4,
  GSO_TCP6,
  GSO_UDP,
  Packet,
  PacketPool,
} from '../../../appliance/kernel/packet.ts';
import * as checksum from '../../../appliance/wire/checksum.ts';
import * as ethernet from '../../../appliance/wire/ethernet.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../../appliance/wire/ipv6.ts';
import * as tcp from '../../../appliance/wire/tcp.ts';
import * as udpHeader from '../../../appliance/wire/udp.ts';
import { ALL_OFFLOADS } from '../../../drivers/memory.ts';
import { expectFrames } from '../../support/expect.ts';
import { data, ip4, ip6, type Network, type Transport, tcpSegment, udp } from '../../support/packets.ts';
import { LEFT, RIGHT, Router, toRight } from '../../support/router.ts';
import type { SegmentNotes } from '../../support/world.ts';

const IP = ethernet.HEADER_LENGTH;

/** The packet as a device with offloads hands it over: its checksum field holds the sum of the pseudo header only. */
function unfinished(
  network: Network,
  family: 4 | 6,
  isTcp: boolean,
): { network: Network; notes: SegmentNotes } {
  const bytes = network.bytes.slice();
  const at = family === 4 ? ipv4.payloadAt(bytes, 0) : ipv6.payloadAt(0);
  const length = bytes.length - at;
  const protocol = isTcp ? ipv4.PROTOCOL_TCP : ipv4.PROTOCOL_UDP;
  const sum =
    family === 4
      ? checksum.pseudo4(ipv4.source(bytes, 0), ipv4.destination(bytes, 0), protocol, length)
      : checksum.pseudo6(bytes, ipv6.sourceAt(0), protocol, length);
  const field = isTcp ? tcp.CHECKSUM_OFFSET : udpHeader.CHECKSUM_OFFSET;
  if (isTcp) tcp.setChecksum(bytes, at, sum);
  else udpHeader.setChecksum(bytes, at, sum);
  return {
    network: { ...network, bytes },
    notes: { checksumStart: IP + at, checksumField: IP + at + field },
  };
}

/** A router whose left side offloads and whose right side does not. */
function mixed(): Router {
  return new Router({ capabilities: ALL_OFFLOADS }, {});
}

test('an unfinished checksum is finished: TCP and UDP', () => {
  const cases: [Transport, boolean][] = [
    [tcpSegment({ from: 1, to: 2 }, 333), true],
    [udp(1, 2, 334), false],
  ];
  for (const [transport, isTcp] of cases) {
    const router = mixed();
    const { network, notes } = unfinished(ip4({ source: LEFT, destination: RIGHT }, transport), 4, isTcp);
    expectFrames(router.fromLeft(network, notes).right, [
      toRight(ip4({ source: LEFT, destination: RIGHT, ttl: 63 }, transport)),
    ]);
  }
});

test('TSO4: sequence numbers and ids go up; PSH and FIN are the last one’s, CWR is the first one’s', () => {
  const router = mixed();
  const flags = tcp.FLAG_ACK | tcp.FLAG_PSH | tcp.FLAG_FIN | tcp.FLAG_CWR | tcp.FLAG_ECE;
  const options = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2);
  const header = { from: 1, to: 2, sequence: -500, flags, options };
  const whole = ip4({ source: LEFT, destination: RIGHT, id: 0xfffe }, tcpSegment(header, 3000));
  const { network, notes } = unfinished(whole, 4, true);
  const { right } = router.fromLeft(network, { ...notes, gsoType: GSO_TCP4 | 0x80, segmentSize: 1200 });
  const piece = (id: number, from: number, to: number, pieceFlags: number) =>
    toRight(
      ip4(
        { source: LEFT, destination: RIGHT, id, ttl: 63 },
        tcpSegment({ ...header, sequence: -500 + from, flags: pieceFlags }, data(3000).slice(from, to)),
      ),
    );
  const middle = tcp.FLAG_ACK | tcp.FLAG_ECE;
  expectFrames(right, [
    piece(0xfffe, 0, 1200, middle | tcp.FLAG_CWR),
    piece(0xffff, 1200, 2400, middle),
    piece(0, 2400, 3000, middle | tcp.FLAG_PSH | tcp.FLAG_FIN),
  ]);
  const [vr1] = router.host.call('interface.list', { name: 'vr1' });
  const [vr0] = router.host.call('interface.list', { name: 'vr0' });
  assert.equal(vr1!.counters.outputPackets - vr0!.counters.outputPackets, 3);
  assert.equal(vr0!.counters.inputPackets, 1 + 3); // an ARP request before it
});

test('USO: datagrams of the segment size', () => {
  const router = mixed();
  const whole = ip4({ source: LEFT, destination: RIGHT, id: 7 }, udp(9, 10, 2500));
  const { network, notes } = unfinished(whole, 4, false);
  const { right } = router.fromLeft(network, { ...notes, gsoType: GSO_UDP, segmentSize: 1000 });
  const piece = (id: number, from: number, to: number) =>
    toRight(ip4({ source: LEFT, destination: RIGHT, id, ttl: 63 }, udp(9, 10, data(2500).slice(from, to))));
  expectFrames(right, [piece(7, 0, 1000), piece(8, 1000, 2000), piece(9, 2000, 2500)]);
});

test('a large segment that may be fragmented and does not fit is cut, then fragmented', () => {
  const router = mixed();
  router.host.call('interface.set', { name: 'vr1', mtu: 1000 });
  const transport = tcpSegment({ from: 1, to: 2 }, 2800);
  const { network, notes } = unfinished(ip4({ source: LEFT, destination: RIGHT, id: 7 }, transport), 4, true);
  const { right } = router.fromLeft(network, { ...notes, gsoType: GSO_TCP4, segmentSize: 1400 });
  assert.equal(right.length, 4);
  assert.ok(right.every((bytes) => bytes.length <= IP + 1000));
  assert.deepEqual(
    right.map((bytes) => [ipv4.identification(bytes, IP), ipv4.fragmentOffset(bytes, IP)]),
    [
      [7, 0],
      [7, 976],
      [8, 0],
      [8, 976],
    ],
  );
});

test('the frame after a large segment is an ordinary one', () => {
  const router = mixed();
  const { network, notes } = unfinished(
    ip4({ source: LEFT, destination: RIGHT }, tcpSegment({ from: 1, to: 2 }, 3000)),
    4,
    true,
  );
  router.fromLeft(network, { ...notes, gsoType: GSO_TCP4, segmentSize: 1200 });
  const next = router.fromLeft(ip4({ source: LEFT, destination: RIGHT }, udp(1, 2, 'x')));
  expectFrames(next.right, [toRight(ip4({ source: LEFT, destination: RIGHT, ttl: 63 }, udp(1, 2, 'x')))]);
});

test('a capture shows the large segment whole with a finished checksum; the device still gets the unfinished one', () => {
  const router = new Router({ capabilities: ALL_OFFLOADS });
  const { id } = router.host.call('capture.open', { interface: 'vr1', snaplen: 65_535 });
  const transport = tcpSegment({ from: 1, to: 2 }, 3000);
  const { network, notes } = unfinished(ip4({ source: LEFT, destination: RIGHT }, transport), 4, true);
  const { right } = router.fromLeft(network, { ...notes, gsoType: GSO_TCP4, segmentSize: 1200 });
  const { count, records } = router.host.call('capture.read', { id });
  assert.equal(count, 1);
  expectFrames([records.slice(16)], [toRight(ip4({ source: LEFT, destination: RIGHT, ttl: 63 }, transport))]);
  const want = network.bytes.slice();
  ipv4.decrementTtl(want, 0);
  expectFrames(right, [toRight({ ...network, bytes: want })]);
});

test('TSO6: payload lengths and checksums are those of packets built by hand', () => {
  const header = { source: '2001:db8::1', destination: '2001:db8:1::2' };
  const segment = (from: number, to: number, flags: number) =>
    ip6(header, tcpSegment({ from: 1, to: 2, sequence: 5 + from, flags }, data(2500).slice(from, to)));
  const { network, notes } = unfinished(segment(0, 2500, tcp.FLAG_ACK | tcp.FLAG_FIN), 6, true);
  const packet = new Packet();
  packet.network = packet.link + IP;
  packet.bytes.set(network.bytes, packet.network);
  packet.end = packet.network + network.bytes.length;
  packet.family = 6;
  packet.needsChecksum = true;
  packet.checksumStart = packet.link + notes.checksumStart!;
  packet.checksumField = packet.link + notes.checksumField!;
  packet.gsoType = GSO_TCP6;
  packet.segmentSize = 1000;
  const pieces: Uint8Array[] = [];
  cut(packet, new PacketPool(), { piece: (one) => pieces.push(one.bytes.slice(one.network, one.end)) });
  assert.deepEqual(pieces, [
    segment(0, 1000, tcp.FLAG_ACK).bytes,
    segment(1000, 2000, tcp.FLAG_ACK).bytes,
    segment(2000, 2500, tcp.FLAG_ACK | tcp.FLAG_FIN).bytes,
  ]);
  finishChecksum(packet);
  assert.deepEqual(
    packet.bytes.slice(packet.network, packet.end),
    segment(0, 2500, tcp.FLAG_ACK | tcp.FLAG_FIN).bytes,
  );
});

test('notes about what is not in the frame are refused', () => {
  const property = fc.property(
    fc.integer({ min: 0, max: 200 }),
    fc.constantFrom(GSO_NONE, GSO_TCP4, GSO_TCP6, GSO_UDP, 0x83),
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 0, max: 300 }),
    fc.integer({ min: 0, max: 65_535 }),
    fc.integer({ min: 0, max: 255 }),
    (length, gsoType, start, field, segmentSize, dataOffset) => {
      const router = new Router({ capabilities: ALL_OFFLOADS });
      const bytes = toRight(ip4({ source: LEFT, destination: RIGHT }, udp(1, 2, length)));
      bytes.set([2, 0, 0, 0, 1, 1]);
      if (start + 12 < bytes.length) bytes[start + 12] = dataOffset;
      router.inject(bytes, { gsoType, segmentSize, checksumStart: start, checksumField: field });
    },
  );
  fc.assert(property, { numRuns: 60 });
  const packet = new Packet();
  packet.end = packet.link + 100;
  packet.gsoType = GSO_TCP4;
  assert.equal(notesValid(packet), false);
});
