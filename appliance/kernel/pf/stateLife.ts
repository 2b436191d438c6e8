// SPDX-License-Identifier: ISC
//
// When states end (pf_state_expires, pf_purge_expired_states, pf_unlink_state), and what they take with them.

import { SECOND } from '../clock.ts';
import type { Pools } from './pools.ts';
import { NO_RULE, type RuleSlots } from './ruleSlots.ts';
import type { Settings } from './settings.ts';
import type { SourceNodes } from './sourceNodes.ts';
import {
  ANCHOR,
  EXTRA,
  FLAG_CONNECTED,
  FLAG_FAMILIES,
  FLAGS,
  KIND,
  NAT_NODE,
  NAT_RULE,
  ROUTE,
  ROUTE_NODE,
  RULE,
  SOURCE_NODE,
  STACK,
  TIMEOUT,
  TOUCHED,
  WIRE,
} from './stateRecord.ts';
import { readAddress, type States } from './states.ts';
import * as timeouts from './timeouts.ts';

/** States looked at in one purge at least, and at most: as many expire in well under a millisecond. */
const PURGE_MINIMUM = 64;
const PURGE_MAXIMUM = 2_048;

/** Told of a state that ends, while its record is still whole (synproxy resets the client, pfsync tells its peers). */
export type EndListener = (state: number, expired: boolean) => void;

export class StateLife {
  private readonly states: States;
  private readonly slots: RuleSlots;
  private readonly settings: Settings;
  private readonly sourceNodes: SourceNodes;
  private readonly pools: Pools;
  private readonly listeners: EndListener[] = [];
  private readonly address = new Int32Array(4);
  private place = 0;

  constructor(parts: {
    states: States;
    slots: RuleSlots;
    settings: Settings;
    sourceNodes: SourceNodes;
    pools: Pools;
  }) {
    this.states = parts.states;
    this.slots = parts.slots;
    this.settings = parts.settings;
    this.sourceNodes = parts.sourceNodes;
    this.pools = parts.pools;
  }

  listen(listener: EndListener): void {
    this.listeners.push(listener);
  }

  /** Second at which a state ends if nothing more comes. */
  expires(state: number): number {
    const { states, settings } = this;
    const records = states.records(state);
    const at = states.at(state);
    const rule = this.slots.get(records[at + RULE]!);
    const timeout = records[at + TIMEOUT]!;
    return (
      records[at + TOUCHED]! +
      timeouts.lifetime(timeout, settings.timeouts, rule.timeouts, states.count, rule.states)
    );
  }

  /**
   * Ends those whose time is up in a part of the table; answers in how many microseconds the next part is due, so that all of it is seen
   * within `interval` seconds, and no part is long.
   */
  purge(): number {
    const { states, settings } = this;
    const share = Math.ceil(states.end / Math.max(1, settings.timeouts[timeouts.INTERVAL]!));
    const parts = Math.max(1, Math.ceil(share / PURGE_MAXIMUM));
    const many = Math.min(states.end, Math.max(PURGE_MINIMUM, Math.ceil(share / parts)));
    const now = settings.seconds;
    for (let i = 0; i < many; i++) {
      if (this.place >= states.end) this.place = 0;
      const state = this.place++;
      if (states.isUsed(state) && this.expires(state) <= now) this.remove(state, true);
    }
    return Math.floor(SECOND / parts);
  }

  /** Ends a state; `expired` when its time was up. */
  remove(state: number, expired = false): void {
    const { states, slots } = this;
    const records = states.records(state);
    const at = states.at(state);
    for (let i = 0; i < this.listeners.length; i++) this.listeners[i]!(state, expired);
    this.releaseNodes(records, at);
    this.countRoute(records, at, -1);
    slots.release(records[at + RULE]!);
    slots.release(records[at + ANCHOR]!);
    slots.release(records[at + NAT_RULE]!);
    this.releaseExtra(records[at + EXTRA]!);
    states.remove(state);
  }

  private releaseNodes(records: Int32Array, at: number): void {
    const connected = (records[at + FLAGS]! & FLAG_CONNECTED) !== 0;
    this.sourceNodes.release(records[at + SOURCE_NODE]!, connected);
    this.sourceNodes.release(records[at + NAT_NODE]!, false);
    this.sourceNodes.release(records[at + ROUTE_NODE]!, false);
  }

  /** Pools that count the states of each host have one more or less. */
  countRoute(records: Int32Array, at: number, change: 1 | -1): void {
    const family = records[at + WIRE + KIND]! >>> 8 === 4 ? 4 : 6;
    const { route, rdr } = this.slots.get(records[at + RULE]!);
    if (route?.pool.type === 'least-states') {
      for (let i = 0; i < 4; i++) this.address[i] = records[at + ROUTE + i]!;
      this.pools.count(route, family, this.address, change);
    }
    if (rdr?.pool.type === 'least-states') {
      const isOther = (records[at + FLAGS]! & FLAG_FAMILIES) !== 0;
      readAddress(records, at, STACK, isOther ? 0 : 1, this.address);
      this.pools.count(rdr, records[at + STACK + KIND]! >>> 8 === 4 ? 4 : 6, this.address, change);
    }
  }

  private releaseExtra(number: number): void {
    if (number === 0) return;
    for (const rule of this.states.extra(number)?.matchRules ?? []) this.slots.release(rule.slot);
    this.states.removeExtra(number);
  }

  /** The rule of a state. */
  ruleOf(state: number) {
    return this.slots.get(this.states.records(state)[this.states.at(state) + RULE]!);
  }

  /** The outermost anchor call that led to it. */
  anchorOf(state: number) {
    const number = this.states.records(state)[this.states.at(state) + ANCHOR]!;
    return number === NO_RULE ? undefined : this.slots.get(number);
  }
}
