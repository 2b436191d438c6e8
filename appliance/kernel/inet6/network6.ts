// SPDX-License-Identifier: ISC
//
// IPv6 as transports use it. They know nothing of zones (RFC 4007): in their words a link-local address has the index of its
// interface in its second 16 bits, which are zero on any wire. It is put in and taken out here, and nowhere else.

import { INET6 } from '../../abi/address.ts';
import * as checksum from '../../wire/checksum.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Packet } from '../packet.ts';
import { ROUTE_FORWARD } from '../route/routes.ts';
import type { Network } from '../transport/network.ts';
import type { IcmpErrors } from '../transport/transport.ts';
import { readWords, setWords } from './icmp6Message.ts';
import type { Ipv6 } from './ipv6.ts';
import type { Nd6 } from './nd6.ts';

const ZONE_MASK = 0xffff;

export class Network6 implements Network {
  readonly family = INET6;
  readonly headerLength = ipv6.HEADER_LENGTH;
  readonly minimumMtu = ipv6.MINIMUM_MTU;
  private readonly ip: Ipv6;
  private readonly neighbors: Nd6;
  /** An address without its zone. */
  private readonly plain = new Int32Array(4);

  constructor(ip: Ipv6, neighbors: Nd6) {
    this.ip = ip;
    this.neighbors = neighbors;
  }

  get errors(): IcmpErrors {
    return this.ip.errors;
  }

  get hops(): number {
    return this.ip.hops;
  }

  source(remote: Int32Array, into: Int32Array): boolean {
    const zone = zoneOf(remote);
    if (!this.ip.source(this.strip(remote), into, zone)) return false;
    if (ipv6.isLinkLocal(into[0]!)) into[0] = into[0]! | zone;
    return true;
  }

  isLocal(address: Int32Array): boolean {
    return this.ip.isLocal(this.strip(address), zoneOf(address));
  }

  isUnicast(address: Int32Array): boolean {
    return !ipv6.isMulticast(address[0]!) && address.some((word) => word !== 0);
  }

  mtu(remote: Int32Array): number {
    return this.ip.mtuTo(this.strip(remote), zoneOf(remote));
  }

  /** Something was heard from `remote` that answers what we sent: the way there works (RFC 4861 7.3.1). */
  confirm(remote: Int32Array): void {
    const zone = this.ip.interfaces.byIndex(zoneOf(remote));
    const plain = this.strip(remote);
    if (zone !== undefined) return this.neighbors.confirm(zone, plain);
    const route = this.ip.routes.lookup6(plain);
    if (route !== undefined && route.kind === ROUTE_FORWARD) {
      this.neighbors.confirm(route.on, route.gateway ?? plain);
    }
  }

  readSource(packet: Packet, into: Int32Array): void {
    read(packet, ipv6.sourceAt(packet.network), into);
  }

  readDestination(packet: Packet, into: Int32Array): void {
    read(packet, ipv6.destinationAt(packet.network), into);
  }

  readHops(packet: Packet): number {
    return ipv6.hopLimit(packet.bytes, packet.network);
  }

  begin(packet: Packet): void {
    packet.family = 6;
    packet.transport = ipv6.payloadAt(packet.network);
    packet.end = packet.transport;
  }

  /** Routers never fragment, and what is longer than the path is fragmented here: `dontFragment` says nothing new. */
  writeHeader(
    packet: Packet,
    source: Int32Array,
    destination: Int32Array,
    protocol: number,
    hops: number,
    _dontFragment: boolean,
  ): void {
    const { bytes, network } = packet;
    ipv6.write(bytes, network, 0, 0, packet.end - packet.transport, protocol, hops);
    setWords(bytes, ipv6.sourceAt(network), this.strip(source));
    setWords(bytes, ipv6.destinationAt(network), this.strip(destination));
    packet.protocol = protocol;
    packet.scope = zoneOf(destination) || zoneOf(source);
  }

  pseudoSum(packet: Packet, protocol: number): number {
    const length = packet.end - packet.transport;
    return checksum.pseudo6(packet.bytes, ipv6.sourceAt(packet.network), protocol, length);
  }

  checksum(packet: Packet, protocol: number): number {
    const { bytes, network, transport, end } = packet;
    return checksum.transport6(bytes, network, protocol, transport, end - transport);
  }

  output(packet: Packet): number {
    return this.ip.output(packet);
  }

  outputVia(packet: Packet, nextHop: Int32Array): number {
    return this.ip.outputToNeighbor(packet, nextHop);
  }

  private strip(address: Int32Array): Int32Array {
    const { plain } = this;
    plain[0] = zoned(address[0]!) ? address[0]! & ~ZONE_MASK : address[0]!;
    plain[1] = address[1]!;
    plain[2] = address[2]!;
    plain[3] = address[3]!;
    return plain;
  }
}

/** Link-local, or a group that stays on its link. */
function zoned(w0: number): boolean {
  if (ipv6.isMulticast(w0)) return ipv6.multicastScope(w0) === ipv6.SCOPE_LINK_LOCAL;
  return ipv6.isLinkLocal(w0);
}

function zoneOf(address: Int32Array): number {
  return zoned(address[0]!) ? address[0]! & ZONE_MASK : 0;
}

function read(packet: Packet, at: number, into: Int32Array): void {
  readWords(packet.bytes, at, into);
  if (ipv6.isLinkLocal(into[0]!)) into[0] = into[0]! | packet.scope;
}
