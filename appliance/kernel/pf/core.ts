// SPDX-License-Identifier: ISC
//
// What the parts of pf share: rulesets, tables, states, settings, counters. No decisions are made here.

import { LIMIT_COUNTERS, LIMITS, REASONS, type Reason } from '../../abi/names.ts';
import type { PfOptions, QueueDefinition } from '../../abi/pf.ts';
import type { Dialect } from '../../abi/rule.ts';
import { type Clock, SECOND } from '../clock.ts';
import type { Ipv4 } from '../inet/ipv4.ts';
import type { Ipv6 } from '../inet6/ipv6.ts';
import type { Interfaces } from '../link/interfaces.ts';
import type { PacketPool } from '../packet.ts';
import type { Random } from '../random.ts';
import type { Routes } from '../route/routes.ts';
import { CompiledRule, Tags } from './compile.ts';
import { Matcher } from './match.ts';
import { Pools } from './pools.ts';
import { Rulesets } from './rulesets.ts';
import { States } from './states.ts';
import { Tables } from './tables.ts';
import * as timeouts from './timeouts.ts';

export interface PfParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly interfaces: Interfaces;
  readonly routes: Routes;
  readonly ipv4: Ipv4;
  readonly ipv6: Ipv6;
  readonly pool: PacketPool;
}

const REASON_NUMBERS = Object.fromEntries(REASONS.map((name, i) => [name, i])) as Record<Reason, number>;
export const REASON_MATCH = REASON_NUMBERS.match;
export const REASON_FRAGMENT = REASON_NUMBERS.fragment;
export const REASON_SHORT = REASON_NUMBERS.short;
export const REASON_MEMORY = REASON_NUMBERS.memory;
export const REASON_IP_OPTION = REASON_NUMBERS['ip-option'];
export const REASON_STATE_MISMATCH = REASON_NUMBERS['state-mismatch'];
export const REASON_STATE_INSERT = REASON_NUMBERS['state-insert'];
export const REASON_STATE_LIMIT = REASON_NUMBERS['state-limit'];
export const REASON_TRANSLATE = REASON_NUMBERS.translate;
export const REASON_NO_ROUTE = REASON_NUMBERS['no-route'];

/** The rule that decides where none matches: pass, no state (pf_default_rule). */
const DEFAULT_RULE = {
  list: 'filter',
  action: 'pass',
  quick: false,
  source: { address: { kind: 'any' }, negated: false },
  destination: { address: { kind: 'any' }, negated: false },
} as const;

export class PfCore {
  readonly clock: Clock;
  readonly random: Random;
  readonly interfaces: Interfaces;
  readonly routes: Routes;
  readonly ipv4: Ipv4;
  readonly ipv6: Ipv6;
  readonly pool: PacketPool;
  readonly tags = new Tags();
  readonly rulesets = new Rulesets(this.tags);
  readonly defaultRule = new CompiledRule(DEFAULT_RULE, '', -1, this.tags);
  readonly tables: Tables;
  readonly states: States;
  readonly matcher: Matcher;
  readonly pools: Pools;
  readonly reasons = new Float64Array(REASONS.length);
  readonly limitCounters = new Float64Array(LIMIT_COUNTERS.length);
  enabled = false;
  since = 0;
  dialect: Dialect = 'openbsd';
  timeouts = timeouts.defaultTimeouts('openbsd');
  limits = defaultLimits('openbsd');
  options: PfOptions = {};
  checksum = '';
  queues: readonly QueueDefinition[] = [];
  hostId: number;
  /** Rules that states were made by, by number in the state record; a rule stays until its last state is gone. */
  private readonly ruleOfState: (CompiledRule | undefined)[] = [];
  private readonly numberOfRule = new Map<CompiledRule, number>();
  private readonly freeNumbers: number[] = [];

  constructor(parts: PfParts) {
    this.clock = parts.clock;
    this.random = parts.random;
    this.interfaces = parts.interfaces;
    this.routes = parts.routes;
    this.ipv4 = parts.ipv4;
    this.ipv6 = parts.ipv6;
    this.pool = parts.pool;
    this.hostId = parts.random.word() >>> 0;
    this.tables = new Tables({
      tables: () => this.limits.tables!,
      entries: () => this.limits['table-entries']!,
    });
    this.states = new States(parts.random.word(), this.seconds);
    const { rulesets, tables, interfaces, routes, random } = this;
    this.matcher = new Matcher({ rulesets, tables, interfaces, routes, random });
    this.pools = new Pools({ tables, interfaces, random });
  }

  get seconds(): number {
    return Math.floor(this.clock.now / SECOND);
  }

  count(reason: number): void {
    this.reasons[reason] = this.reasons[reason]! + 1;
  }

  /** Today's pf translates, routes and counts down hop limits in its own way. */
  get isToday(): boolean {
    return this.dialect === 'openbsd';
  }

  /** The rule of a state, by the number in its record. */
  stateRule(number: number): CompiledRule {
    return this.ruleOfState[number]!;
  }

  /** Takes a rule on for one more state; answers its number. */
  holdRule(rule: CompiledRule): number {
    rule.states++;
    rule.statesCreated++;
    const known = this.numberOfRule.get(rule);
    if (known !== undefined) return known;
    const number = this.freeNumbers.pop() ?? this.ruleOfState.length;
    this.ruleOfState[number] = rule;
    this.numberOfRule.set(rule, number);
    return number;
  }

  /** One state of the rule less. */
  releaseRule(number: number): void {
    const rule = this.ruleOfState[number]!;
    if (--rule.states > 0) return;
    this.ruleOfState[number] = undefined;
    this.numberOfRule.delete(rule);
    this.freeNumbers.push(number);
  }
}

/** Limits by name, as a dialect has them unless `set limit` says otherwise. */
export function defaultLimits(dialect: Dialect): Record<string, number> {
  return Object.fromEntries(
    LIMITS.map(({ name, defaults }) => [name, defaults[dialect] ?? defaults.openbsd ?? 0]),
  );
}
