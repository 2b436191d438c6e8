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
  PfCalls,
  PfInterfaceInfo,
  PfLoad,
  PfOptions,
  QueueDefinition,
} from '../../abi/pf.ts';
import type { ActiveRule } from './activeRule.ts';
import { KifCounters } from './kifs.ts';
import { refuseNotBuilt } from './notBuilt.ts';
import type { PfParts } from './parts.ts';
import type { Pf } from './pf.ts';
import { type ActiveList, LISTS } from './rulesets.ts';
import { stateCalls } from './stateCalls.ts';
import { refreshReferences, tableCalls } from './tableCalls.ts';

/** Rules in one page of a listing, so that it holds the kernel for less than a millisecond. */
const PAGE = 500;

export class PfHandlers {
  readonly calls: Handlers<PfCalls>;
  private readonly parts: PfParts;
  private readonly emit: (event: KernelEvent) => void;
  private queues: readonly QueueDefinition[] = [];

  constructor(pf: Pf, emit: (event: KernelEvent) => void) {
    this.parts = pf.parts;
    this.emit = emit;
    const changed = (what: 'tables') => this.changed(what);
    this.calls = { ...this.own(), ...stateCalls(pf.parts), ...tableCalls(pf.parts, changed) };
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
      'pf.load': (load) => this.load(load),
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
    this.changed(on ? 'enabled' : 'disabled');
    return null;
  }

  /** Everything is compiled and checked before anything is changed. */
  private load(load: PfLoad): null {
    const { rulesets, tables, settings } = this.parts;
    refuseNotBuilt(load);
    const prepared = load.anchors.map(({ path, rules }) => ({ path, lists: rulesets.prepare(path, rules) }));
    tables.checkRoom(load.tables.reduce((sum, table) => sum + (table.entries?.length ?? 0), 0));
    tables.checkTables(
      load.tables.filter(({ anchor, name }) => tables.find(anchor, name) === undefined).length,
    );
    if (load.anchors.some(({ path }) => path === '')) settings.setDialect(load.dialect);
    if (load.options !== undefined) this.setOptions(load.options);
    for (const definition of load.tables) this.defineTable(definition);
    for (const { path, lists } of prepared) rulesets.replace(path, lists);
    refreshReferences(this.parts);
    if (load.checksum !== undefined) settings.checksum = load.checksum;
    if (load.queues !== undefined) this.queues = load.queues;
    this.parts.sync.target?.rulesLoaded();
    this.changed('rules');
    return null;
  }

  private defineTable(definition: PfLoad['tables'][number]): void {
    const { tables, settings } = this.parts;
    const now = settings.seconds;
    const table = tables.make(definition.anchor, definition.name, now);
    table.persist = definition.persist;
    table.constant = definition.constant;
    table.counters = definition.counters;
    tables.activate(table);
    if (definition.entries !== undefined) table.replace(definition.entries, now);
  }

  private setOptions(options: PfOptions): void {
    this.parts.settings.apply(options);
    this.parts.kifs.skip(options.skip ?? []);
  }

  private status(): PfCalls['pf.status'][1] {
    const { settings, states, sourceNodes, statistics, normalizer } = this.parts;
    const { dialect } = settings;
    const logInterface = this.logInterface();
    return {
      enabled: settings.enabled,
      since: settings.seconds - settings.since,
      debug: settings.options.debug ?? DEFAULT_DEBUG[dialect],
      hostId: settings.hostId,
      checksum: settings.checksum,
      dialect,
      states: { current: states.count, ...activity(states) },
      sourceNodes: { current: sourceNodes.count, ...activity(sourceNodes) },
      reasons: named(REASONS.slice(0, REASON_COUNT[dialect]), statistics.reasons),
      limitCounters: named(LIMIT_COUNTERS.slice(0, LIMIT_COUNTER_COUNT[dialect]), statistics.limits),
      fragments: normalizer.held,
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
    const ruleset = this.parts.rulesets.find(anchor);
    if (ruleset === undefined) throw new CallError('EINVAL', 'Anchor does not exist.');
    const items: LoadedRule[] = [];
    let start = 0;
    for (const kind of LISTS) {
      const list = ruleset.lists[kind];
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
    },
  };
}
