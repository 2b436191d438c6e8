// SPDX-License-Identifier: ISC
//
// What pfctl -t and relayd ask of tables (DIOCR*).

import type { Handlers } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { PfCalls, TableChange } from '../../abi/pf.ts';
import type { PfParts } from './parts.ts';
import type { Table } from './table.ts';

/** Addresses in one page of a listing, so that it holds the kernel for about a millisecond. */
const PAGE = 200;

type TableCalls = 'pf.tables' | 'pf.tableAddresses' | 'pf.changeTable' | 'pf.testTable';

export function tableCalls(
  parts: PfParts,
  changed: (what: 'tables') => void,
): Pick<Handlers<PfCalls>, TableCalls> {
  const { tables } = parts;
  return {
    'pf.tables': ({ anchor }) => tables.list(anchor).map((table) => table.info()),
    'pf.tableAddresses': ({ anchor, name, cursor }) => {
      const table = tables.get(anchor, name);
      const items = table.addresses(cursor, PAGE);
      return cursor + PAGE < table.size ? { items, next: cursor + PAGE } : { items };
    },
    'pf.changeTable': (request) => {
      const change = changeTable(parts, request);
      if (request.dryRun !== true) changed('tables');
      return change;
    },
    'pf.testTable': ({ anchor, name, addresses }) => {
      const table = tables.get(anchor, name);
      return addresses.map((address) => table.contains(address.family, Int32Array.from(address.words)));
    },
  };
}

function changeTable(parts: PfParts, request: PfCalls['pf.changeTable'][0]): TableChange {
  const { tables, settings } = parts;
  const { anchor, name, entries, change, dryRun = false } = request;
  if (change === 'kill') return kill(parts, tables.get(anchor, name), dryRun);
  const makes = change === 'add' || change === 'replace';
  const known = tables.find(anchor, name);
  if (known?.constant) throw new CallError('EPERM');
  if (makes) tables.checkRoom(entries.length);
  const table = known ?? (makes ? tables.make(anchor, name, settings.seconds) : tables.get(anchor, name));
  if (!table.active && !dryRun) {
    // A table that is filled at run time stays.
    table.persist = true;
    tables.activate(table);
    refreshReferences(parts);
  }
  return apply(table, request, settings.seconds, dryRun);
}

function apply(
  table: Table,
  request: PfCalls['pf.changeTable'][0],
  now: number,
  dryRun: boolean,
): TableChange {
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
      if (!dryRun) table.zero(now);
      return { added: 0, deleted: 0, changed: table.size };
  }
}

/** The table goes; one that rules name stays, empty and as if it had never been filled. */
function kill(parts: PfParts, table: Table, dryRun: boolean): TableChange {
  if (!dryRun) {
    table.persist = false;
    table.constant = false;
    table.flush();
    parts.tables.deactivate(table);
    refreshReferences(parts);
  }
  return { added: 0, deleted: 1, changed: 0 };
}

/** Tables that rules name exist, if empty; those that nothing names and nobody keeps go. Counts who names which. */
export function refreshReferences({ tables, rulesets, settings }: PfParts): void {
  for (const table of tables.list()) {
    table.ruleReferences = 0;
    table.anchorReferences = 0;
  }
  for (const { anchor, compiled } of rulesets.lists()) {
    for (const { table: name, count } of compiled.references) {
      const used = tables.resolve(anchor, name) ?? tables.make(anchor, name, settings.seconds);
      if (used.anchor === anchor) used.ruleReferences += count;
      else used.anchorReferences += count;
    }
  }
  for (const table of tables.list()) {
    if (!table.persist && table.ruleReferences + table.anchorReferences === 0) tables.delete(table);
  }
}
