// SPDX-License-Identifier: ISC
//
// Rules by what they say, not by where they stand: the same rule in the same anchor has the same fingerprint on every machine, whatever
// else is loaded there.

import type { ActiveRule } from '../pf/activeRule.ts';
import type { Rulesets } from '../pf/rulesets.ts';

/** FNV-1a of 32 bits, begun twice (draft-eastlake-fnv). */
const PRIME = 0x01000193;
const FIRST_BASIS = 0x811c9dc5 | 0;
const SECOND_BASIS = 0x050c5d1f;

export interface Fingerprint {
  readonly high: number;
  readonly low: number;
}

export class Fingerprints {
  private readonly rulesets: Rulesets;
  private readonly known = new WeakMap<ActiveRule, Fingerprint>();
  private index: Map<number, ActiveRule> | undefined;

  constructor(rulesets: Rulesets) {
    this.rulesets = rulesets;
  }

  /** Other rules have been loaded. */
  forget(): void {
    this.index = undefined;
  }

  of(rule: ActiveRule): Fingerprint {
    const known = this.known.get(rule);
    if (known !== undefined) return known;
    const text = `${rule.anchor}\n${JSON.stringify(rule.rule, (name, value) => (name === 'line' ? undefined : value))}`;
    const made = { high: fnv(FIRST_BASIS, text), low: fnv(SECOND_BASIS, text) };
    this.known.set(rule, made);
    return made;
  }

  /** The rule here that says the same; of several in one anchor the first. */
  find(high: number, low: number): ActiveRule | undefined {
    this.index ??= this.makeIndex();
    const rule = this.index.get(keyOf(high, low));
    if (rule === undefined) return undefined;
    const own = this.of(rule);
    return own.high === high && own.low === low ? rule : undefined;
  }

  private makeIndex(): Map<number, ActiveRule> {
    const index = new Map<number, ActiveRule>();
    for (const rule of this.rulesets.rules()) {
      const { high, low } = this.of(rule);
      if (!index.has(keyOf(high, low))) index.set(keyOf(high, low), rule);
    }
    return index;
  }
}

/** As many of the bits as a number holds exactly. */
function keyOf(high: number, low: number): number {
  return (high >>> 0) * 0x100000 + (low >>> 12);
}

function fnv(basis: number, text: string): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME);
  return hash;
}
