// SPDX-License-Identifier: ISC
//
// Ids and instances (relayd.conf(5)): only what is used is numbered, in order of use. The same use of a table by two redirections is one
// instance; uses bound to an interface are never shared.

import { isDeepStrictEqual } from 'node:util';
import type { HostConf, RedirectConf, RelayConf, RelaydConf, RouterConf, TableUse } from './model.ts';

export interface HostInstance {
  readonly id: number;
  readonly conf: HostConf;
}

export interface TableInstance {
  readonly id: number;
  /** `webservers:80` */
  readonly name: string;
  readonly use: TableUse;
  readonly hosts: readonly HostInstance[];
}

export interface Instances {
  readonly tables: readonly TableInstance[];
  readonly redirects: readonly {
    readonly id: number;
    readonly conf: RedirectConf;
    readonly main: TableInstance;
    readonly backup?: TableInstance;
  }[];
  readonly relays: readonly {
    readonly id: number;
    readonly conf: RelayConf;
    readonly tables: readonly TableInstance[];
  }[];
  readonly routers: readonly {
    readonly id: number;
    readonly conf: RouterConf;
    readonly gateways: TableInstance;
  }[];
}

/** Numbers everything of a configuration. */
export function instancesOf(conf: Pick<RelaydConf, 'redirects' | 'relays' | 'routers'>): Instances {
  const tables: TableInstance[] = [];
  const shared: TableInstance[] = [];
  let hostId = 0;
  const make = (use: TableUse, isBound: boolean): TableInstance => {
    const same = isBound ? undefined : shared.find((one) => isDeepStrictEqual(one.use, use));
    if (same !== undefined) return same;
    const hosts = use.table.hosts.map((host) => ({ id: ++hostId, conf: host }));
    const instance = { id: tables.length + 1, name: `${use.table.name}:${use.port}`, use, hosts };
    tables.push(instance);
    if (!isBound) shared.push(instance);
    return instance;
  };
  const redirects = conf.redirects.map((one, index) => {
    const isBound = one.kind === 'route';
    const main = make(one.main, isBound);
    const backup = one.backup === undefined ? {} : { backup: make(one.backup, isBound) };
    return { id: index + 1, conf: one, main, ...backup };
  });
  const relays = conf.relays.map((one, index) => ({
    id: index + 1,
    conf: one,
    tables: one.forward.flatMap(({ target }) => (target.kind === 'table' ? [make(target.use, false)] : [])),
  }));
  const routers = conf.routers.map((one, index) => ({
    id: index + 1,
    conf: one,
    gateways: make(one.gateways, false),
  }));
  return { tables, redirects, relays, routers };
}
