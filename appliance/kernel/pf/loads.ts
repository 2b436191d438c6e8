// SPDX-License-Identifier: ISC
//
// Loading in steps (DIOCXBEGIN, DIOCADDRULE, DIOCXCOMMIT): rules and entries come a few at a time and are made ready beside what is in
// force, so that packets pass in between; the commit only puts them in place. A load takes effect as a whole or not at all.

import type { CompiledRules } from '../../abi/compiledRules.ts';
import { CallError } from '../../abi/errno.ts';
import { namesOf } from '../../abi/fingerprint.ts';
import { packEntries } from '../../abi/packedEntries.ts';
import { headOf, type PfCalls, type PfLoad, type PfLoadHead, type TableChange } from '../../abi/pf.ts';
import type { Rule, RuleList } from '../../abi/rule.ts';
import { ActiveRule } from './activeRule.ts';
import { actionOf, compile } from './compile.ts';
import { refuseNotBuilt } from './notBuilt.ts';
import type { PfParts } from './parts.ts';
import { ActiveList, LISTS, type Lists } from './rulesets.ts';
import type { StagedEntries, Table } from './table.ts';
import { refreshReferences } from './tableCalls.ts';

type Request<C extends keyof PfCalls> = PfCalls[C][0];

/** A load that has begun. */
class Load {
  readonly ticket: number;
  readonly head: PfLoadHead;
  /** Systems that its rules may name. */
  readonly systems: ReadonlySet<string>;
  readonly rules = new Map<string, Map<RuleList, ActiveRule[]>>();
  /** New content of tables, by their places in the head. */
  readonly entries: (StagedEntries | undefined)[] = [];

  constructor(ticket: number, head: PfLoadHead, systems: ReadonlySet<string>) {
    this.ticket = ticket;
    this.head = head;
    this.systems = systems;
    for (const path of head.anchors) this.rules.set(path, new Map());
  }

  list(anchor: string, list: RuleList): ActiveRule[] {
    const lists = this.rules.get(anchor);
    if (lists === undefined) throw new CallError('EINVAL', `the load is not about anchor ${anchor}`);
    const known = lists.get(list) ?? [];
    lists.set(list, known);
    return known;
  }
}

export class Loads {
  private readonly parts: PfParts;
  /** Takes over what pf only keeps to be listed. */
  private readonly loaded: (head: PfLoadHead) => void;
  /** One at a time: who begins another takes the place of one that was left unfinished. */
  private open: Load | undefined;
  private tickets = 0;

  constructor(parts: PfParts, loaded: (head: PfLoadHead) => void) {
    this.parts = parts;
    this.loaded = loaded;
  }

  /** All steps at once. */
  whole(load: PfLoad): null {
    const { ticket } = this.begin(headOf(load));
    const compiled = load.anchors.flatMap(({ path, rules }) =>
      LISTS.flatMap((list) => {
        const own = rules.filter((rule) => rule.list === list);
        if (own.length === 0) return [];
        this.addRules({ ticket, anchor: path, list, rules: own });
        return [{ anchor: path, list, rules: compile(own) }];
      }),
    );
    load.tables.forEach(({ entries }, table) => {
      if (entries === undefined) return;
      this.addEntries({ ticket, table, entries: packEntries(entries, 0, entries.length) });
    });
    this.commit({ ticket, compiled });
    return null;
  }

  begin(head: PfLoadHead): { ticket: number } {
    const { tables, fingerprints } = this.parts;
    tables.checkRoom(
      head.tables.reduce((sum, { sizes = [] }) => sum + sizes.reduce((all, { count }) => all + count, 0), 0),
      head.options?.limits?.['table-entries'],
    );
    tables.checkTables(
      head.tables.filter(({ anchor, name }) => tables.find(anchor, name) === undefined).length,
    );
    const known = head.fingerprints ?? fingerprints.list;
    const load = new Load(++this.tickets, head, new Set(['unknown', ...known.flatMap(namesOf)]));
    head.tables.forEach(({ anchor, name, sizes }, place) => {
      if (sizes === undefined) return;
      load.entries[place] = (tables.find(anchor, name) ?? tables.unmade(anchor, name)).stage(sizes);
    });
    this.open = load;
    return { ticket: load.ticket };
  }

  addRules({ ticket, anchor, list, rules }: Request<'pf.addRules'>): null {
    const load = this.load(ticket);
    const own = load.list(anchor, list);
    const { tags } = this.parts;
    for (const rule of rules) {
      refuseNotBuilt(rule);
      checkSystem(rule, load.systems);
      own.push(new ActiveRule(rule, anchor, own.length, actionOf(rule), rule.quick, tags));
    }
    return null;
  }

  addEntries({ ticket, table, entries }: Request<'pf.addEntries'>): null {
    const staged = this.load(ticket).entries[table];
    if (staged === undefined) throw new CallError('EINVAL', 'the load does not fill that table');
    staged.add(entries, this.parts.settings.seconds);
    return null;
  }

  commit({ ticket, compiled }: Request<'pf.commit'>): readonly TableChange[] {
    const load = this.load(ticket);
    const { settings, rulesets, fingerprints, sync } = this.parts;
    const { head } = load;
    const lists = this.listsOf(load, compiled);
    this.open = undefined;
    if (head.anchors.includes('')) settings.setDialect(head.dialect);
    this.loaded(head);
    const changes = head.tables.map((_, place) => this.defineTable(load, place));
    for (const [path, own] of lists) rulesets.replace(path, own);
    refreshReferences(this.parts);
    if (head.checksum !== undefined) settings.checksum = head.checksum;
    if (head.anchors.length > 0) sync.target?.rulesLoaded();
    if (head.fingerprints !== undefined) fingerprints.replace(head.fingerprints);
    return changes;
  }

  private load(ticket: number): Load {
    if (this.open?.ticket !== ticket) throw new CallError('EBUSY', 'another load has begun');
    return this.open;
  }

  /** The new lists of every anchor of the load; what was compiled must be of the rules that came. */
  private listsOf(
    load: Load,
    compiled: readonly { readonly anchor: string; readonly list: RuleList; readonly rules: CompiledRules }[],
  ): Map<string, Lists> {
    const result = new Map<string, Lists>(load.head.anchors.map((path) => [path, {}]));
    for (const { anchor, list, rules } of compiled) {
      const own = load.list(anchor, list);
      result.get(anchor)![list] = new ActiveList(rules, own, anchor, this.parts);
    }
    return result;
  }

  private defineTable(load: Load, place: number): TableChange {
    const { tables, settings } = this.parts;
    const definition = load.head.tables[place]!;
    const table: Table = tables.make(definition.anchor, definition.name, settings.seconds);
    table.persist = definition.persist;
    table.constant = definition.constant;
    table.counters = definition.counters;
    tables.activate(table);
    const staged = load.entries[place];
    return staged === undefined ? { added: 0, deleted: 0, changed: 0 } : table.take(staged);
  }
}

/** A system that no fingerprint is of would never match: most likely its name is misspelt. */
function checkSystem({ os, line }: Rule, known: ReadonlySet<string>): void {
  if (os === undefined || known.has(os)) return;
  const place = line === undefined ? '' : `${line.file}:${line.line}: `;
  throw new CallError('EINVAL', `${place}unknown OS fingerprint "${os}"; the rules in force stay`);
}
