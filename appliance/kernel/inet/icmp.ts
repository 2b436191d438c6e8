// SPDX-License-Identifier: ISC
//
// ICMP messages that we hear (RFC 792, RFC 1122 3.2.2; ip_icmp.c): echo is answered, errors are told to transports, routes are learnt.

import { INET, maskWord } from '../../abi/address.ts';
import * as icmps from '../../abi/counters/icmp.ts';
import * as icmp from '../../wire/icmp.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { Counters } from '../counters.ts';
import type { Packet, PacketPool } from '../packet.ts';
import { ROUTE_FORWARD } from '../route/routes.ts';
import type { Sysctl } from '../sysctl.ts';
import type { Timeouts } from '../timeout.ts';
import {
  type ControlError,
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
import { DynamicRoutes4 } from './dynamic4.ts';
import { writeIcmpHeader } from './icmpErrors.ts';
import type { Ipv4 } from './ipv4.ts';
import { isOnNetwork } from './local4.ts';

/** MTUs to try when a router does not tell one (RFC 1191 7.1). */
const PLATEAUS = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68];

export class Icmp implements TransportProtocol {
  readonly counters = new Counters(icmps.ICMP);
  /** Raw sockets get every good message that is not answered here. */
  raw: TransportProtocol | undefined;
  private readonly ip: Ipv4;
  private readonly pool: PacketPool;
  private readonly sysctl: Sysctl;
  private readonly routes: DynamicRoutes4;

  constructor(parts: { ipv4: Ipv4; timeouts: Timeouts; pool: PacketPool; sysctl: Sysctl }) {
    this.ip = parts.ipv4;
    this.pool = parts.pool;
    this.sysctl = parts.sysctl;
    this.routes = new DynamicRoutes4({ routes: parts.ipv4.routes, timeouts: parts.timeouts });
    this.ip.protocols[ipv4.PROTOCOL_ICMP] = this;
  }

  input(packet: Packet): void {
    const { bytes, transport, end } = packet;
    this.counters.count(icmps.RECEIVED);
    if (!icmp.valid(bytes, transport, end)) return this.counters.count(icmps.TOO_SHORT);
    const trusted = packet.needsChecksum || packet.checksumVerified;
    if (!trusted && !icmp.checksumValid(bytes, transport, end))
      return this.counters.count(icmps.BAD_CHECKSUM);
    const type = icmp.type(bytes, transport);
    if (type === icmp.TYPE_ECHO) return this.echo(packet);
    if (type === icmp.TYPE_MASK) return this.maskAsked(packet);
    this.raw?.input(packet);
    if (type === icmp.TYPE_REDIRECT) return this.redirected(packet);
    if (icmp.isError(type)) return this.errorHeard(packet, meaning(type, icmp.code(bytes, transport)));
    if (type !== icmp.TYPE_ECHO_REPLY) this.counters.count(icmps.UNKNOWN_TYPE);
  }

  /** Nobody tells ICMP about its own messages but a raw socket's. */
  control(packet: Packet, error: ControlError, mtu: number): void {
    this.raw?.control(packet, error, mtu);
  }

  private echo(packet: Packet): void {
    const destination = ipv4.destination(packet.bytes, packet.network);
    const isForUs = packet.divertedTo !== undefined || this.ip.isLocal(destination);
    const toMany = packet.linkBroadcast || packet.linkMulticast || !isForUs;
    if (toMany && this.sysctl.get('net.inet.icmp.bmcastecho') === 0) {
      return this.counters.count(icmps.BROADCAST_ECHO);
    }
    this.reflect(packet, icmp.TYPE_ECHO_REPLY);
  }

  /** The mask of the network that the question came from (RFC 950), where net.inet.icmp.maskrepl allows it. */
  private maskAsked(packet: Packet): void {
    const { bytes, network, transport, end } = packet;
    if (end - transport < icmp.MASK_LENGTH) return this.counters.count(icmps.TOO_SHORT);
    const on = this.ip.interfaces.byIndex(packet.receivedOn);
    const from = ipv4.source(bytes, network);
    const own = on?.addresses.find((address) => address.family === INET && isOnNetwork(address, from));
    if (own === undefined || this.sysctl.get('net.inet.icmp.maskrepl') === 0) {
      return this.counters.count(icmps.UNKNOWN_TYPE);
    }
    icmp.setMask(bytes, transport, maskWord(own.length, 0));
    this.reflect(packet, icmp.TYPE_MASK_REPLY);
  }

  /** Sends the request back as a reply, from the address it was sent to (icmp_reflect). */
  private reflect(packet: Packet, type: number): void {
    const { bytes, network, transport } = packet;
    const destination = ipv4.destination(bytes, network);
    const reply = this.pool.take();
    reply.transport = reply.network + ipv4.HEADER_LENGTH;
    reply.end = reply.transport + packet.end - transport;
    reply.bytes.set(bytes.subarray(transport, packet.end), reply.transport);
    reply.rtable = packet.rtable;
    icmp.setType(reply.bytes, reply.transport, type);
    icmp.fillChecksum(reply.bytes, reply.transport, reply.end);
    const from = this.ip.isLocal(destination) ? destination : ipv4.ANY;
    const tos = ipv4.typeOfService(bytes, network);
    writeIcmpHeader(reply, tos, this.ip.hops, from, ipv4.source(bytes, network));
    this.counters.count(icmps.REPLIES);
    this.ip.output(reply);
    this.pool.give(reply);
  }

  // Errors about packets of ours.

  private errorHeard(packet: Packet, error: ControlError): void {
    const { bytes, transport, end } = packet;
    const quote = icmp.payloadAt(transport);
    if (!isQuote(bytes, quote, end)) return this.counters.count(icmps.BAD_LENGTH);
    if (error === 0) return this.counters.count(icmps.UNKNOWN_TYPE);
    if (!this.ip.isLocal(ipv4.source(bytes, quote))) return this.counters.count(icmps.NOT_OURS);
    const mtu = error === TOO_BIG ? this.learnMtu(packet, quote) : 0;
    this.tellTransport(packet, quote, error, mtu);
  }

  private tellTransport(packet: Packet, quote: number, error: ControlError, mtu: number): void {
    const { bytes, network, transport } = packet;
    const protocol = this.ip.protocols[ipv4.protocol(bytes, quote)];
    if (protocol === undefined || ipv4.fragmentOffset(bytes, quote) !== 0) return;
    packet.network = quote;
    packet.transport = ipv4.payloadAt(bytes, quote);
    protocol.control(packet, error, mtu);
    packet.network = network;
    packet.transport = transport;
  }

  /** Keeps the MTU of the path, where it is smaller than what is known (RFC 1191 6.3); answers what is known then. */
  private learnMtu(packet: Packet, quote: number): number {
    const { bytes, transport } = packet;
    const told = icmp.nextHopMtu(bytes, transport);
    const sent = ipv4.totalLength(bytes, quote);
    const mtu = told !== 0 ? told : (PLATEAUS.find((plateau) => plateau < sent) ?? ipv4.MINIMUM_MTU);
    const destination = ipv4.destination(bytes, quote);
    const known = this.ip.mtuTo(destination);
    const believed = mtu >= ipv4.MINIMUM_MTU && mtu < known && this.sysctl.get('net.inet.ip.mtudisc') !== 0;
    if (!believed || !this.routes.reduce(destination, mtu)) return known;
    this.counters.count(icmps.PATH_MTU_CHANGES);
    return mtu;
  }

  /** A host takes a redirect from the gateway it uses, to a neighbour (RFC 1122 3.2.2.2); a router never does. */
  private redirected(packet: Packet): void {
    const { bytes, network, transport, end } = packet;
    const quote = icmp.payloadAt(transport);
    if (!isQuote(bytes, quote, end)) return this.counters.count(icmps.BAD_LENGTH);
    const gateway = icmp.gateway(bytes, transport);
    const destination = ipv4.destination(bytes, quote);
    const via = this.ip.routes.lookup4(destination);
    const neighbor = this.ip.routes.lookup4(gateway);
    const believed =
      this.sysctl.get('net.inet.icmp.rediraccept') !== 0 &&
      this.sysctl.get('net.inet.ip.forwarding') === 0 &&
      via?.gateway !== undefined &&
      via.gateway[0] === ipv4.source(bytes, network) &&
      neighbor?.kind === ROUTE_FORWARD &&
      neighbor.gateway === undefined &&
      neighbor.on === via.on &&
      this.routes.add(destination, via.on, Int32Array.of(gateway), 0);
    this.counters.count(believed ? icmps.ROUTES_CHANGED : icmps.REDIRECTS_IGNORED);
  }
}

/** An IPv4 header with the eight bytes behind it that every error quotes (RFC 792). */
function isQuote(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < ipv4.HEADER_LENGTH || ipv4.version(bytes, at) !== 4) return false;
  const header = ipv4.headerLength(bytes, at);
  return header >= ipv4.HEADER_LENGTH && end - at >= header + icmp.QUOTED_DATA;
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
