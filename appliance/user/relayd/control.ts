// SPDX-License-Identifier: ISC
//
// What relayctl(8) may ask of a running relayd: views of everything as plain data, switches, and the stream of events.

import type { ObservedCounters } from '../../abi/pf.ts';
import type { CheckMessage, HostStatus } from './checks/result.ts';

export interface HostView {
  readonly id: number;
  readonly name: string;
  readonly address: string;
  readonly parent?: number;
  readonly status: HostStatus | 'disabled' | 'draining' | 'drained';
  /** `100.00%`, or empty. */
  readonly availability: string;
  readonly checks: number;
  readonly successes: number;
  /** What came of the last 60 checks themselves, forgiven or not, the newest at the end: `+` up, `-` down. */
  readonly outcomes: string;
  readonly retry: number;
  /** Failures that are still forgiven. */
  readonly retriesLeft: number;
  /** Outcome of the last check, and the HTTP status it saw. */
  readonly message: CheckMessage;
  readonly code?: number;
}

export interface TableView {
  readonly id: number;
  readonly name: string;
  readonly status: 'disabled' | 'empty' | 'active';
  /** Hosts that get connections. */
  readonly up: number;
  readonly hosts: readonly HostView[];
}

export interface StatisticsView {
  readonly total: number;
  /** Seconds of a period. */
  readonly interval: number;
  readonly last: number;
  readonly lastHour: number;
  readonly lastDay: number;
  readonly average: number;
  readonly averageHour: number;
  readonly averageDay: number;
}

export interface RedirectView {
  readonly id: number;
  readonly name: string;
  readonly status: 'disabled' | 'down' | 'backup' | 'active';
  readonly active: boolean;
  readonly kind: 'forward' | 'route';
  readonly listen: readonly {
    readonly address: string;
    readonly port: number;
    readonly lastPort?: number;
    readonly interface?: string;
  }[];
  readonly statistics: StatisticsView;
  /** Main, and backup. */
  readonly tables: readonly TableView[];
  /** Those of all tables. */
  readonly hosts: readonly HostView[];
}

/** What was told of the connections of a strict redirection, and what that cost. */
export interface ObservedView extends ObservedCounters {
  /** Id of the redirection. */
  readonly redirect: number;
}

export interface RelayView {
  readonly id: number;
  readonly name: string;
  readonly status: 'disabled' | 'not started';
  readonly tables: readonly TableView[];
}

export interface RouterView {
  readonly id: number;
  readonly name: string;
  readonly status: 'disabled' | 'active';
  readonly rtable: number;
  readonly label?: string;
  /** `192.0.2.0/24` */
  readonly routes: readonly string[];
  readonly tables: readonly TableView[];
}

export interface RelaydView {
  readonly redirects: readonly RedirectView[];
  readonly relays: readonly RelayView[];
  readonly routers: readonly RouterView[];
}

/** One leg of the way of a connection by Direct Server Return, and what tells of it. */
export interface LegView {
  readonly leg: 'neighbor' | 'listener' | 'address' | 'return path';
  readonly state: 'ok' | 'broken' | 'not proven';
  readonly evidence: string;
}

/** The legs of a host for one address that a redirection listens on. */
export interface PathView {
  readonly host: string;
  readonly redirect: string;
  readonly address: string;
  readonly port: number;
  readonly legs: readonly LegView[];
}

/** Every way to a host; why there is none, where there is none. */
export interface DsrView {
  readonly paths: readonly PathView[];
  readonly problem?: string;
}

export type MonitorEventName =
  | 'host_status'
  | 'host_drained'
  | 'ctl_rdr_disable'
  | 'ctl_rdr_enable'
  | 'ctl_table_disable'
  | 'ctl_table_enable'
  | 'ctl_host_disable'
  | 'ctl_host_enable'
  | 'ctl_host_drain'
  | 'ctl_table_changed'
  | 'ctl_pull_ruleset'
  | 'ctl_push_ruleset'
  | 'sync';

export interface MonitorEvent {
  readonly event: MonitorEventName;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly id?: number;
  /** The name that was asked for, where one was. */
  readonly name?: string;
  readonly state?: HostStatus;
}

/** An id, or a name: a host's as written, a table's with its port (`webservers:80`). */
export type Target = number | string;

/** What a running relayd offers. Switches resolve to false when there is no such object (or a host follows its parent). */
export interface RelaydControl {
  show(): RelaydView;
  /** What strict redirections have been told of their connections; nothing of others. */
  observed(): Promise<readonly ObservedView[]>;
  switchRedirect(target: Target, on: boolean): Promise<boolean>;
  switchTable(target: Target, on: boolean): Promise<boolean>;
  /** `draining`: no new connections; those that there are go on. */
  switchHost(target: Target, to: 'enabled' | 'disabled' | 'draining'): Promise<boolean>;
  /** Connections that pf still sends to a host. */
  countSessions(target: Target): Promise<number>;
  /** Proves the legs of Direct Server Return to a host. */
  proveDsr(target: Target): Promise<DsrView>;
  /** Checks all hosts now. */
  poll(): void;
  /** Reads the configuration file again, or another one. Rejects with what is wrong; then everything stays. */
  reload(path?: string): Promise<void>;
  setVerbose(verbose: boolean): void;
  stop(): Promise<void>;
  /** Hears of what happens; the answer ends it. */
  monitor(listener: (event: MonitorEvent) => void): () => void;
}
