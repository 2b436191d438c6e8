// SPDX-License-Identifier: ISC
//
// The listings of relayctl(8): columns of minimal widths with tabs between them (relayd.md 5.3).

import type {
  HostView,
  ObservedView,
  RedirectView,
  RelaydView,
  RelayView,
  RouterView,
  StatisticsView,
  TableView,
} from '../../relayd/control.ts';

export type Listing = 'summary' | 'hosts' | 'redirects' | 'relays' | 'routers' | 'sessions';

/** The listing as text; `observed` is what strict redirections cost, where that is to be shown. */
export function showText(what: Listing, view: RelaydView, observed: readonly ObservedView[] = []): string {
  // Sessions are those of relays, and have no header.
  if (what === 'sessions') return '';
  return row('Id', 'Type', 'Name', 'Avlblty', 'Status') + LISTINGS[what](view, observed);
}

/** The same as data. */
export function showValue(what: Listing, view: RelaydView, observed: readonly ObservedView[] = []): object {
  switch (what) {
    case 'summary':
      return view;
    case 'hosts':
      return { tables: shownTables(view) };
    case 'redirects':
      return { redirects: view.redirects.map((one) => ({ ...one, observed: costOf(one, observed) })) };
    case 'relays':
      return { relays: view.relays };
    case 'routers':
      return { routers: view.routers };
    case 'sessions':
      return { sessions: [] };
  }
}

const LISTINGS: Readonly<
  Record<Exclude<Listing, 'sessions'>, (view: RelaydView, observed: readonly ObservedView[]) => string>
> = {
  summary: ({ redirects, relays, routers }) =>
    [
      ...redirects.map((one) => redirectRow(one) + members(one, hostRow)),
      ...relays.map((one) => relayRow(one) + members(one, hostRow)),
      ...routers.map((one) => routerRow(one) + members(one, hostRow)),
    ].join(''),
  hosts: (view) =>
    shownTables(view)
      .map((table) => tableRows(table, (host) => hostRow(host) + hostDetail(host)))
      .join(''),
  redirects: ({ redirects }, observed) =>
    redirects
      .map((one) => redirectRow(one) + statistics(one.statistics) + cost(costOf(one, observed)))
      .join(''),
  relays: ({ relays }) => relays.map(relayRow).join(''),
  routers: ({ routers }) => routers.map((one) => routerRow(one) + routerDetail(one)).join(''),
};

type Owner = RedirectView | RelayView | RouterView;

/** Tables of what is not disabled. */
function shownTables({ redirects, relays, routers }: RelaydView): readonly TableView[] {
  const owners: readonly Owner[] = [...redirects, ...relays, ...routers];
  return owners.filter((one) => one.status !== 'disabled').flatMap((one) => one.tables);
}

function members(owner: Owner, host: (host: HostView) => string): string {
  if (owner.status === 'disabled') return '';
  return owner.tables.map((table) => tableRows(table, host)).join('');
}

function row(id: number | string, type: string, name: string, availability: string, status: string): string {
  const columns = [String(id).padEnd(4), type.padEnd(8), name.padEnd(24), availability.padEnd(7), status];
  return `${columns.join('\t')}\n`;
}

function detail(text: string): string {
  return `\t${' '.repeat(8)}\t${text}\n`;
}

function redirectRow({ id, name, status }: RedirectView): string {
  return row(id, 'redirect', name, '', status === 'backup' ? 'active (using backup table)' : status);
}

function relayRow({ id, name, status }: RelayView): string {
  return row(id, 'relay', name, '', status);
}

function routerRow({ id, name, status }: RouterView): string {
  return row(id, 'router', name, '', status);
}

function routerDetail({ rtable, label, routes }: RouterView): string {
  return [
    ...(rtable === 0 ? [] : [`rtable: ${rtable}`]),
    ...(label === undefined ? [] : [`rtlabel: ${label}`]),
    ...routes.map((route) => `route: ${route}`),
  ]
    .map(detail)
    .join('');
}

function tableRows(table: TableView, host: (host: HostView) => string): string {
  const status = table.status === 'active' ? `active (${table.up} hosts)` : table.status;
  const own = row(table.id, 'table', table.name, '', status);
  return table.status === 'disabled' ? own : own + table.hosts.map(host).join('');
}

function hostRow({ id, name, parent, availability, status }: HostView): string {
  return row(id, 'host', parent === undefined ? name : `${name} parent ${parent}`, availability, status);
}

/** Counters, once there are any; why it is down, while it is. */
function hostDetail({ checks, successes, retriesLeft, status, message }: HostView): string {
  if (checks === 0) return '';
  const retries = retriesLeft > 0 ? `, ${retriesLeft} retries` : '';
  const error = status === 'down' ? `, error: ${message}` : '';
  return detail(`total: ${successes}/${checks} checks${retries}${error}`);
}

function statistics(counts: StatisticsView): string {
  const { total, interval, last, lastHour, lastDay, average, averageHour, averageDay } = counts;
  if (total === 0) return '';
  return [
    `total: ${total} sessions`,
    `last: ${last}/${interval}s ${lastHour}/h ${lastDay}/d sessions`,
    `average: ${average}/${interval}s ${averageHour}/h ${averageDay}/d sessions`,
  ]
    .map(detail)
    .join('');
}

function costOf({ id }: RedirectView, observed: readonly ObservedView[]): ObservedView | undefined {
  return observed.find(({ redirect }) => redirect === id);
}

/** How many connections are checked in full, and what it costs to be told of their other half. */
function cost(of: ObservedView | undefined): string {
  if (of === undefined) return '';
  const { messages, bytes, states, unobserved } = of;
  const each = (count: number) => (states === 0 ? '0' : (count / states).toFixed(1));
  return [
    `strict: ${states} connections, ${unobserved} sloppy`,
    `observations: ${messages} messages, ${bytes} bytes (${each(messages)} and ${each(bytes)} a connection)`,
  ]
    .map(detail)
    .join('');
}
