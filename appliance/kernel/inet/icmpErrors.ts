// SPDX-License-Identifier: ISC
//
// ICMP errors that we say (icmp_error; RFC 792, RFC 1122 3.2.2, RFC 1812 4.3.2): when they may be, how fast, from whom, what they quote.

import { INET } from '../../abi/address.ts';
import * as icmps from '../../abi/counters/icmp.ts';
import { setU16 } from '../../wire/bytes.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import type { Clock } from '../clock.ts';
import type { Counters } from '../counters.ts';
import { finishedChecksum, firstPiece } from '../link/offload.ts';
import { GSO_NONE, type Packet, type PacketPool } from '../packet.ts';
import type { Sysctl } from '../sysctl.ts';
import type { IcmpErrors } from '../transport/transport.ts';
import type { Ipv4 } from './ipv4.ts';
import { RateLimit } from './rateLimit.ts';

/** An error quotes as much as fits a datagram that everyone takes (RFC 1812 4.3.2.3). */
const ERROR_LENGTH = 576;
const QUOTE_LENGTH = ERROR_LENGTH - ipv4.HEADER_LENGTH - icmp.HEADER_LENGTH;
/** Precedence of internetwork control (RFC 1812 4.3.2.5). */
const TYPE_OF_SERVICE = 0xc0;

export class IcmpErrors4 implements IcmpErrors {
  private readonly ip: Ipv4;
  private readonly pool: PacketPool;
  private readonly sysctl: Sysctl;
  private readonly counters: Counters;
  private readonly limit: RateLimit;

  constructor(parts: { ipv4: Ipv4; clock: Clock; pool: PacketPool; sysctl: Sysctl; counters: Counters }) {
    this.ip = parts.ipv4;
    this.pool = parts.pool;
    this.sysctl = parts.sysctl;
    this.counters = parts.counters;
    this.limit = new RateLimit(parts.clock);
    this.ip.errors = this;
  }

  error(packet: Packet, type: number, code: number, parameter: number): void {
    this.counters.count(icmps.ERRORS);
    if (isAboutError(packet)) return this.counters.count(icmps.ERRORS_ABOUT_ICMP);
    if (this.isForbidden(packet)) return this.counters.count(icmps.ERRORS_FORBIDDEN);
    if (!this.limit.allows(this.sysctl.get('net.inet.icmp.errppslimit'))) {
      return this.counters.count(icmps.ERRORS_LIMITED);
    }
    const error = this.pool.take();
    this.quote(packet, error);
    icmp.write(error.bytes, error.transport, type, code, parameter);
    icmp.fillChecksum(error.bytes, error.transport, error.end);
    const to = ipv4.source(packet.bytes, packet.network);
    writeIcmpHeader(error, TYPE_OF_SERVICE, this.ip.hops, this.speaker(packet), to);
    this.ip.output(error);
    this.pool.give(error);
  }

  /** Broadcasts and groups, later fragments, senders that are nobody or everybody (RFC 1122 3.2.2). */
  private isForbidden(packet: Packet): boolean {
    const { bytes, network } = packet;
    const source = ipv4.source(bytes, network);
    const destination = ipv4.destination(bytes, network);
    return (
      packet.linkBroadcast ||
      packet.linkMulticast ||
      ipv4.fragmentOffset(bytes, network) !== 0 ||
      source === ipv4.ANY ||
      ipv4.isMulticast(source) ||
      ipv4.isExperimental(source) ||
      this.ip.isBroadcast(source) ||
      ipv4.isLoopback(source) !== ipv4.isLoopback(destination) ||
      ipv4.isMulticast(destination) ||
      this.ip.isBroadcast(destination)
    );
  }

  /** The packet, or of a large segment the first piece: what its sender knows (RFC 1812 4.3.2.3). */
  private quote(packet: Packet, error: Packet): void {
    if (packet.gsoType === GSO_NONE) return quoteWhole(packet, error);
    const piece = this.pool.take();
    firstPiece(packet, piece);
    quoteWhole(piece, error);
    this.pool.give(piece);
  }

  /** The address it was sent to if that is ours, else that of the interface it came by (RFC 1812 4.3.2.4); ANY leaves it to routing. */
  private speaker(packet: Packet): number {
    const destination = ipv4.destination(packet.bytes, packet.network);
    if (this.ip.isLocal(destination)) return destination;
    const on = this.ip.interfaces.byIndex(packet.receivedOn);
    return on?.addresses.find((address) => address.family === INET)?.words[0] ?? ipv4.ANY;
  }
}

/** An error about an error could go on for ever; also about an ICMP message that is cut before its type. */
function isAboutError(packet: Packet): boolean {
  const { bytes, network } = packet;
  if (ipv4.protocol(bytes, network) !== ipv4.PROTOCOL_ICMP || ipv4.fragmentOffset(bytes, network) !== 0) {
    return false;
  }
  const at = ipv4.payloadAt(bytes, network);
  return at >= packet.end || icmp.isError(icmp.type(bytes, at));
}

/** IP header and as much behind it as fits, with a finished checksum. */
function quoteWhole(packet: Packet, error: Packet): void {
  const { bytes, network } = packet;
  error.transport = error.network + ipv4.HEADER_LENGTH;
  const to = icmp.payloadAt(error.transport);
  const length = Math.min(packet.end - network, QUOTE_LENGTH);
  error.bytes.set(bytes.subarray(network, network + length), to);
  error.end = to + length;
  const field = packet.checksumField - network;
  if (packet.needsChecksum && field + 2 <= length) {
    setU16(error.bytes, to + field, finishedChecksum(packet));
  }
}

/** The IP header of a message of ours that lies between `packet.transport` and `packet.end`. */
export function writeIcmpHeader(
  packet: Packet,
  tos: number,
  hops: number,
  source: number,
  destination: number,
): void {
  const { bytes, network } = packet;
  const length = packet.end - network;
  ipv4.write(bytes, network, tos, length, 0, 0, hops, ipv4.PROTOCOL_ICMP, source, destination);
}
