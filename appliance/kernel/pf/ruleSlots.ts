// SPDX-License-Identifier: ISC
//
// Numbers for rules in the records of states. A rule keeps its number, and stays what it is, until its last state is gone: loading
// another ruleset changes nothing for connections that there are.

import type { ActiveRule } from './activeRule.ts';

/** In a record: no rule. */
export const NO_RULE = -1;

export class RuleSlots {
  private readonly rules: (ActiveRule | undefined)[] = [];
  private readonly free: number[] = [];

  /** The rule of a number in a record. */
  get(number: number): ActiveRule {
    return this.rules[number]!;
  }

  /** One state more; answers the number for its record. */
  hold(rule: ActiveRule): number {
    rule.states++;
    rule.statesCreated++;
    if (rule.slot >= 0) return rule.slot;
    rule.slot = this.free.pop() ?? this.rules.length;
    this.rules[rule.slot] = rule;
    return rule.slot;
  }

  /** One state less. */
  release(number: number): void {
    if (number === NO_RULE) return;
    const rule = this.rules[number]!;
    if (--rule.states > 0) return;
    this.rules[number] = undefined;
    this.free.push(number);
    rule.slot = -1;
  }
}
