// SPDX-License-Identifier: ISC
//
// Where a packet filter hooks into IP (pfil's place): what IPv4 and IPv6 ask of it, and what they do without one.

import type { Interface } from './link/interface.ts';
import type { Packet } from './packet.ts';

export const DIRECTION_IN = 1;
export const DIRECTION_OUT = 2;

/** Go on with the packet; its addresses, ports and even its length (reassembly) may have changed. */
export const PASS = 0;
/** Dropped and counted, or answered. */
export const DROP = 1;
/** Taken over: sent elsewhere (route-to), held (a fragment), answered (synproxy). The caller is done with it. */
export const TAKEN = 2;

export interface PacketFilter {
  /**
   * `packet.network` is at a valid IP header, `packet.family` is set, `packet.transport` and `packet.protocol` too unless
   * it is a fragment. `direction` is DIRECTION_IN (as received on `on`) or DIRECTION_OUT (about to leave by `on`).
   */
  test(packet: Packet, on: Interface, direction: number): number;
}

/** No filter: everything passes. */
export const PASS_ALL: PacketFilter = { test: () => PASS };
