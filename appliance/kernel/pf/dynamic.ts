// SPDX-License-Identifier: ISC
//
// `(vr0:network)`: addresses of an interface, of a group or, as `(self)`, of all as they are now (pfi_dynaddr of pf_if.c), worked out again when interfaces change.

import { addressBits, type Family, INET, maskWord } from '../../abi/address.ts';
import type { DynamicAddress } from '../../abi/rule.ts';
import type { InterfaceAddress } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Kifs } from './kifs.ts';

/** One address or network that a dynamic address stands for. */
export interface DynamicEntry {
  readonly words: Int32Array;
  readonly length: number;
}

export class Dynamic {
  private readonly address: DynamicAddress;
  private readonly interfaces: Interfaces;
  private readonly kifs: Kifs;
  private generation = -1;
  private four: readonly DynamicEntry[] = [];
  private six: readonly DynamicEntry[] = [];
  private routableSix: readonly DynamicEntry[] = [];

  constructor(address: DynamicAddress, interfaces: Interfaces, kifs: Kifs) {
    this.address = address;
    this.interfaces = interfaces;
    this.kifs = kifs;
  }

  /** What it stands for now, main addresses first. */
  entries(family: Family): readonly DynamicEntry[] {
    if (this.generation !== this.kifs.generation) this.refresh();
    return family === INET ? this.four : this.six;
  }

  /** What a pool may choose from: a link-local address means nothing to who is behind the next router. */
  routable(family: Family): readonly DynamicEntry[] {
    if (this.generation !== this.kifs.generation) this.refresh();
    return family === INET ? this.four : this.routableSix;
  }

  /** Whether the address is one of those, or in one of those networks. */
  contains(family: Family, words: Int32Array): boolean {
    const entries = this.entries(family);
    for (let i = 0; i < entries.length; i++) if (isWithin(entries[i]!, words)) return true;
    return false;
  }

  private refresh(): void {
    this.generation = this.kifs.generation;
    this.four = this.entriesOf(4);
    this.six = this.entriesOf(6);
    this.routableSix = this.six.filter(({ words }) => !isLinkLocal(words));
  }

  private entriesOf(family: Family): DynamicEntry[] {
    const { address } = this;
    const { interfaces } = this;
    const meant = address.interface === 'self' ? [...interfaces] : interfaces.named(address.interface);
    return meant.flatMap((on) => {
      // `:network` and `:0` pass over link-local addresses (pfi_instance_add).
      const skipLinkLocal = family !== INET && (address.network || address.noAlias);
      const own = on.addresses.filter(
        (one) => one.family === family && !(skipLinkLocal && isLinkLocal(one.words)),
      );
      const used = address.noAlias ? own.slice(0, 1) : own;
      return used.flatMap((one) => this.entryOf(one));
    });
  }

  private entryOf(own: InterfaceAddress): DynamicEntry[] {
    const { network, broadcast, peer, length } = this.address;
    const bits = addressBits(own.family);
    if (broadcast) return own.broadcast === 0 ? [] : [{ words: Int32Array.of(own.broadcast), length: bits }];
    if (peer) return own.peer === undefined ? [] : [{ words: own.peer, length: bits }];
    const used = length === undefined ? (network ? own.length : bits) : Math.min(length, bits);
    return [{ words: own.words.map((word, i) => word & maskWord(used, i)), length: used }];
  }
}

/** Of an IPv6 address. */
function isLinkLocal(words: Int32Array): boolean {
  return (words[0]! & 0xffc00000) === (0xfe800000 | 0);
}

function isWithin(entry: DynamicEntry, words: Int32Array): boolean {
  for (let i = 0; i < entry.words.length; i++) {
    if (((entry.words[i]! ^ words[i]!) & maskWord(entry.length, i)) !== 0) return false;
  }
  return true;
}
