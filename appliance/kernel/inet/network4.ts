// SPDX-License-Identifier: ISC
//
// IPv4 as transports use it: their addresses are four words, of which it has the first.

import { INET } from '../../abi/address.ts';
import * as checksum from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import type { Packet } from '../packet.ts';
import type { Network } from '../transport/network.ts';
import type { IcmpErrors } from '../transport/transport.ts';
import type { Ipv4 } from './ipv4.ts';

/** No path MTU below this is believed for a connection (tcp_mtudisc's floor, RFC 791's datagram that everyone takes). */
const SENSIBLE_MTU = 296;

export class Network4 implements Network {
  readonly family = INET;
  readonly headerLength = ipv4.HEADER_LENGTH;
  readonly minimumMtu = SENSIBLE_MTU;
  private readonly ip: Ipv4;

  constructor(ip: Ipv4) {
    this.ip = ip;
  }

  get errors(): IcmpErrors {
    return this.ip.errors;
  }

  get hops(): number {
    return this.ip.hops;
  }

  source(remote: Int32Array, into: Int32Array): boolean {
    into.fill(0);
    return this.ip.source(remote, into);
  }

  isLocal(address: Int32Array): boolean {
    return this.ip.isLocal(address[0]!);
  }

  isUnicast(address: Int32Array): boolean {
    const word = address[0]!;
    if (word === ipv4.ANY || ipv4.isMulticast(word) || ipv4.isExperimental(word)) return false;
    return !this.ip.isBroadcast(word);
  }

  mtu(remote: Int32Array): number {
    return this.ip.mtuTo(remote[0]!);
  }

  readSource(packet: Packet, into: Int32Array): void {
    into.fill(0);
    into[0] = ipv4.source(packet.bytes, packet.network);
  }

  readDestination(packet: Packet, into: Int32Array): void {
    into.fill(0);
    into[0] = ipv4.destination(packet.bytes, packet.network);
  }

  readHops(packet: Packet): number {
    return ipv4.ttl(packet.bytes, packet.network);
  }

  begin(packet: Packet): void {
    packet.family = INET;
    packet.transport = packet.network + ipv4.HEADER_LENGTH;
    packet.end = packet.transport;
  }

  /** Id and checksum are filled in by `output`. */
  writeHeader(
    packet: Packet,
    source: Int32Array,
    destination: Int32Array,
    protocol: number,
    hops: number,
    dontFragment: boolean,
  ): void {
    const length = packet.end - packet.network;
    const flags = dontFragment ? ipv4.FRAGMENT_DF : 0;
    const { bytes, network } = packet;
    ipv4.write(bytes, network, 0, length, 0, flags, hops, protocol, source[0]!, destination[0]!);
    packet.protocol = protocol;
  }

  pseudoSum(packet: Packet, protocol: number): number {
    const { bytes, network, transport, end } = packet;
    const source = ipv4.source(bytes, network);
    return checksum.pseudo4(source, ipv4.destination(bytes, network), protocol, end - transport);
  }

  checksum(packet: Packet, protocol: number): number {
    const { bytes, network, transport, end } = packet;
    if (protocol === ipv4.PROTOCOL_ICMP) return checksum.compute(bytes, transport, end - transport);
    return checksum.transport4(bytes, network, protocol, transport, end - transport);
  }

  output(packet: Packet): number {
    return this.ip.output(packet);
  }

  outputVia(packet: Packet, nextHop: Int32Array): number {
    return this.ip.outputToNeighbor(packet, nextHop);
  }
}
