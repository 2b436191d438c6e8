// SPDX-License-Identifier: ISC
//
// Today's view of an ICMP query or answer (pf_icmp_mapping): which request it is part of, and by what id they belong together.

import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as mld from '../../wire/mld.ts';
import * as nd6 from '../../wire/nd6.ts';
import type { Packet } from '../packet.ts';

/** Requests without a name of their own in wire/: mobile registration, where-are-you, node information, multicast trace. */
const WHERE_ARE_YOU = 33;
const MOBILE_REGISTRATION = 35;
const NODE_INFORMATION = 139;
const MULTICAST_TRACE = 201;

/** The request that each answer belongs to. */
const REQUESTS4 = requests([
  [icmp.TYPE_ECHO_REPLY, icmp.TYPE_ECHO],
  [icmp.TYPE_TIMESTAMP_REPLY, icmp.TYPE_TIMESTAMP],
  [icmp.TYPE_INFORMATION_REPLY, icmp.TYPE_INFORMATION],
  [icmp.TYPE_MASK_REPLY, icmp.TYPE_MASK],
  [WHERE_ARE_YOU + 1, WHERE_ARE_YOU],
  [MOBILE_REGISTRATION + 1, MOBILE_REGISTRATION],
  [icmp.TYPE_ROUTER_ADVERTISEMENT, icmp.TYPE_ROUTER_SOLICITATION],
]);
const REQUESTS6 = requests([
  [icmp6.TYPE_ECHO_REPLY, icmp6.TYPE_ECHO],
  [NODE_INFORMATION + 1, NODE_INFORMATION],
  [MULTICAST_TRACE - 1, MULTICAST_TRACE],
  [icmp6.TYPE_NEIGHBOR_ADVERTISEMENT, icmp6.TYPE_NEIGHBOR_SOLICITATION],
]);

/** Types whose second word begins with an id. */
const WITH_ID4 = types([
  icmp.TYPE_ECHO,
  icmp.TYPE_TIMESTAMP,
  icmp.TYPE_INFORMATION,
  icmp.TYPE_MASK,
  WHERE_ARE_YOU,
  MOBILE_REGISTRATION,
]);
const WITH_ID6 = types([icmp6.TYPE_ECHO, NODE_INFORMATION, MULTICAST_TRACE]);

function requests(pairs: readonly (readonly [answer: number, request: number])[]): Int16Array {
  const table = new Int16Array(256).fill(-1);
  for (const [answer, request] of pairs) table[answer] = request;
  return table;
}

function types(list: readonly number[]): Uint8Array {
  const table = new Uint8Array(256);
  for (const type of list) table[type] = 1;
  return table;
}

export class IcmpMapping {
  isReply = false;
  /** Of the request. */
  type = 0;
  /** 0 where messages have none. */
  id = 0;
  /** Neighbour discovery: the address that is looked for is in `target`. */
  isNeighbor = false;
  readonly target = new Int32Array(4);

  /** `id` is what stands where an echo message has its id. */
  read(packet: Packet, family: 4 | 6, type: number, id: number): void {
    this.map(family, type, id);
    if (family === 6) this.readGroups(packet, type);
  }

  /** The same for a message that is quoted, so that no more than type and id are there. */
  map(family: 4 | 6, type: number, id: number): void {
    const request = (family === 4 ? REQUESTS4 : REQUESTS6)[type]!;
    this.isReply = request >= 0;
    this.type = this.isReply ? request : type;
    this.isNeighbor = false;
    this.id = (family === 4 ? WITH_ID4 : WITH_ID6)[this.type] === 1 ? id : 0;
  }

  /** Messages that are about an address: its words folded are the id. */
  private readGroups(packet: Packet, type: number): void {
    const { bytes, transport, end } = packet;
    if (type === icmp6.TYPE_LISTENER_QUERY || type === icmp6.TYPE_LISTENER_REPORT) {
      // Who reports need not have been asked, and answers to another address than the one that asked.
      this.type = icmp6.TYPE_LISTENER_QUERY;
      if (end - transport >= mld.MESSAGE_LENGTH) this.id = folded(bytes, mld.groupAt(transport));
      return;
    }
    const isNeighbor =
      type === icmp6.TYPE_NEIGHBOR_SOLICITATION || type === icmp6.TYPE_NEIGHBOR_ADVERTISEMENT;
    if (!isNeighbor || end - transport < nd6.NEIGHBOR_LENGTH) return;
    this.isNeighbor = true;
    const at = nd6.targetAt(transport);
    for (let i = 0; i < 4; i++) this.target[i] = ipv6.addressWord(bytes, at, i);
    this.id = folded(bytes, at);
  }
}

function folded(bytes: Uint8Array, at: number): number {
  let word = 0;
  for (let i = 0; i < 4; i++) word ^= ipv6.addressWord(bytes, at, i);
  return (word >>> 16) ^ (word & 0xffff);
}
