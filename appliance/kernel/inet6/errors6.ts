// SPDX-License-Identifier: ISC
//
// ICMPv6 errors that we say (RFC 4443 2.4, 3): whether one may, to whom, and what it quotes (icmp6_error, icmp6_reflect).

import * as icmp6s from '../../abi/counters/icmp6.ts';
import { copy } from '../../wire/bytes.ts';
import * as extension6 from '../../wire/extension6.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { Clock } from '../clock.ts';
import type { Counters } from '../counters.ts';
import { RateLimit } from '../inet/rateLimit.ts';
import { finishChecksum, pieceLength } from '../link/offload.ts';
import { GSO_ECN, GSO_NONE, GSO_UDP, type Packet, type PacketPool } from '../packet.ts';
import type { Sysctl } from '../sysctl.ts';
import type { IcmpErrors } from '../transport/transport.ts';
import type { Icmp6 } from './icmp6.ts';
import { finish, readWords, start } from './icmp6Message.ts';
import type { Ipv6 } from './ipv6.ts';

/** An error is at most as long as every path carries (RFC 4443 2.4 (c)). */
const QUOTE_LENGTH = ipv6.MINIMUM_MTU - ipv6.HEADER_LENGTH - icmp6.HEADER_LENGTH;

export class Errors6 implements IcmpErrors {
  private readonly ip: Ipv6;
  private readonly pool: PacketPool;
  private readonly sysctl: Sysctl;
  private readonly counters: Counters;
  private readonly limit: RateLimit;
  private readonly walk = new extension6.Walk();
  private readonly source = new Int32Array(4);
  private readonly destination = new Int32Array(4);

  constructor(parts: { ip: Ipv6; icmp: Icmp6; clock: Clock; pool: PacketPool; sysctl: Sysctl }) {
    this.ip = parts.ip;
    this.pool = parts.pool;
    this.sysctl = parts.sysctl;
    this.counters = parts.icmp.counters;
    this.limit = new RateLimit(parts.clock);
    this.ip.errors = this;
  }

  error(packet: Packet, type: number, code: number, parameter: number): void {
    this.counters.count(icmp6s.ERRORS);
    readWords(packet.bytes, ipv6.sourceAt(packet.network), this.destination);
    readWords(packet.bytes, ipv6.destinationAt(packet.network), this.source);
    if (!this.mayAnswer(packet, type, code)) return this.counters.count(icmp6s.ERRORS_FORBIDDEN);
    if (this.isAboutError(packet)) return this.counters.count(icmp6s.ERRORS_ABOUT_ERRORS);
    if (!this.allowed()) return;
    if (!this.ip.replySource(this.source, this.destination, packet.scope, this.source)) {
      return this.counters.count(icmp6s.ERRORS_FORBIDDEN);
    }
    const error = this.pool.take();
    const at = start(error, this.ip.hops, this.source, this.destination);
    icmp6.write(error.bytes, at, type, code, parameter);
    error.end = at + icmp6.HEADER_LENGTH;
    this.quote(packet, error);
    finish(error);
    error.scope = packet.scope;
    this.ip.output(error);
    this.pool.give(error);
  }

  /** Whether one more error or redirect may be sent in this second. */
  allowed(): boolean {
    if (this.limit.allows(this.sysctl.get('net.inet6.icmp6.errppslimit'))) return true;
    this.counters.count(icmp6s.ERRORS_RATE_LIMITED);
    return false;
  }

  /** Senders that are nobody, and packets to many: only these two errors may answer those (RFC 4443 2.4 (e.3) to (e.6)). */
  private mayAnswer(packet: Packet, type: number, code: number): boolean {
    const sender = this.destination;
    if (ipv6.isMulticast(sender[0]!) || sender.every((word) => word === 0)) return false;
    const many = ipv6.isMulticast(this.source[0]!) || packet.linkMulticast || packet.linkBroadcast;
    if (!many || type === icmp6.TYPE_PACKET_TOO_BIG) return true;
    return type === icmp6.TYPE_PARAMETER_PROBLEM && code === icmp6.CODE_PARAMETER_OPTION;
  }

  /** An ICMPv6 error or a redirect, as far as its headers can be read (RFC 4443 2.4 (e.1), (e.2)). */
  private isAboutError(packet: Packet): boolean {
    extension6.walk(packet.bytes, packet.network, packet.end, this.walk);
    const at = this.walk.transport;
    if (this.walk.protocol !== ipv6.NEXT_ICMP6 || this.walk.laterFragment || at >= packet.end) return false;
    const type = icmp6.type(packet.bytes, at);
    return icmp6.isError(type) || type === icmp6.TYPE_REDIRECT;
  }

  /** As much of the packet as fits, as it would be on a wire: the first segment of a large one, its checksum finished. */
  private quote(packet: Packet, error: Packet): void {
    const from = error.end;
    if (packet.needsChecksum) this.quoteFinished(packet, error, from);
    else
      copy(
        packet.bytes,
        packet.network,
        error.bytes,
        from,
        Math.min(packet.end - packet.network, QUOTE_LENGTH),
      );
    error.end = from + Math.min(pieceLength(packet), QUOTE_LENGTH);
  }

  private quoteFinished(packet: Packet, error: Packet, from: number): void {
    const length = pieceLength(packet);
    const { bytes } = error;
    const moved = from - packet.network;
    copy(packet.bytes, packet.network, bytes, from, length);
    ipv6.setPayloadLength(bytes, from, length - ipv6.HEADER_LENGTH);
    const transport = packet.checksumStart + moved;
    const end = from + length;
    if (packet.gsoType === GSO_NONE) {
      error.needsChecksum = true;
      error.checksumStart = transport;
      error.checksumField = packet.checksumField + moved;
      error.end = end;
      finishChecksum(error);
    } else if ((packet.gsoType & ~GSO_ECN) === GSO_UDP) {
      udp.setLength(bytes, transport, end - transport);
      udp.fillChecksum6(bytes, from, transport, end);
    } else {
      if (length < packet.end - packet.network) clearLastFlags(bytes, transport);
      tcp.fillChecksum6(bytes, from, transport, end);
    }
  }
}

/** The first of several segments is not the last one. */
function clearLastFlags(bytes: Uint8Array, transport: number): void {
  tcp.setFlags(bytes, transport, tcp.flags(bytes, transport) & ~(tcp.FLAG_FIN | tcp.FLAG_PSH));
}
