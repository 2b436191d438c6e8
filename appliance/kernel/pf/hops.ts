// SPDX-License-Identifier: ISC
//
// TTL and hop limit of the packet at hand.

import * as checksum from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Descriptor } from './descriptor.ts';

export function hops(packet: Descriptor): number {
  const { bytes, network } = packet.packet;
  return packet.family === 4 ? ipv4.ttl(bytes, network) : ipv6.hopLimit(bytes, network);
}

/** The IPv4 header's checksum follows by difference. */
export function setHops(packet: Descriptor, value: number): void {
  const { bytes, network } = packet.packet;
  if (packet.family === 6) return ipv6.setHopLimit(bytes, network, value);
  // The TTL is the upper half of its word.
  const from = ipv4.ttl(bytes, network) << 8;
  ipv4.setTtl(bytes, network, value);
  ipv4.setChecksum(bytes, network, checksum.update16(ipv4.checksum(bytes, network), from, value << 8));
}
