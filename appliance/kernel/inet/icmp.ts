// SPDX-License-Identifier: ISC
//
// ICMP (RFC 792, RFC 1122 3.2.2, RFC 1812 4.3): echo, errors said and errors heard (ip_icmp.c of the original).

import { INET } from '../../abi/address.ts';
import * as icmps from '../../abi/counters/icmp.ts';
import { setU16 } from '../../wire/bytes.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { type Clock, SECOND } from '../clock.ts';
import { Counters } from '../counters.ts';
import { finishedChecksum, firstPiece } from '../link/offload.ts';
import { GSO_NONE, type Packet, type PacketPool } from '../packet.ts';
import { PRIORITY_STATIC, ROUTE_FORWARD, Route } from '../route/routes.ts';
import type { Sysctl } from '../sysctl.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import {
  type ControlError,
  type IcmpErrors,
  PARAMETER_PROBLEM,
  PROHIBITED,
  SOURCE_QUENCH,
  TIME_EXCEEDED,
  TOO_BIG,
  type TransportProtocol,
  UNREACHABLE_HOST,
  UNREACHABLE_NET,
  UNREACHABLE_PORT,
  UNREACHABLE_PROTOCOL,
} from '../transport/transport.ts';
import type { Ipv4 } from './ipv4.ts';
import { RateLimit } from './rateLimit.ts';

/** An error quotes as much as fits a datagram that everyone takes (RFC 1812 4.3.2.3). */
const ERROR_LENGTH = 576;
/** A learnt path MTU is forgotten after ten minutes (RFC 1191 6.3). */
const PATH_MTU_LIFETIME = 600 * SECOND;
/** Learnt path MTUs at most. */
const MAXIMUM_PATHS = 4_096;
/** MTUs to try when a router does not tell one (RFC 1191 7.1). */
const PLATEAUS = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68];

export class Icmp implements TransportProtocol, IcmpErrors {
  readonly counters = new Counters(icmps.ICMP);
  /** Raw sockets get every good message that is not answered here. */
  raw: TransportProtocol | undefined;
  private readonly ip: Ipv4;
  private readonly timeouts: Timeouts;
  private readonly pool: PacketPool;
  private readonly sysctl: Sysctl;
  private readonly limit: RateLimit;
  private paths = 0;

  constructor(parts: { ipv4: Ipv4; clock: Clock; timeouts: Timeouts; pool: PacketPool; sysctl: Sysctl }) {
    this.ip = parts.ipv4;
    this.timeouts = parts.timeouts;
    this.pool = parts.pool;
    this.sysctl = parts.sysctl;
    this.limit = new RateLimit(parts.clock);
    this.ip.protocols[ipv4.PROTOCOL_ICMP] = this;
    this.ip.errors = this;
  }

  input(packet: Packet): void {
    const { bytes, transport } = packet;
    this.counters.count(icmps.RECEIVED);
    if (!icmp.valid(bytes, transport, packet.end)) return this.counters.count(icmps.TOO_SHORT);
    if (
      !packet.needsChecksum &&
      !packet.checksumVerified &&
      !icmp.checksumValid(bytes, transport, packet.end)
    ) {
      return this.counters.count(icmps.BAD_CHECKSUM);
    }
    const type = icmp.type(bytes, transport);
    if (type === icmp.TYPE_ECHO) return this.echo(packet);
    this.raw?.input(packet);
    if (type === icmp.TYPE_REDIRECT) return this.redirected(packet);
    if (icmp.isError(type)) return this.errorHeard(packet, type, icmp.code(bytes, transport));
    if (type !== icmp.TYPE_ECHO_REPLY) this.counters.count(icmps.UNKNOWN_TYPE);
  }

  /** Nobody tells ICMP about its own messages but a raw socket's. */
  control(packet: Packet, error: ControlError, mtu: number): void {
    this.raw?.control(packet, error, mtu);
  }

  /** An echo request becomes its answer in place: addresses change sides, the checksum changes by the type. */
  private echo(packet: Packet): void {
    const { bytes, network, transport } = packet;
    const source = ipv4.source(bytes, network);
    const destination = ipv4.destination(bytes, network);
    const wasUnicast = this.ip.isLocal(destination);
    const toMany = !wasUnicast || packet.linkBroadcast || packet.linkMulticast;
    if (toMany && this.sysctl.get('net.inet.icmp.bmcastecho') === 0) {
      return this.counters.count(icmps.BROADCAST_ECHO);
    }
    this.counters.count(icmps.ECHO_REPLIES);
    const reply = this.pool.take();
    const length = packet.end - transport;
    reply.transport = reply.network + ipv4.HEADER_LENGTH;
    reply.end = reply.transport + length;
    reply.bytes.set(bytes.subarray(transport, packet.end), reply.transport);
    reply.rtable = packet.rtable;
    icmp.setType(reply.bytes, reply.transport, icmp.TYPE_ECHO_REPLY);
    icmp.fillChecksum(reply.bytes, reply.transport, reply.end);
    const tos = ipv4.typeOfService(bytes, network);
    this.writeHeader(reply, tos, wasUnicast ? destination : ipv4.ANY, source);
    this.ip.output(reply);
    this.pool.give(reply);
  }

  private writeHeader(packet: Packet, tos: number, source: number, destination: number): void {
    const length = packet.end - packet.network;
    const hops = this.ip.hops;
    ipv4.write(
      packet.bytes,
      packet.network,
      tos,
      length,
      0,
      0,
      hops,
      ipv4.PROTOCOL_ICMP,
      source,
      destination,
    );
  }

  error(packet: Packet, type: number, code: number, parameter: number): void {
    this.counters.count(icmps.ERRORS);
    if (!this.mayAnswer(packet, type)) return;
    if (!this.limit.allows(this.sysctl.get('net.inet.icmp.errppslimit'))) {
      return this.counters.count(icmps.ERRORS_LIMITED);
    }
    const error = this.pool.take();
    this.quote(packet, error);
    icmp.write(error.bytes, error.transport, type, code, parameter);
    icmp.fillChecksum(error.bytes, error.transport, error.end);
    this.writeHeader(error, tosOfErrors, this.speaker(packet), ipv4.source(packet.bytes, packet.network));
    this.ip.output(error);
    this.pool.give(error);
  }

  /** What must not be answered: errors, broadcasts, later fragments, senders that are nobody (RFC 1122 3.2.2). */
  private mayAnswer(packet: Packet, type: number): boolean {
    const { bytes, network } = packet;
    const source = ipv4.source(bytes, network);
    const destination = ipv4.destination(bytes, network);
    if (ipv4.protocol(bytes, network) === ipv4.PROTOCOL_ICMP && ipv4.fragmentOffset(bytes, network) === 0) {
      const at = ipv4.payloadAt(bytes, network);
      const isQuery =
        at < packet.end && !icmp.isError(icmp.type(bytes, at)) && icmp.type(bytes, at) !== icmp.TYPE_REDIRECT;
      if (!isQuery && type !== icmp.TYPE_REDIRECT) {
        this.counters.count(icmps.ERRORS_ABOUT_ICMP);
        return false;
      }
    }
    const forbidden =
      packet.linkBroadcast ||
      packet.linkMulticast ||
      ipv4.fragmentOffset(bytes, network) !== 0 ||
      source === ipv4.ANY ||
      ipv4.isMulticast(source) ||
      ipv4.isLoopback(source) !== ipv4.isLoopback(destination) ||
      ipv4.isExperimental(source) ||
      ipv4.isMulticast(destination) ||
      this.ip.isBroadcast(destination);
    if (forbidden) this.counters.count(icmps.ERRORS_FORBIDDEN);
    return !forbidden;
  }

  /** The packet, or of a large segment the first piece: what its sender knows (RFC 1812 4.3.2.3). */
  private quote(packet: Packet, error: Packet): void {
    if (packet.gsoType === GSO_NONE) return quoteWhole(packet, error);
    const piece = this.pool.take();
    firstPiece(packet, piece);
    quoteWhole(piece, error);
    this.pool.give(piece);
  }

  /** The address an error speaks from: the one it was sent to if that is ours, else of the interface it came by (RFC 1812 4.3.2.4). */
  private speaker(packet: Packet): number {
    const destination = ipv4.destination(packet.bytes, packet.network);
    if (this.ip.isLocal(destination)) return destination;
    const on = this.ip.interfaces.byIndex(packet.receivedOn);
    const own = on?.addresses.find((address) => address.family === INET);
    return own === undefined ? ipv4.ANY : own.words[0]!;
  }

  /** An error about a packet of ours: the transport that sent it is told. */
  private errorHeard(packet: Packet, type: number, code: number): void {
    const { bytes, transport } = packet;
    const quoted = icmp.payloadAt(transport);
    const quotedEnd = packet.end;
    if (quotedEnd - quoted < ipv4.HEADER_LENGTH) return this.counters.count(icmps.BAD_LENGTH);
    const header = ipv4.headerLength(bytes, quoted);
    if (
      ipv4.version(bytes, quoted) !== 4 ||
      header < ipv4.HEADER_LENGTH ||
      quotedEnd - quoted < header + icmp.QUOTED_DATA
    ) {
      return this.counters.count(icmps.BAD_LENGTH);
    }
    const error = meaning(type, code);
    if (error === 0) return this.counters.count(icmps.UNKNOWN_TYPE);
    if (!this.ip.isLocal(ipv4.source(bytes, quoted))) return this.counters.count(icmps.NOT_OURS);
    const mtu = error === TOO_BIG ? this.learnMtu(packet, quoted) : 0;
    const protocol = this.ip.protocols[ipv4.protocol(bytes, quoted)];
    if (protocol === undefined || ipv4.fragmentOffset(bytes, quoted) !== 0) return;
    const { network } = packet;
    packet.network = quoted;
    packet.transport = quoted + header;
    protocol.control(packet, error, mtu);
    packet.network = network;
    packet.transport = transport;
  }

  /** Keeps the MTU of the path in a host route (RFC 1191 6.3); answers it. */
  private learnMtu(packet: Packet, quoted: number): number {
    const { bytes, transport } = packet;
    const told = icmp.nextHopMtu(bytes, transport);
    const length = ipv4.totalLength(bytes, quoted);
    const mtu = told !== 0 ? told : (PLATEAUS.find((plateau) => plateau < length) ?? ipv4.MINIMUM_MTU);
    const destination = ipv4.destination(bytes, quoted);
    const now = this.ip.mtuTo(destination);
    if (mtu < ipv4.MINIMUM_MTU || now === 0 || mtu >= now || this.sysctl.get('net.inet.ip.mtudisc') === 0)
      return now;
    const via = this.ip.routes.lookup4(destination)!;
    if (via.length === 32 && via.flags.has('dynamic')) {
      via.mtu = mtu;
      return mtu;
    }
    if (this.paths >= MAXIMUM_PATHS) return now;
    const gateway = via.gateway === undefined ? {} : { gateway: via.gateway };
    const route = new Route({
      family: INET,
      words: [destination],
      length: 32,
      kind: ROUTE_FORWARD,
      on: via.on,
      ...gateway,
      priority: PRIORITY_STATIC,
      flags: ['up', 'host', 'dynamic', ...(via.gateway === undefined ? [] : (['gateway'] as const))],
      mtu,
    });
    this.keep(route);
    this.counters.count(icmps.PATH_MTU_CHANGES);
    return mtu;
  }

  private keep(route: Route): void {
    this.ip.routes.add(route);
    this.paths++;
    new Timeout(this.timeouts, () => {
      this.paths--;
      if (this.ip.routes.has(route)) this.ip.routes.delete(route);
    }).set(PATH_MTU_LIFETIME);
  }

  /** A host takes a redirect from the gateway it uses, to a neighbour (RFC 1122 3.2.2.2); a router never does. */
  private redirected(packet: Packet): void {
    const { bytes, network, transport } = packet;
    const quoted = icmp.payloadAt(transport);
    const accepts =
      this.sysctl.get('net.inet.icmp.rediraccept') !== 0 && this.sysctl.get('net.inet.ip.forwarding') === 0;
    if (!accepts || packet.end - quoted < ipv4.HEADER_LENGTH)
      return this.counters.count(icmps.REDIRECTS_IGNORED);
    const gateway = icmp.gateway(bytes, transport);
    const destination = ipv4.destination(bytes, quoted);
    const via = this.ip.routes.lookup4(destination);
    const neighbor = this.ip.routes.lookup4(gateway);
    const trusted =
      via?.gateway !== undefined &&
      via.gateway[0] === ipv4.source(bytes, network) &&
      neighbor?.gateway === undefined &&
      neighbor?.kind === ROUTE_FORWARD &&
      neighbor.on === via.on &&
      this.paths < MAXIMUM_PATHS;
    if (!trusted) return this.counters.count(icmps.REDIRECTS_IGNORED);
    this.keep(
      new Route({
        family: INET,
        words: [destination],
        length: 32,
        kind: ROUTE_FORWARD,
        on: via.on,
        gateway: [gateway],
        priority: PRIORITY_STATIC,
        flags: ['up', 'gateway', 'host', 'dynamic'],
      }),
    );
    this.counters.count(icmps.ROUTES_CHANGED);
  }
}

/** Errors are sent with the precedence of internetwork control (RFC 1812 4.3.2.5). */
const tosOfErrors = 0xc0;

/** IP header and as much behind it as fits, with a finished checksum. */
function quoteWhole(packet: Packet, error: Packet): void {
  const { bytes, network } = packet;
  error.transport = error.network + ipv4.HEADER_LENGTH;
  const to = icmp.payloadAt(error.transport);
  const length = Math.min(packet.end - network, ERROR_LENGTH - ipv4.HEADER_LENGTH - icmp.HEADER_LENGTH);
  error.bytes.set(bytes.subarray(network, network + length), to);
  error.end = to + length;
  const field = packet.checksumField - network;
  if (packet.needsChecksum && field + 2 <= length) {
    setU16(error.bytes, to + field, finishedChecksum(packet));
  }
}

/** What an error message means to a transport; 0 for what is no error that we know. */
function meaning(type: number, code: number): ControlError {
  switch (type) {
    case icmp.TYPE_UNREACHABLE:
      return meaningOfUnreachable(code);
    case icmp.TYPE_TIME_EXCEEDED:
      return code <= icmp.CODE_EXCEEDED_REASSEMBLY ? TIME_EXCEEDED : 0;
    case icmp.TYPE_PARAMETER_PROBLEM:
      return PARAMETER_PROBLEM;
    case icmp.TYPE_SOURCE_QUENCH:
      return SOURCE_QUENCH;
    default:
      return 0;
  }
}

function meaningOfUnreachable(code: number): ControlError {
  switch (code) {
    case icmp.CODE_UNREACHABLE_NET:
    case icmp.CODE_UNREACHABLE_NET_UNKNOWN:
    case icmp.CODE_UNREACHABLE_NET_TOS:
      return UNREACHABLE_NET;
    case icmp.CODE_UNREACHABLE_PROTOCOL:
      return UNREACHABLE_PROTOCOL;
    case icmp.CODE_UNREACHABLE_PORT:
      return UNREACHABLE_PORT;
    case icmp.CODE_UNREACHABLE_NEED_FRAGMENT:
      return TOO_BIG;
    case icmp.CODE_UNREACHABLE_NET_PROHIBITED:
    case icmp.CODE_UNREACHABLE_HOST_PROHIBITED:
    case icmp.CODE_UNREACHABLE_FILTER_PROHIBITED:
      return PROHIBITED;
    default:
      return code <= icmp.CODE_UNREACHABLE_PRECEDENCE_CUTOFF ? UNREACHABLE_HOST : 0;
  }
}
