// SPDX-License-Identifier: ISC
//
// Where transports meet IP: what IPv4 and IPv6 hand up, what ICMP tells about packets of ours, and how to ask for an ICMP error.

import type { Packet } from '../packet.ts';

/** What an ICMP error says about a packet of ours, the same words for both families (PRC_* of protosw.h). */
export const UNREACHABLE_NET = 1;
export const UNREACHABLE_HOST = 2;
export const UNREACHABLE_PROTOCOL = 3;
export const UNREACHABLE_PORT = 4;
export const TOO_BIG = 5;
export const TIME_EXCEEDED = 6;
export const PARAMETER_PROBLEM = 7;
export const SOURCE_QUENCH = 8;
export const PROHIBITED = 9;
export type ControlError = number;

/** A protocol above IP, in `protocols[number]` of either family. */
export interface TransportProtocol {
  /** A packet for us: `transport`, `end`, `family`, `protocol` are set, addresses stand at `packet.network`. */
  input(packet: Packet): void;
  /**
   * An ICMP error quotes a packet of ours: `packet.network` is at the quoted IP header, `packet.transport` at the quoted transport
   * header, of which at least eight bytes lie before `packet.end`. `mtu` is that of TOO_BIG, else 0.
   */
  control(packet: Packet, error: ControlError, mtu: number): void;
}

/** Raw sockets: they see what is delivered, and are the only users of protocols that the kernel has not. */
export interface RawProtocol extends TransportProtocol {
  /** Whether a socket of this family wants packets of this protocol. */
  listens(family: number, protocol: number): boolean;
}

/** Who can say an ICMP error; ICMP and ICMPv6 register themselves with their IP. */
export interface IcmpErrors {
  /**
   * Builds and sends an error about `packet`, whose IP header is as it was received; nothing of `packet` is changed. Silent where
   * RFC 1122 3.2.2 or RFC 4443 2.4 (e) forbid it, and beyond the rate limit. `parameter` fills the second word: next-hop MTU, pointer, gateway.
   */
  error(packet: Packet, type: number, code: number, parameter: number): void;
}

/** Nobody there to say it. */
export const NO_ERRORS: IcmpErrors = { error: () => {} };
