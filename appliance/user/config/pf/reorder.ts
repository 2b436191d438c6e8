// SPDX-License-Identifier: ISC
//
// The optimizer's last step: rules of a block that may change places are sorted so that skip steps become long.

import type { Rule } from '../../../abi/rule.ts';
import type { SkipField } from './skip.ts';

/** Rules that restrict a field in the same way. */
interface Group {
  /** Its index among the groups of the field. */
  place: number;
  rules: Set<Rule>;
  /** 0: of no use for sorting. */
  count: number;
}

/** Brings rules together that share most: the largest group first, and inside it again. */
export function reorder(rules: readonly Rule[], fields: readonly SkipField[]): Rule[] {
  const groupings = fields.map((field) => new Grouping(rules, field));
  for (const grouping of groupings) {
    if (grouping.largest === rules.length || grouping.largest === 1) grouping.disregard();
  }
  if (groupings.every((grouping) => grouping.largest === 0)) return [...rules];
  const split: Rule[] = [];
  const own: Rule[] = [];
  const left = new Set(rules);
  while (left.size > 0) {
    const best = groupings.reduce((a, b) => (b.largest > a.largest ? b : a));
    if (best.largest <= 1) {
      own.push(...left);
      break;
    }
    const members = best.take();
    for (const rule of members) {
      left.delete(rule);
      for (const grouping of groupings) grouping.remove(rule);
    }
    if (members.length > 2) split.push(...reorder(members, fields));
    else own.push(...members);
  }
  return [...split, ...own];
}

/** The groups of one field, larger ones first; a rule that does not restrict it is alone. */
class Grouping {
  private readonly groups: Group[] = [];
  private readonly groupOf = new Map<Rule, Group>();
  /** Groups before this one have been taken. */
  private first = 0;

  constructor(rules: readonly Rule[], field: SkipField) {
    const byValue = new Map<string, Group>();
    for (const rule of rules) {
      const value = field.restriction(rule);
      const group = (value === undefined ? undefined : byValue.get(value)) ?? this.newGroup();
      if (value !== undefined) byValue.set(value, group);
      group.rules.add(rule);
      group.count++;
      this.groupOf.set(rule, group);
      while (group.place > 0 && this.groups[group.place - 1]!.count < group.count) this.swap(group.place - 1);
    }
  }

  private newGroup(): Group {
    const group: Group = { place: this.groups.length, rules: new Set(), count: 0 };
    this.groups.push(group);
    return group;
  }

  /** Exchanges the group at this place and the next. */
  private swap(place: number): void {
    const group = this.groups[place]!;
    const next = this.groups[place + 1]!;
    this.groups[place] = next;
    this.groups[place + 1] = group;
    next.place = place;
    group.place = place + 1;
  }

  get largest(): number {
    return this.groups[this.first]?.count ?? 0;
  }

  disregard(): void {
    this.groups[this.first]!.count = 0;
  }

  /** Takes the largest group out. */
  take(): Rule[] {
    const group = this.groups[this.first++]!;
    for (const rule of group.rules) this.groupOf.delete(rule);
    return [...group.rules];
  }

  /** Takes out a rule that has found its place; the groups stay sorted. */
  remove(rule: Rule): void {
    const group = this.groupOf.get(rule);
    if (group === undefined || this.largest <= 1) return;
    this.groupOf.delete(rule);
    group.rules.delete(rule);
    group.count--;
    while ((this.groups[group.place + 1]?.count ?? 0) > group.count) this.swap(group.place);
  }
}
