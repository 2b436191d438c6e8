// SPDX-License-Identifier: ISC
//
// The choice of an address from a pool (pf_lb.c): where a translated or routed packet goes.

import { addressBits, maskWord } from '../../abi/address.ts';
import type { Pool, PoolEntry } from '../../abi/rule.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Random } from '../random.ts';
import type { CompiledRule } from './compile.ts';
import { dynamicAddresses } from './dynamic.ts';
import type { Tables } from './tables.ts';

/** One address (or network) that a pool offers. */
interface Candidate {
  readonly words: ArrayLike<number>;
  readonly length: number;
  readonly interface: string | undefined;
  /** Counted when the choice falls on it. */
  readonly chosen?: () => void;
}

export class Pools {
  /** The last choice: its words, and the interface that the pool names with it ('' when none). */
  readonly address = new Int32Array(4);
  interface = '';
  private readonly tables: Tables;
  private readonly interfaces: Interfaces;
  private readonly random: Random;

  constructor(parts: { tables: Tables; interfaces: Interfaces; random: Random }) {
    this.tables = parts.tables;
    this.interfaces = parts.interfaces;
    this.random = parts.random;
  }

  /**
   * Chooses for a packet whose address `original` is to be replaced (or, for a route, for its source); false when the pool
   * has nothing of the family. Choices are made once for a state, so this may take its time.
   */
  choose(rule: CompiledRule, pool: Pool, family: 4 | 6, source: Int32Array, original: Int32Array): boolean {
    const candidates = this.candidates(rule, pool, family);
    if (candidates.length === 0) return false;
    const one = this.pick(rule, pool, candidates, family, source);
    this.combine(one, pool, family, source, original);
    this.interface = one.interface ?? '';
    one.chosen?.();
    return true;
  }

  private candidates(rule: CompiledRule, pool: Pool, family: 4 | 6): Candidate[] {
    return pool.entries.flatMap((entry) => this.candidatesOf(rule, entry, family));
  }

  private candidatesOf(rule: CompiledRule, entry: PoolEntry, family: 4 | 6): Candidate[] {
    const { address } = entry;
    const bits = addressBits(family);
    switch (address.kind) {
      case 'prefix':
        if (address.prefix.family !== family) return [];
        return [{ words: address.prefix.words, length: address.prefix.length, interface: entry.interface }];
      case 'table': {
        const table = this.tables.resolve(rule.anchor, address.name);
        const chosen = () => {
          if (table !== undefined) table.match++;
        };
        return (table?.inOrder(family) ?? []).map((member) => {
          return { words: member.words, length: member.length, interface: entry.interface, chosen };
        });
      }
      case 'dynamic':
        return dynamicAddresses(this.interfaces, address, family).map((own) => {
          const length = address.network ? own.length : bits;
          return { words: own.words, length, interface: entry.interface };
        });
      default:
        return [];
    }
  }

  private pick(
    rule: CompiledRule,
    pool: Pool,
    candidates: readonly Candidate[],
    family: 4 | 6,
    source: Int32Array,
  ): Candidate {
    if (candidates.length === 1) return candidates[0]!;
    switch (pool.type) {
      case 'random':
        return candidates[this.random.below(candidates.length)]!;
      case 'source-hash':
        return candidates[sourceHash(source, pool.key) % candidates.length]!;
      default:
        return candidates[this.nextPlace(rule, pool, family, candidates.length)]!;
    }
  }

  /** Round robin: the place after the last one, per family. */
  private nextPlace(rule: CompiledRule, pool: Pool, family: 4 | 6, count: number): number {
    let places = rule.poolPlaces.get(pool);
    if (places === undefined) {
      places = new Int32Array(2).fill(-1);
      rule.poolPlaces.set(pool, places);
    }
    const column = family === 4 ? 0 : 1;
    places[column] = (places[column]! + 1) % count;
    return places[column];
  }

  /** The host within the chosen network: the network's bits, and behind them those that the type says. */
  private combine(one: Candidate, pool: Pool, family: 4 | 6, source: Int32Array, original: Int32Array): void {
    const count = family === 4 ? 1 : 4;
    for (let i = 0; i < count; i++) {
      const mask = maskWord(one.length, i);
      let host = 0;
      if (mask !== -1) {
        if (pool.type === 'bitmask') host = original[i]!;
        else if (pool.type === 'source-hash') host = sourceHash(source, pool.key) + i;
        else host = pool.type === undefined ? original[i]! : this.random.word();
      }
      this.address[i] = (one.words[i]! & mask) | (host & ~mask);
    }
  }
}

/** A hash of the source address under the pool's key; the same source gets the same place as long as the pool stays. */
function sourceHash(source: Int32Array, key: readonly number[] | undefined): number {
  let mixed = key?.[0] ?? 0;
  for (let i = 0; i < 4; i++) {
    mixed = Math.imul(mixed ^ source[i]! ^ (key?.[i] ?? 0), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed >>> 1;
}
