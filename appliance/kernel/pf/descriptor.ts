// SPDX-License-Identifier: ISC
//
// What pf knows of the packet at hand (struct pf_pdesc): read from its headers once, kept up to date by translation.

import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMP6 = 58;

/** What reading the headers found wrong. */
export const READ_OK = 0;
export const READ_SHORT = 1;

export class Descriptor {
  packet!: Packet;
  on!: Interface;
  direction = 0;
  family: 4 | 6 = 4;
  protocol = 0;
  readonly source = new Int32Array(4);
  readonly destination = new Int32Array(4);
  /** TCP and UDP ports; the id of an ICMP query in both. */
  sourcePort = 0;
  destinationPort = 0;
  tcpFlags = 0;
  icmpType = 0;
  icmpCode = 0;
  tos = 0;
  /** Bytes behind the transport header. */
  payload = 0;
  /** Of the whole IP packet. */
  length = 0;
  isFragment = false;
  /** IPv4 options or IPv6 extension headers that a rule must allow. */
  hasOptions = false;
  /** An ICMP message about another packet. */
  isIcmpError = false;

  /** Reads a packet whose IP header is valid; answers READ_SHORT when its transport header is cut. */
  read(packet: Packet, on: Interface, direction: number): number {
    const { bytes, network } = packet;
    this.packet = packet;
    this.on = on;
    this.direction = direction;
    this.protocol = packet.protocol;
    this.sourcePort = 0;
    this.destinationPort = 0;
    this.tcpFlags = 0;
    this.icmpType = 0;
    this.icmpCode = 0;
    this.payload = 0;
    this.isIcmpError = false;
    this.length = packet.end - network;
    this.family = packet.family === 4 ? 4 : 6;
    if (this.family === 4) {
      this.source[0] = ipv4.source(bytes, network);
      this.destination[0] = ipv4.destination(bytes, network);
      this.tos = ipv4.typeOfService(bytes, network);
      this.isFragment = ipv4.isFragment(bytes, network);
      this.hasOptions = ipv4.headerLength(bytes, network) > ipv4.HEADER_LENGTH;
    } else {
      for (let i = 0; i < 4; i++) {
        this.source[i] = ipv6.sourceWord(bytes, network, i);
        this.destination[i] = ipv6.destinationWord(bytes, network, i);
      }
      this.tos = ipv6.trafficClass(bytes, network);
      this.isFragment = packet.protocol === ipv6.NEXT_FRAGMENT;
      this.hasOptions = false;
    }
    return this.isFragment ? READ_OK : this.readTransport(packet);
  }

  private readTransport(packet: Packet): number {
    const { bytes, transport, end } = packet;
    switch (this.protocol) {
      case PROTOCOL_TCP:
        if (!tcp.valid(bytes, transport, end)) return READ_SHORT;
        this.sourcePort = tcp.sourcePort(bytes, transport);
        this.destinationPort = tcp.destinationPort(bytes, transport);
        this.tcpFlags = tcp.flags(bytes, transport);
        this.payload = end - transport - tcp.headerLength(bytes, transport);
        return READ_OK;
      case PROTOCOL_UDP:
        if (!udp.valid(bytes, transport, end)) return READ_SHORT;
        this.sourcePort = udp.sourcePort(bytes, transport);
        this.destinationPort = udp.destinationPort(bytes, transport);
        this.payload = end - transport - udp.HEADER_LENGTH;
        return READ_OK;
      case PROTOCOL_ICMP:
        return this.family === 4 ? this.readIcmp(packet) : READ_OK;
      case PROTOCOL_ICMP6:
        return this.family === 6 ? this.readIcmp6(packet) : READ_OK;
      default:
        return READ_OK;
    }
  }

  private readIcmp(packet: Packet): number {
    const { bytes, transport, end } = packet;
    if (!icmp.valid(bytes, transport, end)) return READ_SHORT;
    this.icmpType = icmp.type(bytes, transport);
    this.icmpCode = icmp.code(bytes, transport);
    this.isIcmpError = icmp.isError(this.icmpType) || this.icmpType === icmp.TYPE_REDIRECT;
    if (!this.isIcmpError) this.setQueryId(icmp.identifier(bytes, transport));
    return READ_OK;
  }

  private readIcmp6(packet: Packet): number {
    const { bytes, transport, end } = packet;
    if (end - transport < icmp6.MINIMUM_LENGTH) return READ_SHORT;
    this.icmpType = icmp6.type(bytes, transport);
    this.icmpCode = icmp6.code(bytes, transport);
    this.isIcmpError = this.icmpType < 128;
    const isEcho = this.icmpType === icmp6.TYPE_ECHO || this.icmpType === icmp6.TYPE_ECHO_REPLY;
    if (isEcho && end - transport >= icmp6.HEADER_LENGTH) this.setQueryId(icmp6.identifier(bytes, transport));
    return READ_OK;
  }

  private setQueryId(id: number): void {
    this.sourcePort = id;
    this.destinationPort = id;
  }
}
