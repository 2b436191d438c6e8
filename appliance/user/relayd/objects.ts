// SPDX-License-Identifier: ISC
//
// The objects that relayd runs: tables of hosts, redirections, routers, relays. Made of a configuration; a reload hands what
// is known of the old ones to those that have not changed.

import {
  type Configuration,
  hostKey,
  type RedirectConf,
  type RelayConf,
  type RouterConf,
  type TableConf,
} from '../config/relayd/configuration.ts';
import { Host } from './host.ts';
import { Statistics } from './statistics.ts';
import { Strictness } from './strictness.ts';

export class Table {
  readonly conf: TableConf;
  readonly hosts: readonly Host[];
  disabled: boolean;

  constructor(conf: TableConf) {
    this.conf = conf;
    this.disabled = conf.disabled;
    this.hosts = conf.hosts.map((host) => new Host(host));
  }

  /** Hosts that get connections. */
  get usable(): readonly Host[] {
    return this.disabled ? [] : this.hosts.filter((host) => host.usable);
  }

  /** Hosts that are up, draining ones too. */
  get up(): number {
    return this.disabled ? 0 : this.hosts.filter((host) => host.status === 'up').length;
  }
}

export class Redirect {
  readonly conf: RedirectConf;
  readonly main: Table;
  readonly backup: Table | undefined;
  readonly statistics = new Statistics();
  strictness = new Strictness();
  disabled: boolean;
  /** What pf holds now: addresses of its table as text, in order; undefined when that is not known. */
  pushed: readonly string[] | undefined;
  /** Stale rules are those of another configuration or dialect. */
  rules: 'none' | 'active' | 'stale' = 'none';
  /** Key of source-hash where the file gives none: four 32-bit words. It outlives a reload, so that clients stay where they are. */
  randomKey: readonly number[];

  constructor(conf: RedirectConf, main: Table, backup: Table | undefined, randomKey: readonly number[]) {
    this.conf = conf;
    this.main = main;
    this.backup = backup;
    this.randomKey = randomKey;
    this.disabled = conf.disabled;
  }

  get anchor(): string {
    return `relayd/${this.conf.name}`;
  }

  /** The table in use: the backup while the main one has nobody; undefined when neither has. */
  get active(): Table | undefined {
    if (this.disabled) return undefined;
    if (this.main.usable.length > 0) return this.main;
    return this.backup !== undefined && this.backup.usable.length > 0 ? this.backup : undefined;
  }

  get tables(): readonly Table[] {
    return this.backup === undefined ? [this.main] : [this.main, this.backup];
  }
}

export class Router {
  readonly conf: RouterConf;
  readonly table: Table;
  disabled: boolean;
  /** Gateways (as text) that the kernel has our routes through, and with which priority. */
  installed: ReadonlyMap<string, number> = new Map();

  constructor(conf: RouterConf, table: Table) {
    this.conf = conf;
    this.table = table;
    this.disabled = conf.disabled;
  }
}

/** A relay as far as there is one: shown, its hosts checked, not started. */
export class Relay {
  readonly conf: RelayConf;
  readonly tables: readonly Table[];

  constructor(conf: RelayConf, tables: readonly Table[]) {
    this.conf = conf;
    this.tables = tables;
  }
}

export class Objects {
  readonly conf: Configuration;
  /** By id. */
  readonly tables: readonly Table[];
  readonly redirects: readonly Redirect[];
  readonly relays: readonly Relay[];
  readonly routers: readonly Router[];
  /** The table of each host, in the order of their ids. */
  private readonly owners: ReadonlyMap<Host, Table>;

  /** `random` gives numbers from 0 to 1 exclusive. */
  constructor(conf: Configuration, random: () => number) {
    this.conf = conf;
    this.tables = conf.tables.map((table) => new Table(table));
    this.owners = new Map(this.tables.flatMap((one) => one.hosts.map((host): [Host, Table] => [host, one])));
    const table = (one: TableConf) => this.tables[one.id - 1]!;
    const word = () => Math.floor(random() * 2 ** 32);
    this.redirects = conf.redirects.map((one) => {
      const key = [word(), word(), word(), word()];
      return new Redirect(one, table(one.main), one.backup && table(one.backup), key);
    });
    this.relays = conf.relays.map((one) => new Relay(one, one.tables.map(table)));
    this.routers = conf.routers.map((one) => new Router(one, table(one.table)));
    this.joinFamilies();
  }

  get hosts(): readonly Host[] {
    return [...this.owners.keys()];
  }

  tableOf(host: Host): Table {
    return this.owners.get(host)!;
  }

  private joinFamilies(): void {
    const byId = new Map(this.hosts.map((host) => [host.conf.id, host]));
    for (const host of byId.values()) {
      if (host.conf.parent !== undefined) byId.get(host.conf.parent)!.children.push(host);
    }
  }

  /** The router here that has taken over the routes of an old one. */
  successorOf(old: Router): Router | undefined {
    return this.routers.find((one) => one.conf.name === old.conf.name && sameRoutes(one, old));
  }

  /** Takes over what is known of the objects that are also in this configuration. */
  adopt(old: Objects): void {
    const hosts = new Map(keyedHosts(old));
    for (const [key, host] of keyedHosts(this)) {
      const known = hosts.get(key);
      if (known !== undefined) host.adopt(known);
    }
    const tables = new Map(old.tables.map((table) => [table.conf.name, table]));
    for (const table of this.tables) {
      const known = tables.get(table.conf.name);
      if (known !== undefined && known.conf.disabled === table.conf.disabled) table.disabled = known.disabled;
    }
    for (const redirect of this.redirects) {
      const known = old.redirects.find((one) => one.conf.name === redirect.conf.name);
      if (known !== undefined) adoptRedirect(redirect, known);
    }
    for (const known of old.routers) {
      const router = this.successorOf(known);
      if (router === undefined) continue;
      router.installed = known.installed;
      if (known.conf.disabled === router.conf.disabled) router.disabled = known.disabled;
    }
  }
}

function keyedHosts(objects: Objects): [string, Host][] {
  return objects.tables.flatMap((table) =>
    table.hosts.map((host): [string, Host] => [hostKey(table.conf, host.conf), host]),
  );
}

function adoptRedirect(redirect: Redirect, old: Redirect): void {
  redirect.pushed = old.pushed;
  redirect.randomKey = old.randomKey;
  redirect.rules = old.rules === 'active' && !sameRules(redirect.conf, old.conf) ? 'stale' : old.rules;
  redirect.statistics.adopt(old.statistics);
  redirect.strictness = old.strictness;
  if (old.conf.disabled === redirect.conf.disabled) redirect.disabled = old.disabled;
}

/** Whether both put the same rules into pf. */
function sameRules(a: RedirectConf, b: RedirectConf): boolean {
  const text = ({
    vips,
    kind,
    strict,
    interface: egress,
    main,
    portWritten,
    sticky,
    tag,
    sessionTimeout,
  }: RedirectConf) =>
    JSON.stringify([
      vips,
      kind,
      strict,
      egress,
      main.port,
      main.mode,
      main.key,
      portWritten,
      sticky,
      tag,
      sessionTimeout,
    ]);
  return text(a) === text(b);
}

/** Whether routes that one has set are also those of the other. */
function sameRoutes(a: Router, b: Router): boolean {
  const text = ({ routes, rtable, label }: RouterConf) => JSON.stringify([routes, rtable, label]);
  return text(a.conf) === text(b.conf);
}
