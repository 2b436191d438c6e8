// SPDX-License-Identifier: ISC
//
// Link-local addresses in commands: `fe80::1%vr0`. Sockets have the zone, an interface's index, in the second 16 bits of the address,
// as the original's kernel does (RFC 4007 section 6).

import { type Address, isLinkLocal } from '../../abi/address.ts';
import { formatAddress, parseZonedAddress } from '../../abi/addressText.ts';
import type { KernelClient } from '../../abi/client.ts';
import { Failure } from './failure.ts';

/** The interfaces by index and by name, as they were when asked. */
export class Zones {
  private readonly indexes = new Map<string, number>();
  private readonly names = new Map<number, string>();

  static async of(kernel: KernelClient): Promise<Zones> {
    const zones = new Zones();
    for (const { name, index } of await kernel.call('interface.list', {})) {
      zones.indexes.set(name, index);
      zones.names.set(index, name);
    }
    return zones;
  }

  /** An address as sockets take it; Failure for what is none, or names no interface. */
  parse(text: string): Address {
    const zoned = parseZonedAddress(text);
    if (zoned === undefined) throw new Failure(`${text}: bad address`);
    const { address, zone } = zoned;
    if (zone === undefined) {
      if (isLinkLocal(address)) throw new Failure(`${text}: which link? (${text}%INTERFACE)`);
      return address;
    }
    const index = this.indexes.get(zone);
    if (index === undefined) throw new Failure(`${zone}: no such interface`);
    return { ...address, words: [address.words[0]! | index, ...address.words.slice(1)] };
  }

  /** An address of a socket as text. */
  format(address: Address): string {
    const index = address.words[0]! & 0xffff;
    if (!isLinkLocal(address) || index === 0) return formatAddress(address);
    const plain = { ...address, words: [address.words[0]! & ~0xffff, ...address.words.slice(1)] };
    return `${formatAddress(plain)}%${this.names.get(index) ?? index}`;
  }
}
