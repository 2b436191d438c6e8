// SPDX-License-Identifier: ISC
//
// ICMPv6 (RFC 4443): messages that arrive, echo, and what errors about our packets tell the transports.

import * as icmp6s from '../../abi/counters/icmp6.ts';
import * as extension6 from '../../wire/extension6.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { Counters } from '../counters.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import {
  type ControlError,
  PARAMETER_PROBLEM,
  PROHIBITED,
  TIME_EXCEEDED,
  TOO_BIG,
  type TransportProtocol,
  UNREACHABLE_HOST,
  UNREACHABLE_NET,
  UNREACHABLE_PORT,
  UNREACHABLE_PROTOCOL,
} from '../transport/transport.ts';
import { finish, readWords, start } from './icmp6Message.ts';
import type { Ipv6 } from './ipv6.ts';

/** Who takes messages of a type: neighbour discovery, redirects, multicast listener discovery. */
export interface Icmp6Handler {
  /** The checksum is good, and the header's four bytes are there; the rest is the handler's to check. */
  input(packet: Packet, on: Interface): void;
}

/** Told of a smaller path MTU to a destination of ours (RFC 8201). */
export type PathMtuListener = (destination: Int32Array, mtu: number) => void;

/** What an unreachable's code means to a transport; a code beyond is bad. */
const UNREACHABLE_ERRORS: readonly ControlError[] = [
  UNREACHABLE_NET,
  PROHIBITED,
  UNREACHABLE_HOST,
  UNREACHABLE_HOST,
  UNREACHABLE_PORT,
  PROHIBITED,
  PROHIBITED,
];

export class Icmp6 implements TransportProtocol {
  readonly counters = new Counters(icmp6s.ICMP6);
  /** By message type. */
  readonly handlers: (Icmp6Handler | undefined)[] = new Array<Icmp6Handler | undefined>(256).fill(undefined);
  /** Raw sockets get every good message, whatever else is made of it (RFC 3542 3.2). */
  raw: TransportProtocol | undefined;
  pathMtu: PathMtuListener | undefined;
  private readonly ip: Ipv6;
  private readonly source = new Int32Array(4);
  private readonly destination = new Int32Array(4);
  private readonly quoted = new extension6.Walk();

  constructor(ip: Ipv6) {
    this.ip = ip;
    ip.protocols[ipv6.NEXT_ICMP6] = this;
  }

  input(packet: Packet): void {
    const bytes = packet.bytes;
    if (packet.end - packet.transport < icmp6.MINIMUM_LENGTH) {
      this.counters.count(icmp6s.TOO_SHORT);
      return;
    }
    const trusted = packet.needsChecksum || packet.checksumVerified;
    if (!trusted && !icmp6.checksumValid(bytes, packet.network, packet.transport, packet.end)) {
      this.counters.count(icmp6s.BAD_CHECKSUM);
      return;
    }
    this.raw?.input(packet);
    this.dispatch(packet, icmp6.type(bytes, packet.transport));
  }

  /** An error about one of our own ICMPv6 messages: raw sockets may want to know. */
  control(packet: Packet, error: ControlError, mtu: number): void {
    this.raw?.control(packet, error, mtu);
  }

  private dispatch(packet: Packet, type: number): void {
    const handler = this.handlers[type];
    if (handler !== undefined) {
      const on = this.ip.interfaces.byIndex(packet.scope);
      if (on !== undefined) handler.input(packet, on);
    } else if (type === icmp6.TYPE_ECHO) {
      this.echo(packet);
    } else if (icmp6.isError(type)) {
      this.notify(packet, type);
    } else if (type !== icmp6.TYPE_ECHO_REPLY) {
      this.counters.count(icmp6s.UNKNOWN_TYPE);
    }
  }

  /** Sends the request back as a reply, in the packet it came in (RFC 4443 4.2). */
  private echo(packet: Packet): void {
    if (!icmp6.valid(packet.bytes, packet.transport, packet.end)) {
      this.counters.count(icmp6s.TOO_SHORT);
      return;
    }
    const bytes = packet.bytes;
    readWords(bytes, ipv6.sourceAt(packet.network), this.destination);
    readWords(bytes, ipv6.destinationAt(packet.network), this.source);
    if (this.destination.every((word) => word === 0)) return this.counters.count(icmp6s.NOT_ANSWERABLE);
    if (!this.ip.replySource(this.source, this.destination, packet.scope, this.source)) return;
    icmp6.setType(bytes, packet.transport, icmp6.TYPE_ECHO_REPLY);
    const { end } = packet;
    packet.network = packet.transport - ipv6.HEADER_LENGTH; // extension headers are not sent back
    start(packet, this.ip.hops, this.source, this.destination);
    packet.end = end;
    finish(packet);
    this.counters.count(icmp6s.REFLECTED);
    this.ip.reply(packet);
  }

  /** An error message: tells the transport whose packet is quoted. */
  private notify(packet: Packet, type: number): void {
    const bytes = packet.bytes;
    if (!icmp6.valid(bytes, packet.transport, packet.end)) {
      this.counters.count(icmp6s.TOO_SHORT);
      return;
    }
    const error = errorOf(type, icmp6.code(bytes, packet.transport));
    if (error === 0) {
      this.counters.count(icmp6s.BAD_CODE);
      return;
    }
    const quote = icmp6.payloadAt(packet.transport);
    if (!this.quotesOurs(packet, quote)) {
      this.counters.count(icmp6s.BAD_LENGTH);
      return;
    }
    const mtu = error === TOO_BIG ? Math.max(icmp6.mtu(bytes, packet.transport) >>> 0, ipv6.MINIMUM_MTU) : 0;
    if (error === TOO_BIG) this.reducePathMtu(packet, quote, mtu);
    this.tellTransport(packet, quote, error, mtu);
  }

  /** The quoted packet has a header chain that can be read, and one of our addresses as its source. */
  private quotesOurs(packet: Packet, quote: number): boolean {
    const bytes = packet.bytes;
    if (packet.end - quote < ipv6.HEADER_LENGTH || ipv6.version(bytes, quote) !== 6) return false;
    if (extension6.walk(bytes, quote, packet.end, this.quoted) !== extension6.OK) return false;
    readWords(bytes, ipv6.sourceAt(quote), this.source);
    const words = this.source;
    return this.ip.local.find(words[0]!, words[1]!, words[2]!, words[3]!, packet.scope) !== undefined;
  }

  private reducePathMtu(packet: Packet, quote: number, mtu: number): void {
    readWords(packet.bytes, ipv6.destinationAt(quote), this.destination);
    this.pathMtu?.(this.destination, mtu);
  }

  private tellTransport(packet: Packet, quote: number, error: ControlError, mtu: number): void {
    const protocol = this.ip.protocols[this.quoted.protocol];
    if (protocol === undefined || this.quoted.laterFragment) return;
    if (packet.end - this.quoted.transport < 8) return;
    const network = packet.network;
    const transport = packet.transport;
    packet.network = quote;
    packet.transport = this.quoted.transport;
    protocol.control(packet, error, mtu);
    packet.network = network;
    packet.transport = transport;
  }
}

/** The transports' word for an error message, 0 for a code that does not exist. */
function errorOf(type: number, code: number): ControlError {
  switch (type) {
    case icmp6.TYPE_UNREACHABLE:
      return UNREACHABLE_ERRORS[code] ?? 0;
    case icmp6.TYPE_PACKET_TOO_BIG:
      return code === 0 ? TOO_BIG : 0;
    case icmp6.TYPE_TIME_EXCEEDED:
      return code <= icmp6.CODE_EXCEEDED_REASSEMBLY ? TIME_EXCEEDED : 0;
    case icmp6.TYPE_PARAMETER_PROBLEM:
      if (code === icmp6.CODE_PARAMETER_NEXT_HEADER) return UNREACHABLE_PROTOCOL;
      return code <= icmp6.CODE_PARAMETER_OPTION ? PARAMETER_PROBLEM : 0;
    default:
      return 0;
  }
}
