// SPDX-License-Identifier: ISC
//
// What a relayd.conf(5) means: names resolved, every use of a table an instance of its own (`webservers:80`), ids given in
// the order of use, and what only the whole file can show to be wrong.

import { type Address, INET, type Prefix } from '../../../abi/address.ts';
import { parseAddress } from '../../../abi/addressText.ts';
import type { Diagnostics } from '../pf/diagnostics.ts';
import type { Facts } from '../pf/facts.ts';
import {
  type Check,
  DEFAULT_INTERVAL,
  DEFAULT_SESSION_TIMEOUT,
  DEFAULT_TIMEOUT,
  type Globals,
  type Mode,
  type Place,
  type PortSpec,
  type RedirectStatement,
  type RelaydConf,
  type RelayStatement,
  type RouterStatement,
  type TableStatement,
  type TableUse,
} from './syntax.ts';

export interface HostConf {
  readonly id: number;
  /** As written. */
  readonly name: string;
  readonly address: Address;
  readonly retry: number;
  /** Id of the host that decides for this one. */
  readonly parent?: number;
  readonly priority: number;
  readonly ttl?: number;
}

/** A table as it is used: its own port, check and hosts. */
export interface TableConf {
  readonly id: number;
  /** `webservers:80` */
  readonly name: string;
  readonly template: string;
  readonly port: number;
  readonly check?: Check;
  /** Milliseconds. */
  readonly timeout: number;
  /** Seconds. */
  readonly interval: number;
  readonly demote?: string;
  readonly mode: Mode;
  readonly key?: string;
  readonly disabled: boolean;
  readonly hosts: readonly HostConf[];
}

/** One address that a redirection listens on. */
export interface Vip {
  readonly address: Address;
  readonly protocol: number;
  readonly port: PortSpec;
  readonly interface?: string;
  readonly log: boolean;
}

export interface RedirectConf {
  readonly id: number;
  readonly name: string;
  readonly disabled: boolean;
  /** In the order of the file. */
  readonly vips: readonly Vip[];
  readonly kind: 'forward' | 'route';
  /** A router is to tell of the hosts' answers. */
  readonly strict: boolean;
  /** Egress of `route to`. */
  readonly interface?: string;
  readonly main: TableConf;
  readonly backup?: TableConf;
  /** The table's port was written, so that it replaces even one of a range. */
  readonly portWritten: boolean;
  readonly sticky: boolean;
  readonly tag?: { readonly name: string; readonly match: boolean };
  /** Seconds. */
  readonly sessionTimeout: number;
}

export interface RouterConf {
  readonly id: number;
  readonly name: string;
  readonly disabled: boolean;
  readonly routes: readonly Prefix[];
  readonly table: TableConf;
  readonly rtable: number;
  readonly label?: string;
}

/** A relay as far as it is shown. */
export interface RelayConf {
  readonly id: number;
  readonly name: string;
  readonly disabled: boolean;
  readonly tables: readonly TableConf[];
}

export interface Configuration {
  /** Seconds. */
  readonly interval: number;
  /** Milliseconds. */
  readonly timeout: number;
  readonly log: Readonly<Globals['log']>;
  readonly demote?: string;
  readonly traps: boolean;
  readonly redirects: readonly RedirectConf[];
  readonly relays: readonly RelayConf[];
  readonly routers: readonly RouterConf[];
  /** By id. */
  readonly tables: readonly TableConf[];
}

/** Answers of a name that one `listen on` may stand for. */
const MAX_VIPS = 16;

/** Builds the configuration; mistakes go to `diagnostics`, and then the answer is not to be used. */
export function buildConfiguration(conf: RelaydConf, facts: Facts, diagnostics: Diagnostics): Configuration {
  return new Builder(conf, facts, diagnostics).build();
}

class Builder {
  private readonly conf: RelaydConf;
  private readonly facts: Facts;
  private readonly diagnostics: Diagnostics;
  private readonly templates = new Map<string, TableStatement>();
  private readonly tables: TableConf[] = [];
  /** Instances that a later use may share, by everything that makes them what they are. */
  private readonly shared = new Map<string, TableConf>();
  private readonly hostPlaces = new Map<number, Place>();
  private hosts = 0;

  constructor(conf: RelaydConf, facts: Facts, diagnostics: Diagnostics) {
    this.conf = conf;
    this.facts = facts;
    this.diagnostics = diagnostics;
  }

  build(): Configuration {
    const { globals } = this.conf;
    const redirects: RedirectConf[] = [];
    const relays: RelayConf[] = [];
    const routers: RouterConf[] = [];
    for (const statement of this.conf.statements) {
      if (statement.kind === 'table') this.templates.set(statement.name, statement);
      else if (statement.kind === 'redirect') redirects.push(this.redirect(statement, redirects.length + 1));
      else if (statement.kind === 'relay') relays.push(this.relay(statement, relays.length + 1));
      else if (statement.kind === 'router') routers.push(this.router(statement, routers.length + 1));
    }
    const configuration = {
      interval: globals.interval ?? DEFAULT_INTERVAL,
      timeout: globals.timeout ?? DEFAULT_TIMEOUT,
      log: globals.log,
      ...(globals.demote === undefined ? {} : { demote: globals.demote }),
      traps: globals.traps !== undefined,
      redirects,
      relays,
      routers,
      tables: this.tables,
    };
    this.check(configuration);
    return configuration;
  }

  private error(place: Place, text: string): void {
    this.diagnostics.error(place.file, place.line, text);
  }

  private check(conf: Configuration): void {
    const { diagnostics } = this;
    const fail = (text: string) => {
      diagnostics.note(text);
      diagnostics.errors++;
    };
    if (conf.redirects.length + conf.relays.length + conf.routers.length === 0)
      fail('no actions, nothing to do');
    const interval = conf.interval * 1_000;
    if (conf.timeout >= interval) fail('global timeout exceeds interval');
    for (const table of conf.tables) {
      if (table.timeout < interval || table.timeout === conf.timeout) continue;
      fail(`table timeout exceeds interval: ${table.name}`);
    }
    this.checkParents();
  }

  /** A parent is another host that has none itself. */
  private checkParents(): void {
    const hosts = new Map(this.tables.flatMap((table) => table.hosts.map((host) => [host.id, host])));
    for (const host of hosts.values()) {
      if (host.parent === undefined) continue;
      const parent = hosts.get(host.parent);
      if (parent !== undefined && parent !== host && parent.parent === undefined) continue;
      this.error(this.hostPlaces.get(host.id)!, `host parent id ${host.parent} invalid`);
    }
  }

  private redirect(statement: RedirectStatement, id: number): RedirectConf {
    const [main, backup] = statement.forwards;
    const boundTo = (egress: string | undefined) =>
      egress === undefined ? undefined : `${statement.name} ${egress}`;
    return {
      id,
      name: statement.name,
      disabled: statement.disabled,
      vips: statement.listens.flatMap((listen) => {
        const { port, interface: on, pflog: log } = listen;
        const protocol = this.facts.protocols.number(listen.protocol)!;
        return this.resolve(listen.address, listen.place)
          .slice(0, MAX_VIPS)
          .map((address) => ({ address, protocol, port, ...(on && { interface: on }), log }));
      }),
      kind: main!.kind,
      strict: main!.strict,
      ...(main!.interface && { interface: main!.interface }),
      main: this.instance(main!.use, boundTo(main!.interface)),
      ...(backup && { backup: this.instance(backup.use, boundTo(backup.interface)) }),
      portWritten: main!.use.port !== undefined,
      sticky: statement.sticky,
      ...(statement.tag && { tag: statement.tag }),
      sessionTimeout: statement.sessionTimeout ?? DEFAULT_SESSION_TIMEOUT,
    };
  }

  private relay(statement: RelayStatement, id: number): RelayConf {
    const tables = statement.forwards.flatMap(({ target }) =>
      target.kind === 'table' ? [this.instance(target.use, undefined)] : [],
    );
    return { id, name: statement.name, disabled: statement.disabled, tables };
  }

  private router(statement: RouterStatement, id: number): RouterConf {
    const table = this.instance(statement.use!, undefined);
    const { family } = statement.routes[0]!.prefix;
    if (table.hosts.some((host) => host.address.family !== family)) {
      this.error(statement.place, `router ${statement.name} address family mismatch`);
    }
    if (statement.rtable !== undefined && statement.rtable !== 0) {
      this.error(
        statement.place,
        `router ${statement.name}: rtable ${statement.rtable} does not exist, there is only 0`,
      );
    }
    return {
      id,
      name: statement.name,
      disabled: statement.disabled,
      routes: statement.routes.map((route) => route.prefix),
      table,
      rtable: statement.rtable ?? 0,
      ...(statement.label && { label: statement.label }),
    };
  }

  /** The instance that this use makes, or the one that an equal use made before. A use bound to an egress shares nothing. */
  private instance(use: TableUse, bound: string | undefined): TableConf {
    const port = use.port ?? use.listenPort ?? 0;
    const { place: _place, listenPort: _listenPort, ...options } = use;
    const key = JSON.stringify([use.table, port, options]);
    const known = bound === undefined ? this.shared.get(key) : undefined;
    if (known !== undefined) return known;
    const table = this.makeInstance(use, port);
    this.tables.push(table);
    if (bound === undefined) this.shared.set(key, table);
    return table;
  }

  private makeInstance(use: TableUse, port: number): TableConf {
    const template = this.templates.get(use.table)!;
    return {
      id: this.tables.length + 1,
      name: port === 0 ? template.name : `${template.name}:${port}`,
      template: template.name,
      port,
      ...(use.check && { check: use.check }),
      timeout: use.timeout ?? template.timeout,
      interval: use.interval ?? this.conf.globals.interval ?? DEFAULT_INTERVAL,
      ...(use.demote && { demote: use.demote }),
      mode: use.mode ?? 'roundrobin',
      ...(use.key && { key: use.key }),
      disabled: template.disabled,
      hosts: template.hosts.flatMap((host) => {
        const [address] = this.resolve(host.name, host.place);
        if (address === undefined) return [];
        const id = ++this.hosts;
        this.hostPlaces.set(id, host.place);
        const { name, retry = 0, parent, priority = 0, ttl } = host;
        return [{ id, name, address, retry, ...(parent && { parent }), priority, ...(ttl && { ttl }) }];
      }),
    };
  }

  /** An address, those of an interface or group (IPv4 first), or those of a name; an error when there is none. */
  private resolve(text: string, place: Place): readonly Address[] {
    const address = parseAddress(text);
    if (address !== undefined) return [address];
    const own = [...this.facts.interfaces]
      .filter(([name, entry]) => name === text || entry.groups.includes(text))
      .flatMap(([, entry]) =>
        entry.addresses.map(({ prefix }) => ({ family: prefix.family, words: prefix.words })),
      );
    if (own.length > 0) {
      return [...own.filter((one) => one.family === INET), ...own.filter((one) => one.family !== INET)];
    }
    const named = this.facts.hosts.get(text);
    if (named === undefined || named.length === 0) {
      this.error(place, `could not resolve host: ${text}`);
      return [];
    }
    return named;
  }
}

/** Same host, asked the same way: what is known of one holds for the other (after a reload). */
export function hostKey(table: TableConf, host: HostConf): string {
  return JSON.stringify([table.name, table.check, host.name, host.address.words, host.parent]);
}
