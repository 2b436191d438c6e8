// SPDX-License-Identifier: ISC
//
// A packet for this machine: its extension headers one after the other (RFC 8200 4.1), reassembly, the transport.

import * as ip6s from '../../abi/counters/ip6.ts';
import * as extension6 from '../../wire/extension6.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { SECOND } from '../clock.ts';
import { COMPLETE, HELD, MALFORMED, OVERLAP } from '../inet/fragments.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Sysctl } from '../sysctl.ts';
import type { Timeouts } from '../timeout.ts';
import { Fragments6, malformedAt } from './fragments6.ts';
import { problem } from './headers6.ts';
import type { Delivery, Ipv6 } from './ipv6.ts';
import { processOptions } from './options6.ts';

/** What an incomplete datagram has to be completed in (RFC 8200 4.5). */
const REASSEMBLY_TIME = 60 * SECOND;

/** Answers of one step through the headers. */
const NEXT = 0;
const AGAIN = 1;
const DONE = 2;

export class Deliver6 implements Delivery {
  private readonly ip: Ipv6;
  private readonly pool: PacketPool;
  private readonly fragments: Fragments6;

  constructor(parts: { ip: Ipv6; timeouts: Timeouts; pool: PacketPool; sysctl: Sysctl }) {
    this.ip = parts.ip;
    this.pool = parts.pool;
    this.fragments = new Fragments6({
      timeouts: parts.timeouts,
      limits: {
        fragments: () => parts.sysctl.get('net.inet6.ip6.maxfragpackets'),
        lifetime: () => REASSEMBLY_TIME,
      },
      expired: (count, first, receivedOn) => this.expired(count, first, receivedOn),
      dropped: (count) => parts.ip.counters.add(ip6s.FRAGMENTS_DROPPED, count),
    });
    parts.ip.delivery = this;
  }

  deliver(packet: Packet): void {
    const { bytes } = packet;
    let named = ipv6.nextHeaderAt(packet.network);
    let at = ipv6.payloadAt(packet.network);
    while (extension6.isExtension(bytes[named]!)) {
      const protocol = bytes[named]!;
      const length = extension6.headerLength(bytes, protocol, at, packet.end);
      if (length === 0) return this.ip.counters.count(ip6s.TOO_SHORT);
      const step = this.header(packet, protocol, at);
      if (step === DONE) return;
      named = step === AGAIN ? ipv6.nextHeaderAt(packet.network) : at;
      at = step === AGAIN ? ipv6.payloadAt(packet.network) : at + length;
    }
    this.toTransport(packet, bytes[named]!, named, at);
  }

  /** Hop-by-hop options were gone through on the way in. */
  private header(packet: Packet, protocol: number, at: number): number {
    switch (protocol) {
      case ipv6.NEXT_DESTINATION_OPTIONS:
        return processOptions(packet, at, this.ip.counters, this.ip.errors) ? NEXT : DONE;
      case ipv6.NEXT_ROUTING:
        return this.routing(packet, at) ? NEXT : DONE;
      case ipv6.NEXT_FRAGMENT:
        return this.fragment(packet, at) ? AGAIN : DONE;
      default:
        return NEXT;
    }
  }

  /** A routing header that is used up is skipped, whatever its type; one that is not belongs to no type known here (RFC 8200 4.4). */
  private routing(packet: Packet, at: number): boolean {
    if (extension6.routingSegmentsLeft(packet.bytes, at) === 0) return true;
    this.ip.counters.count(ip6s.BAD_OPTIONS);
    problem(packet, this.ip.errors, icmp6.CODE_PARAMETER_HEADER, extension6.routingTypeAt(at));
    return false;
  }

  /** True when the packet has become the whole datagram. */
  private fragment(packet: Packet, at: number): boolean {
    const counters = this.ip.counters;
    counters.count(ip6s.FRAGMENTS);
    const outcome = this.fragments.add(packet);
    if (outcome === COMPLETE) {
      packet.fragmentSize = 0; // it goes no further
      counters.count(ip6s.REASSEMBLED);
      return true;
    }
    if (outcome === HELD) return false;
    if (outcome === MALFORMED) {
      counters.count(ip6s.FRAGMENTS_MALFORMED);
      const wrong = malformedAt(packet, at);
      if (wrong > 0) problem(packet, this.ip.errors, icmp6.CODE_PARAMETER_HEADER, wrong);
    } else {
      if (outcome === OVERLAP) counters.count(ip6s.FRAGMENTS_OVERLAPPING);
      counters.count(ip6s.FRAGMENTS_DROPPED);
    }
    return false;
  }

  private toTransport(packet: Packet, protocol: number, named: number, at: number): void {
    packet.protocol = protocol;
    packet.transport = at;
    const transport = this.ip.protocols[protocol];
    if (transport !== undefined) return transport.input(packet);
    if (this.ip.raw?.listens(6, protocol)) return this.ip.raw.input(packet);
    this.ip.counters.count(ip6s.NO_PROTOCOL);
    if (protocol !== ipv6.NEXT_NONE) problem(packet, this.ip.errors, icmp6.CODE_PARAMETER_NEXT_HEADER, named);
  }

  /** Too late. The sender is told when the first fragment is there to be quoted (RFC 8200 4.5). */
  private expired(count: number, first: Uint8Array | undefined, receivedOn: number): void {
    this.ip.counters.add(ip6s.FRAGMENTS_TIMED_OUT, count);
    if (first === undefined) return;
    const packet = this.pool.take();
    packet.bytes.set(first, packet.network);
    packet.end = packet.network + first.length;
    packet.family = 6;
    packet.receivedOn = receivedOn;
    packet.scope = receivedOn;
    this.ip.errors.error(packet, icmp6.TYPE_TIME_EXCEEDED, icmp6.CODE_EXCEEDED_REASSEMBLY, 0);
    this.pool.give(packet);
  }
}
