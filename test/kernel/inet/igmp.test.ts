// SPDX-License-Identifier: ISC
//
// IGMP as a host speaks it (RFC 2236): reports when a group is joined and asked for, silence when another reports it, a word on leaving.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IFF_BROADCAST, IFF_MULTICAST, IFF_RUNNING } from '../../../appliance/abi/interface.ts';
import { Igmp } from '../../../appliance/kernel/inet/igmp.ts';
import { Ipv4 } from '../../../appliance/kernel/inet/ipv4.ts';
import { Captures } from '../../../appliance/kernel/link/capture.ts';
import { Ethernet } from '../../../appliance/kernel/link/ethernet.ts';
import { type Interface, InterfaceAddress } from '../../../appliance/kernel/link/interface.ts';
import { Interfaces } from '../../../appliance/kernel/link/interfaces.ts';
import { HEADROOM, Packet, PacketPool } from '../../../appliance/kernel/packet.ts';
import { Random } from '../../../appliance/kernel/random.ts';
import { Routes } from '../../../appliance/kernel/route/routes.ts';
import { Sysctl } from '../../../appliance/kernel/sysctl.ts';
import { Timeouts } from '../../../appliance/kernel/timeout.ts';
import * as igmp from '../../../appliance/wire/igmp.ts';
import * as ipv4 from '../../../appliance/wire/ipv4.ts';
import { NO_OFFLOADS } from '../../../drivers/memory.ts';
import { expectFrames } from '../../support/expect.ts';
import { frame, ip4, payload, word4 } from '../../support/packets.ts';

const SECOND = 1_000_000;
const GROUP = '224.0.0.18';
const GROUP_LINK = '01:00:5e:00:00:12';
const OWN = '192.0.2.1';
const OWN_LINK = '02:00:00:00:00:01';
const ROUTER_ALERT = Uint8Array.of(148, 4, 0, 0);

/** IPv4 and IGMP over one interface, without the rest of a kernel. */
class Member {
  readonly clock = { now: 0 };
  readonly on: Interface;
  readonly ip: Ipv4;
  readonly interfaces = new Interfaces();
  readonly igmp: Igmp;
  private readonly timeouts = new Timeouts(this.clock);
  private readonly ethernet: Ethernet;
  private sent: Uint8Array[] = [];

  constructor() {
    const { clock, timeouts, interfaces } = this;
    const pool = new PacketPool();
    const random = new Random([1, 2, 3, 4]);
    const captures = new Captures({ interfaces, clock, pool, emit: () => {} });
    const routes = new Routes();
    const sysctl = new Sysctl();
    this.ethernet = new Ethernet({ interfaces, captures, pool });
    const { ethernet } = this;
    this.ip = new Ipv4({ interfaces, ethernet, routes, clock, timeouts, random, pool, sysctl });
    this.igmp = new Igmp({ ipv4: this.ip, interfaces, clock, timeouts, random, pool });
    this.on = interfaces.attach('vr0', 'ethernet', ethernet, {
      capabilities: NO_OFFLOADS,
      transmit: (packet) => {
        this.sent.push(packet.bytes.slice(packet.link, packet.end));
        return 0;
      },
    });
    interfaces.setLinkAddress(this.on, [2, 0, 0, 0, 0, 1]);
    interfaces.setFlags(this.on, IFF_RUNNING | IFF_BROADCAST | IFF_MULTICAST);
    interfaces.addAddress(this.on, new InterfaceAddress(4, [word4(OWN)], 24));
  }

  /** Lets time pass; answers what was sent with IP ids taken out. */
  run(duration: number): Uint8Array[] {
    const until = this.clock.now + duration;
    while (this.timeouts.next <= until) {
      this.clock.now = this.timeouts.next;
      this.timeouts.run();
    }
    this.clock.now = until;
    return this.sent.splice(0).map((bytes) => {
      ipv4.setIdentification(bytes, 14, 1);
      ipv4.fillChecksum(bytes, 14);
      return bytes;
    });
  }

  hear(message: Uint8Array, source: string, destination: string, to: string): void {
    const network = ip4({ source, destination, ttl: 1 }, payload(ipv4.PROTOCOL_IGMP, message));
    const bytes = frame({ to, from: '02:00:00:00:00:99' }, network);
    const packet = new Packet();
    packet.bytes.set(bytes, HEADROOM);
    packet.end = HEADROOM + bytes.length;
    this.ethernet.input(packet, this.on);
  }

  query(response: number, group = 0): void {
    this.hear(message(igmp.TYPE_QUERY, group, response), '192.0.2.254', '224.0.0.1', '01:00:5e:00:00:01');
  }
}

function message(type: number, group: number, response = 0): Uint8Array {
  const bytes = new Uint8Array(igmp.HEADER_LENGTH);
  igmp.write(bytes, 0, type, response, group);
  return bytes;
}

/** A frame of ours. */
function said(type: number, destination: string, to: string): Uint8Array {
  const header = { source: OWN, destination, ttl: 1, tos: 0xc0, options: ROUTER_ALERT };
  return frame({ to, from: OWN_LINK }, ip4(header, payload(ipv4.PROTOCOL_IGMP, message(type, word4(GROUP)))));
}

const report = said(igmp.TYPE_REPORT2, GROUP, GROUP_LINK);
const report1 = said(igmp.TYPE_REPORT1, GROUP, GROUP_LINK);
const leave = said(igmp.TYPE_LEAVE, '224.0.0.2', '01:00:5e:00:00:02');

test('joining is reported at once and once more within ten seconds; a second join is not', () => {
  const member = new Member();
  member.ip.groups.join(member.on, word4(GROUP));
  expectFrames(member.run(0), [report]);
  member.ip.groups.join(member.on, word4(GROUP));
  expectFrames(member.run(10 * SECOND), [report]);
  expectFrames(member.run(1000 * SECOND), []);
});

test('leaving is said by who reported last, when the last member goes', () => {
  const member = new Member();
  const group = word4(GROUP);
  member.ip.groups.join(member.on, group);
  member.ip.groups.join(member.on, group);
  member.run(20 * SECOND);
  member.ip.groups.leave(member.on, group);
  expectFrames(member.run(SECOND), []);
  member.ip.groups.leave(member.on, group);
  expectFrames(member.run(SECOND), [leave]);
  assert.equal(member.ip.groups.has(member.on, group), false);
});

test('a query is answered within the time it allows, one for another group not at all', () => {
  const member = new Member();
  member.ip.groups.join(member.on, word4(GROUP));
  member.run(20 * SECOND);
  member.query(50);
  expectFrames(member.run(5 * SECOND), [report]);
  member.query(50, word4('224.9.9.9'));
  expectFrames(member.run(60 * SECOND), []);
});

test('who hears another member report keeps silent, also on leaving', () => {
  const member = new Member();
  const group = word4(GROUP);
  member.ip.groups.join(member.on, group);
  member.run(20 * SECOND);
  member.query(100);
  member.hear(message(igmp.TYPE_REPORT2, group), '192.0.2.7', GROUP, GROUP_LINK);
  expectFrames(member.run(20 * SECOND), []);
  member.ip.groups.leave(member.on, group);
  expectFrames(member.run(SECOND), []);
});

test('where a version 1 router asks, version 1 is spoken, and nothing is said on leaving', () => {
  const member = new Member();
  member.ip.groups.join(member.on, word4(GROUP));
  member.run(20 * SECOND);
  member.query(0);
  expectFrames(member.run(10 * SECOND), [report1]);
  member.ip.groups.leave(member.on, word4(GROUP));
  expectFrames(member.run(SECOND), []);
  member.ip.groups.join(member.on, word4(GROUP));
  member.run(20 * SECOND);
  member.run(400 * SECOND);
  member.query(10);
  expectFrames(member.run(SECOND), [report]);
});

test('groups are reported again when the link comes back', () => {
  const member = new Member();
  member.ip.groups.join(member.on, word4(GROUP));
  member.run(20 * SECOND);
  member.interfaces.setLink(member.on, false);
  expectFrames(member.run(SECOND), []);
  member.interfaces.setLink(member.on, true);
  expectFrames(member.run(0), [report]);
});

test('what is wrong with a message is counted', () => {
  const member = new Member();
  const query = message(igmp.TYPE_QUERY, 0, 100);
  const spoilt = query.slice();
  spoilt[5] = 1;
  const cases: [Uint8Array, string, string, string][] = [
    [query.slice(0, 7), '224.0.0.1', '01:00:5e:00:00:01', 'tooShort'],
    [spoilt, '224.0.0.1', '01:00:5e:00:00:01', 'badChecksum'],
    [message(igmp.TYPE_QUERY, 5, 100), '224.0.0.1', '01:00:5e:00:00:01', 'badQueries'],
    [message(igmp.TYPE_REPORT2, word4('224.1.1.1')), '224.0.0.1', '01:00:5e:00:00:01', 'badReports'],
  ];
  for (const [bytes, destination, to, counter] of cases) {
    const before = member.igmp.counters.read(true)[counter]!;
    member.hear(bytes, '192.0.2.254', destination, to);
    assert.equal(member.igmp.counters.read(true)[counter], before + 1, counter);
  }
});
