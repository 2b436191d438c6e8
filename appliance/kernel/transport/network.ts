// SPDX-License-Identifier: ISC
//
// The network layer as transports use it, the same for both families. Addresses are four words, of which IPv4 uses the first.

import type { Family } from '../../abi/address.ts';
import type { Packet } from '../packet.ts';
import type { IcmpErrors } from './transport.ts';

export interface Network {
  readonly family: Family;
  /** Of an IP header as we write it, without options or extension headers. */
  readonly headerLength: number;
  /** Every path carries packets of this length; path MTU discovery does not go below it. */
  readonly minimumMtu: number;
  readonly errors: IcmpErrors;
  /** TTL or hop limit of packets whose socket says nothing else. */
  readonly hops: number;

  /** The address of ours that a connection to `remote` gets; false when there is no way there. */
  source(remote: Int32Array, into: Int32Array): boolean;
  /** One of our unicast addresses. */
  isLocal(address: Int32Array): boolean;
  /** Usable at the other end of a connection: neither unspecified, multicast nor broadcast. */
  isUnicast(address: Int32Array): boolean;
  /** Largest packet that the way to `remote` is known to carry; 0 when there is no way. */
  mtu(remote: Int32Array): number;

  /** `remote` has acknowledged something: the way there works (a hint for neighbour discovery, RFC 4861 7.3.1). */
  confirm?(remote: Int32Array): void;

  /** Source and destination of the IP header at `packet.network`. */
  readSource(packet: Packet, into: Int32Array): void;
  readDestination(packet: Packet, into: Int32Array): void;
  /** TTL or hop limit of the IP header at `packet.network`. */
  readHops(packet: Packet): number;

  /** An empty packet of ours: leaves room for the IP header, `packet.transport` and `end` are behind it. */
  begin(packet: Packet): void;
  /** Writes the IP header for what lies between `packet.transport` and `packet.end`. */
  writeHeader(
    packet: Packet,
    source: Int32Array,
    destination: Int32Array,
    protocol: number,
    hops: number,
    dontFragment: boolean,
  ): void;
  /** Folded sum of the pseudo header for the packet as `writeHeader` left it, or as it was received. */
  pseudoSum(packet: Packet, protocol: number): number;
  /**
   * Checksum over the pseudo header and what lies between `packet.transport` and `packet.end`: 0 when the field there holds a
   * good one, with the field zeroed the value to store.
   */
  checksum(packet: Packet, protocol: number): number;
  /** Routes, filters and sends; an error of inet/errors.ts. */
  output(packet: Packet): number;
  /** The same to a neighbour, whatever the routes say of the destination. */
  outputVia(packet: Packet, nextHop: Int32Array): number;
}

/** The network layer of each family. */
export interface Networks {
  readonly 4: Network;
  readonly 6: Network;
}
