// SPDX-License-Identifier: ISC
//
// The pool of a rule (struct pf_pool): where translated or routed packets go, and how far the choice has gone round.

import type { Address } from '../../abi/address.ts';
import type { Pool } from '../../abi/rule.ts';
import type { Dynamic } from './dynamic.ts';

/** How far round-robin has come, for one family. */
export class Turn {
  /** The entry it is at, and the block within a table or interface; -1 before the first choice. */
  entry = 0;
  block = -1;
  /** Choices that the block at hand has still to get, by its weight. */
  left = 0;
  /** The next address to offer. */
  readonly counter = new Int32Array(4);
}

export class RulePool {
  readonly pool: Pool;
  /** The ruleset it belongs to: tables are looked up from there. */
  readonly anchor: string;
  readonly four = new Turn();
  readonly six = new Turn();
  /** Dynamic addresses of its entries, by their places; made when first needed. */
  readonly dynamics: (Dynamic | undefined)[] = [];

  constructor(pool: Pool, anchor: string) {
    this.pool = pool;
    this.anchor = anchor;
  }

  turn(family: number): Turn {
    return family === 4 ? this.four : this.six;
  }

  /** The network of the only prefix of a pool; what binat rules translate to. */
  get network(): (Address & { readonly length: number }) | undefined {
    const [entry] = this.pool.entries;
    return entry?.address.kind === 'prefix' ? entry.address.prefix : undefined;
  }
}
