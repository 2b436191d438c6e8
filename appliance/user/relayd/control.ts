// SPDX-License-Identifier: ISC
//
// What relayctl(8) may ask of the daemon: views as plain data, and switches. Nothing is formatted here.

import { formatAddress, formatPrefix } from '../../abi/addressText.ts';
import type { Redirect } from './filter.ts';
import type { Host, Table } from './hosts.ts';
import type { Relayd } from './relayd.ts';

export interface HostView {
  readonly id: number;
  readonly name: string;
  readonly parent?: number;
  readonly status: 'up' | 'down' | 'unknown' | 'disabled';
  /** Takes no new connections. */
  readonly draining: boolean;
  /** `99.17%`, empty before the first check. */
  readonly availability: string;
  readonly checks: number;
  readonly up: number;
  readonly retries: number;
  /** What the last check said. */
  readonly message: string;
}

export interface TableView {
  readonly id: number;
  readonly name: string;
  readonly disabled: boolean;
  /** Hosts in service. */
  readonly up: number;
  readonly hosts: readonly HostView[];
}

export interface RedirectView {
  readonly id: number;
  readonly name: string;
  readonly active: boolean;
  readonly status: 'disabled' | 'down' | 'active' | 'active (using backup table)';
  readonly listen: readonly { readonly address: string; readonly port: number }[];
  readonly tables: readonly TableView[];
  readonly statistics: Readonly<
    Record<
      'total' | 'last' | 'average' | 'lastHour' | 'averageHour' | 'lastDay' | 'averageDay' | 'interval',
      number
    >
  >;
}

export interface RelayView {
  readonly id: number;
  readonly name: string;
  readonly disabled: boolean;
  readonly tables: readonly TableView[];
}

export interface RouterView extends RelayView {
  readonly rtable: number;
  readonly label?: string;
  readonly routes: readonly string[];
}

export interface Views {
  readonly redirects: readonly RedirectView[];
  readonly relays: readonly RelayView[];
  readonly routers: readonly RouterView[];
}

/** One message of `relayctl monitor`. */
export interface MonitorEvent {
  readonly event: EventKind;
  /** Seconds since the epoch of the daemon's clock. */
  readonly seconds: number;
  readonly id?: number;
  readonly name?: string;
  readonly state?: string;
}

export type Switched = 'rdr' | 'table' | 'host';

export type EventKind =
  | 'host_status'
  | 'sync'
  | 'ctl_table_changed'
  | 'ctl_push_ruleset'
  | 'ctl_pull_ruleset'
  | `ctl_${Switched}_${'enable' | 'disable'}`;

export class Control {
  private readonly relayd: Relayd;

  constructor(relayd: Relayd) {
    this.relayd = relayd;
  }

  views(): Views {
    const { redirects, relays, routers } = this.relayd.running;
    return {
      redirects: redirects.map(redirectView),
      relays: relays.map(({ id, conf, tables }) => {
        return { id, name: conf.name, disabled: conf.disabled, tables: tables.map(tableView) };
      }),
      routers: routers.map(({ id, conf, gateways }) => ({
        id,
        name: conf.name,
        disabled: conf.disabled,
        tables: [tableView(gateways)],
        rtable: conf.rtable,
        ...(conf.label === undefined ? {} : { label: conf.label }),
        routes: conf.routes.map(formatPrefix),
      })),
    };
  }

  /** Switches by id (a number) or name; false when there is none such, or it is the child of another host. Resolves when pf follows. */
  async switch(kind: Switched, which: string, on: boolean): Promise<boolean> {
    const found = this.find(kind, which);
    if (found.length === 0 || found.some(isChild)) return false;
    for (const one of found) {
      this.apply(one, on);
      const name = /^\d+$/.test(which) ? {} : { name: which };
      this.relayd.tell({ event: `ctl_${kind}_${on ? 'enable' : 'disable'}`, id: one.target.id, ...name });
    }
    await this.relayd.sync();
    return true;
  }

  /** Keeps new connections away from a host until it is enabled again; false when there is none such. */
  async drain(which: string): Promise<boolean> {
    const found = this.find('host', which);
    for (const { kind, target } of found) if (kind === 'host') target.draining = true;
    await this.relayd.sync();
    return found.length > 0;
  }

  /** Asks every host now. */
  poll(): void {
    this.relayd.poll();
  }

  /** Goes over to another text; rejects, and changes nothing, when there is a mistake in it. */
  reload(text: string, file: string): Promise<void> {
    return this.relayd.reload(text, file);
  }

  /** Hears what happens; the answer ends it. */
  monitor(listener: (event: MonitorEvent) => void): () => void {
    return this.relayd.monitor(listener);
  }

  /** A name of a host means it in every table that has it. */
  private find(kind: Switched, which: string): Found[] {
    const { redirects, tables } = this.relayd.running;
    const isMeant = (id: number, name: string) =>
      /^\d+$/.test(which) ? id === Number(which) : name === which;
    switch (kind) {
      case 'rdr': {
        const redirect = redirects.find((one) => isMeant(one.id, one.conf.name));
        return redirect === undefined ? [] : [{ kind, target: redirect }];
      }
      case 'table': {
        const table = tables.find((one) => isMeant(one.id, one.name));
        return table === undefined ? [] : [{ kind, target: table }];
      }
      case 'host':
        return tables
          .flatMap((table) => table.hosts)
          .filter((host) => isMeant(host.id, host.conf.name))
          .map((host) => ({ kind, target: host }));
    }
  }

  private apply(found: Found, on: boolean): void {
    const { kind, target } = found;
    if (kind === 'rdr') {
      if (target.disabled !== on) return;
      target.disabled = !on;
      if (on) for (const table of target.tables) table.switch(true);
    } else if (kind === 'table') {
      if (target.disabled === on) target.switch(on);
    } else if (on ? target.disabled || target.draining : !target.disabled) {
      if (on) target.enable();
      else target.disable();
    }
  }
}

type Found =
  | { readonly kind: 'rdr'; readonly target: Redirect }
  | { readonly kind: 'table'; readonly target: Table }
  | { readonly kind: 'host'; readonly target: Host };

function isChild({ kind, target }: Found): boolean {
  return kind === 'host' && target.conf.parent !== undefined;
}

function hostView(host: Host): HostView {
  const { id, conf, draining, checks, up, availability, message, retries } = host;
  const parent = conf.parent === undefined ? {} : { parent: conf.parent };
  const status = host.disabled ? 'disabled' : host.state;
  return { id, name: conf.name, ...parent, status, draining, availability, checks, up, retries, message };
}

function tableView(table: Table): TableView {
  const { id, name, disabled, hosts, up } = table;
  return { id, name, disabled, up: up.length, hosts: hosts.map(hostView) };
}

function redirectView(redirect: Redirect): RedirectView {
  const { id, conf, active, tables, statistics } = redirect;
  const { total, last, average, lastHour, averageHour, lastDay, averageDay } = statistics;
  return {
    id,
    name: conf.name,
    active,
    status: statusOf(redirect),
    listen: conf.listen.map(({ address, port }) => ({ address: formatAddress(address), port })),
    tables: tables.map(tableView),
    statistics: { total, last, average, lastHour, averageHour, lastDay, averageDay, interval: 60 },
  };
}

function statusOf(redirect: Redirect): RedirectView['status'] {
  if (redirect.disabled) return 'disabled';
  if (redirect.isDown || !redirect.active) return 'down';
  return redirect.usesBackup ? 'active (using backup table)' : 'active';
}
