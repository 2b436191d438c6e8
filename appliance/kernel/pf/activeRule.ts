// SPDX-License-Identifier: ISC
//
// A rule in force (struct pf_rule): what it says, made ready for use, and all that packets change in it.

import type { Address, Family } from '../../abi/address.ts';
import type { Rule, RuleHost } from '../../abi/rule.ts';
import type { LocalEnd } from '../packet.ts';
import { RulePool } from './rulePool.ts';
import type { Table } from './table.ts';
import type { Tables } from './tables.ts';
import type { Tags } from './tags.ts';
import { ruleTimeouts } from './timeouts.ts';

export class ActiveRule {
  readonly rule: Rule;
  /** Path of the ruleset it is in. */
  readonly anchor: string;
  /** Number in its list; -1 for the rule that decides where none matches. */
  readonly number: number;
  /** ACTION_*. */
  readonly action: number;
  readonly quick: boolean;
  /** Number of the tag it gives, 0 for none. */
  readonly tag: number;
  /** Where translated and routed packets go. */
  readonly nat: RulePool | undefined;
  readonly rdr: RulePool | undefined;
  readonly route: RulePool | undefined;
  /** divert-to: who its packets are for. */
  readonly divertedTo: LocalEnd | undefined;
  /** Its own timeouts, by number. */
  readonly timeouts: Int32Array | undefined;
  /** Tables that its hosts are in: the packets it decides on are counted there. */
  readonly hasTables: boolean;
  private tablesOf = -1;
  private sourceTable: Table | undefined;
  private destinationTable: Table | undefined;
  /** The ruleset it calls, and whether that stands for all children. */
  readonly target: string;
  readonly isWildcard: boolean;
  /** Packets in and out, bytes in and out. */
  readonly counters = new Float64Array(4);
  /** States there are now (so long the rule is kept, whatever is loaded), and all there ever were. */
  states = 0;
  statesCreated = 0;
  sourceNodes = 0;
  /** `observed`: messages about its states; connections that are told of, and those that had to be sloppy. */
  observations = 0;
  observedStates = 0;
  unobservedStates = 0;
  /** A `once` rule that has decided matches no more. */
  expired = false;
  /** max-pkt-rate: packets times 1000 counted so far, and the second of the last one. */
  rateCount = 0;
  rateLast = 0;
  /** Number that states know it by while it has any, else -1. */
  slot = -1;

  constructor(rule: Rule, anchor: string, number: number, action: number, quick: boolean, tags: Tags) {
    this.rule = rule;
    this.anchor = anchor;
    this.number = number;
    this.action = action;
    this.quick = quick;
    this.tag = rule.tag === undefined ? 0 : tags.numberOf(rule.tag);
    this.nat = rule.nat && new RulePool(rule.nat, anchor);
    this.rdr = rule.rdr && new RulePool(rule.rdr, anchor);
    this.route = rule.route?.pool && new RulePool(rule.route.pool, anchor);
    this.divertedTo = rule.divert?.kind === 'to' ? localEnd(rule.divert) : undefined;
    this.timeouts = ruleTimeouts(ownTimeouts(rule));
    this.hasTables = [rule.source, rule.destination].some(({ address }) => address.kind === 'table');
    this.isWildcard = rule.anchor !== undefined && /(^|\/)\*$/.test(rule.anchor);
    this.target = rule.anchor === undefined ? '' : resolveAnchor(anchor, rule.anchor.replace(/\/?\*$/, ''));
  }

  /**
   * Counts a packet that it decided on in its hosts' tables (`hasTables`). `from` and `to` are who began the connection and whom it is
   * for; `column` is a COLUMN_*.
   */
  countInTables(
    tables: Tables,
    family: Family,
    from: Int32Array,
    to: Int32Array,
    column: number,
    length: number,
  ): void {
    const { source, destination } = this.rule;
    if (this.tablesOf !== tables.generation) {
      this.tablesOf = tables.generation;
      this.sourceTable = this.tableOf(tables, source);
      this.destinationTable = this.tableOf(tables, destination);
    }
    this.sourceTable?.count(family, from, column, !source.negated, length);
    this.destinationTable?.count(family, to, column, !destination.negated, length);
  }

  private tableOf(tables: Tables, { address }: RuleHost): Table | undefined {
    return address.kind === 'table' ? tables.resolve(this.anchor, address.name) : undefined;
  }

  /** Counts a packet that it decided on; `isOut` is 0 or 1. */
  count(isOut: number, length: number): void {
    const { counters } = this;
    counters[isOut] = counters[isOut]! + 1;
    counters[2 + isOut] = counters[2 + isOut]! + length;
  }
}

function localEnd({ address, port }: { readonly address: Address; readonly port: number }): LocalEnd {
  const words = new Int32Array(4);
  words.set(address.words);
  return { words, port };
}

/** `max N` scales timeouts between 6/10 and 12/10 of N, and a rate makes source nodes stay, unless the rule says otherwise. */
function ownTimeouts(rule: Rule): Readonly<Record<string, number>> | undefined {
  const options = rule.state?.options;
  if (options === undefined) return undefined;
  const values: Record<string, number> = {};
  if (options.max !== undefined) {
    values['adaptive.start'] = Math.floor(options.max / 10) * 6;
    values['adaptive.end'] = Math.floor(options.max / 10) * 12;
  }
  if (options.maxSrcConnRate !== undefined) values['src.track'] = options.maxSrcConnRate.seconds;
  return { ...values, ...options.timeouts };
}

/** Path of an anchor that a rule in `from` names; `..` goes up, `/` begins at the top. */
export function resolveAnchor(from: string, name: string): string {
  const parts = name.startsWith('/') || from === '' ? [] : from.split('/');
  for (const part of name.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '') parts.push(part);
  }
  return parts.join('/');
}
