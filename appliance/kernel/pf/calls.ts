// SPDX-License-Identifier: ISC
//
// What pfctl(8) and relayd(8) ask of pf (DIOC*): switching on and off, loading, rules, settings. A load takes effect as a whole or not
// at all.

import type { Handlers, KernelEvent } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import {
  DEFAULT_DEBUG,
  LIMIT_COUNTER_COUNT,
  LIMIT_COUNTERS,
  REASON_COUNT,
  REASONS,
  TIMEOUTS,
} from '../../abi/names.ts';
import type { Page } from '../../abi/page.ts';
import type {
  LoadedRule,
  ObservedCounters,
  PfCalls,
  PfInterfaceInfo,
  PfLoadHead,
  PfOptions,
  QueueDefinition,
} from '../../abi/pf.ts';
import { OBSERVATION_PACKET } from '../../wire/pfsyncObservation.ts';
import type { ActiveRule } from './activeRule.ts';
import { KifCounters } from './kifs.ts';
import { Loads } from './loads.ts';
import type { PfParts } from './parts.ts';
import type { Pf } from './pf.ts';
import { type ActiveList, LISTS } from './rulesets.ts';
import { stateCalls } from './stateCalls.ts';
import { stateOrderCalls } from './stateOrder.ts';
import { tableCalls } from './tableCalls.ts';

/** Rules in one page of a listing, so that it holds the kernel for less than a millisecond. */
const PAGE = 150;

export class PfHandlers {
  readonly calls: Handlers<PfCalls>;
  private readonly parts: PfParts;
  private readonly emit: (event: KernelEvent) => void;
  private readonly loads: Loads;
  private queues: readonly QueueDefinition[] = [];

  constructor(pf: Pf, emit: (event: KernelEvent) => void) {
    this.parts = pf.parts;
    this.emit = emit;
    this.loads = new Loads(pf.parts, (head) => this.loaded(head));
    const changed = (what: 'tables') => this.changed(what);
    const states = { ...stateCalls(pf.parts), ...stateOrderCalls(pf.parts) };
    this.calls = { ...this.own(), ...states, ...tableCalls(pf.parts, changed) };
  }

  private own() {
    const { settings, rulesets } = this.parts;
    return {
      'pf.enable': () => {
        if (settings.enabled) throw new CallError('EEXIST', 'pf already enabled');
        return this.switch(true);
      },
      'pf.disable': () => {
        if (!settings.enabled) throw new CallError('ENOENT', 'pf not enabled');
        return this.switch(false);
      },
      'pf.status': () => this.status(),
      'pf.load': (load) => this.loads.whole(load),
      'pf.begin': (head) => this.loads.begin(head),
      'pf.addRules': (request) => this.loads.addRules(request),
      'pf.addEntries': (request) => this.loads.addEntries(request),
      'pf.commit': (request) => this.loads.commit(request),
      'pf.rules': ({ anchor, cursor }) => this.rules(anchor, cursor),
      'pf.anchors': ({ anchor, recursive }) => rulesets.anchors(anchor, recursive),
      'pf.options': () => ({
        timeouts: Object.fromEntries(TIMEOUTS.map(({ name }, i) => [name, settings.timeouts[i]!])),
        limits: settings.limits,
        skip: settings.options.skip ?? [],
      }),
      'pf.setOptions': (options) => {
        this.setOptions({ ...settings.options, ...options });
        return null;
      },
      'pf.fingerprints': () => this.parts.fingerprints.list,
      'pf.queues': () => this.queues,
      'pf.interfaces': ({ name }) => this.interfaces(name),
      'pf.clearCounters': ({ what }) => this.clear(what),
    } satisfies Partial<Handlers<PfCalls>>;
  }

  private changed(what: 'rules' | 'tables' | 'enabled' | 'disabled'): void {
    this.emit({ event: 'pf.changed', data: { what } });
  }

  private switch(on: boolean): null {
    const { settings } = this.parts;
    settings.enabled = on;
    settings.since = settings.seconds;
    if (on) this.parts.sync.target?.switchedOn();
    this.changed(on ? 'enabled' : 'disabled');
    return null;
  }

  private loaded(head: PfLoadHead): void {
    if (head.options !== undefined) this.setOptions(head.options);
    if (head.queues !== undefined) this.queues = head.queues;
    this.changed(head.anchors.length > 0 ? 'rules' : 'tables');
  }

  private setOptions(options: PfOptions): void {
    this.parts.settings.apply(options);
    this.parts.kifs.skip(options.skip ?? []);
  }

  private status(): PfCalls['pf.status'][1] {
    const { settings, states, sourceNodes, statistics, normalizer, syncookies } = this.parts;
    const { watermarks } = syncookies;
    const { dialect } = settings;
    const logInterface = this.logInterface();
    return {
      enabled: settings.enabled,
      since: settings.seconds - settings.since,
      debug: settings.options.debug ?? DEFAULT_DEBUG[dialect],
      hostId: settings.hostId,
      checksum: settings.checksum,
      dialect,
      states: { current: states.count, halfOpen: states.halfOpen, ...activity(states) },
      sourceNodes: { current: sourceNodes.count, ...activity(sourceNodes) },
      reasons: named(REASONS.slice(0, REASON_COUNT[dialect]), statistics.reasons),
      limitCounters: named(LIMIT_COUNTERS.slice(0, LIMIT_COUNTER_COUNT[dialect]), statistics.limits),
      fragments: normalizer.held,
      ...(watermarks === undefined ? {} : { syncookies: watermarks }),
      ...(logInterface === undefined ? {} : { logInterface }),
    };
  }

  private logInterface() {
    const name = this.parts.settings.options.logInterface;
    if (name === undefined) return undefined;
    const on = this.parts.interfaces.find(name);
    const counters = on === undefined ? new KifCounters() : this.parts.kifs.countersOf(on);
    return { name, packets: counters.table(false), bytes: counters.table(true) };
  }

  private rules(anchor: string, cursor: number): Page<LoadedRule> {
    const { rulesets } = this.parts;
    const ruleset = rulesets.find(anchor);
    if (ruleset === undefined && !rulesets.has(anchor))
      throw new CallError('EINVAL', 'Anchor does not exist.');
    const items: LoadedRule[] = [];
    let start = 0;
    for (const kind of LISTS) {
      const list = ruleset?.lists[kind];
      if (list === undefined) continue;
      const from = Math.max(0, cursor - start);
      const many = PAGE - items.length;
      if (from < list.rules.length && many > 0) items.push(...describeRules(list, from, many));
      start += list.rules.length;
    }
    return cursor + PAGE < start ? { items, next: cursor + PAGE } : { items };
  }

  private interfaces(name: string | undefined): PfInterfaceInfo[] {
    const { interfaces, rulesets } = this.parts;
    const groups = new Set([...interfaces].flatMap((on) => [...on.groups]));
    const names = new Set(['all', ...[...interfaces].map((on) => on.name), ...groups]);
    const rules = new Map<string, number>();
    for (const { rule } of rulesets.rules()) {
      const used = rule.interface?.name;
      if (used !== undefined) rules.set(used, (rules.get(used) ?? 0) + 1);
    }
    return [...names]
      .sort()
      .filter((one) => name === undefined || one === name)
      .map((one) => this.describeInterface(one, rules.get(one) ?? 0));
  }

  private describeInterface(name: string, rules: number): PfInterfaceInfo {
    const { interfaces, kifs, states, settings } = this.parts;
    const on = interfaces.find(name);
    const counters = on === undefined ? new KifCounters() : kifs.countersOf(on);
    return {
      name,
      skip: settings.options.skip?.includes(name) ?? false,
      states: name === 'all' ? states.countOn(0) : on === undefined ? 0 : states.countOn(on.index),
      rules,
      cleared: counters.cleared,
      packets: counters.table(false),
      bytes: counters.table(true),
    };
  }

  private clear(what: 'rules' | 'info' | 'tables'): null {
    const { statistics, tables, rulesets, settings } = this.parts;
    if (what === 'info') statistics.clear();
    else if (what === 'tables') for (const table of tables.list()) table.zero(settings.seconds);
    else for (const list of rulesets.lists()) list.clearCounters();
    return null;
  }
}

function activity(one: { searches: number; inserts: number; removals: number }) {
  return { searches: one.searches, inserts: one.inserts, removals: one.removals };
}

function named(names: readonly string[], values: Float64Array): Record<string, number> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

function describeRules(list: ActiveList, from: number, many: number): LoadedRule[] {
  const evaluations = list.evaluations();
  return list.rules.slice(from, from + many).map((rule) => describeRule(rule, evaluations[rule.number]!));
}

function describeRule(active: ActiveRule, evaluations: number): LoadedRule {
  const { rule, number, counters, states, statesCreated } = active;
  return {
    number,
    rule,
    counters: {
      evaluations,
      packets: counters[0]! + counters[1]!,
      bytes: counters[2]! + counters[3]!,
      states,
      statesCreated,
      packetsIn: counters[0]!,
      bytesIn: counters[2]!,
      ...(rule.state?.options.observed ? { observed: observedCounters(active) } : {}),
    },
  };
}

function observedCounters(rule: ActiveRule): ObservedCounters {
  return {
    messages: rule.observations,
    bytes: rule.observations * OBSERVATION_PACKET,
    states: rule.observedStates,
    unobserved: rule.unobservedStates,
  };
}
