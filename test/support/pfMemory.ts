// SPDX-License-Identifier: ISC
//
// A kernel that only keeps what pfctl loads: rulesets, queues, tables. It filters nothing; commands are tested on it.

import { contains, type Prefix, sameAddress } from '../../appliance/abi/address.ts';
import type { Answer, CallName, KernelClient, Request } from '../../appliance/abi/client.ts';
import { CallError } from '../../appliance/abi/errno.ts';
import {
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_POINTOPOINT,
  INTERFACE_COUNTERS,
  type InterfaceInfo,
} from '../../appliance/abi/interface.ts';
import type {
  PfLoad,
  PfStatus,
  QueueDefinition,
  TableChange,
  TableEntry,
  TableInfo,
} from '../../appliance/abi/pf.ts';
import type { Dialect, Rule } from '../../appliance/abi/rule.ts';
import type { Facts } from '../../appliance/user/config/pf/facts.ts';

type Partially = { [C in CallName]?: (request: Request<C>) => Answer<C> };

interface Table {
  readonly anchor: string;
  readonly name: string;
  persist: boolean;
  constant: boolean;
  counters: boolean;
  active: boolean;
  entries: TableEntry[];
}

const NO_COUNTERS = { evaluations: 0, packets: 0, bytes: 0, states: 0, statesCreated: 0 };
const NO_TRAFFIC = { current: 0, searches: 0, inserts: 0, removals: 0 };
const LINK_COUNTERS = Object.fromEntries(
  INTERFACE_COUNTERS.map((name) => [name, 0]),
) as InterfaceInfo['counters'];

export class PfMemory implements KernelClient {
  private readonly facts: Facts;
  private dialect: Dialect;
  private checksum = '0'.repeat(32);
  private rulesets = new Map<string, readonly Rule[]>();
  private queues: readonly QueueDefinition[] = [];
  private tables: Table[] = [];
  private readonly handlers: Partially;

  constructor(facts: Facts) {
    this.facts = facts;
    this.dialect = facts.dialect ?? 'openbsd';
    this.handlers = {
      'interface.list': () => this.interfaces(),
      'system.time': () => ({ uptime: 0 }),
      'pf.status': () => this.status(),
      'pf.load': (load) => this.load(load),
      'pf.rules': ({ anchor }) => ({ items: this.rules(anchor) }),
      'pf.anchors': ({ anchor, recursive }) => this.anchors(anchor, recursive),
      'pf.queues': () => this.queues,
      'pf.killStates': () => ({ killed: 0 }),
      'pf.killSourceNodes': () => ({ killed: 0 }),
      'pf.clearCounters': () => null,
      'pf.tables': ({ anchor }) => this.tableList(anchor),
      'pf.tableAddresses': (request) => ({ items: this.addresses(request) }),
      'pf.changeTable': (request) => this.changeTable(request),
      'pf.testTable': (request) =>
        request.addresses.map((address) => inTable(this.active(request).entries, address)),
    };
  }

  async call<C extends CallName>(name: C, request: Request<C>): Promise<Answer<C>> {
    const handler = this.handlers[name];
    if (handler === undefined) throw new CallError('EOPNOTSUPP');
    return handler(request);
  }

  on(): () => void {
    return () => undefined;
  }

  private interfaces(): InterfaceInfo[] {
    return [...this.facts.interfaces].map(([name, entry], i) => ({
      name,
      index: i + 1,
      type: entry.loopback ? 'loopback' : 'ethernet',
      flags:
        (entry.loopback ? IFF_LOOPBACK : 0) |
        (entry.broadcast ? IFF_BROADCAST : 0) |
        (entry.pointToPoint ? IFF_POINTOPOINT : 0),
      mtu: entry.mtu,
      groups: entry.groups,
      priority: 0,
      addresses: entry.addresses.map((address) => ({ ...address.prefix })),
      multicast: [],
      counters: LINK_COUNTERS,
    }));
  }

  private status(): PfStatus {
    return {
      enabled: false,
      since: 0,
      debug: 'urgent',
      hostId: 0,
      checksum: this.checksum,
      dialect: this.dialect,
      states: { ...NO_TRAFFIC, halfOpen: 0 },
      sourceNodes: NO_TRAFFIC,
      reasons: {},
      limitCounters: {},
      fragments: 0,
    };
  }

  private load(load: PfLoad): null {
    this.dialect = load.dialect;
    this.checksum = load.checksum ?? this.checksum;
    for (const { path, rules } of load.anchors) {
      if (rules.length === 0) this.rulesets.delete(path);
      else this.rulesets.set(path, rules);
    }
    this.queues = load.queues ?? this.queues;
    for (const definition of load.tables) {
      const table = this.table(definition.anchor, definition.name);
      table.persist = definition.persist;
      table.constant = definition.constant;
      table.counters = definition.counters;
      table.active = true;
      if (definition.entries !== undefined) table.entries = unique(definition.entries);
    }
    this.tables = this.tables.filter((table) => table.persist || this.references(table) > 0);
    return null;
  }

  private rules(anchor: string): Answer<'pf.rules'>['items'] {
    const counts = new Map<string, number>();
    return (this.rulesets.get(anchor) ?? []).map((rule) => {
      const number = counts.get(rule.list) ?? 0;
      counts.set(rule.list, number + 1);
      return { number, rule, counters: NO_COUNTERS };
    });
  }

  /** The table, made where it is missing: as the original does for names that rules use. */
  private table(anchor: string, name: string): Table {
    const known = this.tables.find((table) => table.anchor === anchor && table.name === name);
    if (known !== undefined) return known;
    const made = {
      anchor,
      name,
      persist: false,
      constant: false,
      counters: false,
      active: false,
      entries: [],
    };
    this.tables.push(made);
    return made;
  }

  private references(table: { readonly anchor: string; readonly name: string }): number {
    return (this.rulesets.get(table.anchor) ?? []).filter((rule) =>
      JSON.stringify(rule).includes(`"${table.name}"`),
    ).length;
  }

  private anchors(anchor: string, recursive: boolean): string[] {
    const paths = new Set(
      [...this.rulesets.keys()].flatMap(withParents).filter((path) => below(path, anchor)),
    );
    const depth = anchor === '' ? 1 : anchor.split('/').length + 1;
    return [...paths].filter((path) => recursive || path.split('/').length === depth).sort();
  }

  private tableList(anchor: string | undefined): TableInfo[] {
    for (const [path, rules] of this.rulesets) {
      for (const name of tableNames(rules)) this.table(path, name);
    }
    return this.tables
      .filter((table) => anchor === undefined || table.anchor === anchor)
      .map((table) => ({
        ...table,
        addresses: table.entries.length,
        references: [this.references(table), 0] as const,
        cleared: 0,
        evaluations: { match: 0, noMatch: 0 },
        packets: [],
        bytes: [],
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  private active(request: { readonly anchor: string; readonly name: string }): Table {
    const table = this.tables.find((one) => one.anchor === request.anchor && one.name === request.name);
    if (!table?.active) throw new CallError('ESRCH');
    return table;
  }

  private addresses(request: {
    readonly anchor: string;
    readonly name: string;
  }): Answer<'pf.tableAddresses'>['items'] {
    const inOrder = [...this.active(request).entries].sort((a, b) => order(a.prefix, b.prefix));
    return inOrder.map((entry) => ({ ...entry, cleared: 0, packets: [], bytes: [] }));
  }

  private changeTable(request: Request<'pf.changeTable'>): TableChange {
    const table =
      request.change === 'add' || request.change === 'replace'
        ? this.table(request.anchor, request.name)
        : this.active(request);
    const before = table.entries;
    const after = changed(before, request);
    const added = after.filter((entry) => find(before, entry) === undefined).length;
    const deleted = before.filter((entry) => find(after, entry) === undefined).length;
    const turned = after.filter(
      (entry) => (find(before, entry)?.negated ?? entry.negated) !== entry.negated,
    ).length;
    if (!request.dryRun) {
      table.entries = after;
      table.active = true;
      if (request.change === 'kill') this.tables = this.tables.filter((one) => one !== table);
    }
    return { added, deleted, changed: turned };
  }
}

function changed(
  before: readonly TableEntry[],
  { change, entries }: Request<'pf.changeTable'>,
): TableEntry[] {
  switch (change) {
    case 'add':
      return unique([...before, ...entries]);
    case 'delete':
      return before.filter((entry) => find(entries, entry)?.negated !== entry.negated);
    case 'replace':
      return unique(entries);
    case 'flush':
    case 'kill':
      return [];
    case 'zero':
      return [...before];
  }
}

function unique(entries: readonly TableEntry[]): TableEntry[] {
  return entries.filter((entry, i) => find(entries.slice(0, i), entry) === undefined);
}

function find(entries: readonly TableEntry[], { prefix }: TableEntry): TableEntry | undefined {
  return entries.find((entry) => entry.prefix.length === prefix.length && sameAddress(entry.prefix, prefix));
}

function inTable(entries: readonly TableEntry[], address: Parameters<typeof contains>[1]): boolean {
  const [best] = entries
    .filter((entry) => contains(entry.prefix, address))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  return best !== undefined && !best.negated;
}

function order(a: Prefix, b: Prefix): number {
  const key = (prefix: Prefix) =>
    [prefix.family, ...prefix.words, prefix.length]
      .map((word) => (word >>> 0).toString(16).padStart(8, '0'))
      .join();
  return key(a) < key(b) ? -1 : 1;
}

/** A path and those above it, but for the main ruleset's. */
function withParents(path: string): string[] {
  const end = path.lastIndexOf('/');
  return path === '' ? [] : [...(end < 0 ? [] : withParents(path.slice(0, end))), path];
}

function below(path: string, anchor: string): boolean {
  return path !== anchor && (anchor === '' || path.startsWith(`${anchor}/`));
}

function tableNames(rules: readonly Rule[]): string[] {
  return rules.flatMap((rule) =>
    [rule.source.address, rule.destination.address].flatMap((host) =>
      host.kind === 'table' ? [host.name] : [],
    ),
  );
}
