// SPDX-License-Identifier: ISC
//
// The rules that a state came of, told by fingerprint, with their timeouts and what counts its source. A machine with the same rules has
// the state as if it had made it; one with others gives it at least the timeouts.

import type { Family } from '../../abi/address.ts';
import { TIMEOUTS } from '../../abi/names.ts';
import { i32, setI32 } from '../../wire/bytes.ts';
import * as pfsync from '../../wire/pfsync.ts';
import { DIRECTION_IN } from '../filter.ts';
import { ActiveRule } from '../pf/activeRule.ts';
import { isDiverting } from '../pf/divert.ts';
import * as observed from '../pf/observed.ts';
import type { PfParts } from '../pf/parts.ts';
import { NO_RULE } from '../pf/ruleSlots.ts';
import type { SourceNode } from '../pf/sourceNodes.ts';
import {
  ANCHOR,
  CREATOR,
  FLAG_CONNECTED,
  FLAG_DIRECTION,
  FLAG_DIVERTED,
  FLAG_MORE_RULES,
  FLAG_OBSERVED,
  FLAG_SLOPPY,
  FLAG_TABLES,
  FLAGS,
  ID_HIGH,
  ID_LOW,
  KIND,
  NAT_NODE,
  NAT_RULE,
  ROUTE,
  ROUTE_NODE,
  RULE,
  SOURCE_NODE,
  STACK,
  TOUCHED,
  WIRE,
} from '../pf/stateRecord.ts';
import { readAddress } from '../pf/states.ts';
import { Tags } from '../pf/tags.ts';
import * as timeouts from '../pf/timeouts.ts';
import { setRemaining } from './codec.ts';
import type { Fingerprints } from './fingerprints.ts';

/** Rules made up for states of rules that are not here, one for each set of timeouts. */
const MAXIMUM_STAND_INS = 64;

export class StateRules {
  private readonly parts: PfParts;
  private readonly fingerprints: Fingerprints;
  private readonly standIns = new Map<string, ActiveRule>();
  private readonly words = new Int32Array(4);

  constructor(parts: PfParts, fingerprints: Fingerprints) {
    this.parts = parts;
    this.fingerprints = fingerprints;
  }

  /** Bytes of the message about a state. */
  length(state: number): number {
    const values = this.parts.life.ruleOf(state).timeouts;
    let many = 0;
    if (values !== undefined) for (const value of values) if (value !== timeouts.GLOBAL) many++;
    return pfsync.RULE_LENGTH + 4 * many;
  }

  write(state: number, bytes: Uint8Array, to: number): void {
    const { fingerprints } = this;
    const { states, life, slots } = this.parts;
    const records = states.records(state);
    const at = states.at(state);
    const rule = life.ruleOf(state);
    const nat = records[at + NAT_RULE]!;
    pfsync.writeReference(bytes, to, records[at + ID_HIGH]!, records[at + ID_LOW]!, records[at + CREATOR]!);
    writeFingerprint(fingerprints, rule, bytes, pfsync.ruleAt(to));
    writeFingerprint(fingerprints, life.anchorOf(state), bytes, pfsync.callAt(to));
    const translation = nat === NO_RULE ? undefined : slots.get(nat);
    writeFingerprint(fingerprints, translation, bytes, pfsync.translationAt(to));
    pfsync.setRuleFlags(
      bytes,
      to,
      (records[at + SOURCE_NODE] === 0 ? 0 : pfsync.RULE_SOURCE_NODE) |
        ((records[at + FLAGS]! & FLAG_CONNECTED) === 0 ? 0 : pfsync.RULE_CONNECTED) |
        (records[at + NAT_NODE] === 0 ? 0 : pfsync.RULE_NAT_NODE) |
        (records[at + ROUTE_NODE] === 0 ? 0 : pfsync.RULE_ROUTE_NODE) |
        ((records[at + FLAGS]! & (FLAG_OBSERVED | FLAG_SLOPPY)) === FLAG_OBSERVED ? pfsync.RULE_OBSERVED : 0),
    );
    let many = 0;
    rule.timeouts?.forEach((seconds, number) => {
      if (seconds !== timeouts.GLOBAL) pfsync.setRuleTimeout(bytes, to, many++, number, seconds);
    });
  }

  /** What another machine says of a state that it has told of before. */
  read(state: number, bytes: Uint8Array, from: number, length: number): void {
    const { states, slots, life, settings } = this.parts;
    const records = states.records(state);
    const at = states.at(state);
    const isObserved = (pfsync.ruleFlags(bytes, from) & pfsync.RULE_OBSERVED) !== 0;
    // Only once: it was made with the rule that decides where none matches.
    if (slots.get(records[at + RULE]!) !== this.parts.defaultRule) {
      if (isObserved) observed.adopt(records, at);
      return;
    }
    const found = this.find(bytes, pfsync.ruleAt(from));
    const rule = found ?? this.standIn(bytes, from, length);
    if (rule === undefined) return;
    // More may have been left of it than the rule that decides where none matches gives anyone.
    const isFresh = records[at + TOUCHED] === settings.seconds;
    const left = Math.max(0, life.expires(state) - settings.seconds);
    this.put(records, at + RULE, rule);
    life.countRoute(records, at, 1);
    const anchor = this.find(bytes, pfsync.callAt(from));
    const translation = this.find(bytes, pfsync.translationAt(from));
    if (anchor !== undefined) this.put(records, at + ANCHOR, anchor);
    if (translation !== undefined) this.put(records, at + NAT_RULE, translation);
    let flags = records[at + FLAGS]!;
    if (rule.hasTables) flags |= FLAG_TABLES;
    if (isDiverting(rule)) flags |= FLAG_DIVERTED;
    if (rule.rule.state?.options.observed === true) flags |= FLAG_OBSERVED;
    if (anchor !== undefined || translation !== undefined) flags |= FLAG_MORE_RULES;
    records[at + FLAGS] = flags;
    if (isObserved) observed.adopt(records, at);
    if (found !== undefined) {
      this.joinNodes(records, at, found, translation ?? found, pfsync.ruleFlags(bytes, from));
      records[at + FLAGS] = records[at + FLAGS]! | FLAG_MORE_RULES;
    }
    if (isFresh) return;
    records[at + TOUCHED] = settings.seconds;
    setRemaining(records, at, life.expires(state), settings.seconds, left);
  }

  private put(records: Int32Array, field: number, rule: ActiveRule): void {
    const before = records[field]!;
    records[field] = this.parts.slots.hold(rule);
    this.parts.slots.release(before);
  }

  private find(bytes: Uint8Array, at: number): ActiveRule | undefined {
    const high = i32(bytes, at);
    const low = i32(bytes, at + 4);
    return high === 0 && low === 0 ? undefined : this.fingerprints.find(high, low);
  }

  /** A rule that says nothing but the timeouts; undefined when it has none of its own. */
  private standIn(bytes: Uint8Array, from: number, length: number): ActiveRule | undefined {
    const values: Record<string, number> = {};
    for (let i = 0; i < pfsync.ruleTimeouts(length); i++) {
      const timeout = TIMEOUTS[pfsync.ruleTimeout(bytes, from, i)];
      if (timeout !== undefined) values[timeout.name] = pfsync.ruleSeconds(bytes, from, i);
    }
    if (Object.keys(values).length === 0) return undefined;
    const key = JSON.stringify(values);
    const known = this.standIns.get(key);
    if (known !== undefined) return known;
    if (this.standIns.size >= MAXIMUM_STAND_INS) return undefined;
    const { rule, action } = this.parts.defaultRule;
    const state = { keep: 'keep', options: { timeouts: values } } as const;
    const made = new ActiveRule({ ...rule, state }, '', NO_RULE, action, false, new Tags());
    this.standIns.set(key, made);
    return made;
  }

  // What counts sources, and remembers what was chosen for them.

  private joinNodes(
    records: Int32Array,
    at: number,
    rule: ActiveRule,
    translating: ActiveRule,
    flags: number,
  ): void {
    const family: Family = records[at + WIRE + KIND]! >>> 8 === 4 ? 4 : 6;
    const isIn = (records[at + FLAGS]! & FLAG_DIRECTION) === DIRECTION_IN;
    // Limits and choices are for who sent the first packet, as it came.
    readAddress(records, at, isIn ? WIRE : STACK, isIn ? 0 : 1, this.words);
    if ((flags & pfsync.RULE_SOURCE_NODE) !== 0 && rule.rule.state !== undefined) {
      const node = this.parts.sourceLimits.adopt(rule, family, this.words);
      records[at + SOURCE_NODE] = join(node);
      if (node !== undefined && (flags & pfsync.RULE_CONNECTED) !== 0) {
        node.connections++;
        records[at + FLAGS] = records[at + FLAGS]! | FLAG_CONNECTED;
      }
    }
    if ((flags & pfsync.RULE_ROUTE_NODE) !== 0) {
      records[at + ROUTE_NODE] = join(
        this.choice(rule, 'route', family, records.subarray(at + ROUTE, at + ROUTE + 4)),
      );
    }
    if ((flags & pfsync.RULE_NAT_NODE) === 0) return;
    const chosen = new Int32Array(4);
    readAddress(records, at, isIn ? STACK : WIRE, 1, chosen);
    records[at + NAT_NODE] = join(this.choice(translating, 'nat', family, chosen));
  }

  /** The node of the source in `words`, with what was chosen for it there. */
  private choice(
    rule: ActiveRule,
    purpose: string,
    family: Family,
    chosen: Int32Array,
  ): SourceNode | undefined {
    const { sourceNodes } = this.parts;
    const node =
      sourceNodes.find(rule, purpose, family, this.words) ??
      sourceNodes.insert(rule, purpose, family, this.words);
    if (node === undefined || node.hasChosen) return node;
    node.hasChosen = true;
    node.chosen.set(chosen);
    return node;
  }
}

/** One state more at a node; answers the number for the record. */
function join(node: SourceNode | undefined): number {
  if (node === undefined) return 0;
  node.states++;
  return node.number;
}

function writeFingerprint(
  fingerprints: Fingerprints,
  rule: ActiveRule | undefined,
  bytes: Uint8Array,
  at: number,
): void {
  const known = rule === undefined || rule.number < 0 ? undefined : fingerprints.of(rule);
  setI32(bytes, at, known?.high ?? 0);
  setI32(bytes, at + 4, known?.low ?? 0);
}
