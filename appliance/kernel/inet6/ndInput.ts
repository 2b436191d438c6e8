// SPDX-License-Identifier: ISC
//
// Neighbour discovery messages that arrive (RFC 4861 6.1, 7.1): checked here, then told to the cache and to DAD.

import * as icmp6s from '../../abi/counters/icmp6.ts';
import * as nd6s from '../../abi/counters/nd6.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as nd6 from '../../wire/nd6.ts';
import type { Counters } from '../counters.ts';
import type { Interface, InterfaceAddress } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import type { Dad } from './dad.ts';
import type { Icmp6, Icmp6Handler } from './icmp6.ts';
import { readWords } from './icmp6Message.ts';
import type { Ipv6 } from './ipv6.ts';
import { addressOf, isOnLink } from './local6.ts';
import type { Nd6 } from './nd6.ts';
import { ALL_NODES, type NdMessages } from './ndMessages.ts';

/** Somebody else uses an address of ours: its Ethernet address is the one that the frame came from. */
export type DuplicateListener = (on: Interface, address: InterfaceAddress, packet: Packet) => void;

/** What a message breaks is counted under its own kind. */
const BAD: Readonly<Record<number, number>> = {
  [icmp6.TYPE_NEIGHBOR_SOLICITATION]: icmp6s.BAD_SOLICITATION,
  [icmp6.TYPE_NEIGHBOR_ADVERTISEMENT]: icmp6s.BAD_ADVERTISEMENT,
  [icmp6.TYPE_ROUTER_SOLICITATION]: icmp6s.BAD_ROUTER_SOLICITATION,
  [icmp6.TYPE_ROUTER_ADVERTISEMENT]: icmp6s.BAD_ROUTER_ADVERTISEMENT,
};

export class NdInput implements Icmp6Handler {
  duplicate: DuplicateListener | undefined;
  private readonly ip: Ipv6;
  private readonly cache: Nd6;
  private readonly messages: NdMessages;
  private readonly dad: Dad;
  private readonly counters: Counters;
  private readonly source = new Int32Array(4);
  private readonly target = new Int32Array(4);

  constructor(parts: { ip: Ipv6; icmp: Icmp6; cache: Nd6; messages: NdMessages; dad: Dad }) {
    this.ip = parts.ip;
    this.cache = parts.cache;
    this.messages = parts.messages;
    this.dad = parts.dad;
    this.counters = parts.icmp.counters;
    for (const type of Object.keys(BAD)) parts.icmp.handlers[Number(type)] = this;
  }

  input(packet: Packet, on: Interface): void {
    const bytes = packet.bytes;
    const type = icmp6.type(bytes, packet.transport);
    if (
      ipv6.hopLimit(bytes, packet.network) !== nd6.HOP_LIMIT ||
      !nd6.valid(bytes, packet.transport, packet.end)
    ) {
      this.counters.count(BAD[type]!);
      return;
    }
    readWords(bytes, ipv6.sourceAt(packet.network), this.source);
    if (!this.dispatch(packet, on, type)) this.counters.count(BAD[type]!);
  }

  /** False when the message breaks a rule of its kind. */
  private dispatch(packet: Packet, on: Interface, type: number): boolean {
    switch (type) {
      case icmp6.TYPE_NEIGHBOR_SOLICITATION:
        return this.solicitation(packet, on);
      case icmp6.TYPE_NEIGHBOR_ADVERTISEMENT:
        return this.advertisement(packet, on);
      case icmp6.TYPE_ROUTER_SOLICITATION:
        return this.routerSolicitation(packet, on);
      default:
        return this.routerAdvertisement(packet, on);
    }
  }

  private solicitation(packet: Packet, on: Interface): boolean {
    this.cache.counters.count(nd6s.SOLICITATIONS_RECEIVED);
    const option = this.optionAt(packet, nd6.OPTION_SOURCE_LLADDR);
    const target = readWords(packet.bytes, nd6.targetAt(packet.transport), this.target);
    if (ipv6.isMulticast(target[0]!)) return false;
    const probe = this.fromUnspecified();
    if (probe && (option >= 0 || !toSolicitedNode(packet))) return false;
    const address = addressOf(on, target);
    // The addresses of a carp interface are the master's to answer for.
    if (address === undefined || (on.type === 'carp' && !on.link)) return true;
    if (address.state !== 'preferred') {
      if (probe && address.state === 'tentative') this.dad.conflict(on, address, packet);
      return true;
    }
    if (probe) {
      this.messages.advertise(on, address, ALL_NODES, nd6.FLAG_OVERRIDE, true);
    } else {
      this.answer(packet, on, address, option);
    }
    return true;
  }

  private answer(packet: Packet, on: Interface, address: InterfaceAddress, option: number): void {
    const own = addressOf(on, this.source);
    if (own !== undefined) {
      this.duplicate?.(on, own, packet);
      return;
    }
    if (!isOnLink(on, this.source)) {
      this.cache.counters.count(nd6s.NOT_FROM_NEIGHBOR);
      return;
    }
    this.learn(packet, on, option);
    // Who asks by unicast has our Ethernet address already (RFC 4861 4.4).
    const multicast = ipv6.isMulticast(ipv6.destinationWord(packet.bytes, packet.network, 0));
    const flags = nd6.FLAG_SOLICITED | (multicast ? nd6.FLAG_OVERRIDE : 0);
    this.messages.advertise(on, address, this.source, flags, multicast);
  }

  private advertisement(packet: Packet, on: Interface): boolean {
    this.cache.counters.count(nd6s.ADVERTISEMENTS_RECEIVED);
    const bytes = packet.bytes;
    const flags = nd6.flags(bytes, packet.transport);
    const target = readWords(bytes, nd6.targetAt(packet.transport), this.target);
    const multicast = ipv6.isMulticast(ipv6.destinationWord(bytes, packet.network, 0));
    if (ipv6.isMulticast(target[0]!) || (multicast && (flags & nd6.FLAG_SOLICITED) !== 0)) return false;
    const own = addressOf(on, target);
    if (own !== undefined && on.type === 'carp' && !on.link) return true;
    if (own !== undefined) {
      if (own.state === 'tentative') this.dad.conflict(on, own, packet);
      else if (own.state === 'preferred' && !own.anycast) this.duplicate?.(on, own, packet);
      return true;
    }
    const entry = this.cache.neighbors.find(on, target[0]!, target[1]!, target[2]!, target[3]!);
    if (entry === undefined) return true;
    const option = this.optionAt(packet, nd6.OPTION_TARGET_LLADDR);
    this.cache.advertised(entry, flags, bytes, option < 0 ? -1 : nd6.lladdrAt(option));
    return true;
  }

  /** A host that asks for routers: not one itself (RFC 4861 6.2.6). Answering is a daemon's work. */
  private routerSolicitation(packet: Packet, on: Interface): boolean {
    const option = this.optionAt(packet, nd6.OPTION_SOURCE_LLADDR);
    if (this.fromUnspecified()) return option < 0;
    if (!this.ip.forwarding || !isOnLink(on, this.source)) return true;
    const entry = this.learn(packet, on, option);
    if (entry !== undefined) entry.router = false;
    return true;
  }

  /** Prefixes and default routes are a daemon's work too; the cache learns who is a router. */
  private routerAdvertisement(packet: Packet, on: Interface): boolean {
    if (!ipv6.isLinkLocal(this.source[0]!)) return false;
    this.counters.count(icmp6s.ROUTER_ADVERTISEMENTS_IGNORED);
    const entry = this.learn(packet, on, this.optionAt(packet, nd6.OPTION_SOURCE_LLADDR));
    if (entry !== undefined) entry.router = true;
    return true;
  }

  private learn(packet: Packet, on: Interface, option: number) {
    if (option < 0) return undefined;
    const at = nd6.lladdrAt(option);
    const high = ethernet.addressHigh(packet.bytes, at);
    const low = ethernet.addressLow(packet.bytes, at);
    return this.cache.learn(on, this.source, high, low);
  }

  private optionAt(packet: Packet, type: number): number {
    return nd6.findOption(packet.bytes, packet.transport, packet.end, type);
  }

  private fromUnspecified(): boolean {
    const words = this.source;
    return ipv6.isUnspecified(words[0]!, words[1]!, words[2]!, words[3]!);
  }
}

/** To ff02::1:ffXX:XXXX of any address. */
function toSolicitedNode(packet: Packet): boolean {
  const at = ipv6.destinationAt(packet.network);
  return (
    ipv6.addressWord(packet.bytes, at, 0) === ipv6.LINK_GROUP_WORD0 &&
    ipv6.addressWord(packet.bytes, at, 1) === 0 &&
    ipv6.addressWord(packet.bytes, at, 2) === ipv6.SOLICITED_NODE_WORD2 &&
    ipv6.addressWord(packet.bytes, at, 3) >>> 24 === 0xff
  );
}
