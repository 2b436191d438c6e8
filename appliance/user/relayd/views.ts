// SPDX-License-Identifier: ISC
//
// The running objects as the plain data that relayctl(8) shows.

import { formatAddress } from '../../abi/addressText.ts';
import type {
  HostView,
  RedirectView,
  RelaydView,
  RelayView,
  RouterView,
  StatisticsView,
  TableView,
} from './control.ts';
import type { Host } from './host.ts';
import type { Objects, Redirect, Relay, Router, Table } from './objects.ts';
import { STATISTICS_PERIOD, type Statistics } from './statistics.ts';

export function viewOf(objects: Objects): RelaydView {
  return {
    redirects: objects.redirects.map(redirectView),
    relays: objects.relays.map(relayView),
    routers: objects.routers.map(routerView),
  };
}

function redirectView(redirect: Redirect): RedirectView {
  const { conf, active } = redirect;
  const tables = redirect.tables.map(tableView);
  return {
    id: conf.id,
    name: conf.name,
    status: redirectStatus(redirect),
    active: active !== undefined,
    kind: conf.kind,
    listen: conf.vips.map((vip) => ({
      address: formatAddress(vip.address),
      port: vip.port.low,
      ...(vip.port.high === undefined ? {} : { lastPort: vip.port.high }),
      ...(vip.interface === undefined ? {} : { interface: vip.interface }),
    })),
    statistics: statisticsView(redirect.statistics),
    tables,
    hosts: tables.flatMap((table) => table.hosts),
  };
}

function redirectStatus(redirect: Redirect): RedirectView['status'] {
  if (redirect.disabled) return 'disabled';
  if (redirect.active === undefined) return 'down';
  return redirect.active === redirect.backup ? 'backup' : 'active';
}

function statisticsView(statistics: Statistics): StatisticsView {
  const { total, last, lastHour, lastDay, average, averageHour, averageDay } = statistics;
  const interval = STATISTICS_PERIOD;
  return { total, interval, last, lastHour, lastDay, average, averageHour, averageDay };
}

function relayView({ conf, tables }: Relay): RelayView {
  const { id, name, disabled } = conf;
  return { id, name, status: disabled ? 'disabled' : 'not started', tables: tables.map(tableView) };
}

function routerView(router: Router): RouterView {
  const { id, name, rtable, label, routes } = router.conf;
  return {
    id,
    name,
    status: router.disabled ? 'disabled' : 'active',
    rtable,
    ...(label === undefined ? {} : { label }),
    routes: routes.map((route) => `${formatAddress(route)}/${route.length}`),
    tables: [tableView(router.table)],
  };
}

function tableView(table: Table): TableView {
  const up = table.usable.length;
  const status = table.disabled ? 'disabled' : up === 0 ? 'empty' : 'active';
  return { id: table.conf.id, name: table.conf.name, status, up, hosts: table.hosts.map(hostView) };
}

function hostView(host: Host): HostView {
  const { id, name, address, parent, retry } = host.conf;
  return {
    id,
    name,
    address: formatAddress(address),
    ...(parent === undefined ? {} : { parent }),
    status: statusOf(host),
    availability: host.availability,
    checks: host.checks,
    successes: host.successes,
    outcomes: host.outcomes,
    retry,
    retriesLeft: host.retriesLeft,
    message: host.message,
    ...(host.code === undefined ? {} : { code: host.code }),
  };
}

function statusOf(host: Host): HostView['status'] {
  if (host.admin === 'enabled') return host.status;
  if (host.admin === 'disabled') return 'disabled';
  return host.idle ? 'drained' : 'draining';
}
