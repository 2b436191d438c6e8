// SPDX-License-Identifier: ISC
//
// The ARP cache: one entry for each neighbour, bounded. What happens to them is in arp.ts.

import * as arps from '../../abi/counters/arp.ts';
import type { Counters } from '../counters.ts';
import type { LinkTarget } from '../link/ethernet.ts';
import { HeldPackets, type HoldSpace } from '../link/held.ts';
import type { Interface } from '../link/interface.ts';
import { Timeout, type Timeouts } from '../timeout.ts';

/** Asked for; packets wait. */
export const INCOMPLETE = 0;
export const REACHABLE = 1;
/** Set by arp(8), and never changed by itself. */
export const PERMANENT = 2;
/** It did not answer: nothing is sent there for a while. */
export const REJECTED = 3;

/** Entries at most; beyond it the oldest makes room. */
const MAXIMUM_ENTRIES = 16_384;

/** One neighbour (struct llinfo_arp). */
export class ArpEntry implements LinkTarget {
  readonly address: number;
  readonly on: Interface;
  readonly held: HeldPackets;
  readonly timeout: Timeout;
  state = INCOMPLETE;
  linkHigh = 0;
  linkLow = 0;
  /** We answer for it (`arp -s … pub`). */
  published = false;
  /** Requests sent since the last answer. */
  asked = 0;
  /** REACHABLE until then, in microseconds since boot. */
  expires = 0;
  /** It was used since it was last confirmed: worth refreshing. */
  used = false;

  constructor(
    address: number,
    on: Interface,
    space: HoldSpace,
    timeouts: Timeouts,
    fire: (entry: ArpEntry) => void,
  ) {
    this.address = address;
    this.on = on;
    this.held = new HeldPackets(space);
    this.timeout = new Timeout(timeouts, () => fire(this));
  }

  get known(): boolean {
    return this.state === REACHABLE || this.state === PERMANENT;
  }
}

export class ArpEntries implements Iterable<ArpEntry> {
  private readonly counters: Counters;
  private readonly entries = new Map<number, ArpEntry>();
  /** The neighbour of the last packet: most packets go where the last one went. */
  private last: ArpEntry | undefined;

  constructor(counters: Counters) {
    this.counters = counters;
  }

  [Symbol.iterator](): Iterator<ArpEntry> {
    return [...this.entries.values()][Symbol.iterator]();
  }

  /** The entry of an address, on whatever link. */
  at(address: number): ArpEntry | undefined {
    return this.entries.get(address);
  }

  /** The entry of a neighbour on the link of `on`; asked for every packet that is sent. */
  find(on: Interface, address: number): ArpEntry | undefined {
    const last = this.last;
    if (last !== undefined && last.address === address && last.on === on) return last;
    const entry = this.entries.get(address);
    if (entry === undefined || entry.on !== on) return undefined;
    this.last = entry;
    return entry;
  }

  /** Takes in a new entry in place of one for the same address elsewhere; false when all are permanent and there is no room. */
  add(entry: ArpEntry): boolean {
    const elsewhere = this.entries.get(entry.address);
    if (elsewhere !== undefined) this.remove(elsewhere);
    if (this.entries.size >= MAXIMUM_ENTRIES && !this.makeRoom()) return false;
    this.entries.set(entry.address, entry);
    return true;
  }

  private makeRoom(): boolean {
    this.counters.count(arps.TABLE_FULL);
    for (const entry of this.entries.values()) {
      if (entry.state === PERMANENT) continue;
      this.remove(entry);
      return true;
    }
    return false;
  }

  /** What waited for it is dropped. */
  remove(entry: ArpEntry): void {
    entry.timeout.clear();
    this.counters.add(arps.DROPPED, entry.held.clear());
    this.entries.delete(entry.address);
    if (this.last === entry) this.last = undefined;
  }
}
