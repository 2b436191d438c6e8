// SPDX-License-Identifier: ISC
//
// `pf.changeTable` with many addresses, on its way to a kernel in another thread: a few hundred at a time. Additions and deletions take
// effect as they come; a replacement is made ready beside the table, as a load is, and takes effect whole.

import type { Answer, CallName, Request } from '../abi/client.ts';
import { packEntries } from '../abi/packedEntries.ts';
import { sizesOf, type TableChange, type TableEntry } from '../abi/pf.ts';

/** What the kernel takes in well under a millisecond. */
const ENTRIES = 400;

type Call = <C extends CallName>(name: C, request: Request<C>) => Promise<Answer<C>>;
type Change = Request<'pf.changeTable'>;

/** Whether a change is long enough to be made in steps. What is only tried is asked in one. */
export function isLong({ change, entries, dryRun }: Change): boolean {
  return (
    entries.length > ENTRIES &&
    dryRun !== true &&
    (change === 'add' || change === 'delete' || change === 'replace')
  );
}

export async function changeInSteps(request: Change, call: Call): Promise<TableChange> {
  if (request.change === 'replace') return replace(request, call);
  const total = { added: 0, deleted: 0, changed: 0 };
  for (let from = 0; from < request.entries.length; from += ENTRIES) {
    const entries = request.entries.slice(from, from + ENTRIES);
    const { added, deleted, changed } = await call('pf.changeTable', { ...request, entries });
    total.added += added;
    total.deleted += deleted;
    total.changed += changed;
  }
  return total;
}

async function replace(request: Change, call: Call): Promise<TableChange> {
  const { anchor, name, entries } = request;
  const tables = await call('pf.tables', { anchor });
  const known = tables.find((table) => table.anchor === anchor && table.name === name);
  // One that may not be changed says so itself.
  if (known?.constant) return call('pf.changeTable', { ...request, entries: entries.slice(0, 1) });
  const persist = known?.active ? known.persist : true;
  const definition = { anchor, name, persist, constant: false, counters: known?.counters ?? false };
  const { dialect } = await call('pf.status', {});
  const tablesOfHead = [{ ...definition, sizes: sizesOf(entries) }];
  const { ticket } = await call('pf.begin', { dialect, anchors: [], tables: tablesOfHead });
  await addEntries(call, ticket, 0, entries);
  const [change] = await call('pf.commit', { ticket, compiled: [] });
  return change!;
}

/** Fills a table of a load that has begun. */
export async function addEntries(
  call: Call,
  ticket: number,
  table: number,
  entries: readonly TableEntry[],
): Promise<void> {
  for (let from = 0; from < entries.length; from += ENTRIES) {
    await call('pf.addEntries', { ticket, table, entries: packEntries(entries, from, ENTRIES) });
  }
}
