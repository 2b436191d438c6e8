// SPDX-License-Identifier: ISC
//
// Calls of arp(8) and ndp(8): the neighbour caches of both families behind one set of names.

import type { Address, Family, LinkAddress } from '../../abi/address.ts';
import type { Handlers } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { Neighbor, NeighborCalls } from '../../abi/neighbor.ts';

/** What a family's cache offers; it throws CallError for what cannot be done. */
export interface NeighborTable {
  list(): Neighbor[];
  /** For a while, or for good; `published` ones are answered for, where the family knows of that. */
  set(address: Address, link: LinkAddress, temporary: boolean, published: boolean): void;
  delete(address: Address): void;
  flush(): void;
}

/** Handlers of neighbor.* over the tables of both families. */
export function neighborCalls(tables: { readonly [F in Family]: NeighborTable }): Handlers<NeighborCalls> {
  return {
    'neighbor.list': ({ family }) => tables[family].list(),
    'neighbor.set': ({ address, linkAddress, temporary, published }) => {
      if (linkAddress.length !== 6 || (linkAddress[0]! & 1) !== 0) {
        throw new CallError('EINVAL', 'not a unicast Ethernet address');
      }
      tables[address.family].set(address, linkAddress, temporary ?? false, published ?? false);
      return null;
    },
    'neighbor.delete': ({ address }) => {
      tables[address.family].delete(address);
      return null;
    },
    'neighbor.flush': ({ family }) => {
      tables[family].flush();
      return null;
    },
  };
}
