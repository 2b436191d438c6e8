// SPDX-License-Identifier: ISC
//
// Disabling, enabling and draining, and how relayctl(8) names what it means (relayd.md 4.6).

import type { Target } from './control.ts';
import type { Host, HostAdmin } from './host.ts';
import type { Objects, Redirect, Table } from './objects.ts';

export function findRedirect(objects: Objects, target: Target): Redirect | undefined {
  return objects.redirects.find(({ conf }) => conf.id === target || conf.name === target);
}

export function findTable(objects: Objects, target: Target): Table | undefined {
  return objects.tables.find(({ conf }) => conf.id === target || conf.name === target);
}

/** A name means every host of that name, in all tables. */
export function findHosts(objects: Objects, target: Target): readonly Host[] {
  return objects.hosts.filter(({ conf }) => conf.id === target || conf.name === target);
}

/** Nothing is known of the hosts of a table that was switched; the next check decides. */
export function switchTable(table: Table, on: boolean): void {
  if (table.disabled === !on) return;
  table.disabled = !on;
  for (const host of table.hosts) host.reset();
}

/** Switches hosts and those that follow them. False, and nothing done, when there is none, or one follows a parent. */
export function switchHosts(hosts: readonly Host[], to: HostAdmin): boolean {
  if (hosts.length === 0 || hosts.some((host) => host.conf.parent !== undefined)) return false;
  for (const host of hosts.flatMap((one) => [one, ...one.children])) switchHost(host, to);
  return true;
}

/** A host that drains is still checked, so what is known of it stays. */
function switchHost(host: Host, to: HostAdmin): void {
  const wasChecked = host.admin !== 'disabled';
  const isChecked = to !== 'disabled';
  if (wasChecked !== isChecked) host.reset();
  host.admin = to;
  host.idle = false;
}
