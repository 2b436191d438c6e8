// SPDX-License-Identifier: ISC
//
// The pf rule as plain data (struct pf_rule of pfvar.h): what the parser makes, the printer prints, the kernel compiles.
// It says everything a rule says; what only one of the two sides needs (source line, layout) is not in it, save `line`.

import type { Address, Family, Prefix } from './address.ts';

/** pf.conf dialects (`machine.json` "pf", `pfctl --dialect`). */
export const DIALECTS = ['openbsd-2008', 'openbsd', 'freebsd', 'freebsd-15'] as const;
export type Dialect = (typeof DIALECTS)[number];

/** Which list of a ruleset a rule belongs to. Today's OpenBSD has only 'filter'. */
export type RuleList = 'scrub' | 'filter' | 'nat' | 'binat' | 'rdr';

export type Action = 'pass' | 'block' | 'match' | 'scrub' | 'nat' | 'binat' | 'rdr' | 'antispoof' | 'anchor';

export type Direction = 'in' | 'out';

export type PortOperator = '=' | '!=' | '<' | '<=' | '>' | '>=' | '><' | '<>' | ':';

/** A port (or user, group) test; `high` is used by the range operators only. */
export interface NumberMatch {
  readonly operator: PortOperator;
  readonly low: number;
  readonly high: number;
}

/** `(vr0:network:0)/24`: follows the addresses of an interface or group at run time. */
export interface DynamicAddress {
  readonly kind: 'dynamic';
  readonly interface: string;
  readonly network: boolean;
  readonly broadcast: boolean;
  readonly peer: boolean;
  /** `:0`, the first address only. */
  readonly noAlias: boolean;
  /** `/24` behind the parenthesis. */
  readonly length?: number;
}

export type RuleAddress =
  | { readonly kind: 'any' }
  | { readonly kind: 'prefix'; readonly prefix: Prefix }
  | { readonly kind: 'range'; readonly from: Address; readonly to: Address }
  | DynamicAddress
  | { readonly kind: 'table'; readonly name: string }
  | { readonly kind: 'no-route' }
  | { readonly kind: 'urpf-failed' }
  | { readonly kind: 'route'; readonly label: string };

/** One side of `from … to …`. */
export interface RuleHost {
  readonly address: RuleAddress;
  readonly negated: boolean;
  readonly port?: NumberMatch;
}

export type PoolType = 'bitmask' | 'random' | 'source-hash' | 'round-robin' | 'least-states';

export interface PoolEntry {
  readonly address: RuleAddress;
  /** `(vr0 10.0.0.10)` or `10.0.0.10@vr0`: egress of a route pool. */
  readonly interface?: string;
  readonly weight?: number;
}

/** Where translated or routed packets go. */
export interface Pool {
  readonly entries: readonly PoolEntry[];
  /** Absent: a single address, no choice to make. */
  readonly type?: PoolType;
  /** source-hash key, four 32-bit words. */
  readonly key?: readonly number[];
  readonly stickyAddress: boolean;
  /** Source ports of nat, destination ports of rdr; absent: the default range, or the port untouched. */
  readonly ports?: { readonly low: number; readonly high: number };
  readonly staticPort: boolean;
  /** FreeBSD: one outer end for all destinations of a UDP source. */
  readonly endpointIndependent?: boolean;
  /** FreeBSD: IPv4 packets may go by an IPv6 gateway. */
  readonly preferIpv6?: boolean;
  /** FreeBSD: the set of ports of a MAP-E customer edge (RFC 7597): bits of offset, length and value of its identifier. */
  readonly portSet?: PortSet;
}

export interface PortSet {
  readonly offset: number;
  readonly length: number;
  readonly id: number;
}

export type StateKeeping = 'keep' | 'modulate' | 'synproxy';

/** The parentheses behind `keep state`. */
export interface StateOptions {
  readonly max?: number;
  readonly noSync?: boolean;
  readonly sourceTrack?: 'rule' | 'global';
  readonly maxSrcStates?: number;
  readonly maxSrcNodes?: number;
  readonly maxSrcConn?: number;
  readonly maxSrcConnRate?: { readonly limit: number; readonly seconds: number };
  readonly overload?: { readonly table: string; readonly flush: boolean; readonly global: boolean };
  readonly ifBound?: boolean;
  readonly sloppy?: boolean;
  /** Sloppy until a router tells of the other half. */
  readonly observed?: boolean;
  readonly pflow?: boolean;
  /** FreeBSD: other addresses of an sctp association are let through. */
  readonly allowRelated?: boolean;
  /** Per-rule timeouts by their names (`tcp.established`), seconds. */
  readonly timeouts?: Readonly<Record<string, number>>;
}

/** What a blocked packet is answered with. ICMP codes are `type << 8 | code`; absent: not answered in that family. */
export interface BlockReturn {
  readonly kind: 'drop' | 'rst' | 'icmp' | 'return';
  readonly ttl?: number;
  readonly icmp?: number;
  readonly icmp6?: number;
}

export interface RuleLog {
  readonly all: boolean;
  readonly matches: boolean;
  readonly user: boolean;
  /** 0 for pflog0. */
  readonly interface: number;
}

/** Scrub, of a scrub rule (2008) or in `scrub ( … )` of a match or pass rule (today). */
export interface ScrubOptions {
  readonly noDf?: boolean;
  readonly randomId?: boolean;
  readonly minTtl?: number;
  readonly maxMss?: number;
  readonly setTos?: number;
  readonly reassembleTcp?: boolean;
  /** 2008: what to do with fragments; absent: reassemble. */
  readonly fragment?: 'reassemble' | 'crop' | 'drop-ovl' | 'no';
}

/** `set ( … )` of a rule. */
export interface SetOptions {
  readonly prio?: readonly [number, number];
  readonly queue?: readonly [string, string?];
  readonly tos?: number;
  readonly delay?: number;
}

export type Divert =
  | { readonly kind: 'to'; readonly address: Address; readonly port: number }
  | { readonly kind: 'reply' }
  | { readonly kind: 'packet'; readonly port: number };

/** `state limiter` or `source limiter` of a rule. */
export interface Limiter {
  readonly kind: 'state' | 'source';
  readonly id: number;
  /** What becomes of a packet beyond the limit: the rule does not match, or it is dropped. */
  readonly beyond: 'no-match' | 'block';
}

/** One rule, after list expansion. */
export interface Rule {
  readonly list: RuleList;
  readonly action: Action;
  /** `no nat`, `no rdr`, `no scrub`: matching ends the search without translating. */
  readonly no?: boolean;
  /** 2008: `nat pass`, `rdr pass`. */
  readonly pass?: boolean;
  /** The anchor this rule calls: path as it is written, `relayd/*` included. An inline body lies in its own ruleset. */
  readonly anchor?: string;
  readonly blockReturn?: BlockReturn;
  readonly direction?: Direction;
  readonly quick: boolean;
  readonly log?: RuleLog;
  readonly interface?: { readonly name: string; readonly negated: boolean };
  /** `on any`: every interface that is not a loopback. */
  readonly onAny?: boolean;
  readonly routingDomain?: number;
  readonly receivedOn?: { readonly name: string; readonly negated: boolean };
  readonly family?: Family;
  /** IP protocol number; absent: any. */
  readonly protocol?: number;
  readonly source: RuleHost;
  readonly destination: RuleHost;
  readonly os?: string;
  readonly user?: NumberMatch;
  readonly group?: NumberMatch;
  /** TCP flags `set/mask`, bits as on the wire; absent: `flags any`. */
  readonly flags?: { readonly set: number; readonly mask: number };
  readonly icmp?: { readonly type: number; readonly code?: number };
  readonly tos?: number;
  readonly prio?: number;
  readonly fragment?: boolean;
  readonly allowOptions?: boolean;
  /** Absent: no state. */
  readonly state?: { readonly keep: StateKeeping; readonly options: StateOptions };
  readonly label?: string;
  /** FreeBSD: labels behind the first. */
  readonly moreLabels?: readonly string[];
  /** FreeBSD: a number for pflog. */
  readonly ridentifier?: number;
  readonly tag?: string;
  readonly tagged?: { readonly name: string; readonly negated: boolean };
  /** Probability of a match, 0 exclusive to 1 exclusive, in units of 1/2^32. */
  readonly probability?: number;
  readonly rtable?: number;
  readonly once?: boolean;
  readonly maxPacketRate?: { readonly limit: number; readonly seconds: number };
  /** FreeBSD: longer packets do not match; bytes from the IP header on. */
  readonly maxPacketSize?: number;
  /** Limiters that count the rule's states. */
  readonly limiters?: readonly Limiter[];
  readonly scrub?: ScrubOptions;
  readonly set?: SetOptions;
  /** FreeBSD: numbers of dummynet(4), for packets as they go and for answers. */
  readonly dummynet?: { readonly kind: 'dnpipe' | 'dnqueue'; readonly numbers: readonly [number, number?] };
  /** nat-to (or the target of a nat, binat rule). */
  readonly nat?: Pool;
  /** rdr-to (or the target of an rdr rule). */
  readonly rdr?: Pool;
  /** af-to: the family translated to; `nat` holds the sources, `rdr` the destinations. */
  readonly afTo?: Family;
  readonly route?: { readonly kind: 'route-to' | 'reply-to' | 'dup-to' | 'fastroute'; readonly pool?: Pool };
  readonly divert?: Divert;
  /** Where it was written, for verdicts and errors. */
  readonly line?: { readonly file: string; readonly line: number };
}

/** The host that every address of either family matches. */
export const ANY_HOST: RuleHost = { address: { kind: 'any' }, negated: false };
