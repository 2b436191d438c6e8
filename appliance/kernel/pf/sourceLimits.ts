// SPDX-License-Identifier: ISC
//
// Limits for each source of connections (pf_src_connlimit, pf_insert_src_node): how many states, how many handshakes, how fast; and what
// happens to who goes over them.

import type { Family } from '../../abi/address.ts';
import type { Rule } from '../../abi/rule.ts';
import type { Timeouts } from '../timeout.ts';
import type { ActiveRule } from './activeRule.ts';
import { Flushes } from './flushes.ts';
import type { RuleSlots } from './ruleSlots.ts';
import type { Settings } from './settings.ts';
import { RATE_UNIT, type SourceNode, type SourceNodes } from './sourceNodes.ts';
import type { StateLife } from './stateLife.ts';
import { FLAG_CONNECTED, FLAGS, RULE, SOURCE_NODE } from './stateRecord.ts';
import type { States } from './states.ts';
import {
  LIMIT_OVERLOAD_TABLE,
  LIMIT_SOURCE_CONNECTIONS,
  LIMIT_SOURCE_NODES,
  LIMIT_SOURCE_RATE,
  LIMIT_SOURCE_STATES,
  type Statistics,
} from './statistics.ts';
import type { Tables } from './tables.ts';

type Overload = NonNullable<NonNullable<Rule['state']>['options']['overload']>;

export class SourceLimits {
  private readonly nodes: SourceNodes;
  private readonly states: States;
  private readonly slots: RuleSlots;
  private readonly life: StateLife;
  private readonly tables: Tables;
  private readonly settings: Settings;
  private readonly statistics: Statistics;
  private readonly flushes: Flushes;

  constructor(parts: {
    sourceNodes: SourceNodes;
    states: States;
    slots: RuleSlots;
    life: StateLife;
    tables: Tables;
    settings: Settings;
    statistics: Statistics;
    timeouts: Timeouts;
  }) {
    this.nodes = parts.sourceNodes;
    this.states = parts.states;
    this.slots = parts.slots;
    this.life = parts.life;
    this.tables = parts.tables;
    this.settings = parts.settings;
    this.statistics = parts.statistics;
    this.flushes = new Flushes(parts);
  }

  /** Whether a rule counts by source. */
  tracks(rule: ActiveRule): boolean {
    const options = rule.rule.state?.options;
    return (
      options !== undefined &&
      (options.sourceTrack !== undefined ||
        options.maxSrcStates !== undefined ||
        options.maxSrcNodes !== undefined ||
        options.maxSrcConn !== undefined ||
        options.maxSrcConnRate !== undefined)
    );
  }

  /** The node that a new state of the rule counts at; undefined when there may be no more of them, or no more states of it. */
  nodeFor(rule: ActiveRule, family: Family, source: Int32Array): SourceNode | undefined {
    const options = rule.rule.state!.options;
    const owner = ownerOf(rule);
    const known = this.nodes.find(owner, 'track', family, source);
    if (known !== undefined) {
      if (options.maxSrcStates === undefined || known.states < options.maxSrcStates) return known;
      this.statistics.countLimit(LIMIT_SOURCE_STATES);
      return undefined;
    }
    if (options.maxSrcNodes !== undefined && rule.sourceNodes >= options.maxSrcNodes) {
      this.statistics.countLimit(LIMIT_SOURCE_NODES);
      return undefined;
    }
    return this.nodes.insert(owner, 'track', family, source);
  }

  /** The node of a state that another machine has let in: limits have been asked there. */
  adopt(rule: ActiveRule, family: Family, source: Int32Array): SourceNode | undefined {
    const owner = ownerOf(rule);
    return (
      this.nodes.find(owner, 'track', family, source) ?? this.nodes.insert(owner, 'track', family, source)
    );
  }

  /**
   * A handshake of a state with a node is complete. False when that was one too many: the source has been dealt with as its rule says, and
   * the state is gone.
   */
  connected(state: number): boolean {
    const records = this.states.records(state);
    const at = this.states.at(state);
    const node = this.nodes.get(records[at + SOURCE_NODE]!);
    if (node === undefined) return true;
    const rule = this.slots.get(records[at + RULE]!);
    const options = rule.rule.state!.options;
    node.connections++;
    records[at + FLAGS] = records[at + FLAGS]! | FLAG_CONNECTED;
    const rate = options.maxSrcConnRate;
    if (rate !== undefined) node.addToRate(rate.seconds, this.settings.seconds);
    let isOver = false;
    if (options.maxSrcConn !== undefined && node.connections > options.maxSrcConn) {
      this.statistics.countLimit(LIMIT_SOURCE_CONNECTIONS);
      isOver = true;
    }
    if (rate !== undefined && node.rateCount > rate.limit * RATE_UNIT) {
      this.statistics.countLimit(LIMIT_SOURCE_RATE);
      isOver = true;
    }
    if (!isOver) return true;
    if (options.overload !== undefined) this.overload(options.overload, rule, node);
    if (this.states.isUsed(state)) this.life.remove(state);
    return false;
  }

  private overload(overload: Overload, rule: ActiveRule, node: SourceNode): void {
    const now = this.settings.seconds;
    this.statistics.countLimit(LIMIT_OVERLOAD_TABLE);
    const own = this.tables.resolve(rule.anchor, overload.table);
    const table = own ?? this.tables.make(rule.anchor, overload.table, now);
    this.tables.addHost(table, node.family, node.address, now);
    if (overload.flush) this.flushes.begin(node.family, node.address, overload.global ? undefined : rule);
  }
}

/** The rule whose nodes its sources have; undefined where they are shared by all. */
function ownerOf(rule: ActiveRule): ActiveRule | undefined {
  const options = rule.rule.state!.options;
  const isOwn =
    options.sourceTrack === 'rule' ||
    (options.sourceTrack === undefined &&
      (options.maxSrcNodes !== undefined ||
        options.maxSrcConn !== undefined ||
        options.maxSrcConnRate !== undefined));
  return isOwn ? rule : undefined;
}
