// SPDX-License-Identifier: ISC
//
// The neighbour cache (RFC 4861 5.1): entries by interface and address, bounded. What happens to them is in nd6.ts.

import type { HeldPackets } from '../link/held.ts';
import type { Interface } from '../link/interface.ts';
import type { Timeout } from '../timeout.ts';
import { hash6 } from './local6.ts';

/** States of an entry (RFC 4861 7.3.2). PERMANENT was set by ndp(8) and never changes by itself. */
export const INCOMPLETE = 0;
export const REACHABLE = 1;
export const STALE = 2;
export const DELAY = 3;
export const PROBE = 4;
export const PERMANENT = 5;

/** As many as the original keeps before it throws out the least used (net.inet6.ip6.neighborgcthresh). */
export const MAXIMUM_NEIGHBORS = 2048;

const BUCKETS = 1024;

export class Neighbor {
  readonly on: Interface;
  readonly words: Int32Array;
  state = INCOMPLETE;
  /** Its Ethernet address, once `state` is not INCOMPLETE. */
  linkHigh = 0;
  linkLow = 0;
  router = false;
  /** Solicitations since the last answer. */
  asked = 0;
  /** When it was last sent to, in whole seconds: who goes first from a full cache. */
  used = 0;
  /** REACHABLE until then, in microseconds since boot; a hint moves it without touching the timeout. */
  reachableUntil = 0;
  readonly timeout: Timeout;
  readonly held: HeldPackets;
  next: Neighbor | undefined = undefined;

  constructor(on: Interface, words: Int32Array, held: HeldPackets, arm: (entry: Neighbor) => Timeout) {
    this.on = on;
    this.words = Int32Array.from(words);
    this.held = held;
    this.timeout = arm(this);
  }
}

export class Neighbors6 {
  private readonly buckets = new Array<Neighbor | undefined>(BUCKETS).fill(undefined);
  /** Secret, so that nobody can choose addresses that share a bucket. */
  private readonly salt: number;
  size = 0;

  constructor(salt: number) {
    this.salt = salt;
  }

  find(on: Interface, w0: number, w1: number, w2: number, w3: number): Neighbor | undefined {
    let entry = this.buckets[this.bucket(on, w0, w1, w2, w3)];
    while (entry !== undefined) {
      const words = entry.words;
      if (words[3] === w3 && words[2] === w2 && words[1] === w1 && words[0] === w0 && entry.on === on) {
        return entry;
      }
      entry = entry.next;
    }
    return undefined;
  }

  insert(entry: Neighbor): void {
    const bucket = this.bucketOf(entry);
    entry.next = this.buckets[bucket];
    this.buckets[bucket] = entry;
    this.size++;
  }

  remove(entry: Neighbor): void {
    const bucket = this.bucketOf(entry);
    let before: Neighbor | undefined;
    let at = this.buckets[bucket];
    while (at !== undefined && at !== entry) {
      before = at;
      at = at.next;
    }
    if (at === undefined) return;
    if (before === undefined) this.buckets[bucket] = entry.next;
    else before.next = entry.next;
    entry.next = undefined;
    this.size--;
  }

  /** Who was not used for longest; undefined when all are permanent. */
  leastUsed(): Neighbor | undefined {
    let least: Neighbor | undefined;
    for (const entry of this.all()) {
      if (entry.state !== PERMANENT && (least === undefined || entry.used < least.used)) least = entry;
    }
    return least;
  }

  all(): Neighbor[] {
    const entries: Neighbor[] = [];
    for (const first of this.buckets) {
      for (let entry = first; entry !== undefined; entry = entry.next) entries.push(entry);
    }
    return entries;
  }

  private bucketOf(entry: Neighbor): number {
    const words = entry.words;
    return this.bucket(entry.on, words[0]!, words[1]!, words[2]!, words[3]!);
  }

  private bucket(on: Interface, w0: number, w1: number, w2: number, w3: number): number {
    return hash6(w0, w1, w2, w3, this.salt + on.index) & (BUCKETS - 1);
  }
}
