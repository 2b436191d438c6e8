// SPDX-License-Identifier: ISC
//
// What relayctl(8) prints, in its columns: id, type, name, availability, status.

import type {
  HostView,
  MonitorEvent,
  RedirectView,
  RelayView,
  RouterView,
  TableView,
  Views,
} from '../../relayd/control.ts';

/** One row: columns are at least so wide, and parted by tabs. */
function row(id: string | number, type: string, name: string, availability: string, status: string): string {
  return `${String(id).padEnd(4)}\t${type.padEnd(8)}\t${name.padEnd(24)}\t${availability.padEnd(7)}\t${status}\n`;
}

function detail(text: string): string {
  return `\t        \t${text}\n`;
}

const HEADER = row('Id', 'Type', 'Name', 'Avlblty', 'Status');

/** `show summary`: everything, with its tables and hosts. */
export function summary({ redirects, relays, routers }: Views): string {
  const withTables = (line: string, one: { disabled: boolean; tables: readonly TableView[] }) =>
    line + (one.disabled ? '' : one.tables.map((table) => tableRows(table, hostRow)).join(''));
  return [
    HEADER,
    ...redirects.map((one) =>
      withTables(redirectRow(one), { disabled: one.status === 'disabled', tables: one.tables }),
    ),
    ...relays.map((one) => withTables(relayRow(one, 'relay'), one)),
    ...routers.map((one) => withTables(relayRow(one, 'router'), one)),
  ].join('');
}

/** `show hosts`: tables and hosts with their counters. A table that several use appears once for each. */
export function hosts({ redirects, relays, routers }: Views): string {
  const tables = [...redirects, ...relays, ...routers].flatMap((one) => one.tables);
  return (
    HEADER + tables.map((table) => tableRows(table, (host) => hostRow(host) + checksLine(host))).join('')
  );
}

/** `show redirects`: with statistics, once there are any. */
export function redirects(views: Views): string {
  return HEADER + views.redirects.map((one) => redirectRow(one) + statisticsLines(one)).join('');
}

export function relays(views: Views): string {
  return HEADER + views.relays.map((one) => relayRow(one, 'relay')).join('');
}

export function routers(views: Views): string {
  return HEADER + views.routers.map((one) => relayRow(one, 'router') + routerLines(one)).join('');
}

function redirectRow(redirect: RedirectView): string {
  return row(redirect.id, 'redirect', redirect.name, '', redirect.status);
}

function relayRow(one: RelayView, type: 'relay' | 'router'): string {
  // No relay runs here (docs/differences.md).
  const running = type === 'relay' ? 'not started' : 'active';
  return row(one.id, type, one.name, '', one.disabled ? 'disabled' : running);
}

function tableRows(table: TableView, host: (host: HostView) => string): string {
  const status = table.disabled ? 'disabled' : table.up === 0 ? 'empty' : `active (${table.up} hosts)`;
  const own = row(table.id, 'table', table.name, '', status);
  return table.disabled ? own : own + table.hosts.map(host).join('');
}

function hostRow(host: HostView): string {
  const parent = host.parent === undefined ? '' : ` parent ${host.parent}`;
  return row(
    host.id,
    'host',
    host.name + parent,
    host.availability,
    host.status + (host.draining ? ' (draining)' : ''),
  );
}

function checksLine(host: HostView): string {
  if (host.checks === 0) return '';
  const retries = host.retries > 0 ? `, ${host.retries} retries` : '';
  const error = host.status === 'down' ? `, error: ${host.message}` : '';
  return detail(`total: ${host.up}/${host.checks} checks${retries}${error}`);
}

function statisticsLines({ statistics: s }: RedirectView): string {
  if (s.total === 0) return '';
  return [
    detail(`total: ${s.total} sessions`),
    detail(`last: ${s.last}/${s.interval}s ${s.lastHour}/h ${s.lastDay}/d sessions`),
    detail(`average: ${s.average}/${s.interval}s ${s.averageHour}/h ${s.averageDay}/d sessions`),
  ].join('');
}

function routerLines(router: RouterView): string {
  return [
    router.rtable === 0 ? '' : detail(`rtable: ${router.rtable}`),
    router.label === undefined ? '' : detail(`rtlabel: ${router.label}`),
    ...router.routes.map((route) => detail(`route: ${route}`)),
  ].join('');
}

/** Numbers of the original's message bus; constants here, for scripts that look at them. */
const MESSAGE_TYPES: Readonly<Record<MonitorEvent['event'], number>> = {
  ctl_rdr_enable: 12,
  ctl_rdr_disable: 13,
  ctl_table_enable: 14,
  ctl_table_disable: 15,
  ctl_host_enable: 16,
  ctl_host_disable: 17,
  ctl_table_changed: 21,
  ctl_pull_ruleset: 22,
  ctl_push_ruleset: 23,
  host_status: 31,
  sync: 33,
};
const MESSAGE_LENGTH = 28;

/** One message of `monitor`. */
export function monitorLines(event: MonitorEvent): string {
  const head = `${event.event}: imsg type ${MESSAGE_TYPES[event.event]} len ${MESSAGE_LENGTH} peerid 0 pid 0`;
  const lines = [head, `\ttimestamp: ${event.seconds}, ${ctime(event.seconds)}`];
  if (event.id !== undefined) lines.push(`\tid: ${event.id}`);
  if (event.name !== undefined) lines.push(`\tname: ${event.name}`);
  if (event.state !== undefined) lines.push(`\tstate: ${event.state}`);
  return `${lines.join('\n')}\n`;
}

/** ctime(3), UTC: `Tue Jun 10 00:00:00 2008`. */
function ctime(seconds: number): string {
  const [, day, date, month, year, time] =
    /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(new Date(seconds * 1000).toUTCString()) ?? [];
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${time} ${year}`;
}

/** What `--json` prints; a redirection has the hosts of its tables in one list. */
export function jsonOf(what: 'redirects' | 'relays' | 'routers' | 'hosts' | 'summary', views: Views): object {
  const withHosts = views.redirects.map((one) => ({
    ...one,
    hosts: one.tables.flatMap((table) => table.hosts.map((host) => ({ ...host, table: table.name }))),
  }));
  if (what === 'summary') return { ...views, redirects: withHosts };
  if (what === 'hosts') return { hosts: withHosts.flatMap((one) => one.hosts) };
  return { [what]: what === 'redirects' ? withHosts : views[what] };
}
