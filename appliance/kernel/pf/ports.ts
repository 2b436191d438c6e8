// SPDX-License-Identifier: ISC
//
// The source port, or ICMP id, that a translated connection gets (pf_get_sport): one that no other connection to the same place uses.

import { NAT_PORT_HIGH, NAT_PORT_LOW } from '../../abi/names.ts';
import type { Pool } from '../../abi/rule.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import { DIRECTION_OUT } from '../filter.ts';
import type { Random } from '../random.ts';
import { type Descriptor, PROTOCOL_ICMP, PROTOCOL_ICMP6 } from './descriptor.ts';
import type { Ends } from './ends.ts';
import { STACK, WIRE } from './stateRecord.ts';
import { Key, type States } from './states.ts';

export class Ports {
  private readonly states: States;
  private readonly random: Random;
  private readonly key = new Key();

  constructor(parts: { states: States; random: Random }) {
    this.states = parts.states;
    this.random = parts.random;
  }

  /** A port for the packet when its source becomes `address`; -1 when there is none. */
  find(packet: Descriptor, pool: Pool, address: Int32Array): number {
    if (packet.protocol === PROTOCOL_ICMP || packet.protocol === PROTOCOL_ICMP6) {
      return this.findId(packet, address);
    }
    if (!packet.hasPorts) return this.isFree(packet, address, 0) ? 0 : -1;
    if (pool.staticPort) {
      return this.isFree(packet, address, packet.sourcePort) ? packet.sourcePort : -1;
    }
    return this.search(packet, address, pool.ports?.low ?? NAT_PORT_LOW, pool.ports?.high ?? NAT_PORT_HIGH);
  }

  /** The same for a packet whose ends become those of the other family. */
  findFor(packet: Descriptor, pool: Pool, ends: Ends): number {
    const isIcmp = packet.protocol === PROTOCOL_ICMP || packet.protocol === PROTOCOL_ICMP6;
    if (isIcmp && !packet.isIcmpReply) return this.search(packet, ends, 1, 0xffff);
    if (!packet.hasPorts || pool.staticPort) {
      return this.isFreeFor(ends, packet.sourcePort) ? packet.sourcePort : -1;
    }
    return this.search(packet, ends, pool.ports?.low ?? NAT_PORT_LOW, pool.ports?.high ?? NAT_PORT_HIGH);
  }

  /** Today only the id of an echo request is changed. */
  private findId(packet: Descriptor, address: Int32Array): number {
    const isEcho =
      packet.protocol === PROTOCOL_ICMP
        ? packet.icmpType === icmp.TYPE_ECHO
        : packet.icmpType === icmp6.TYPE_ECHO;
    if (packet.hasTwoIds || isEcho) return this.search(packet, address, 1, 0xffff);
    return packet.sourcePort;
  }

  /** From a random port up to the highest, then down to the lowest: where a search begins cannot be told. */
  private search(packet: Descriptor, to: Int32Array | Ends, low: number, high: number): number {
    const first = low + this.random.below(Math.max(0, high - low) + 1);
    for (let port = first; port <= high; port++) if (this.isFreeIn(packet, to, port)) return port;
    for (let port = first - 1; port >= low; port--) if (this.isFreeIn(packet, to, port)) return port;
    return -1;
  }

  private isFreeIn(packet: Descriptor, to: Int32Array | Ends, port: number): boolean {
    return to instanceof Int32Array ? this.isFree(packet, to, port) : this.isFreeFor(to, port);
  }

  /** Whether answers to `address` and `port` would be nobody else's. */
  private isFree(packet: Descriptor, address: Int32Array, port: number): boolean {
    const far = packet.hasTwoIds && !packet.hasPorts ? port : packet.destinationPort;
    packet.keyOf(this.key, address, packet.destination, port, far);
    return !this.states.has(this.key, packet.direction === DIRECTION_OUT ? WIRE : STACK);
  }

  /** Answers to the other family's ends come in from the wire. */
  private isFreeFor(ends: Ends, port: number): boolean {
    ends.keyInto(this.key, port);
    return !this.states.has(this.key, WIRE);
  }
}
