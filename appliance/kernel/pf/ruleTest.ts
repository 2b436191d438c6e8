// SPDX-License-Identifier: ISC
//
// Packets without a state (pf_test_rule): translation, the walk through the rules, the verdict.

import type { Rule } from '../../abi/rule.ts';
import * as pflog from '../../wire/pflog.ts';
import { DIRECTION_OUT } from '../filter.ts';
import type { Interface } from '../link/interface.ts';
import type { Interfaces } from '../link/interfaces.ts';
import { ActiveRule } from './activeRule.ts';
import type { Descriptor } from './descriptor.ts';
import type { Evaluator, RuleVisitor } from './evaluate.ts';
import type { PfLog } from './log.ts';
import type { Pools } from './pools.ts';
import { ACTION_BLOCK, ACTION_MATCH, ACTION_PASS } from './ruleRow.ts';
import { ScrubSettings } from './scrubSettings.ts';
import type { Settings } from './settings.ts';
import type { SourceNode } from './sourceNodes.ts';
import { NO_STATE } from './states.ts';
import { REASON_IP_OPTION, REASON_MATCH, REASON_TRANSLATE, type Statistics } from './statistics.ts';
import type { Sticky } from './sticky.ts';
import { Tags } from './tags.ts';
import type { Translation } from './translation.ts';

/** What becomes of the packet. */
export const VERDICT_PASS = 0;
export const VERDICT_BLOCK = 1;

export type RouteKind = NonNullable<Rule['route']>['kind'];

/** The rule that decides where none matches: pass, without state (pf_default_rule). */
const DEFAULT_RULE: Rule = {
  list: 'filter',
  action: 'pass',
  quick: false,
  source: { address: { kind: 'any' }, negated: false },
  destination: { address: { kind: 'any' }, negated: false },
};

export function makeDefaultRule(): ActiveRule {
  return new ActiveRule(DEFAULT_RULE, '', -1, ACTION_PASS, false, new Tags());
}

export interface RuleTestParts {
  readonly evaluator: Evaluator;
  readonly translation: Translation;
  readonly pools: Pools;
  readonly sticky: Sticky;
  readonly interfaces: Interfaces;
  readonly settings: Settings;
  readonly statistics: Statistics;
  readonly log: PfLog;
  readonly defaultRule: ActiveRule;
}

export class RuleTest implements RuleVisitor {
  decisions = 0;
  rewrites = 0;
  /** The rule that decided, and the outermost anchor call on the way to it. */
  rule: ActiveRule;
  caller: ActiveRule | undefined;
  /** 2008: the rule that translated. */
  natRule: ActiveRule | undefined;
  /** Today: `match` rules that applied. */
  readonly matchRules: ActiveRule[] = [];
  /** What scrub is to do with this packet and those that follow it. */
  readonly scrub = new ScrubSettings();
  /** Where the packet is to go in place of its route; the address is zero where the pool had none. */
  routeKind: RouteKind | undefined;
  readonly routeAddress = new Int32Array(4);
  routeOn: Interface | undefined;
  routeNode: SourceNode | undefined;
  readonly translation: Translation;
  /** The rule that decides where none matches. */
  readonly defaultRule: ActiveRule;
  private readonly parts: RuleTestParts;
  private packet!: Descriptor;
  /** The rule whose route counts: the one that decided, or a match before it. */
  private routeRule: ActiveRule | undefined;
  private logsMatches = false;

  constructor(parts: RuleTestParts) {
    this.parts = parts;
    this.translation = parts.translation;
    this.defaultRule = parts.defaultRule;
    this.rule = parts.defaultRule;
  }

  /** Decides on a packet. On VERDICT_BLOCK it is as it came; on VERDICT_PASS it is translated, and the caller makes its state. */
  test(packet: Descriptor): number {
    const { statistics, settings } = this.parts;
    this.begin(packet);
    this.natRule = settings.isToday ? undefined : this.translation.byLists(packet);
    if (this.natRule?.rule.pass !== true) this.parts.evaluator.walk('filter', packet, this);
    statistics.count(REASON_MATCH);
    this.count(packet);
    if (this.rule.action === ACTION_BLOCK) return this.block(packet, -1);
    if (this.translation.hasFailed) return this.block(packet, REASON_TRANSLATE);
    if (this.rule.rule.once) this.rule.expired = true;
    if (packet.hasOptions && this.rule.rule.allowOptions !== true)
      return this.block(packet, REASON_IP_OPTION);
    if (!this.translation.byRule(this.rule, packet)) return this.block(packet, REASON_TRANSLATE);
    return this.chooseRoute(packet) ? VERDICT_PASS : this.block(packet, REASON_TRANSLATE);
  }

  private begin(packet: Descriptor): void {
    this.packet = packet;
    this.rule = this.defaultRule;
    this.caller = undefined;
    this.natRule = undefined;
    this.matchRules.length = 0;
    this.routeRule = undefined;
    this.routeKind = undefined;
    this.routeNode = undefined;
    this.logsMatches = false;
    this.scrub.clear();
    this.scrub.reassembleTcp = packet.wantsTimestamps;
    this.translation.begin(packet);
  }

  /** Every rule that matches, in order: the last one decides, `quick` ends the walk, `match` takes effect at once. */
  matched(rule: ActiveRule, caller: ActiveRule | undefined): boolean {
    const { packet } = this;
    const { rule: written } = rule;
    if (written.maxPacketRate !== undefined && this.isTooFast(rule, written.maxPacketRate)) return true;
    if (rule.tag !== 0) packet.packet.tag = rule.tag;
    if (written.rtable !== undefined) packet.packet.rtable = written.rtable;
    if (this.logsMatches && written.log === undefined) this.parts.log.rule(packet, rule, caller);
    if (rule.action === ACTION_MATCH) {
      this.applyMatch(rule, caller);
    } else {
      this.decisions++;
      this.rule = rule;
      this.caller = caller;
    }
    return !rule.quick;
  }

  private applyMatch(rule: ActiveRule, caller: ActiveRule | undefined): void {
    const { packet } = this;
    const { rule: written } = rule;
    this.matchRules.push(rule);
    this.scrub.take(written.scrub, written.set);
    if (written.route !== undefined) this.routeRule = rule;
    if (rule.nat !== undefined || rule.rdr !== undefined) {
      this.translation.byRule(rule, packet);
      this.rewrites++;
    }
    if (written.log === undefined) return;
    if (written.log.matches) this.logsMatches = true;
    this.parts.log.rule(packet, rule, caller);
  }

  /** max-pkt-rate: a rule that has matched too often of late does not match (pf_check_threshold). */
  private isTooFast(rule: ActiveRule, rate: { readonly limit: number; readonly seconds: number }): boolean {
    const now = this.parts.settings.seconds;
    const elapsed = now - rule.rateLast;
    if (elapsed >= rate.seconds) rule.rateCount = 0;
    else rule.rateCount -= Math.floor((rule.rateCount * elapsed) / rate.seconds);
    rule.rateCount += 1_000;
    rule.rateLast = now;
    return rule.rateCount > rate.limit * 1_000;
  }

  private count(packet: Descriptor): void {
    const isOut = packet.direction === DIRECTION_OUT ? 1 : 0;
    this.rule.count(isOut, packet.length);
    this.caller?.count(isOut, packet.length);
    this.natRule?.count(isOut, packet.length);
    for (let i = 0; i < this.matchRules.length; i++) this.matchRules[i]!.count(isOut, packet.length);
  }

  private block(packet: Descriptor, reason: number): number {
    const { log, statistics } = this.parts;
    if (reason >= 0) statistics.count(reason);
    if (this.rule.rule.log !== undefined || reason === REASON_IP_OPTION) {
      const why = Math.max(reason, REASON_MATCH);
      log.decision(packet, this.rule, this.caller, pflog.ACTION_BLOCK, why, this.translation);
    }
    this.translation.undo(packet);
    return VERDICT_BLOCK;
  }

  /** The packet's way, when a rule names one. False when today's pool has nothing to offer, which drops the packet. */
  private chooseRoute(packet: Descriptor): boolean {
    this.scrub.take(this.rule.rule.scrub, this.rule.rule.set);
    const rule = this.rule.rule.route === undefined ? this.routeRule : this.rule;
    const route = rule?.rule.route;
    if (rule === undefined || route === undefined) return true;
    this.routeKind = route.kind;
    this.routeAddress.fill(0);
    this.routeOn = undefined;
    if (rule.route === undefined) return true;
    const { pools, interfaces, settings } = this.parts;
    const chosen = this.choose(rule, packet);
    if (!chosen && settings.isToday) return false;
    if (chosen) this.routeAddress.set(pools.address);
    // 2008: with nothing to choose the packet still leaves by the interface, towards its own destination.
    const name = chosen ? pools.interface : (route.pool?.entries[0]?.interface ?? '');
    this.routeOn = name === '' ? undefined : interfaces.find(name);
    return true;
  }

  private choose(rule: ActiveRule, packet: Descriptor): boolean {
    const { pools, sticky } = this.parts;
    const pool = rule.route!;
    if (!pool.pool.stickyAddress) {
      return pools.choose(pool, packet.family, packet.source, packet.destination);
    }
    this.routeNode = sticky.choose(rule, pool, packet, 'route', packet.destination);
    return this.routeNode !== undefined;
  }

  /** Whether a state is to be made of the packet that has passed. */
  wantsState(packet: Descriptor): boolean {
    if (packet.isFragment || packet.isIcmpError || packet.packet.state !== NO_STATE) return false;
    return this.rule.rule.state !== undefined || this.translation.isTranslated || this.scrub.reassembleTcp;
  }
}
