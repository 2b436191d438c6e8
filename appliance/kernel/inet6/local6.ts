// SPDX-License-Identifier: ISC
//
// Which IPv6 addresses are ours: a hash over the addresses of all interfaces, asked for every packet that comes in.

import { INET6, maskWord } from '../../abi/address.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Interface, InterfaceAddress } from '../link/interface.ts';

/** An address of ours and the interface that has it. */
export interface LocalAddress {
  readonly on: Interface;
  readonly address: InterfaceAddress;
}

/** Words of a key: the address and its zone. */
const KEY_WORDS = 5;

export class LocalAddresses6 {
  private mask = 0;
  /** Open addressing with linear probing; a slot without an entry ends a probe. */
  private keys = new Int32Array(KEY_WORDS);
  private entries: (LocalAddress | undefined)[] = [undefined];

  /** Takes in the addresses as they are now. Of an address that two interfaces have, the first interface's is found. */
  rebuild(interfaces: Iterable<Interface>): void {
    const all: LocalAddress[] = [];
    for (const on of interfaces) {
      for (const address of on.addresses) if (address.family === INET6) all.push({ on, address });
    }
    let size = 8;
    while (size < 4 * all.length) size *= 2;
    this.mask = size - 1;
    this.keys = new Int32Array(KEY_WORDS * size);
    this.entries = new Array<LocalAddress | undefined>(size).fill(undefined);
    for (const local of all) this.insert(local);
  }

  /** The entry of an address; `zone` is the index of the interface that a link-local address belongs to (RFC 4007). */
  find(w0: number, w1: number, w2: number, w3: number, zone: number): LocalAddress | undefined {
    return this.entries[this.slot(w0, w1, w2, w3, ipv6.isLinkLocal(w0) ? zone : 0)];
  }

  private insert(local: LocalAddress): void {
    const words = local.address.words;
    const zone = ipv6.isLinkLocal(words[0]!) ? local.on.index : 0;
    const slot = this.slot(words[0]!, words[1]!, words[2]!, words[3]!, zone);
    if (this.entries[slot] !== undefined) return;
    this.entries[slot] = local;
    this.keys.set(words, KEY_WORDS * slot);
    this.keys[KEY_WORDS * slot + 4] = zone;
  }

  /** Where the key is, or the free slot where it would go. */
  private slot(w0: number, w1: number, w2: number, w3: number, zone: number): number {
    const keys = this.keys;
    let slot = hash6(w0, w1, w2, w3, zone) & this.mask;
    while (this.entries[slot] !== undefined) {
      const at = KEY_WORDS * slot;
      if (
        keys[at + 3] === w3 &&
        keys[at + 2] === w2 &&
        keys[at + 1] === w1 &&
        keys[at] === w0 &&
        keys[at + 4] === zone
      ) {
        return slot;
      }
      slot = (slot + 1) & this.mask;
    }
    return slot;
  }
}

/** Mixes an address and a salt (a zone, an interface, a random word) into 32 bits; multiplications as in MurmurHash3's finish. */
export function hash6(w0: number, w1: number, w2: number, w3: number, salt: number): number {
  let hash = Math.imul(w0 ^ salt, 0x85ebca6b) ^ w1;
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35) ^ w2;
  hash = Math.imul(hash ^ (hash >>> 13), 0x85ebca6b) ^ w3;
  hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
  return hash ^ (hash >>> 15);
}

/** The address of this interface with these words, if it has it. */
export function addressOf(on: Interface, words: Int32Array): InterfaceAddress | undefined {
  return on.addresses.find(
    (address) => address.family === INET6 && address.words.every((word, i) => word === words[i]),
  );
}

/** Whether an address is a neighbour's on this link: link-local, or within a prefix of one of the interface's addresses. */
export function isOnLink(on: Interface, words: Int32Array): boolean {
  if (ipv6.isLinkLocal(words[0]!)) return true;
  return on.addresses.some(
    (address) =>
      address.family === INET6 &&
      address.words.every((word, i) => ((word ^ words[i]!) & maskWord(address.length, i)) === 0),
  );
}
