// SPDX-License-Identifier: ISC
//
// Counters of one protocol: a row of numbers that abi/counters/ names.

import type { CounterGroup } from '../abi/counters/counters.ts';

export class Counters {
  readonly group: CounterGroup;
  /** By index of the group's declaration; doubles are exact to 2^53. */
  readonly values: Float64Array;

  constructor(group: CounterGroup) {
    this.group = group;
    this.values = new Float64Array(group.counters.length);
  }

  count(index: number): void {
    this.values[index] = this.values[index]! + 1;
  }

  add(index: number, amount: number): void {
    this.values[index] = this.values[index]! + amount;
  }

  /** Name to value, for the call `system.statistics`. */
  read(all: boolean): Record<string, number> {
    const result: Record<string, number> = {};
    this.group.counters.forEach(([name], i) => {
      if (all || this.values[i] !== 0) result[name] = this.values[i]!;
    });
    return result;
  }
}
