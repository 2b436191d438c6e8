// SPDX-License-Identifier: ISC
//
// The walk through rulesets (pf_test_rule's loop, pf_step_into_anchor): which rules match a packet, in order. Who decides what a match
// means is told of each; a long list is entered through its index.

import type { RuleIndex } from '../../abi/compiledRules.ts';
import type { RuleList } from '../../abi/rule.ts';
import { DIRECTION_OUT } from '../filter.ts';
import type { ActiveRule } from './activeRule.ts';
import type { Descriptor } from './descriptor.ts';
import type { Kifs } from './kifs.ts';
import type { RowMatch } from './rowMatch.ts';
import { PossibleRules, type RuleSet, summarize, summaryWords } from './ruleIndex.ts';
import { ACTION_ANCHOR, INTERFACE, OPTION_INTERFACE_NEGATED, OPTIONS, ROW_WORDS } from './ruleRow.ts';
import type { ActiveList, Ruleset, Rulesets } from './rulesets.ts';

/** Anchors within anchors; deeper calls are ignored. */
const MAXIMUM_DEPTH = 64;
/** Sets of possible rules that a list remembers: interfaces times directions, families, protocols. */
const REMEMBERED = 256;

/** What is compared: everything; only headers (scrub's first look); a binat rule seen from outside. */
export const LOOK_AT_ALL = 0;
export const LOOK_AT_HEADERS = 1;
export const LOOK_FROM_OUTSIDE = 2;

/** Hears of every rule that is looked at (`pfctl explain`). With one, lists are walked rule by rule. */
export interface Recorder {
  evaluated(rule: ActiveRule, matched: boolean): void;
}

/** Told of every rule that matches, in order. */
export interface RuleVisitor {
  /** Grows with every match that decides; a quick anchor asks whether there was one inside. */
  readonly decisions: number;
  /** Grows when the packet was rewritten: what may match further on is found anew. */
  readonly rewrites: number;
  /** `caller` is the outermost anchor call on the way here. Answers whether the walk goes on. */
  matched(rule: ActiveRule, caller: ActiveRule | undefined): boolean;
}

export class Evaluator {
  recorder: Recorder | undefined;
  private readonly rulesets: Rulesets;
  private readonly kifs: Kifs;
  private readonly rows: RowMatch;
  /** For each depth of anchors. */
  private readonly possible: PossibleRules[] = [];
  /** LOOK_* of the walk at hand. */
  private look = LOOK_AT_ALL;

  constructor(parts: { rulesets: Rulesets; kifs: Kifs; rows: RowMatch }) {
    this.rulesets = parts.rulesets;
    this.kifs = parts.kifs;
    this.rows = parts.rows;
  }

  /** Whether the main ruleset has rules of a kind at all. */
  has(kind: RuleList): boolean {
    return this.rulesets.main.lists[kind] !== undefined;
  }

  /** Walks one kind of rules from the main ruleset down. `look` is a LOOK_*. */
  walk(kind: RuleList, packet: Descriptor, visitor: RuleVisitor, look = LOOK_AT_ALL): void {
    this.look = look;
    this.walkRuleset(this.rulesets.main, kind, packet, visitor, undefined, 0);
  }

  /** Answers false when the walk is over. */
  private walkRuleset(
    ruleset: Ruleset,
    kind: RuleList,
    packet: Descriptor,
    visitor: RuleVisitor,
    caller: ActiveRule | undefined,
    depth: number,
  ): boolean {
    const list = ruleset.lists[kind];
    if (list === undefined) return true;
    const { index } = list.compiled;
    const stop =
      index === undefined || this.recorder !== undefined || this.look !== LOOK_AT_ALL
        ? this.walkAll(list, kind, packet, visitor, caller, depth)
        : this.walkPossible(list, index, kind, packet, visitor, caller, depth);
    list.stops[stop] = list.stops[stop]! + 1;
    return stop === list.rules.length;
  }

  /** Rule by rule; answers the rule that ended the walk, or how many there are. */
  private walkAll(
    list: ActiveList,
    kind: RuleList,
    packet: Descriptor,
    visitor: RuleVisitor,
    caller: ActiveRule | undefined,
    depth: number,
  ): number {
    const count = list.rules.length;
    for (let i = 0; i < count; i++) {
      if (!this.visit(list, i, kind, packet, visitor, caller, depth)) return i;
    }
    return count;
  }

  /** The same, looking only at rules that the index leaves possible. */
  private walkPossible(
    list: ActiveList,
    index: RuleIndex,
    kind: RuleList,
    packet: Descriptor,
    visitor: RuleVisitor,
    caller: ActiveRule | undefined,
    depth: number,
  ): number {
    const possible = this.possibleAt(depth);
    let rewrites = visitor.rewrites;
    possible.find(index, this.commonSet(list, index, packet), packet);
    for (let word = possible.next(0); word >= 0; word = possible.next(word + 1)) {
      let bits = possible.rules(word);
      while (bits !== 0) {
        const lowest = bits & -bits;
        const i = (word << 5) + 31 - Math.clz32(lowest);
        if (!this.visit(list, i, kind, packet, visitor, caller, depth)) return i;
        bits ^= lowest;
        if (visitor.rewrites === rewrites) continue;
        rewrites = visitor.rewrites;
        possible.find(index, this.commonSet(list, index, packet), packet);
        // What lies above the bit just seen.
        bits = possible.rules(word) & -(lowest << 1);
      }
    }
    return list.rules.length;
  }

  private possibleAt(depth: number): PossibleRules {
    let possible = this.possible[depth];
    if (possible === undefined) {
      possible = new PossibleRules();
      this.possible[depth] = possible;
    }
    return possible;
  }

  /** Rules that interface, direction, family and protocol leave possible; worked out once for each combination. */
  private commonSet(list: ActiveList, index: RuleIndex, packet: Descriptor): RuleSet {
    const { possible } = list;
    if (list.possibleOf !== this.kifs.generation || possible.size > REMEMBERED) {
      possible.clear();
      list.possibleOf = this.kifs.generation;
    }
    const way = (packet.direction === DIRECTION_OUT ? 2 : 0) + (packet.family === 6 ? 1 : 0);
    const place = (index.classes[packet.protocol & 0xff]! * 4 + way) * index.words;
    const key = place * 4096 + packet.on.index;
    let set = possible.get(key);
    if (set === undefined) {
      const words = this.withoutOtherInterfaces(list, index.common.slice(place, place + index.words), packet);
      set = { words, summary: new Int32Array(summaryWords(index.words)) };
      summarize(words, 0, index.words, set.summary, 0);
      possible.set(key, set);
    }
    return set;
  }

  private withoutOtherInterfaces(list: ActiveList, set: Int32Array, packet: Descriptor): Int32Array {
    const { rows } = list.compiled;
    for (let i = 0; i < list.rules.length; i++) {
      const name = rows[i * ROW_WORDS + INTERFACE]!;
      if (name === 0) continue;
      const isNegated = (rows[i * ROW_WORDS + OPTIONS]! & OPTION_INTERFACE_NEGATED) !== 0;
      if (this.kifs.has(list.kifs[name - 1]!, packet.on) !== isNegated) continue;
      set[i >>> 5] = set[i >>> 5]! & ~(1 << (i & 31));
    }
    return set;
  }

  /** Looks at one rule; answers whether the walk goes on. */
  private visit(
    list: ActiveList,
    i: number,
    kind: RuleList,
    packet: Descriptor,
    visitor: RuleVisitor,
    caller: ActiveRule | undefined,
    depth: number,
  ): boolean {
    const rule = list.rules[i]!;
    const matched = this.matches(list, i, rule, packet);
    if (this.recorder !== undefined) this.recorder.evaluated(rule, matched);
    if (!matched) return true;
    if (rule.action !== ACTION_ANCHOR) return visitor.matched(rule, caller);
    if (depth >= MAXIMUM_DEPTH) return true;
    return this.enter(rule, kind, packet, visitor, caller ?? rule, depth + 1);
  }

  private matches(list: ActiveList, i: number, rule: ActiveRule, packet: Descriptor): boolean {
    if (this.look === LOOK_AT_ALL || rule.action === ACTION_ANCHOR) return this.rows.matches(list, i, packet);
    return this.look === LOOK_AT_HEADERS
      ? this.rows.matchesHeader(list, i, packet)
      : this.rows.matchesInbound(list, i, packet);
  }

  /** An anchor call: its ruleset, or with a wildcard each child. A quick call ends the walk when something inside decided. */
  private enter(
    rule: ActiveRule,
    kind: RuleList,
    packet: Descriptor,
    visitor: RuleVisitor,
    caller: ActiveRule,
    depth: number,
  ): boolean {
    if (rule.tag !== 0) packet.packet.tag = rule.tag;
    if (rule.rule.rtable !== undefined) packet.packet.rtable = rule.rule.rtable;
    const target = this.rulesets.find(rule.target);
    if (target === undefined) return true;
    const before = visitor.decisions;
    if (!rule.isWildcard) {
      if (!this.walkRuleset(target, kind, packet, visitor, caller, depth)) return false;
    } else {
      const { children } = target;
      for (let i = 0; i < children.length; i++) {
        if (!this.walkRuleset(children[i]!, kind, packet, visitor, caller, depth)) return false;
      }
    }
    return !rule.quick || visitor.decisions === before;
  }
}
