// SPDX-License-Identifier: ISC
//
// What a packet's headers must be before anything else is done with it: addresses that may be, extension headers in order, no
// routing header of type 0 (RFC 8200 4.1, RFC 4291 2, RFC 5095).

import * as ip6s from '../../abi/counters/ip6.ts';
import * as extension6 from '../../wire/extension6.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Counters } from '../counters.ts';
import type { Packet } from '../packet.ts';
import type { IcmpErrors } from '../transport/transport.ts';

export class Headers6 {
  private readonly counters: Counters;
  private readonly walk = new extension6.Walk();

  constructor(counters: Counters) {
    this.counters = counters;
  }

  /**
   * Sets `transport` and `protocol`. A fragment gets protocol 44 and `transport` at its fragment header, whatever it is part
   * of. False when the headers are not in order; that has been counted, and answered where it must be.
   */
  locate(packet: Packet, errors: IcmpErrors): boolean {
    const { bytes, network } = packet;
    packet.protocol = ipv6.nextHeader(bytes, network);
    packet.transport = ipv6.payloadAt(network);
    if (!extension6.isExtension(packet.protocol)) return true;
    const outcome = extension6.walk(bytes, network, packet.end, this.walk);
    if (outcome === extension6.TOO_MANY) return this.refuse(ip6s.TOO_MANY_HEADERS);
    if (outcome === extension6.TOO_SHORT) return this.refuse(ip6s.TOO_SHORT);
    if (outcome === extension6.MISPLACED) {
      problem(packet, errors, icmp6.CODE_PARAMETER_NEXT_HEADER, this.walk.nextHeaderAt);
      return this.refuse(ip6s.BAD_OPTIONS);
    }
    if (this.walk.routing >= 0 && !this.routingAllowed(packet, errors)) return this.refuse(ip6s.BAD_OPTIONS);
    packet.protocol = this.walk.fragment < 0 ? this.walk.protocol : ipv6.NEXT_FRAGMENT;
    packet.transport = this.walk.fragment < 0 ? this.walk.transport : this.walk.fragment;
    return true;
  }

  /** No routing header of type 0 anywhere in the chain. */
  private routingAllowed(packet: Packet, errors: IcmpErrors): boolean {
    const { bytes, network, end } = packet;
    let protocol = ipv6.nextHeader(bytes, network);
    let at = ipv6.payloadAt(network);
    while (extension6.isExtension(protocol) && at < this.walk.transport) {
      if (
        protocol === ipv6.NEXT_ROUTING &&
        extension6.routingType(bytes, at) === extension6.ROUTING_TYPE_SOURCE
      ) {
        problem(packet, errors, icmp6.CODE_PARAMETER_HEADER, extension6.routingTypeAt(at));
        return false;
      }
      const length = extension6.headerLength(bytes, protocol, at, end);
      protocol = extension6.nextHeader(bytes, at);
      at += length;
    }
    return true;
  }

  private refuse(counter: number): false {
    this.counters.count(counter);
    return false;
  }
}

/** A parameter problem about the byte at a position. */
export function problem(packet: Packet, errors: IcmpErrors, code: number, at: number): void {
  errors.error(packet, icmp6.TYPE_PARAMETER_PROBLEM, code, at - packet.network);
}

/**
 * Addresses that may stand in a packet: no multicast source, no unspecified destination, no IPv4-mapped ones, no group that
 * cannot leave its interface, and on the wire no ::1 and no link-local address with anything in bits 10 to 63 (RFC 4291 2.5, 2.7).
 */
export function addressesAllowed(bytes: Uint8Array, network: number, looped: boolean): boolean {
  const s0 = ipv6.sourceWord(bytes, network, 0);
  const d0 = ipv6.destinationWord(bytes, network, 0);
  if (ipv6.isMulticast(s0)) return false;
  if (ipv6.isMulticast(d0)) {
    const scope = ipv6.multicastScope(d0);
    if (scope === 0 || (scope === ipv6.SCOPE_INTERFACE_LOCAL && !looped)) return false;
  }
  return (
    wordsAllowed(bytes, ipv6.sourceAt(network), s0, looped, true) &&
    wordsAllowed(bytes, ipv6.destinationAt(network), d0, looped, false)
  );
}

function wordsAllowed(
  bytes: Uint8Array,
  at: number,
  w0: number,
  looped: boolean,
  unspecifiedAllowed: boolean,
): boolean {
  if (w0 === 0) {
    const w1 = ipv6.addressWord(bytes, at, 1);
    const w2 = ipv6.addressWord(bytes, at, 2);
    const w3 = ipv6.addressWord(bytes, at, 3);
    if (ipv6.isUnspecified(w0, w1, w2, w3)) return unspecifiedAllowed;
    if (ipv6.isLoopback(w0, w1, w2, w3)) return looped;
    return !ipv6.isV4Mapped(w0, w1, w2);
  }
  return !ipv6.isLinkLocal(w0) || (w0 & 0xffff) === 0;
}

/** The source is `::`. */
export function fromUnspecified(bytes: Uint8Array, network: number): boolean {
  const at = ipv6.sourceAt(network);
  return (
    ipv6.addressWord(bytes, at, 0) === 0 &&
    ipv6.addressWord(bytes, at, 1) === 0 &&
    ipv6.addressWord(bytes, at, 2) === 0 &&
    ipv6.addressWord(bytes, at, 3) === 0
  );
}
