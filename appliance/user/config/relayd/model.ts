// SPDX-License-Identifier: ISC
//
// What relayd.conf(5) says, as plain data.

import type { Address, Prefix } from '../../../abi/address.ts';

export type Check =
  | { readonly kind: 'icmp' | 'tcp' | 'tls' }
  | HttpCheck
  | SendCheck
  | { readonly kind: 'script'; readonly path: string };

/** Exactly one of `code` and `digest` decides. */
export interface HttpCheck {
  readonly kind: 'http';
  readonly tls: boolean;
  readonly path: string;
  readonly host?: string;
  readonly code?: number;
  /** MD5 (32 digits) or SHA-1 (40) of the page. */
  readonly digest?: string;
}

export interface SendCheck {
  readonly kind: 'send';
  /** Absent: nothing is sent. Hexadecimal digits with `binary`. */
  readonly data?: string;
  readonly expect: string;
  readonly binary: boolean;
  readonly tls: boolean;
}

export type Mode = 'random' | 'roundrobin' | 'source-hash' | 'least-states' | 'hash' | 'loadbalance';

export interface HostConf {
  /** As it is written. */
  readonly name: string;
  readonly address: Address;
  /** Failed checks in a row that are forgiven. */
  readonly retry: number;
  /** Id of the host whose checks count for this one. */
  readonly parent?: number;
  readonly priority?: number;
  readonly ttl?: number;
}

export interface TableConf {
  readonly name: string;
  readonly disabled: boolean;
  readonly hosts: readonly HostConf[];
}

/** One use of a table: what is checked how, and on which port. */
export interface TableUse {
  readonly table: TableConf;
  readonly port: number;
  /** The port is said here; else it is that of the first `listen on`. */
  readonly namesPort: boolean;
  readonly check?: Check;
  /** Milliseconds. */
  readonly timeout: number;
  /** Seconds; a multiple of the global one. */
  readonly interval: number;
  readonly demote?: string;
  readonly mode?: Mode;
  readonly key?: string;
}

export interface ListenConf {
  readonly address: Address;
  readonly protocol: number;
  readonly port: number;
  /** Last port of a range; the port itself where there is none. */
  readonly lastPort: number;
  readonly interface?: string;
  readonly log: boolean;
}

export interface RedirectConf {
  readonly name: string;
  readonly disabled: boolean;
  readonly listen: readonly ListenConf[];
  /** `forward to` rewrites the destination, `route to` only sends the packet on (Direct Server Return). */
  readonly kind: 'forward' | 'route';
  readonly main: TableUse;
  readonly backup?: TableUse;
  /** Egress of `route to`. */
  readonly interface?: string;
  readonly sticky: boolean;
  readonly tag?: string;
  readonly matchTag: boolean;
  /** Seconds. */
  readonly sessionTimeout: number;
}

/** Where a relay opens its connections to. */
export type RelayTarget =
  | { readonly kind: 'table'; readonly use: TableUse }
  | { readonly kind: 'address'; readonly address: Address; readonly port: number; readonly retry: number }
  | { readonly kind: 'nat lookup' | 'destination'; readonly retry: number };

export interface RelayForward {
  readonly target: RelayTarget;
  readonly transparent: boolean;
  readonly tls: boolean;
  readonly interface?: string;
  readonly family?: 'inet' | { readonly inet6: string };
  readonly proxyProtocol?: 'v1' | 'v2';
}

export interface RelayConf {
  readonly name: string;
  readonly disabled: boolean;
  readonly listen: readonly { readonly address: Address; readonly port: number; readonly tls: boolean }[];
  readonly forward: readonly RelayForward[];
  readonly protocol?: string;
  readonly sessionTimeout: number;
}

export interface ProtocolConf {
  readonly name: string;
  readonly type: 'tcp' | 'http' | 'dns';
  /** Options and filter rules in order, each as its words; what needs quotes has them. */
  readonly lines: readonly string[];
}

export interface RouterConf {
  readonly name: string;
  readonly disabled: boolean;
  readonly routes: readonly Prefix[];
  readonly gateways: TableUse;
  readonly rtable: number;
  readonly label?: string;
}

export interface RelaydConf {
  /** Seconds between rounds of checks. */
  readonly interval: number;
  /** Milliseconds that a check may take. */
  readonly timeout: number;
  readonly prefork?: number;
  readonly log: 'none' | 'updates' | 'all';
  /** `log connection`: of relays. */
  readonly logConnection?: 'all' | 'errors';
  readonly demote?: string;
  /** `socket`, `send trap`, `snmp`, `agentx`: read, without effect; each as its words. */
  readonly agents: readonly string[];
  readonly tables: readonly TableConf[];
  readonly redirects: readonly RedirectConf[];
  readonly relays: readonly RelayConf[];
  readonly routers: readonly RouterConf[];
  readonly protocols: readonly ProtocolConf[];
}
