// SPDX-License-Identifier: ISC
//
// What the grammar of pf.conf(5) makes of a statement, before lists are multiplied into rules.

import type { Family } from '../../../abi/address.ts';
import type {
  Direction,
  Divert,
  Limiter,
  NumberMatch,
  PoolType,
  PortSet,
  Rule,
  RuleAddress,
  RuleLog,
  ScrubOptions,
  SetOptions,
  StateKeeping,
} from '../../../abi/rule.ts';

export interface InterfaceNode {
  readonly name: string;
  readonly negated: boolean;
  readonly loopback: boolean;
  /** `on rdomain N`. */
  readonly routingDomain?: number;
  /** antispoof: `(if)`. */
  readonly dynamic?: boolean;
}

/** One address of a list: a name that resolves to several has become several. */
export interface HostNode {
  readonly address: RuleAddress;
  /** Absent: either family (tables, interfaces in parentheses, no-route). */
  readonly family?: Family;
  /** The interface of an IPv6 link-local address. */
  readonly scope?: string;
  readonly negated: boolean;
  /** `10.0.0.1@vr0`, or the interface of a route pool. */
  readonly egress?: string;
  readonly weight?: number;
}

/** A list of addresses; undefined is any. */
export type HostList = readonly HostNode[] | undefined;

export interface IcmpNode {
  readonly protocol: number;
  readonly type: number;
  readonly code?: number;
}

export interface HostsNode {
  readonly source: HostList;
  readonly sourcePorts?: readonly NumberMatch[];
  readonly os?: readonly string[];
  readonly destination: HostList;
  readonly destinationPorts?: readonly NumberMatch[];
}

export interface PoolOptions {
  type?: PoolType;
  key?: readonly number[];
  staticPort?: boolean;
  stickyAddress?: boolean;
  endpointIndependent?: boolean;
  preferIpv6?: boolean;
  portSet?: PortSet;
}

/** `-> POOL [port P]`, `nat-to POOL …`. */
export interface RedirectionNode {
  hosts: readonly HostNode[];
  /** `star`: the end follows from the rule's own destination range. */
  readonly port?: { readonly low: number; readonly high?: number; readonly star: boolean };
  readonly options: PoolOptions;
}

export type StateOptionNode =
  | { readonly kind: 'max'; readonly value: number }
  | { readonly kind: 'no-sync' }
  | { readonly kind: 'source-track'; readonly by?: 'rule' | 'global' }
  | { readonly kind: 'max-src-states'; readonly value: number }
  | { readonly kind: 'max-src-conn'; readonly value: number }
  | { readonly kind: 'max-src-conn-rate'; readonly limit: number; readonly seconds: number }
  | { readonly kind: 'max-src-nodes'; readonly value: number }
  | { readonly kind: 'overload'; readonly table: string; readonly flush: boolean; readonly global: boolean }
  | { readonly kind: 'lock'; readonly ifBound: boolean }
  | { readonly kind: 'sloppy' }
  | { readonly kind: 'observed' }
  | { readonly kind: 'pflow' }
  | { readonly kind: 'allow-related' }
  | { readonly kind: 'timeout'; readonly name: string; readonly value: number };

export interface StateNode {
  /** Absent: `no state`. */
  readonly keep?: StateKeeping;
  readonly options: readonly StateOptionNode[];
}

/** Everything behind the hosts of a filter rule. Filled in as it is read. */
export interface FilterOptions {
  users?: NumberMatch[];
  groups?: NumberMatch[];
  /** Null: `flags any`. */
  flags?: { readonly set: number; readonly mask: number } | null;
  icmp?: readonly IcmpNode[];
  tos?: number;
  prio?: number;
  state?: StateNode;
  fragment?: boolean;
  allowOptions?: boolean;
  label?: string;
  moreLabels?: string[];
  ridentifier?: number;
  dummynet?: Rule['dummynet'];
  tag?: string;
  tagged?: { readonly name: string; readonly negated: boolean };
  probability?: number;
  rtable?: number;
  divert?: DivertNode;
  scrub?: ScrubOptions;
  set: { -readonly [K in keyof SetOptions]: SetOptions[K] };
  nat?: RedirectionNode;
  rdr?: RedirectionNode;
  /** binat-to: `nat` is its target. */
  binat?: boolean;
  afTo?: Family;
  route?: { readonly kind: 'route-to' | 'reply-to' | 'dup-to'; readonly target: RedirectionNode };
  receivedOn?: { readonly name: string; readonly negated: boolean };
  once?: boolean;
  maxPacketRate?: { readonly limit: number; readonly seconds: number };
  maxPacketSize?: number;
  limiters?: readonly Limiter[];
}

export type DivertNode =
  | { readonly kind: 'to'; readonly hosts: readonly HostNode[]; readonly port: number }
  | Exclude<Divert, { readonly kind: 'to' }>;

export interface RuleHead {
  readonly direction?: Direction;
  readonly log?: RuleLog;
  readonly quick: boolean;
  readonly interfaces?: readonly InterfaceNode[];
  readonly family?: Family;
  readonly protocols?: readonly number[];
  readonly hosts: HostsNode;
}

/** The route of a 2008 filter rule, which stands before the family. */
export interface RouteNode {
  readonly kind: 'fastroute' | 'route-to' | 'reply-to' | 'dup-to';
  readonly hosts: readonly HostNode[];
  readonly options: PoolOptions;
}
