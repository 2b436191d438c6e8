// SPDX-License-Identifier: ISC
//
// A relayd.conf(5) as it is written, as plain data: what the parser makes and the printer prints. What it means (instances
// of tables, ids, resolved names) is worked out in configuration.ts.

import type { Prefix } from '../../../abi/address.ts';

/** Where something was written. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

export type Check =
  | { readonly kind: 'icmp' | 'tcp' | 'tls' }
  | {
      readonly kind: 'http';
      readonly tls: boolean;
      readonly path: string;
      readonly host?: string;
      readonly expect: { readonly code: number } | { readonly digest: string };
    }
  | {
      readonly kind: 'send';
      readonly tls: boolean;
      /** Both strings are hexadecimal digits. */
      readonly binary: boolean;
      /** Absent: `send nothing`. */
      readonly data?: string;
      readonly expect: string;
    }
  | { readonly kind: 'script'; readonly path: string };

export const MODES = ['random', 'roundrobin', 'source-hash', 'least-states', 'hash', 'loadbalance'] as const;
export type Mode = (typeof MODES)[number];

/** `a:b` has a `high`. */
export interface PortSpec {
  readonly low: number;
  readonly high?: number;
}

export interface TableHost {
  readonly name: string;
  readonly retry?: number;
  readonly parent?: number;
  readonly priority?: number;
  readonly ttl?: number;
  readonly place: Place;
}

/** A template: only its uses make tables that are checked. */
export interface TableStatement {
  readonly kind: 'table';
  readonly name: string;
  readonly disabled: boolean;
  readonly hosts: readonly TableHost[];
  /** The global timeout where the table was defined, milliseconds. */
  readonly timeout: number;
  readonly place: Place;
}

/** `<name>` with the options behind it. */
export interface TableUse {
  readonly table: string;
  readonly port?: number;
  /** The port of the first `listen on` above it, for a use that names none. */
  readonly listenPort?: number;
  readonly check?: Check;
  /** Milliseconds. */
  readonly timeout?: number;
  /** Seconds. */
  readonly interval?: number;
  readonly demote?: string;
  readonly mode?: Mode;
  readonly key?: string;
  readonly place: Place;
}

export interface RedirectListen {
  readonly address: string;
  /** A name of protocols(5). */
  readonly protocol: string;
  readonly port: PortSpec;
  readonly interface?: string;
  readonly pflog: boolean;
  readonly place: Place;
}

export interface RedirectForward {
  /** `forward to` rewrites the destination, `route to` leaves it (Direct Server Return). */
  readonly kind: 'forward' | 'route';
  /** A router is to tell of the hosts' answers, so that connections are checked in full. */
  readonly strict: boolean;
  readonly use: TableUse;
  /** Egress of `route to`. */
  readonly interface?: string;
}

export interface RedirectStatement {
  readonly kind: 'redirect';
  readonly name: string;
  readonly listens: readonly RedirectListen[];
  readonly forwards: readonly RedirectForward[];
  readonly disabled: boolean;
  readonly sticky: boolean;
  /** `match`: the rule only marks, another one has to pass. */
  readonly tag?: { readonly name: string; readonly match: boolean };
  /** Seconds. */
  readonly sessionTimeout?: number;
  readonly place: Place;
}

export interface RouterStatement {
  readonly kind: 'router';
  readonly name: string;
  readonly routes: readonly { readonly prefix: Prefix; readonly place: Place }[];
  readonly use?: TableUse;
  readonly rtable?: number;
  readonly label?: string;
  readonly disabled: boolean;
  readonly place: Place;
}

export interface RelayListen {
  readonly address: string;
  readonly port: PortSpec;
  readonly tls: boolean;
}

export type RelayTarget =
  | { readonly kind: 'table'; readonly use: TableUse }
  | { readonly kind: 'address'; readonly address: string; readonly port: PortSpec; readonly retry?: number }
  | { readonly kind: 'nat lookup' | 'destination'; readonly retry?: number };

export interface RelayForward {
  readonly transparent: boolean;
  readonly tls: boolean;
  readonly target: RelayTarget;
  /** 2008 asks for it with `transparent`; its value has no use. */
  readonly interface?: string;
  /** `inet`, or `inet6` with the prefix that addresses are put into. */
  readonly family?: { readonly kind: 'inet' } | { readonly kind: 'inet6'; readonly prefix: string };
  readonly proxyProtocol?: 'v1' | 'v2';
}

export interface RelayStatement {
  readonly kind: 'relay';
  readonly name: string;
  readonly listens: readonly RelayListen[];
  readonly forwards: readonly RelayForward[];
  readonly sessionTimeout?: number;
  readonly protocol?: string;
  readonly disabled: boolean;
  readonly place: Place;
}

/** `sack`, `no sack`, `backlog 10`. */
export interface NamedOption {
  readonly name: string;
  readonly value: boolean | number | string;
}

export type TlsOption =
  | NamedOption
  | { readonly name: 'ca key'; readonly value: string; readonly password: string }
  | {
      readonly name: 'keypair';
      readonly value: string;
      readonly file?: { readonly part: 'cert' | 'key' | 'ocsp'; readonly path: string };
    };

export const RULE_KEYS = ['header', 'cookie', 'path', 'query', 'url'] as const;
export type RuleKey = (typeof RULE_KEYS)[number];
export const RULE_VERBS = ['append', 'set', 'remove', 'hash', 'log'] as const;
export type RuleVerb = (typeof RULE_VERBS)[number];

export interface RuleText {
  readonly text: string;
  readonly pattern: boolean;
}

export type RuleOption =
  | {
      readonly kind: 'key';
      readonly key: RuleKey;
      readonly verb?: RuleVerb;
      readonly name?: RuleText;
      readonly digest?: string;
      readonly value?: RuleText;
    }
  | { readonly kind: 'file'; readonly path: string; readonly value?: string }
  | { readonly kind: 'strip'; readonly count: number }
  | { readonly kind: 'method' | 'forward' | 'tagged'; readonly name: string }
  /** Without a name: `no tag`, `no label`. */
  | { readonly kind: 'tag' | 'label'; readonly name?: string };

export interface ProtocolRule {
  readonly kind: 'rule';
  readonly action: 'pass' | 'block' | 'match';
  readonly direction?: 'request' | 'response';
  readonly quick: boolean;
  readonly family?: 'inet' | 'inet6';
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly options: readonly RuleOption[];
}

/** 2008's `header expect …`: must be present. Today's rules have no single one that says it. */
export interface ExpectAction {
  readonly kind: 'expect';
  readonly direction: 'request' | 'response';
  readonly key: RuleKey;
  readonly value: string;
  readonly from?: string;
  readonly digest: boolean;
  readonly marked?: string;
  readonly log: boolean;
}

export type ProtocolOption =
  | { readonly kind: 'tcp' | 'http'; readonly options: readonly NamedOption[] }
  | { readonly kind: 'tls'; readonly options: readonly TlsOption[] }
  | { readonly kind: 'return error'; readonly style?: string }
  | ProtocolRule
  | ExpectAction;

export interface ProtocolStatement {
  readonly kind: 'protocol';
  readonly name: string;
  readonly type: 'tcp' | 'http' | 'dns';
  readonly options: readonly ProtocolOption[];
  readonly place: Place;
}

export type Statement =
  | TableStatement
  | RedirectStatement
  | RouterStatement
  | RelayStatement
  | ProtocolStatement;

/** Settings of the whole daemon; absent: the default. */
export interface Globals {
  /** Seconds between checks. */
  interval?: number;
  /** Milliseconds that a check may take. */
  timeout?: number;
  prefork?: number;
  log: { changes: boolean; checks: boolean; connection?: 'all' | 'errors'; level?: 'brief' | 'verbose' };
  /** Interface group of 2008's daemon-wide demotion. */
  demote?: string;
  socket?: string;
  /** Traps on changes of state: `send trap`, `snmp trap`, `agentx`. */
  traps?: { context?: string; path?: string };
}

export interface RelaydConf {
  readonly globals: Readonly<Globals>;
  /** In the order of the file. */
  readonly statements: readonly Statement[];
}

export const DEFAULT_INTERVAL = 10;
export const DEFAULT_TIMEOUT = 200;
export const DEFAULT_SESSION_TIMEOUT = 600;
