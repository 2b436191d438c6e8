// SPDX-License-Identifier: ISC
//
// One rule for every header: `valid` refuses each truncation, says yes to no bytes whose accessors would read outside, and throws
// at nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as arp from '../../appliance/wire/arp.ts';
import * as carp from '../../appliance/wire/carp.ts';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import * as fragment6 from '../../appliance/wire/fragment6.ts';
import * as icmp from '../../appliance/wire/icmp.ts';
import * as icmp6 from '../../appliance/wire/icmp6.ts';
import * as igmp from '../../appliance/wire/igmp.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../appliance/wire/ipv6.ts';
import * as mld from '../../appliance/wire/mld.ts';
import * as nd6 from '../../appliance/wire/nd6.ts';
import * as pcap from '../../appliance/wire/pcap.ts';
import * as pflog from '../../appliance/wire/pflog.ts';
import * as tcp from '../../appliance/wire/tcp.ts';
import * as udp from '../../appliance/wire/udp.ts';
import * as vnet from '../../appliance/wire/vnet.ts';
import * as frames from '../support/frames.ts';
import { guard } from '../support/guard.ts';

type Reader = (bytes: Uint8Array, offset: number) => unknown;

interface Header {
  readonly name: string;
  readonly valid: (bytes: Uint8Array, offset: number, end: number) => boolean;
  /** A good one, and how much of it must be there. */
  readonly good: Uint8Array;
  readonly length: number;
  readonly readers: readonly Reader[];
}

function pflogHeader(): Uint8Array {
  const bytes = new Uint8Array(pflog.HEADER_LENGTH);
  pflog.write(bytes, 0, pflog.AF_INET, 1, 0, 3, pflog.NONE, pflog.DIRECTION_IN);
  return bytes;
}

function pcapHeader(): Uint8Array {
  const bytes = new Uint8Array(pcap.FILE_HEADER_LENGTH);
  pcap.writeFileHeader(bytes, 0, pcap.LINK_ETHERNET, 65_535);
  return bytes;
}

const words = (read: (bytes: Uint8Array, offset: number, index: number) => number): Reader[] =>
  [0, 1, 2, 3].map((index) => (bytes, offset) => read(bytes, offset, index));

const HEADERS: readonly Header[] = [
  {
    name: 'ethernet',
    valid: ethernet.valid,
    good: frames.syn.slice(0, 14),
    length: 14,
    readers: [
      ethernet.destinationHigh,
      ethernet.destinationLow,
      ethernet.sourceHigh,
      ethernet.sourceLow,
      ethernet.type,
      ethernet.isBroadcast,
      ethernet.isMulticast,
    ],
  },
  {
    name: '802.1Q tag',
    valid: (bytes, offset, end) => ethernet.valid(bytes, offset, end) && ethernet.hasTag(bytes, offset, end),
    good: Uint8Array.of(...frames.syn.slice(0, 12), 0x81, 0, 0x60, 5, 8, 0),
    length: 18,
    readers: [ethernet.vlan, ethernet.priority, ethernet.taggedType],
  },
  {
    name: 'arp',
    valid: arp.valid,
    good: frames.arpReply.slice(14),
    length: 28,
    readers: [
      arp.operation,
      arp.senderHigh,
      arp.senderLow,
      arp.sender,
      arp.targetHigh,
      arp.targetLow,
      arp.target,
    ],
  },
  {
    name: 'ipv4',
    valid: (bytes, offset, end) => ipv4.valid(bytes, offset, end) === ipv4.OK,
    good: frames.syn.slice(14),
    length: 60,
    readers: [
      ipv4.typeOfService,
      ipv4.identification,
      ipv4.dontFragment,
      ipv4.moreFragments,
      ipv4.fragmentOffset,
      ipv4.ttl,
      ipv4.protocol,
      ipv4.checksum,
      ipv4.source,
      ipv4.destination,
    ],
  },
  {
    name: 'ipv6',
    valid: (bytes, offset, end) => ipv6.valid(bytes, offset, end) === ipv6.OK,
    good: frames.tcp6.slice(14),
    length: 60,
    readers: [
      ipv6.trafficClass,
      ipv6.flowLabel,
      ipv6.nextHeader,
      ipv6.hopLimit,
      ...words(ipv6.sourceWord),
      ...words(ipv6.destinationWord),
    ],
  },
  {
    name: 'fragment6',
    valid: fragment6.valid,
    good: frames.frag6.slice(54, 62),
    length: 8,
    readers: [
      fragment6.nextHeader,
      fragment6.fragmentOffset,
      fragment6.moreFragments,
      fragment6.isAtomic,
      fragment6.identification,
    ],
  },
  {
    name: 'icmp',
    valid: icmp.valid,
    good: frames.echo.slice(34, 42),
    length: 8,
    readers: [
      icmp.type,
      icmp.code,
      icmp.identifier,
      icmp.sequence,
      icmp.gateway,
      icmp.nextHopMtu,
      icmp.pointer,
    ],
  },
  {
    name: 'icmp6',
    valid: icmp6.valid,
    good: frames.echo6.slice(54, 62),
    length: 8,
    readers: [
      icmp6.type,
      icmp6.code,
      icmp6.checksum,
      icmp6.identifier,
      icmp6.sequence,
      icmp6.mtu,
      icmp6.pointer,
    ],
  },
  {
    name: 'neighbour solicitation',
    valid: (bytes, offset, end) =>
      nd6.valid(bytes, offset, end) && icmp6.type(bytes, offset) === icmp6.TYPE_NEIGHBOR_SOLICITATION,
    good: frames.ns.slice(54, 78),
    length: 24,
    readers: [nd6.flags, ...words(nd6.targetWord)],
  },
  {
    name: 'router advertisement',
    valid: (bytes, offset, end) =>
      nd6.valid(bytes, offset, end) && icmp6.type(bytes, offset) === icmp6.TYPE_ROUTER_ADVERTISEMENT,
    good: frames.ra.slice(54, 70),
    length: 16,
    readers: [
      nd6.currentHopLimit,
      nd6.routerFlags,
      nd6.routerLifetime,
      nd6.reachableTime,
      nd6.retransmitTimer,
    ],
  },
  {
    name: 'mld',
    valid: mld.valid,
    good: frames.mld2.slice(62),
    length: 28,
    readers: [mld.maximumResponse, mld.recordCount],
  },
  {
    name: 'igmp',
    valid: igmp.valid,
    good: frames.igmp3.slice(34),
    length: 16,
    readers: [igmp.type, igmp.maximumResponse3, igmp.checksum, igmp.group, igmp.recordCount],
  },
  {
    name: 'tcp',
    valid: tcp.valid,
    good: frames.syn.slice(34),
    length: 40,
    readers: [
      tcp.sourcePort,
      tcp.destinationPort,
      tcp.sequence,
      tcp.acknowledgment,
      tcp.flags,
      tcp.window,
      tcp.checksum,
      tcp.urgentPointer,
    ],
  },
  {
    name: 'udp',
    valid: udp.valid,
    good: frames.udp.slice(34),
    length: 13,
    readers: [udp.sourcePort, udp.destinationPort, udp.checksum],
  },
  {
    name: 'carp',
    valid: carp.valid,
    good: frames.carp.slice(34),
    length: 36,
    readers: [
      carp.version,
      carp.type,
      carp.vhid,
      carp.advskew,
      carp.authlen,
      carp.demote,
      carp.advbase,
      carp.counterHigh,
      carp.counterLow,
      (bytes, offset) => bytes[carp.digestAt(offset) + carp.DIGEST_LENGTH - 1],
      carp.checksumValid,
    ],
  },
  {
    name: 'vnet',
    valid: vnet.valid,
    good: new Uint8Array(12),
    length: 12,
    readers: [
      vnet.flags,
      vnet.gsoType,
      vnet.headersLength,
      vnet.segmentSize,
      vnet.checksumStart,
      vnet.checksumOffset,
    ],
  },
  {
    name: 'pflog',
    valid: pflog.valid,
    good: pflogHeader(),
    length: 100,
    readers: [
      pflog.family,
      pflog.action,
      pflog.reason,
      pflog.rule,
      pflog.subrule,
      pflog.uid,
      pflog.pid,
      pflog.ruleUid,
      pflog.rulePid,
      pflog.direction,
      (bytes, offset) => pflog.hasOriginal(bytes, offset) && pflog.originalDestinationPort(bytes, offset),
    ],
  },
  {
    name: 'pcap',
    valid: pcap.valid,
    good: pcapHeader(),
    length: 24,
    readers: [pcap.isNanoseconds, pcap.snaplen, pcap.linkType],
  },
];

/** The packet somewhere within other bytes, so that what is read outside is there to be read. */
function embedded(packet: Uint8Array, before: number): Uint8Array {
  const bytes = new Uint8Array(before + packet.length + 80).fill(0xa5);
  bytes.set(packet, before);
  return bytes;
}

for (const { name, valid, good, length, readers } of HEADERS) {
  test(`${name}: a good one is valid and every truncation is not`, () => {
    const bytes = embedded(good, 3);
    assert.ok(valid(guard(bytes, 3, 3 + length), 3, 3 + length));
    for (let end = 3; end < 3 + length; end++) {
      assert.equal(valid(guard(bytes, 3, end), 3, end), false, `${end - 3} bytes`);
    }
  });

  test(`${name}: what is valid can be read, whatever the bytes`, () => {
    const noise = fc.uint8Array({ maxLength: 120 });
    const damaged = fc
      .tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(length + 4))
      .map(([at, byte, size]) => {
        const bytes = good.slice();
        bytes[at] = byte;
        return bytes.slice(0, size);
      });
    fc.assert(
      fc.property(fc.oneof(noise, damaged), (packet) => {
        const bytes = guard(embedded(packet, 5), 5, 5 + packet.length);
        if (!valid(bytes, 5, 5 + packet.length)) return;
        for (const read of readers) read(bytes, 5);
      }),
    );
  });
}
