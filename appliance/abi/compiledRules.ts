// SPDX-License-Identifier: ISC
//
// Rules made ready for evaluation, by the thread that loads them and for the kernel: buffers and names, nothing that has to be built
// again. What stands where in the rows is the kernel's own affair (kernel/pf/ruleRow.ts).

import type { DynamicAddress } from './rule.ts';

/** One field of the index over a list: intervals of values, and the rules that each leaves possible. */
export interface FieldIndex {
  /** Words of a value: 1, or 4 for IPv6. */
  readonly width: number;
  /** First value of each interval but the lowest, flipped so that signed order is the order of addresses, ascending. */
  readonly bounds: Int32Array;
  /** The set of each interval: place in `sets`, or, where `sizes` is not -1, in `members`. */
  readonly places: Int32Array;
  /** -1, or how many members there are besides those of the set at 0. */
  readonly sizes: Int32Array;
  /** Sets of bits; at 0 the rules that do not care. */
  readonly sets: Int32Array;
  /** For each of `sets` a bit for each word that is not empty. */
  readonly summaries: Int32Array;
  /** Rule numbers, ascending within an interval. */
  readonly members: Int32Array;
}

export interface RuleIndex {
  /** 32-bit words of a set of rules. */
  readonly words: number;
  /** Absent where no rule cares, or where the sets would be too large. */
  readonly fields: readonly (FieldIndex | undefined)[];
  /** Class of each protocol number: those that no rule names share class 0. */
  readonly classes: Uint8Array;
  /** Rules that protocol class, direction and family leave possible: at ((class * 2 + out) * 2 + six) * words. */
  readonly common: Int32Array;
}

/** One list of a ruleset. */
export interface CompiledRules {
  readonly rows: Int32Array;
  readonly interfaces: readonly string[];
  readonly tables: readonly string[];
  readonly labels: readonly string[];
  readonly tags: readonly string[];
  readonly systems: readonly string[];
  readonly dynamics: readonly DynamicAddress[];
  readonly index: RuleIndex | undefined;
  /** How many times rules name each table, in hosts, pools and overloads. */
  readonly references: readonly { readonly table: string; readonly count: number }[];
}
