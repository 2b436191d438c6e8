// SPDX-License-Identifier: ISC
//
// Networks that two interfaces have in common.

import { INET, network, type Prefix } from '../../abi/address.ts';
import { formatPrefix } from '../../abi/addressText.ts';
import type { InterfaceInfo } from '../../abi/interface.ts';
import { setAddresses } from '../rc/snapshot.ts';

/** The networks of the addresses that somebody set, as text. */
export function networksOf(on: InterfaceInfo): readonly string[] {
  return [...new Set(setAddresses(on).map(networkText))];
}

/** Whether both have an address in one IPv4 network, by which pfsync goes. */
export function sharesNetwork(ours: InterfaceInfo, theirs: InterfaceInfo): boolean {
  const inet = (on: InterfaceInfo) => on.addresses.filter(({ family }) => family === INET).map(networkText);
  const own = inet(ours);
  return inet(theirs).some((text) => own.includes(text));
}

function networkText(address: Prefix): string {
  return formatPrefix(network(address));
}
