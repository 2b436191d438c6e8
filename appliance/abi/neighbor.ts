// SPDX-License-Identifier: ISC
//
// Neighbour caches of both families: what arp(8) and ndp(8) show and set.

import type { Address, Family, LinkAddress } from './address.ts';

/** RFC 4861 7.3.2 states; ARP entries use 'incomplete', 'reachable' and 'stale' (due for a unicast refresh). */
export type NeighborState = 'incomplete' | 'reachable' | 'stale' | 'delay' | 'probe' | 'permanent' | 'local';

export interface Neighbor {
  readonly address: Address;
  readonly interface: string;
  readonly linkAddress?: LinkAddress;
  readonly state: NeighborState;
  /** Whether the neighbour said it is a router (ND only). */
  readonly router?: boolean;
  /** Seconds until the entry expires; absent when it does not. */
  readonly expires?: number;
  readonly published?: boolean;
}

export interface NeighborCalls {
  'neighbor.list': [{ readonly family: Family }, readonly Neighbor[]];
  'neighbor.set': [
    {
      readonly address: Address;
      readonly linkAddress: LinkAddress;
      readonly temporary?: boolean;
      /** We answer requests for it (`arp -s … pub`). */
      readonly published?: boolean;
    },
    null,
  ];
  'neighbor.delete': [{ readonly address: Address }, null];
  'neighbor.flush': [{ readonly family: Family }, null];
}

export interface NeighborEvents {
  /** Another station uses one of our addresses, or an entry's Ethernet address changed (arp(4) diagnostics). */
  'neighbor.conflict': {
    readonly interface: string;
    readonly address: Address;
    readonly linkAddress: LinkAddress;
    readonly kind: 'duplicate' | 'changed' | 'attempt-permanent';
    readonly previous?: LinkAddress;
  };
}
