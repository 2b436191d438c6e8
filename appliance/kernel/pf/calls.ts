// SPDX-License-Identifier: ISC
//
// What pfctl(8) and relayd(8) ask of pf (DIOC*): loading, listing, tables, killing. A load takes effect as a whole or not at all.

import type { Family } from '../../abi/address.ts';
import { contains } from '../../abi/address.ts';
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
  PfLoad,
  PfOptions,
  StateFilter,
  StateInfo,
  StatePeer,
  TableChange,
} from '../../abi/pf.ts';
import type { CompiledRule } from './compile.ts';
import { defaultLimits } from './core.ts';
import type { Pf } from './pf.ts';
import { LIST_ORDER } from './rulesets.ts';
import {
  CREATED,
  DESTINATION,
  FLAG_DIRECTION,
  FLAG_SLOPPY,
  FLAGS,
  ID_HIGH,
  ID_LOW,
  INTERFACE,
  MAX_WINDOW,
  PEER_STATE,
  PROTOCOL,
  ROUTE,
  ROUTE_INTERFACE,
  RULE,
  SEQ_DIFFERENCE,
  SEQ_HIGH,
  SEQ_LOW,
  SOURCE,
  STACK_0,
  STACK_1,
  STACK_PORTS,
  WINDOW_SCALE,
  WIRE_0,
  WIRE_1,
  WIRE_PORTS,
} from './states.ts';
import { defaultTimeouts, setTimeouts } from './timeouts.ts';

/** Records looked at for one page of a listing, so that it holds the kernel for less than a millisecond. */
const PAGE = 1_000;

export class PfHandlers {
  private readonly pf: Pf;
  private readonly emit: (event: KernelEvent) => void;

  constructor(pf: Pf, emit: (event: KernelEvent) => void) {
    this.pf = pf;
    this.emit = emit;
  }

  private get core() {
    return this.pf.core;
  }

  readonly calls: Handlers<PfCalls> = {
    'pf.enable': () => {
      if (this.core.enabled) throw new CallError('EEXIST', 'pf already enabled');
      this.switch(true);
      return null;
    },
    'pf.disable': () => {
      if (!this.core.enabled) throw new CallError('ENOENT', 'pf not enabled');
      this.switch(false);
      return null;
    },
    'pf.status': () => this.status(),
    'pf.load': (load) => {
      this.load(load);
      this.changed('rules');
      return null;
    },
    'pf.rules': ({ anchor, cursor }) => {
      const ruleset = this.core.rulesets.find(anchor);
      if (ruleset === undefined) throw new CallError('EINVAL', 'Anchor does not exist.');
      return page(
        LIST_ORDER.flatMap((list) => ruleset.lists[list]),
        cursor,
        describeRule,
      );
    },
    'pf.anchors': ({ anchor, recursive }) => this.core.rulesets.anchors(anchor, recursive),
    'pf.options': () => ({
      timeouts: Object.fromEntries(TIMEOUTS.map(({ name }, i) => [name, this.core.timeouts[i]!])),
      limits: this.core.limits,
      skip: this.core.options.skip ?? [],
    }),
    'pf.setOptions': (options) => {
      this.setOptions({ ...this.core.options, ...options });
      return null;
    },
    'pf.queues': () => this.core.queues,
    'pf.interfaces': ({ name }) => this.interfaces(name),
    'pf.states': ({ cursor, filter }) => this.states(cursor, filter ?? {}),
    'pf.killStates': ({ filter }) => ({ killed: this.kill(filter) }),
    'pf.sourceNodes': () => ({ items: [] }),
    'pf.killSourceNodes': () => ({ killed: 0 }),
    'pf.clearCounters': ({ what }) => {
      this.clear(what);
      return null;
    },
    'pf.tables': ({ anchor }) => this.core.tables.list(anchor).map((table) => table.info()),
    'pf.tableAddresses': ({ anchor, name, cursor }) => {
      return page(this.core.tables.get(anchor, name).addresses(), cursor, (one) => one);
    },
    'pf.changeTable': (request) => this.changeTable(request),
    'pf.testTable': ({ anchor, name, addresses }) => {
      const table = this.core.tables.get(anchor, name);
      return addresses.map((address) => table.contains(address.family, Int32Array.from(address.words)));
    },
  };

  private changed(what: 'rules' | 'tables' | 'enabled' | 'disabled'): void {
    this.emit({ event: 'pf.changed', data: { what } });
  }

  private switch(on: boolean): void {
    this.core.enabled = on;
    this.core.since = this.core.seconds;
    this.changed(on ? 'enabled' : 'disabled');
  }

  /** Everything is compiled and checked before anything is changed. */
  private load(load: PfLoad): void {
    const { core } = this;
    const compiled = load.anchors.map(({ path, rules }) => ({
      path,
      lists: core.rulesets.compile(path, rules),
    }));
    const more = load.tables.reduce((sum, table) => sum + (table.entries?.length ?? 0), 0);
    core.tables.checkRoom(more);
    const isMain = load.anchors.some(({ path }) => path === '');
    if (isMain) core.dialect = load.dialect;
    if (load.options !== undefined) this.setOptions(load.options);
    for (const definition of load.tables) {
      const table = core.tables.make(definition.anchor, definition.name);
      table.persist = definition.persist;
      table.constant = definition.constant;
      table.counters = definition.counters;
      if (definition.entries !== undefined) table.replace(definition.entries, core.seconds);
    }
    for (const { path, lists } of compiled) core.rulesets.replace(path, lists);
    this.countReferences();
    if (load.checksum !== undefined) core.checksum = load.checksum;
    if (load.queues !== undefined) core.queues = load.queues;
  }

  /** Tables that rules name exist, if empty; those that nothing names and nobody keeps go. */
  private countReferences(): void {
    const { core } = this;
    for (const table of core.tables.list()) table.references = 0;
    for (const ruleset of core.rulesets.all()) {
      for (const list of LIST_ORDER) {
        for (const rule of ruleset.lists[list]) {
          for (const name of tableNames(rule)) {
            (core.tables.resolve(rule.anchor, name) ?? core.tables.make(rule.anchor, name)).references++;
          }
        }
      }
    }
    for (const table of core.tables.list()) {
      if (!table.persist && table.references === 0) core.tables.delete(table);
    }
  }

  private setOptions(options: PfOptions): void {
    const { core } = this;
    core.options = options;
    core.timeouts = defaultTimeouts(core.dialect);
    core.limits = { ...defaultLimits(core.dialect), ...options.limits };
    if (options.limits?.states !== undefined) {
      const tenth = Math.floor(options.limits.states / 10);
      setTimeouts(core.timeouts, { 'adaptive.start': tenth * 6, 'adaptive.end': tenth * 12 });
    }
    setTimeouts(core.timeouts, options.timeouts ?? {});
    core.states.reserve(core.limits.states!);
    if (options.hostId !== undefined) core.hostId = options.hostId;
    for (const on of core.interfaces)
      on.skipFilter = options.skip?.some((name) => name === on.name || on.groups.includes(name)) ?? false;
  }

  private status(): PfCalls['pf.status'][1] {
    const { core } = this;
    const { dialect, states } = core;
    return {
      enabled: core.enabled,
      since: core.seconds - core.since,
      debug: core.options.debug ?? DEFAULT_DEBUG[dialect],
      hostId: core.hostId,
      checksum: core.checksum,
      dialect,
      states: {
        current: states.count,
        searches: states.searches,
        inserts: states.inserts,
        removals: states.removals,
      },
      sourceNodes: { current: 0, searches: 0, inserts: 0, removals: 0 },
      reasons: named(REASONS.slice(0, REASON_COUNT[dialect]), core.reasons),
      limitCounters: named(LIMIT_COUNTERS.slice(0, LIMIT_COUNTER_COUNT[dialect]), core.limitCounters),
      fragments: this.pf.fragmentCount,
    };
  }

  private interfaces(name: string | undefined): PfCalls['pf.interfaces'][1] {
    const { core } = this;
    const empty = [
      [
        [0, 0],
        [0, 0],
      ],
      [
        [0, 0],
        [0, 0],
      ],
    ] as const;
    const groups = new Set([...core.interfaces].flatMap((on) => [...on.groups]));
    const names = ['all', ...[...core.interfaces].map((on) => on.name), ...groups].sort();
    return names
      .filter((one) => name === undefined || one === name)
      .map((one) => ({
        name: one,
        skip: core.interfaces.find(one)?.skipFilter ?? false,
        states: 0,
        rules: 0,
        cleared: 0,
        packets: empty,
        bytes: empty,
      }));
  }

  private clear(what: 'rules' | 'info' | 'tables'): void {
    const { core } = this;
    if (what === 'info') {
      core.reasons.fill(0);
      core.limitCounters.fill(0);
    } else if (what === 'tables') {
      for (const table of core.tables.list()) table.zero(core.seconds);
    } else {
      for (const ruleset of core.rulesets.all()) {
        for (const rule of LIST_ORDER.flatMap((list) => ruleset.lists[list])) {
          rule.evaluations = 0;
          rule.packets.fill(0);
          rule.bytes.fill(0);
        }
      }
    }
  }

  private changeTable(request: PfCalls['pf.changeTable'][0]): TableChange {
    const { core } = this;
    const { anchor, name, entries } = request;
    const dryRun = request.dryRun ?? false;
    if (request.change === 'kill') {
      const table = core.tables.get(anchor, name);
      if (!dryRun) {
        table.persist = false;
        if (table.references === 0) core.tables.delete(table);
        else table.flush();
      }
      return { added: 0, deleted: 1, changed: 0 };
    }
    const makes = request.change === 'add' || request.change === 'replace';
    const known = core.tables.find(anchor, name);
    if (known?.constant) throw new CallError('EPERM');
    if (makes) core.tables.checkRoom(entries.length);
    const table = known ?? (makes ? core.tables.make(anchor, name) : core.tables.get(anchor, name));
    if (known === undefined) table.persist = true;
    const change = this.applyChange(table, request, dryRun);
    if (!dryRun) this.changed('tables');
    return change;
  }

  private applyChange(
    table: ReturnType<Pf['core']['tables']['get']>,
    request: PfCalls['pf.changeTable'][0],
    dryRun: boolean,
  ): TableChange {
    const now = this.core.seconds;
    switch (request.change) {
      case 'add':
        return table.add(request.entries, now, dryRun);
      case 'delete':
        return table.delete(request.entries, dryRun);
      case 'replace':
        return table.replace(request.entries, now, dryRun);
      case 'flush':
        return table.flush(dryRun);
      default:
        table.zero(now);
        return { added: 0, deleted: 0, changed: table.size };
    }
  }

  // States.

  private states(cursor: number, filter: StateFilter): Page<StateInfo> {
    const { states } = this.core;
    const items: StateInfo[] = [];
    const end = Math.min(states.end, cursor + PAGE);
    for (let state = cursor; state < end; state++) {
      if (!states.isUsed(state)) continue;
      const info = this.describeState(state);
      if (this.isWanted(info, filter, state)) items.push(info);
    }
    return end < states.end ? { items, next: end } : { items };
  }

  private kill(filter: StateFilter): number {
    const { states } = this.core;
    let killed = 0;
    for (let state = 0; state < states.end; state++) {
      if (!states.isUsed(state) || !this.isWanted(this.describeState(state), filter, state)) continue;
      this.pf.stateTest.remove(state);
      killed++;
    }
    return killed;
  }

  /** pfctl -k: the first host is the source of the connection, the second its destination. */
  private isWanted(info: StateInfo, filter: StateFilter, state: number): boolean {
    const { stack, wire, direction } = info;
    const [far, near] = direction === 'in' ? wire.addresses : stack.addresses;
    const [farPort, nearPort] = direction === 'in' ? wire.ports : stack.ports;
    const source = direction === 'in' ? far : near;
    const destination = direction === 'in' ? near : far;
    const sourcePort = direction === 'in' ? farPort : nearPort;
    const destinationPort = direction === 'in' ? nearPort : farPort;
    const rule = this.core.stateRule(this.core.states.records(state)[this.core.states.at(state) + RULE]!);
    return (
      (filter.interface === undefined || filter.interface === info.interface) &&
      (filter.family === undefined || filter.family === wire.family) &&
      (filter.protocol === undefined || filter.protocol === info.protocol) &&
      (filter.id === undefined || filter.id === info.id) &&
      (filter.creatorId === undefined || filter.creatorId === info.creatorId) &&
      (filter.label === undefined || filter.label === rule.rule.label) &&
      (filter.source === undefined ||
        (contains(filter.source.prefix, source) && (filter.source.port ?? sourcePort) === sourcePort)) &&
      (filter.destination === undefined ||
        (contains(filter.destination.prefix, destination) &&
          (filter.destination.port ?? destinationPort) === destinationPort))
    );
  }

  private describeState(state: number): StateInfo {
    const { core } = this;
    const { states } = core;
    const records = states.records(state);
    const at = states.at(state);
    const family: Family = records[at + PROTOCOL]! >>> 8 === 4 ? 4 : 6;
    const counters = states.counters(state);
    const countersAt = states.countersAt(state);
    const rule = core.stateRule(records[at + RULE]!);
    const bound = records[at + INTERFACE]!;
    const word = (field: number) => (records[at + field]! >>> 0).toString(16).padStart(8, '0');
    const address = (field: number) => ({
      family,
      words: [...records.subarray(at + field, at + field + (family === 4 ? 1 : 4))],
    });
    const ports = (field: number) => [records[at + field]! >>> 16, records[at + field]! & 0xffff] as const;
    const isRouted = records.subarray(at + ROUTE, at + ROUTE + 4).some((one) => one !== 0);
    const routeOn = core.interfaces.byIndex(records[at + ROUTE_INTERFACE]!);
    return {
      id: `${word(ID_HIGH)}${word(ID_LOW)}`,
      creatorId: core.hostId,
      interface: bound === 0 ? 'all' : (core.interfaces.byIndex(bound)?.name ?? '?'),
      protocol: records[at + PROTOCOL]! & 0xff,
      direction: (records[at + FLAGS]! & FLAG_DIRECTION) === 1 ? 'in' : 'out',
      wire: { family, addresses: [address(WIRE_0), address(WIRE_1)], ports: ports(WIRE_PORTS) },
      stack: { family, addresses: [address(STACK_0), address(STACK_1)], ports: ports(STACK_PORTS) },
      source: describePeer(records, at + SOURCE),
      destination: describePeer(records, at + DESTINATION),
      age: core.seconds - records[at + CREATED]!,
      expires: Math.max(0, this.pf.expires(state) - core.seconds),
      packets: [counters[countersAt]!, counters[countersAt + 1]!],
      bytes: [counters[countersAt + 2]!, counters[countersAt + 3]!],
      anchor: rule.anchor,
      rule: rule.number,
      sloppy: (records[at + FLAGS]! & FLAG_SLOPPY) !== 0,
      ...(isRouted
        ? { route: { address: address(ROUTE), ...(routeOn ? { interface: routeOn.name } : {}) } }
        : {}),
    };
  }
}

function describePeer(records: Int32Array, at: number): StatePeer {
  return {
    state: records[at + PEER_STATE]!,
    seqLow: records[at + SEQ_LOW]! >>> 0,
    seqHigh: records[at + SEQ_HIGH]! >>> 0,
    maxWindow: records[at + MAX_WINDOW]!,
    windowScale: records[at + WINDOW_SCALE]! & 0x0f,
    seqDifference: records[at + SEQ_DIFFERENCE]! >>> 0,
  };
}

function describeRule(compiled: CompiledRule): LoadedRule {
  const { rule, number, evaluations, packets, bytes, states, statesCreated } = compiled;
  return {
    number,
    rule,
    counters: {
      evaluations,
      packets: packets[0]! + packets[1]!,
      bytes: bytes[0]! + bytes[1]!,
      states,
      statesCreated,
    },
  } as LoadedRule;
}

/** Tables that a rule names, as hosts, in pools and for overload. */
function tableNames({ rule }: CompiledRule): string[] {
  const hosts = [rule.source.address, rule.destination.address];
  const pools = [rule.nat, rule.rdr, rule.route?.pool].flatMap((pool) => pool?.entries ?? []);
  const addresses = [...hosts, ...pools.map((entry) => entry.address)];
  const names = addresses.flatMap((address) => (address.kind === 'table' ? [address.name] : []));
  const overload = rule.state?.options.overload?.table;
  return overload === undefined ? names : [...names, overload];
}

function named(names: readonly string[], values: Float64Array): Record<string, number> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]!]));
}

function page<T, U>(all: readonly T[], cursor: number, describe: (one: T) => U): Page<U> {
  const items = all.slice(cursor, cursor + PAGE).map(describe);
  return cursor + PAGE < all.length ? { items, next: cursor + PAGE } : { items };
}
