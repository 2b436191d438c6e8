// SPDX-License-Identifier: ISC
//
// The state of a packet that the rules have passed (pf_create_state): limits, keys, what the record holds at first.

import * as tcp from '../../wire/tcp.ts';
import { DIRECTION_OUT } from '../filter.ts';
import type { Random } from '../random.ts';
import type { ActiveRule } from './activeRule.ts';
import { type Descriptor, PROTOCOL_TCP } from './descriptor.ts';
import { isDiverting } from './divert.ts';
import { NO_RULE, type RuleSlots } from './ruleSlots.ts';
import type { RuleTest } from './ruleTest.ts';
import type { Settings } from './settings.ts';
import type { SourceLimits } from './sourceLimits.ts';
import type { SourceNode } from './sourceNodes.ts';
import { StateExtra } from './stateExtra.ts';
import type { StateLife } from './stateLife.ts';
import {
  ANCHOR,
  COUNTERS,
  CREATED,
  DESTINATION,
  EXTRA,
  FLAG_ALLOW_OPTIONS,
  FLAG_DIRECTION,
  FLAG_DIVERTED,
  FLAG_DUP_TO,
  FLAG_EXTRA,
  FLAG_LOG_ALL,
  FLAG_MORE_RULES,
  FLAG_NO_SYNC,
  FLAG_OBSERVED,
  FLAG_PFLOW,
  FLAG_REPLY_TO,
  FLAG_ROUTE_TO,
  FLAG_SLOPPY,
  FLAG_TABLES,
  FLAGS,
  NAT_NODE,
  NAT_RULE,
  ROUTE,
  ROUTE_INTERFACE,
  ROUTE_NODE,
  RULE,
  SEQ_DIFFERENCE,
  SOURCE,
  SOURCE_NODE,
  STACK,
  TIMEOUT,
  TOUCHED,
  WIRE,
} from './stateRecord.ts';
import { Key, NO_STATE, type States } from './states.ts';
import {
  LIMIT_STATES,
  REASON_MEMORY,
  REASON_SOURCE_LIMIT,
  REASON_STATE_INSERT,
  REASON_STATE_LIMIT,
  type Statistics,
} from './statistics.ts';
import type { SyncPort } from './sync.ts';
import * as tcpState from './tcpState.ts';
import * as timeouts from './timeouts.ts';
import { begin as beginTimestamps, TimestampPeer } from './timestamps.ts';
import { changeSequence } from './translate.ts';
import * as udpState from './udpState.ts';

export interface StateMakerParts {
  readonly states: States;
  readonly slots: RuleSlots;
  readonly life: StateLife;
  readonly sourceLimits: SourceLimits;
  readonly settings: Settings;
  readonly statistics: Statistics;
  readonly random: Random;
  readonly sync: SyncPort;
}

export class StateMaker {
  private readonly parts: StateMakerParts;
  private readonly wire = new Key();
  private readonly stack = new Key();

  constructor(parts: StateMakerParts) {
    this.parts = parts;
  }

  /** Makes the state; NO_STATE with the reason counted when there can be none, and the packet is to be dropped. */
  create(packet: Descriptor, rules: RuleTest): number {
    const { states, settings, statistics, sourceLimits } = this.parts;
    const { rule } = rules;
    const maximum = rule.rule.state?.options.max;
    if (maximum !== undefined && rule.states >= maximum) {
      statistics.countLimit(LIMIT_STATES);
      return this.refuse(REASON_STATE_LIMIT);
    }
    // Limits are for who sent the packet, whatever it was translated to.
    let node: SourceNode | undefined;
    if (sourceLimits.tracks(rule)) {
      node = sourceLimits.nodeFor(rule, packet.family, rules.translation.source);
      if (node === undefined) return this.refuse(REASON_SOURCE_LIMIT);
    }
    if (states.count >= settings.maximumStates) return this.refuse(REASON_MEMORY);
    this.setKeys(packet, rules);
    const bound = this.isBound(rule) ? packet.on.index : 0;
    if (!this.makeRoom(packet, bound)) return this.refuse(REASON_STATE_INSERT);
    const state = states.insert(this.wire, this.stack, bound, settings.hostId | 0);
    this.fill(state, packet, rules, node);
    packet.packet.state = state;
    this.parts.sync.target?.created(state);
    return state;
  }

  private refuse(reason: number): number {
    this.parts.statistics.count(reason);
    return NO_STATE;
  }

  private isBound(rule: ActiveRule): boolean {
    return rule.rule.state?.options.ifBound ?? this.parts.settings.options.statePolicy === 'if-bound';
  }

  /** The wire key is what the cable of this interface shows, the stack key what the rest of the machine sees. */
  private setKeys(packet: Descriptor, { translation }: RuleTest): void {
    const isOut = packet.direction === DIRECTION_OUT;
    const { source, destination, sourcePort, destinationPort } = translation;
    packet.keyOf(isOut ? this.stack : this.wire, source, destination, sourcePort, destinationPort);
    if (translation.ends.family !== 0) translation.ends.keyInto(this.stack);
    else packet.keyInto(isOut ? this.wire : this.stack);
  }

  /** A state that has one of the keys already makes way when it is finished. */
  private makeRoom(packet: Descriptor, bound: number): boolean {
    return this.clear(packet, this.wire, WIRE, bound) && this.clear(packet, this.stack, STACK, bound);
  }

  private clear(packet: Descriptor, key: Key, side: number, bound: number): boolean {
    const { states, life } = this.parts;
    const found = states.find(key, side, bound);
    if (found === NO_STATE) return true;
    const records = states.records(found);
    const at = states.at(found);
    if ((records[at + FLAGS]! & FLAG_DIRECTION) !== packet.direction) return true;
    const isTcp = packet.protocol === PROTOCOL_TCP;
    if (!isTcp || !tcpState.isFinished(records, at + SOURCE, at + DESTINATION)) return false;
    life.remove(found);
    return true;
  }

  // The record.

  private fill(state: number, packet: Descriptor, rules: RuleTest, node: SourceNode | undefined): void {
    const { states, slots, settings } = this.parts;
    const records = states.records(state);
    const at = states.at(state);
    const { rule, caller, natRule } = rules;
    records[at + RULE] = slots.hold(rule);
    records[at + ANCHOR] = caller === undefined ? NO_RULE : slots.hold(caller);
    records[at + NAT_RULE] = natRule === undefined ? NO_RULE : slots.hold(natRule);
    records[at + CREATED] = settings.seconds;
    records[at + TOUCHED] = settings.seconds;
    records[at + FLAGS] = records[at + FLAGS]! | packet.direction | flagsOf(rules);
    this.fillRoute(records, at, rules);
    records[at + SOURCE_NODE] = join(node, packet);
    records[at + NAT_NODE] = join(rules.translation.node, packet);
    records[at + ROUTE_NODE] = join(rules.routeNode, packet);
    const hasNodes = records[at + SOURCE_NODE]! + records[at + NAT_NODE]! + records[at + ROUTE_NODE]! > 0;
    if (hasNodes) records[at + FLAGS] = records[at + FLAGS]! | FLAG_MORE_RULES;
    if (packet.protocol === PROTOCOL_TCP) this.fillTcp(records, at, packet, rule);
    else udpState.create(records, at, at + SOURCE, packet.protocol);
    const isPlain = rules.matchRules.length === 0 && rules.scrub.isEmpty && packet.packet.tag === 0;
    if (!isPlain) this.fillExtra(records, at, packet, rules);
    const counters = states.counters(state);
    counters[(at >>> 1) + COUNTERS] = 1;
    counters[(at >>> 1) + COUNTERS + 2] = packet.length;
  }

  private fillRoute(records: Int32Array, at: number, rules: RuleTest): void {
    if (rules.routeKind === undefined || rules.routeKind === 'fastroute') return;
    records[at + ROUTE_INTERFACE] = rules.routeOn?.index ?? 0;
    for (let i = 0; i < 4; i++) records[at + ROUTE + i] = rules.routeAddress[i]!;
  }

  private fillTcp(records: Int32Array, at: number, packet: Descriptor, rule: ActiveRule): void {
    tcpState.create(records, at + SOURCE, at + DESTINATION, packet);
    records[at + TIMEOUT] = timeouts.TCP_FIRST;
    this.parts.states.beginHandshake(records, at);
    const isSyn = (packet.tcpFlags & (tcp.FLAG_SYN | tcp.FLAG_ACK)) === tcp.FLAG_SYN;
    if (rule.rule.state?.keep !== 'modulate' || !isSyn) return;
    const difference = this.parts.random.word() | 1;
    records[at + SOURCE + SEQ_DIFFERENCE] = difference;
    const sequence = tcp.sequence(packet.packet.bytes, packet.packet.transport);
    changeSequence(packet, (sequence + difference) | 0);
  }

  private fillExtra(records: Int32Array, at: number, packet: Descriptor, rules: RuleTest): void {
    const { states, slots, settings, random } = this.parts;
    const extra = new StateExtra();
    extra.tag = packet.packet.tag;
    extra.matchRules = [...rules.matchRules];
    for (const rule of extra.matchRules) slots.hold(rule);
    if (!rules.scrub.isEmpty) extra.scrub = rules.scrub.copy();
    if (rules.scrub.reassembleTcp && packet.protocol === PROTOCOL_TCP) {
      extra.timestamps = [new TimestampPeer(), new TimestampPeer()];
      beginTimestamps(extra.timestamps[0], packet, settings.seconds, random);
    }
    records[at + EXTRA] = states.addExtra(extra);
    records[at + FLAGS] = records[at + FLAGS]! | FLAG_EXTRA;
  }
}

/** One state more at a node, and its first packet; answers the number for the record. */
function join(node: SourceNode | undefined, packet: Descriptor): number {
  if (node === undefined) return 0;
  node.states++;
  node.count(packet.direction === DIRECTION_OUT ? 1 : 0, packet.length);
  return node.number;
}

const ROUTE_FLAGS = {
  'route-to': FLAG_ROUTE_TO,
  'reply-to': FLAG_REPLY_TO,
  'dup-to': FLAG_DUP_TO,
  fastroute: FLAG_ROUTE_TO,
} as const;

function flagsOf({ rule, caller, natRule, matchRules, routeKind }: RuleTest): number {
  const { rule: written } = rule;
  const options = written.state?.options;
  return (
    (options?.sloppy ? FLAG_SLOPPY : 0) |
    (options?.observed ? FLAG_OBSERVED : 0) |
    (options?.noSync ? FLAG_NO_SYNC : 0) |
    (options?.pflow ? FLAG_PFLOW : 0) |
    (written.allowOptions ? FLAG_ALLOW_OPTIONS : 0) |
    (written.log?.all ? FLAG_LOG_ALL : 0) |
    (rule.hasTables ? FLAG_TABLES : 0) |
    (isDiverting(rule) ? FLAG_DIVERTED : 0) |
    (caller !== undefined || natRule !== undefined || matchRules.length > 0 ? FLAG_MORE_RULES : 0) |
    (routeKind === undefined ? 0 : ROUTE_FLAGS[routeKind])
  );
}
