// SPDX-License-Identifier: ISC
//
// ARP requests that we make: questions for a neighbour, and announcements of our own addresses (gratuitous ARP, RFC 5227 2.3).

import { INET } from '../../abi/address.ts';
import * as arps from '../../abi/counters/arp.ts';
import { IFF_NOARP } from '../../abi/interface.ts';
import * as arp from '../../wire/arp.ts';
import * as ethernet from '../../wire/ethernet.ts';
import { SECOND } from '../clock.ts';
import type { Counters } from '../counters.ts';
import type { Ethernet } from '../link/ethernet.ts';
import type { Interface, InterfaceAddress } from '../link/interface.ts';
import type { PacketPool } from '../packet.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import { addressFor } from './local4.ts';

/** An announcement is repeated once, for those who missed the first. */
const ANNOUNCEMENTS = 2;
const ANNOUNCE_INTERVAL = 2 * SECOND;

export class ArpSender {
  private readonly ethernet: Ethernet;
  private readonly timeouts: Timeouts;
  private readonly pool: PacketPool;
  private readonly counters: Counters;
  /** Addresses that are being announced. */
  private readonly announcements = new Map<InterfaceAddress, Timeout>();

  constructor(parts: { ethernet: Ethernet; timeouts: Timeouts; pool: PacketPool; counters: Counters }) {
    this.ethernet = parts.ethernet;
    this.timeouts = parts.timeouts;
    this.pool = parts.pool;
    this.counters = parts.counters;
  }

  /** Asks everyone on the link for an address. */
  ask(on: Interface, target: number): void {
    this.send(on, addressFor(on, target), target, ethernet.BROADCAST_HIGH, ethernet.BROADCAST_LOW);
  }

  /** Asks the one station that had it (RFC 1122 2.3.2.1 (2)). */
  askAlone(on: Interface, target: number, high: number, low: number): void {
    this.send(on, addressFor(on, target), target, high, low);
  }

  /** Tells everyone on the link that the address is here, now and once more; nothing where there is no ARP. */
  announce(on: Interface, address: InterfaceAddress): void {
    this.silence(address);
    // carp says for itself when its addresses have come.
    if (on.type === 'carp' || !speaksOf(on, address)) return;
    let left = ANNOUNCEMENTS;
    const again = new Timeout(this.timeouts, () => tell());
    const tell = (): void => {
      left--;
      if (left > 0) again.set(ANNOUNCE_INTERVAL);
      else this.announcements.delete(address);
      const word = address.words[0]!;
      this.send(on, word, word, ethernet.BROADCAST_HIGH, ethernet.BROADCAST_LOW);
    };
    this.announcements.set(address, again);
    tell();
  }

  announceOnce(on: Interface, address: InterfaceAddress): void {
    if (!speaksOf(on, address)) return;
    const word = address.words[0]!;
    this.send(on, word, word, ethernet.BROADCAST_HIGH, ethernet.BROADCAST_LOW);
  }

  /** The address is gone, or its link. */
  silence(address: InterfaceAddress): void {
    this.announcements.get(address)?.clear();
    this.announcements.delete(address);
  }

  private send(on: Interface, source: number, target: number, toHigh: number, toLow: number): void {
    const packet = this.pool.take();
    const { bytes, network } = packet;
    arp.write(bytes, network, arp.REQUEST, on.linkHigh, on.linkLow, source, 0, 0, target);
    packet.end = network + arp.PACKET_LENGTH;
    packet.linkBroadcast = toHigh === ethernet.BROADCAST_HIGH;
    this.counters.count(arps.REQUESTS_SENT);
    this.ethernet.send(packet, on, toHigh, toLow, ethernet.TYPE_ARP);
    this.pool.give(packet);
  }
}

/** Whether there is a link with ARP to tell of this address. */
function speaksOf(on: Interface, address: InterfaceAddress): boolean {
  const silent = address.family !== INET || on.type === 'loopback' || (on.flags & IFF_NOARP) !== 0;
  return !silent && on.running && on.link;
}
