// SPDX-License-Identifier: ISC
//
// What relayd.conf(5) says, as plain data.

import type { Address } from '../../../abi/address.ts';

export type Check =
  | { readonly kind: 'icmp' | 'tcp' }
  | { readonly kind: 'tls' }
  | {
      readonly kind: 'http';
      readonly tls: boolean;
      readonly path: string;
      readonly host?: string;
      /** Exactly one of these decides. */
      readonly code?: number;
      readonly digest?: string;
    }
  | {
      readonly kind: 'send';
      readonly data?: string;
      readonly expect: string;
      readonly binary: boolean;
      readonly tls: boolean;
    }
  | { readonly kind: 'script'; readonly path: string };

export type Mode = 'random' | 'roundrobin' | 'source-hash' | 'least-states' | 'hash' | 'loadbalance';

export interface HostConf {
  readonly name: string;
  readonly address: Address;
  readonly retry: number;
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
  /** Last port of a range. */
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

export interface RelaydConf {
  /** Seconds between rounds of checks. */
  readonly interval: number;
  /** Milliseconds that a check may take. */
  readonly timeout: number;
  readonly log: 'none' | 'updates' | 'all';
  readonly demote?: string;
  readonly redirects: readonly RedirectConf[];
  /** Blocks that are read and not run, as they stand: relays, protocols, routers. */
  readonly notRun: readonly { readonly kind: string; readonly name: string; readonly line: number }[];
}
