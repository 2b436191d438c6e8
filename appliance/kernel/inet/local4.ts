// SPDX-License-Identifier: ISC
//
// The IPv4 addresses of one interface: whether one of them is meant, whether a neighbour is on their networks, which of them speaks to it.

import { INET } from '../../abi/address.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import type { Interface, InterfaceAddress } from '../link/interface.ts';

/** The interface has exactly this address. */
export function hasAddress(on: Interface, address: number): boolean {
  const { addresses } = on;
  for (let i = 0; i < addresses.length; i++) {
    if (addresses[i]!.family === INET && addresses[i]!.words[0] === address) return true;
  }
  return false;
}

/** The address lies in a network of the interface. */
export function isOnLink(on: Interface, address: number): boolean {
  const { addresses } = on;
  for (let i = 0; i < addresses.length; i++) {
    if (addresses[i]!.family === INET && isOnNetwork(addresses[i]!, address)) return true;
  }
  return false;
}

/** The interface's address for a neighbour: the one on the same network, else the main one; ANY when it has none. */
export function addressFor(on: Interface, neighbor: number): number {
  const { addresses } = on;
  let main: number = ipv4.ANY;
  for (let i = 0; i < addresses.length; i++) {
    const own = addresses[i]!;
    if (own.family !== INET) continue;
    if (main === ipv4.ANY) main = own.words[0]!;
    if (isOnNetwork(own, neighbor)) return own.words[0]!;
  }
  return main;
}

/** Whether an address lies in the network of one of ours. */
export function isOnNetwork(own: InterfaceAddress, address: number): boolean {
  return own.length === 0 || ((own.words[0]! ^ address) & (-1 << (32 - own.length))) === 0;
}
