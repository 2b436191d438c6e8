// SPDX-License-Identifier: ISC
//
// Source nodes (struct pf_src_node): what pf remembers of an address that connections come from: how many there are, how fast they
// came, and the address that was chosen for it (sticky-address).

import type { Family } from '../../abi/address.ts';
import type { ActiveRule } from './activeRule.ts';
import type { Settings } from './settings.ts';
import * as timeouts from './timeouts.ts';

/** Rates are counted in thousandths, so that they can fall between whole connections (PF_THRESHOLD_MULT). */
export const RATE_UNIT = 1_000;

export class SourceNode {
  readonly key: string;
  readonly family: Family;
  readonly address: Int32Array;
  /** The rule that it counts for; undefined: for all. */
  readonly rule: ActiveRule | undefined;
  /** What the pool of the rule chose for this source. */
  readonly chosen = new Int32Array(4);
  chosenInterface = '';
  hasChosen = false;
  states = 0;
  /** Handshakes that were completed and whose states there are. */
  connections = 0;
  rateCount = 0;
  rateLast: number;
  created: number;
  /** Second at which it goes, once it has no states. */
  expire = 0;
  /** Packets and bytes, in and out. */
  readonly counters = new Float64Array(4);
  number = 0;

  constructor(key: string, family: Family, address: Int32Array, rule: ActiveRule | undefined, now: number) {
    this.key = key;
    this.family = family;
    this.address = address;
    this.rule = rule;
    this.created = now;
    this.rateLast = now;
  }

  count(isOut: number, length: number): void {
    this.counters[isOut] = this.counters[isOut]! + 1;
    this.counters[2 + isOut] = this.counters[2 + isOut]! + length;
  }

  /** One more connection of the rate that is watched: what was before fades within `seconds` (pf_add_threshold). */
  addToRate(seconds: number, now: number): void {
    const elapsed = now - this.rateLast;
    if (elapsed >= seconds) this.rateCount = 0;
    else this.rateCount -= Math.floor((this.rateCount * elapsed) / seconds);
    this.rateCount += RATE_UNIT;
    this.rateLast = now;
  }
}

export class SourceNodes {
  searches = 0;
  inserts = 0;
  removals = 0;
  private readonly settings: Settings;
  private readonly byKey = new Map<string, SourceNode>();
  /** By number, as records of states have them; slot 0 is nobody's. */
  private readonly numbered: (SourceNode | undefined)[] = [undefined];
  private readonly free: number[] = [];
  /** Rules get a number when they first track a source. */
  private readonly ruleIds = new WeakMap<ActiveRule, number>();
  private lastRuleId = 0;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  get count(): number {
    return this.byKey.size;
  }

  get(number: number): SourceNode | undefined {
    return this.numbered[number];
  }

  all(): SourceNode[] {
    return [...this.byKey.values()];
  }

  /** The node of a source for a rule (undefined: for all rules). */
  find(
    rule: ActiveRule | undefined,
    purpose: string,
    family: Family,
    address: Int32Array,
  ): SourceNode | undefined {
    this.searches++;
    return this.byKey.get(this.keyOf(rule, purpose, family, address));
  }

  /** A new node; undefined when there are as many as there may be. */
  insert(
    rule: ActiveRule | undefined,
    purpose: string,
    family: Family,
    address: Int32Array,
  ): SourceNode | undefined {
    if (this.byKey.size >= this.settings.limits['src-nodes']!) return undefined;
    const key = this.keyOf(rule, purpose, family, address);
    const node = new SourceNode(key, family, address.slice(), rule, this.settings.seconds);
    node.number = this.free.pop() ?? this.numbered.length;
    this.numbered[node.number] = node;
    this.byKey.set(key, node);
    if (rule !== undefined) rule.sourceNodes++;
    this.inserts++;
    return node;
  }

  /** A state that counted here is gone. */
  release(number: number, connected: boolean): void {
    const node = number === 0 ? undefined : this.numbered[number];
    if (node === undefined) return;
    if (connected) node.connections--;
    if (--node.states > 0) return;
    const own = node.rule?.timeouts?.[timeouts.SOURCE_TRACK] ?? timeouts.GLOBAL;
    const stay = own === timeouts.GLOBAL ? this.settings.timeouts[timeouts.SOURCE_TRACK]! : own;
    node.expire = this.settings.seconds + stay;
  }

  /** Removes nodes that have had no state for long enough. */
  purge(): void {
    const now = this.settings.seconds;
    for (const node of this.byKey.values()) if (node.states <= 0 && node.expire <= now) this.remove(node);
  }

  remove(node: SourceNode): void {
    this.byKey.delete(node.key);
    this.numbered[node.number] = undefined;
    this.free.push(node.number);
    if (node.rule !== undefined) node.rule.sourceNodes--;
    this.removals++;
  }

  private keyOf(rule: ActiveRule | undefined, purpose: string, family: Family, address: Int32Array): string {
    const words = family === 4 ? address[0] : address.join(' ');
    return `${rule === undefined ? 0 : this.idOf(rule)} ${purpose} ${family} ${words}`;
  }

  private idOf(rule: ActiveRule): number {
    const known = this.ruleIds.get(rule);
    if (known !== undefined) return known;
    this.ruleIds.set(rule, ++this.lastRuleId);
    return this.lastRuleId;
  }
}
