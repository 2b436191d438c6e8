// SPDX-License-Identifier: ISC
//
// hosts(5): addresses and the names that stand for them, a line each.

import type { Address } from '../../abi/address.ts';
import { parseAddress } from '../../abi/addressText.ts';
import { significantLines } from './lines.ts';

/** Addresses of each name in the order of the file. Lines that begin with no address are not for us. */
export function parseHosts(text: string): ReadonlyMap<string, readonly Address[]> {
  const hosts = new Map<string, Address[]>();
  for (const { words } of significantLines(text)) {
    const [first, ...names] = words;
    const address = parseAddress(first!);
    if (address === undefined) continue;
    for (const name of names) {
      const known = hosts.get(name);
      if (known === undefined) hosts.set(name, [address]);
      else known.push(address);
    }
  }
  return hosts;
}
