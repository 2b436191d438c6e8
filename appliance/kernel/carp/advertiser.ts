// SPDX-License-Identifier: ISC
//
// Builds and sends advertisements (carp_send_ad): one for each family that the interface has addresses of.

import { INET, INET6 } from '../../abi/address.ts';
import * as carps from '../../abi/counters/carp.ts';
import * as carp from '../../wire/carp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Counters } from '../counters.ts';
import { FILTERED, HOST_DOWN, OK } from '../inet/errors.ts';
import type { Ipv4 } from '../inet/ipv4.ts';
import { setWords } from '../inet6/icmp6Message.ts';
import type { Ipv6 } from '../inet6/ipv6.ts';
import type { Demotion } from '../link/demotion.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { CarpInterface } from './carpInterface.ts';
import { digest, type HmacSha1 } from './digest.ts';
import type { Vhost } from './vhost.ts';

/** Low delay (RFC 791). */
const TYPE_OF_SERVICE = 0x10;
const GROUP6 = Int32Array.of(ipv6.LINK_GROUP_WORD0, 0, 0, carp.GROUP6_WORD3);

export class Advertiser {
  private readonly ip4: Ipv4;
  private readonly ip6: Ipv6;
  private readonly pool: PacketPool;
  private readonly counters: Counters;
  private readonly demotion: Demotion;
  private readonly hmac: HmacSha1;

  constructor(parts: {
    ip4: Ipv4;
    ip6: Ipv6;
    pool: PacketPool;
    counters: Counters;
    demotion: Demotion;
    hmac: HmacSha1;
  }) {
    this.ip4 = parts.ip4;
    this.ip6 = parts.ip6;
    this.pool = parts.pool;
    this.counters = parts.counters;
    this.demotion = parts.demotion;
    this.hmac = parts.hmac;
  }

  /** False when an advertisement could not be sent. */
  send(from: CarpInterface, vhost: Vhost, bowOut: boolean): boolean {
    const sent4 = !from.has(INET) || this.send4(from, vhost, bowOut);
    const sent6 = !from.has(INET6) || this.send6(from, vhost, bowOut);
    return sent4 && sent6;
  }

  private send4(from: CarpInterface, vhost: Vhost, bowOut: boolean): boolean {
    const packet = this.pool.take();
    const { bytes, network } = packet;
    const destination = from.peer === 0 ? carp.GROUP4 : from.peer;
    ipv4.write(
      bytes,
      network,
      TYPE_OF_SERVICE,
      ipv4.HEADER_LENGTH + carp.HEADER_LENGTH,
      0,
      ipv4.FRAGMENT_DF,
      carp.TTL,
      ipv4.PROTOCOL_CARP,
      sourceOf(from.on),
      destination,
    );
    this.write(packet, ipv4.payloadAt(bytes, network), from, vhost, bowOut);
    const outcome = from.peer === 0 ? this.ip4.outputOn(packet, from.on) : this.ip4.output(packet);
    this.pool.give(packet);
    return this.count(carps.SENT4, outcome);
  }

  private send6(from: CarpInterface, vhost: Vhost, bowOut: boolean): boolean {
    const packet = this.pool.take();
    const { bytes, network } = packet;
    const source = firstOf(from.on, INET6);
    ipv6.write(bytes, network, 0, 0, carp.HEADER_LENGTH, ipv4.PROTOCOL_CARP, carp.TTL);
    setWords(bytes, ipv6.sourceAt(network), source);
    setWords(bytes, ipv6.destinationAt(network), GROUP6);
    this.write(packet, ipv6.payloadAt(network), from, vhost, bowOut);
    const outcome = this.ip6.outputOn(packet, from.on, GROUP6);
    this.pool.give(packet);
    return this.count(carps.SENT6, outcome);
  }

  /** A filter that lets nothing out and a peer that does not answer are no fault of this machine's. */
  private count(counter: number, outcome: number): boolean {
    if (outcome === OK) this.counters.count(counter);
    else this.counters.count(carps.SEND_FAILED);
    return outcome === OK || outcome === HOST_DOWN || outcome === FILTERED;
  }

  private write(packet: Packet, at: number, from: CarpInterface, vhost: Vhost, bowOut: boolean): void {
    const { bytes } = packet;
    const { counterHigh, counterLow } = vhost;
    const base = bowOut ? carp.BOW_OUT : from.advbase;
    const skew = bowOut ? carp.BOW_OUT : vhost.advskew;
    carp.write(bytes, at, vhost.vhid, base, skew, this.demotion.of(from.on), counterHigh, counterLow);
    const { usual } = from.messagesOf(vhost);
    carp.setDigest(bytes, at, digest(this.hmac, from.key, usual, counterHigh, counterLow), 0);
    carp.fillChecksum(bytes, at);
    packet.transport = at;
    packet.end = at + carp.HEADER_LENGTH;
    packet.protocol = ipv4.PROTOCOL_CARP;
  }
}

/** The parent's first address, or the interface's own where the parent has none. */
function sourceOf(on: Interface): number {
  return firstOf(on, INET)[0]!;
}

function firstOf(on: Interface, family: 4 | 6): Int32Array {
  const own = [...(on.parent?.addresses ?? []), ...on.addresses].find((one) => one.family === family);
  return own?.words ?? new Int32Array(4);
}
