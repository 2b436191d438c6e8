// SPDX-License-Identifier: ISC
//
// The choice of an address from a pool (pf_map_addr of pf_lb.c). It is made once for each state.

import { addressBits, type Family, maskWord } from '../../abi/address.ts';
import type { PoolEntry } from '../../abi/rule.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { Random } from '../random.ts';
import { Dynamic } from './dynamic.ts';
import { hashAddress } from './hash.ts';
import type { Kifs } from './kifs.ts';
import type { RulePool, Turn } from './rulePool.ts';
import type { Settings } from './settings.ts';
import type { Table, TableMember } from './table.ts';
import type { Tables } from './tables.ts';

/** A network or host that an entry offers. */
interface Block {
  readonly words: ArrayLike<number>;
  readonly length: number;
  readonly weight?: number;
}

export class Pools {
  /** The last choice: its words, and the interface that the pool names with it ('' when none). */
  readonly address = new Int32Array(4);
  interface = '';
  private readonly tables: Tables;
  private readonly interfaces: Interfaces;
  private readonly kifs: Kifs;
  private readonly random: Random;
  private readonly settings: Settings;

  constructor(parts: {
    tables: Tables;
    interfaces: Interfaces;
    kifs: Kifs;
    random: Random;
    settings: Settings;
  }) {
    this.tables = parts.tables;
    this.interfaces = parts.interfaces;
    this.kifs = parts.kifs;
    this.random = parts.random;
    this.settings = parts.settings;
  }

  /**
   * Chooses for a packet from `source`; bitmask keeps host bits of `original`. Leaves the choice in `address` and `interface`; false
   * when the pool has nothing of the family.
   */
  choose(pool: RulePool, family: Family, source: Int32Array, original: Int32Array): boolean {
    switch (pool.pool.type) {
      case 'round-robin':
        return this.roundRobin(pool, family);
      case 'random':
        return this.pick(pool, family, (count) => this.random.below(count), original);
      case 'source-hash':
        return this.pick(pool, family, (count) => hashAddress(source, family, pool.pool.key) % count, source);
      case 'least-states':
        return this.leastStates(pool, family);
      default:
        return this.pick(pool, family, () => 0, original);
    }
  }

  /** A choice that was made before is made again. */
  take(address: Int32Array, on: string): void {
    this.address.set(address);
    this.interface = on;
  }

  /** Whether the pool still has this address; only tables can lose one. */
  offers(pool: RulePool, family: Family, address: Int32Array): boolean {
    const { entries } = pool.pool;
    return entries.some((entry) => {
      const table = this.tableOf(pool, entry);
      return table === undefined || table.contains(family, address);
    });
  }

  /** There is one state more, or less, that this pool has chosen `address` for, here or on another machine. */
  count(pool: RulePool, family: Family, address: Int32Array, change: 1 | -1): void {
    if (pool.pool.type !== 'least-states') return;
    const member = this.memberOf(pool, family, address);
    if (member !== undefined) member.states = Math.max(0, member.states + change);
  }

  private memberOf(pool: RulePool, family: Family, address: Int32Array): TableMember | undefined {
    for (const entry of pool.pool.entries) {
      const member = this.tableOf(pool, entry)?.lookup(family, address);
      if (member !== undefined) return member;
    }
    return undefined;
  }

  // One of the blocks by a number, and a host in it.

  private pick(
    pool: RulePool,
    family: Family,
    choose: (count: number) => number,
    original: Int32Array,
  ): boolean {
    const { entries } = pool.pool;
    let count = 0;
    for (let i = 0; i < entries.length; i++) count += this.blocks(pool, i, family).length;
    if (count === 0) return false;
    let place = choose(count);
    for (let i = 0; i < entries.length; i++) {
      const blocks = this.blocks(pool, i, family);
      if (place < blocks.length) {
        this.chosen(pool, entries[i]!);
        this.hostIn(pool, blocks[place]!, family, original);
        return true;
      }
      place -= blocks.length;
    }
    return false;
  }

  /** The network's bits, and behind them those that the type says. */
  private hostIn(pool: RulePool, block: Block, family: Family, original: Int32Array): void {
    const width = family === 4 ? 1 : 4;
    const { type, key } = pool.pool;
    for (let i = 0; i < width; i++) {
      const mask = maskWord(block.length, i);
      let host = block.words[i]!;
      if (type === 'bitmask') host = original[i]!;
      else if (type === 'random' && mask !== -1) host = this.random.word();
      else if (type === 'source-hash' && mask !== -1) host = hashAddress(original, family, key, i);
      this.address[i] = (block.words[i]! & mask) | (host & ~mask);
    }
  }

  // Round robin: every address of every entry in turn.

  private roundRobin(pool: RulePool, family: Family): boolean {
    const turn = pool.turn(family);
    if (!this.continueAt(pool, turn, family) && !this.nextEntry(pool, turn, family)) return false;
    const { counter } = turn;
    for (let i = 0; i < 4; i++) this.address[i] = counter[i]!;
    if (turn.left > 1) {
      turn.left--;
    } else {
      turn.left = 0;
      increment(counter, family);
    }
    this.chosen(pool, pool.pool.entries[turn.entry]!);
    return true;
  }

  /** Stays at the entry where the last choice was, if its counter has not left it. */
  private continueAt(pool: RulePool, turn: Turn, family: Family): boolean {
    const entry = pool.pool.entries[turn.entry];
    if (entry === undefined) return false;
    const { kind } = entry.address;
    if (kind === 'table' || kind === 'dynamic') return this.blockAt(pool, turn, family, turn.block >= 0);
    const [block] = this.blocks(pool, turn.entry, family);
    if (block === undefined) return false;
    // In 2008 the counter begins at zero, outside of the first entry, so the second one is the first to be offered.
    const isFresh = turn.block < 0;
    turn.block = 0;
    if (isFresh && (this.settings.isToday || pool.pool.entries.length === 1)) begin(turn, block, family);
    return isWithin(block, turn.counter, family);
  }

  /** The first address of the next entry that has one of this family, the one at hand coming last. */
  private nextEntry(pool: RulePool, turn: Turn, family: Family): boolean {
    const { entries } = pool.pool;
    for (let tries = 0; tries < entries.length; tries++) {
      turn.entry = (turn.entry + 1) % entries.length;
      turn.block = -1;
      if (this.blockAt(pool, turn, family, false)) return true;
    }
    return false;
  }

  /**
   * Moves the turn to the block of its entry that it is at, or to the next (pfr_pool_get): with `useCounter` the counter says where in
   * the block. Blocks within blocks are offered as their own.
   */
  private blockAt(pool: RulePool, turn: Turn, family: Family, useCounter: boolean): boolean {
    const blocks = this.blocks(pool, turn.entry, family);
    const table = this.tableOf(pool, pool.pool.entries[turn.entry]!);
    let keep = useCounter;
    for (let place = Math.max(0, turn.block); place < blocks.length; place++) {
      const block = blocks[place]!;
      if (!keep) begin(turn, block, family);
      else if (!isWithin(block, turn.counter, family)) {
        keep = false;
        continue;
      }
      if (!skipNested(table, block, turn.counter, family)) {
        keep = false;
        continue;
      }
      turn.block = place;
      if (turn.left === 0) turn.left = block.weight ?? 1;
      return true;
    }
    if (table !== undefined) table.noMatch++;
    return false;
  }

  // Least states: the host with the fewest, by weight.

  private leastStates(pool: RulePool, family: Family): boolean {
    const { entries } = pool.pool;
    const turn = pool.turn(family);
    let best: TableMember | undefined;
    let bestEntry: PoolEntry | undefined;
    for (const entry of entries) {
      const members = this.tableOf(pool, entry)?.inOrder(family) ?? [];
      for (let i = 0; i < members.length; i++) {
        // Of equal ones the turn goes round, so that idle hosts share what comes.
        const member = members[(turn.entry + i) % members.length]!;
        if (best === undefined || member.states * best.weight < best.states * member.weight) {
          best = member;
          bestEntry = entry;
        }
      }
    }
    turn.entry++;
    if (best === undefined || bestEntry === undefined) return this.roundRobin(pool, family);
    best.states++;
    for (let i = 0; i < best.words.length; i++) this.address[i] = best.words[i]!;
    this.chosen(pool, bestEntry);
    return true;
  }

  // What entries offer.

  private chosen(pool: RulePool, entry: PoolEntry): void {
    this.interface = entry.interface ?? '';
    const table = this.tableOf(pool, entry);
    if (table !== undefined) table.match++;
  }

  private tableOf(pool: RulePool, entry: PoolEntry): Table | undefined {
    return entry.address.kind === 'table' ? this.tables.resolve(pool.anchor, entry.address.name) : undefined;
  }

  /** Blocks of an entry that are of this family, in order. */
  private blocks(pool: RulePool, place: number, family: Family): readonly Block[] {
    const entry = pool.pool.entries[place]!;
    const { address } = entry;
    switch (address.kind) {
      case 'prefix':
        if (address.prefix.family !== family) return [];
        return [entry.weight === undefined ? address.prefix : { ...address.prefix, weight: entry.weight }];
      case 'range':
        return address.from.family === family ? [{ ...address.from, length: addressBits(family) }] : [];
      case 'table':
        return this.tableOf(pool, entry)?.inOrder(family) ?? [];
      case 'dynamic': {
        pool.dynamics[place] ??= new Dynamic(address, this.interfaces, this.kifs);
        return pool.dynamics[place].routable(family);
      }
      default:
        return [];
    }
  }
}

/** The counter is put at the first address of a block. */
function begin(turn: Turn, block: Block, family: Family): void {
  const width = family === 4 ? 1 : 4;
  for (let i = 0; i < width; i++) turn.counter[i] = block.words[i]! & maskWord(block.length, i);
  turn.left = block.weight ?? 1;
}

function isWithin(block: Block, words: Int32Array, family: Family): boolean {
  const width = family === 4 ? 1 : 4;
  for (let i = 0; i < width; i++) {
    if (((block.words[i]! ^ words[i]!) & maskWord(block.length, i)) !== 0) return false;
  }
  return true;
}

/** Puts the counter behind blocks of the table that lie within this one; false when nothing is left of it. */
function skipNested(table: Table | undefined, block: Block, counter: Int32Array, family: Family): boolean {
  if (table === undefined || block.length === addressBits(family)) return true;
  for (;;) {
    const found = table.lookup(family, counter);
    if (found === undefined || found.length <= block.length) return true;
    for (let i = 0; i < found.words.length; i++) counter[i] = counter[i]! | ~maskWord(found.length, i);
    increment(counter, family);
    if (!isWithin(block, counter, family)) return false;
  }
}

/** The next address, round the end. */
function increment(words: Int32Array, family: Family): void {
  for (let i = family === 4 ? 0 : 3; i >= 0; i--) {
    words[i] = (words[i]! + 1) | 0;
    if (words[i] !== 0) return;
  }
}
