// SPDX-License-Identifier: ISC
//
// The load balancer as rows: redirects, their tables, the hosts of those with the outcomes of their checks.

import type { HostView, RelaydView, TableView } from '../../relayd/control.ts';
import { type Row, row, type Style } from '../styled.ts';
import { type Column, table } from '../table.ts';
import type { Look } from '../view.ts';

export interface Item {
  readonly kind: 'redirect' | 'relay' | 'router' | 'table' | 'host';
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly detail: string;
  readonly availability: string;
  /** Of a host's last checks: `+` up, `-` down, the newest at the right. */
  readonly outcomes: string;
  readonly depth: number;
}

/** Everything that can be selected, in the order it is shown. */
export function itemsOf({ redirects, relays, routers }: RelaydView): readonly Item[] {
  const owner = (kind: Item['kind'], id: number, name: string, status: string, detail: string): Item => ({
    kind,
    id,
    name,
    status,
    detail,
    availability: '',
    outcomes: '',
    depth: 0,
  });
  return [
    ...redirects.flatMap((one) => {
      const listen = one.listen.map(({ address, port }) => `${address}:${port}`).join(' ');
      const detail = `${listen}  ${one.statistics.total} sessions`;
      return [owner('redirect', one.id, one.name, one.status, detail), ...one.tables.flatMap(tableItems)];
    }),
    ...relays.flatMap((one) => [
      owner('relay', one.id, one.name, one.status, ''),
      ...one.tables.flatMap(tableItems),
    ]),
    ...routers.flatMap((one) => [
      owner('router', one.id, one.name, one.status, one.routes.join(' ')),
      ...one.tables.flatMap(tableItems),
    ]),
  ];
}

function tableItems({ id, name, status, up, hosts }: TableView): readonly Item[] {
  const own: Item = {
    kind: 'table',
    id,
    name,
    status,
    detail: `${up} of ${hosts.length} hosts up`,
    availability: '',
    outcomes: '',
    depth: 1,
  };
  return [own, ...hosts.map(hostItem)];
}

function hostItem({ id, name, status, availability, outcomes, message, checks, successes }: HostView): Item {
  const detail = `${message}  ${successes}/${checks}`;
  return { kind: 'host', id, name, status, detail, availability, outcomes, depth: 2 };
}

const STYLES: Readonly<Record<string, Style>> = { active: 'good', up: 'good', down: 'bad', empty: 'bad' };

/** Cells for the checks: half of what the other columns leave. */
function checksWidth({ columns }: Look): number {
  return Math.max(16, Math.min(60, Math.floor((columns - 60) / 2)));
}

function columnsOf(look: Look): readonly Column<Item>[] {
  const checks = checksWidth(look);
  return [
    { title: 'Id', align: 'right', width: 3, text: ({ id }) => String(id) },
    { title: 'Name', width: 20, text: ({ kind, name, depth }) => `${'  '.repeat(depth)}${kind} ${name}` },
    {
      title: 'Status',
      width: 9,
      text: ({ status }) => status,
      style: ({ status }) => STYLES[status] ?? 'warn',
    },
    { title: 'Avlblty', align: 'right', text: ({ availability }) => availability },
    {
      title: 'Checks',
      align: 'right',
      width: checks,
      optional: 1,
      text: ({ outcomes }) => outcomes.slice(-checks),
      style: ({ outcomes }) => (outcomes.slice(-checks).includes('-') ? 'warn' : 'good'),
    },
    { title: '', grows: true, text: ({ detail }) => detail },
  ];
}

export function balancingRows(
  items: readonly Item[] | undefined,
  list: { readonly selected: number; readonly top: number },
  look: Look,
): readonly Row[] {
  if (items === undefined) return [row(' no news of relayd yet', 'faint')];
  if (items.length === 0) return [row(' relayd has no redirect, relay or router', 'faint')];
  const seen = items.slice(list.top, list.top + look.rows - 1);
  return table(columnsOf(look), seen, look.columns, list.selected - list.top);
}
