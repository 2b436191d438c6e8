// SPDX-License-Identifier: ISC
//
// Endpoints of a transport and how a packet finds its own (in_pcb): connected ones by both ends, others by their local port.

import { type Address, addressBits, type Family } from '../../abi/address.ts';
import type { Endpoint } from '../../abi/socket.ts';

/** What two ends of a flow are (struct inpcb). Unset addresses and ports are zero: any. */
export class Pcb {
  readonly family: Family;
  readonly local: Int32Array = new Int32Array(4);
  readonly remote: Int32Array = new Int32Array(4);
  localPort = 0;
  remotePort = 0;
  /** Next in its hash bucket. */
  nextPcb: Pcb | undefined = undefined;

  constructor(family: Family) {
    this.family = family;
  }

  get localEndpoint(): Endpoint {
    return { address: addressOf(this.family, this.local), port: this.localPort };
  }

  get remoteEndpoint(): Endpoint {
    return { address: addressOf(this.family, this.remote), port: this.remotePort };
  }
}

/** An address of words that a table or packet holds. */
export function addressOf(family: Family, words: Int32Array): Address {
  return { family, words: Array.from(words.subarray(0, addressBits(family) / 32)) };
}

export function isAny(words: Int32Array): boolean {
  return (words[0]! | words[1]! | words[2]! | words[3]!) === 0;
}

export function sameWords(a: Int32Array, b: Int32Array): boolean {
  return a[0] === b[0] && a[1] === b[1] && a[2] === b[2] && a[3] === b[3];
}

/** Of packets per bucket there are few: the number of sockets is bounded at sixteen times this. */
const BUCKETS = 4096;
const NONE: readonly never[] = [];

export class PcbTable<T extends Pcb> {
  private readonly buckets = new Array<T | undefined>(BUCKETS).fill(undefined);
  private readonly bound = new Map<number, T[]>();
  /** Secret, so that nobody can choose ports that share a bucket. */
  private readonly salt: number;
  size = 0;

  constructor(salt: number) {
    this.salt = salt;
  }

  /** Puts a pcb with both ends set among the connected ones. */
  insertConnected(pcb: T): void {
    const bucket = this.bucket(pcb.remote, pcb.localPort, pcb.remotePort);
    pcb.nextPcb = this.buckets[bucket];
    this.buckets[bucket] = pcb;
    this.size++;
  }

  removeConnected(pcb: T): void {
    const bucket = this.bucket(pcb.remote, pcb.localPort, pcb.remotePort);
    if (this.buckets[bucket] === pcb) {
      this.buckets[bucket] = pcb.nextPcb as T | undefined;
    } else {
      let at: Pcb | undefined = this.buckets[bucket];
      while (at !== undefined && at.nextPcb !== pcb) at = at.nextPcb;
      if (at === undefined) return;
      at.nextPcb = pcb.nextPcb;
    }
    pcb.nextPcb = undefined;
    this.size--;
  }

  /** Puts a pcb that has only a local port among the bound ones. */
  insertBound(pcb: T): void {
    const others = this.bound.get(pcb.localPort);
    if (others === undefined) this.bound.set(pcb.localPort, [pcb]);
    else others.push(pcb);
    this.size++;
  }

  removeBound(pcb: T): void {
    const others = this.bound.get(pcb.localPort);
    const place = others === undefined ? -1 : others.indexOf(pcb);
    if (place < 0) return;
    others!.splice(place, 1);
    if (others!.length === 0) this.bound.delete(pcb.localPort);
    this.size--;
  }

  connected(
    family: Family,
    local: Int32Array,
    localPort: number,
    remote: Int32Array,
    remotePort: number,
  ): T | undefined {
    let pcb: Pcb | undefined = this.buckets[this.bucket(remote, localPort, remotePort)];
    while (pcb !== undefined) {
      if (
        pcb.localPort === localPort &&
        pcb.remotePort === remotePort &&
        pcb.family === family &&
        sameWords(pcb.remote, remote) &&
        sameWords(pcb.local, local)
      ) {
        return pcb as T;
      }
      pcb = pcb.nextPcb;
    }
    return undefined;
  }

  /** Who is bound to a port, whatever address; for those that hand one packet to several. */
  boundTo(port: number): readonly T[] {
    return this.bound.get(port) ?? NONE;
  }

  /** Who takes packets to this address and port from anybody: bound to exactly this address, else to any. */
  listening(family: Family, local: Int32Array, localPort: number): T | undefined {
    let any: T | undefined;
    for (const pcb of this.boundTo(localPort)) {
      if (pcb.family !== family) continue;
      if (sameWords(pcb.local, local)) return pcb;
      if (isAny(pcb.local)) any = pcb;
    }
    return any;
  }

  /** Whether binding to this address and port would take packets from another (EADDRINUSE). */
  conflicts(family: Family, local: Int32Array, localPort: number): boolean {
    return this.boundTo(localPort).some(
      (pcb) => pcb.family === family && (isAny(local) || isAny(pcb.local) || sameWords(pcb.local, local)),
    );
  }

  all(): T[] {
    const pcbs = [...this.bound.values()].flat();
    for (const first of this.buckets) {
      for (let pcb: Pcb | undefined = first; pcb !== undefined; pcb = pcb.nextPcb) pcbs.push(pcb as T);
    }
    return pcbs;
  }

  private bucket(remote: Int32Array, localPort: number, remotePort: number): number {
    const address =
      remote[0]! ^ Math.imul(remote[1]! ^ remote[2]!, 0x9e3779b1) ^ Math.imul(remote[3]!, 0x85ebca6b);
    let hash = Math.imul(address ^ this.salt, 0xcc9e2d51) ^ ((localPort << 16) | remotePort);
    hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & (BUCKETS - 1);
  }
}
