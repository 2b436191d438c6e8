// SPDX-License-Identifier: ISC
//
// What relayd(8) writes into the log, in its words (relayd.md 4.7).

import type { TableChange } from '../../abi/pf.ts';
import { checkName } from './checks/checks.ts';
import type { CheckResult, HostStatus } from './checks/result.ts';
import type { Host } from './host.ts';
import type { Redirect, Table } from './objects.ts';

/** A result, whether it changed something or not. */
export function hostLine(
  host: Host,
  table: Table,
  before: HostStatus,
  result: CheckResult,
  milliseconds: number,
): string {
  const code = result.code === undefined ? '' : `,${result.code}`;
  const reason = result.reason === undefined ? '' : `: ${result.reason}`;
  const took = `(${Math.round(milliseconds)}ms,${result.message}${code}${reason})`;
  const change = `state ${before} -> ${host.status}, availability ${host.availability}`;
  return `host ${host.conf.name}, check ${checkName(table.conf.check)} ${took}, ${change}`;
}

export function ignoredLine(host: Host, table: Table): string {
  return `host ${host.conf.name}, check ${checkName(table.conf.check)} (ignoring result, host disabled)`;
}

export function tableLine(
  redirect: Redirect,
  { added, deleted, changed }: TableChange,
  killed: number,
): string {
  return `table ${redirect.conf.name}: ${added} added, ${deleted} deleted, ${changed} changed, ${killed} killed`;
}

/** What a trap of the original carries. */
export function trapFields(host: Host, table: Table, before: HostStatus): object {
  return {
    event: 'trap',
    host: host.conf.name,
    state: host.status,
    last: before,
    successes: host.successes,
    checks: host.checks,
    table: table.conf.name,
    up: table.up,
    retry: host.conf.retry,
    retriesLeft: host.retriesLeft,
  };
}
