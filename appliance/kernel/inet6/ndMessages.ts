// SPDX-License-Identifier: ISC
//
// Neighbour solicitations and advertisements that we send (RFC 4861 7.2.2, 7.2.4): built here, sent by IPv6.

import * as nd6s from '../../abi/counters/nd6.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as nd6 from '../../wire/nd6.ts';
import type { Counters } from '../counters.ts';
import type { Interface, InterfaceAddress } from '../link/interface.ts';
import type { Packet, PacketPool } from '../packet.ts';
import { finish, readWords, setWords, start } from './icmp6Message.ts';
import type { Ipv6 } from './ipv6.ts';
import { addressOf } from './local6.ts';
import { type Solicitor, solicitedNodeGroup } from './nd6.ts';

export const UNSPECIFIED = new Int32Array(4);
export const ALL_NODES = Int32Array.of(ipv6.LINK_GROUP_WORD0, 0, 0, ipv6.ALL_NODES_WORD3);
export const ALL_ROUTERS = Int32Array.of(ipv6.LINK_GROUP_WORD0, 0, 0, ipv6.ALL_ROUTERS_WORD3);

export class NdMessages implements Solicitor {
  private readonly ip: Ipv6;
  private readonly pool: PacketPool;
  private readonly counters: Counters;
  private readonly group = new Int32Array(4);
  private readonly source = new Int32Array(4);

  constructor(ip: Ipv6, pool: PacketPool, counters: Counters) {
    this.ip = ip;
    this.pool = pool;
    this.counters = counters;
  }

  solicit(on: Interface, words: Int32Array, unicast: boolean, held: Packet | undefined): void {
    if (!this.chooseSource(on, words, held)) return;
    const destination = unicast ? words : solicitedNodeGroup(words, this.group);
    this.send(on, icmp6.TYPE_NEIGHBOR_SOLICITATION, 0, this.source, destination, words, true);
  }

  /** Is anybody using this address? From `::`, without options (RFC 4862 5.4.2). */
  probe(on: Interface, words: Int32Array): void {
    const group = solicitedNodeGroup(words, this.group);
    this.send(on, icmp6.TYPE_NEIGHBOR_SOLICITATION, 0, UNSPECIFIED, group, words, false);
  }

  /** `flags` are FLAG_SOLICITED and FLAG_OVERRIDE; whether we are a router is added here. */
  advertise(
    on: Interface,
    address: InterfaceAddress,
    destination: Int32Array,
    flags: number,
    withLinkAddress: boolean,
  ): void {
    const router = this.ip.forwarding ? nd6.FLAG_ROUTER : 0;
    // An anycast address answers from one of ours that is not (RFC 4291 2.6), and overrides nobody (RFC 4861 7.2.7).
    const anycast = address.anycast;
    if (!anycast) this.source.set(address.words);
    else if (!this.ip.sourceOn(on, destination, this.source)) return;
    const sent = router | (anycast ? flags & ~nd6.FLAG_OVERRIDE : flags);
    this.counters.count(nd6s.ADVERTISEMENTS_SENT);
    this.send(
      on,
      icmp6.TYPE_NEIGHBOR_ADVERTISEMENT,
      sent,
      this.source,
      destination,
      address.words,
      withLinkAddress,
    );
  }

  /** The waiting packet's source when it is ours on this link, else what RFC 6724 says (RFC 4861 7.2.2). */
  private chooseSource(on: Interface, target: Int32Array, held: Packet | undefined): boolean {
    if (held !== undefined) {
      readWords(held.bytes, ipv6.sourceAt(held.network), this.source);
      if (addressOf(on, this.source)?.state === 'preferred') return true;
    }
    return this.ip.sourceOn(on, target, this.source);
  }

  private send(
    on: Interface,
    type: number,
    flags: number,
    source: Int32Array,
    destination: Int32Array,
    target: Int32Array,
    withLinkAddress: boolean,
  ): void {
    const packet = this.pool.take();
    const at = start(packet, nd6.HOP_LIMIT, source, destination);
    icmp6.write(packet.bytes, at, type, 0, flags);
    setWords(packet.bytes, nd6.targetAt(at), target);
    packet.end = at + nd6.NEIGHBOR_LENGTH;
    if (withLinkAddress) {
      const option =
        type === icmp6.TYPE_NEIGHBOR_SOLICITATION ? nd6.OPTION_SOURCE_LLADDR : nd6.OPTION_TARGET_LLADDR;
      packet.end = writeOwnLinkAddress(packet.bytes, packet.end, option, on);
    }
    finish(packet);
    this.ip.outputOn(packet, on, destination);
    this.pool.give(packet);
  }
}

/** Puts our Ethernet address into a source or target option; answers the position behind it. */
export function writeOwnLinkAddress(bytes: Uint8Array, at: number, option: number, on: Interface): number {
  const high = ethernet.addressHigh(on.linkAddress, 0);
  const low = ethernet.addressLow(on.linkAddress, 0);
  return nd6.writeLladdrOption(bytes, at, option, high, low);
}
