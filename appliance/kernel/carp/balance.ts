// SPDX-License-Identifier: ISC
//
// Load balancing (carp(4), `balancing ip…`): every node gets every packet and takes those of its own share, by a hash over source and
// destination, so that both directions of the same pair meet the same node.

import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { PacketShare } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import type { CarpInterface } from './carpInterface.ts';

export class Share implements PacketShare {
  private readonly carp: CarpInterface;

  constructor(carp: CarpInterface) {
    this.carp = carp;
  }

  /** Whether a packet with a checked IP header is for this node. Those to everyone or to a group are. */
  isOurs(packet: Packet): boolean {
    if (packet.linkBroadcast || packet.linkMulticast) return true;
    const fold = packet.family === 4 ? fold4(packet) : fold6(packet, packet.network);
    return this.carp.isMasterOf(fold >>> 0);
  }
}

/** An ICMP error belongs to the node of the connection that it is about: of its inner and its outer destination. */
function fold4(packet: Packet): number {
  const { bytes, network, end } = packet;
  const destination = ipv4.destination(bytes, network);
  const at = ipv4.payloadAt(bytes, network);
  const isError =
    ipv4.protocol(bytes, network) === ipv4.PROTOCOL_ICMP &&
    !ipv4.isFragment(bytes, network) &&
    icmp.valid(bytes, at, end) &&
    icmp.isError(icmp.type(bytes, at));
  const inner = icmp.payloadAt(at);
  if (isError && end - inner >= ipv4.HEADER_LENGTH) return ipv4.destination(bytes, inner) ^ destination;
  return ipv4.source(bytes, network) ^ destination;
}

function fold6(packet: Packet, network: number): number {
  const { bytes, end } = packet;
  const at = ipv6.payloadAt(network);
  const isError =
    ipv6.nextHeader(bytes, network) === ipv6.NEXT_ICMP6 &&
    icmp6.valid(bytes, at, end) &&
    icmp6.isError(icmp6.type(bytes, at));
  const inner = icmp6.payloadAt(at);
  const quotes = isError && end - inner >= ipv6.HEADER_LENGTH;
  let fold = 0;
  for (let i = 0; i < 4; i++) {
    const from = quotes ? ipv6.destinationWord(bytes, inner, i) : ipv6.sourceWord(bytes, network, i);
    fold ^= from ^ ipv6.destinationWord(bytes, network, i);
  }
  return fold;
}
