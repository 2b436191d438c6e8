// SPDX-License-Identifier: ISC
//
// What a check says of a host, in relayd(8)'s words (relayd.md 4.7).

import { CallError } from '../../../abi/errno.ts';

export type HostStatus = 'unknown' | 'up' | 'down';

export type CheckMessage =
  | 'none'
  | 'aborted'
  | 'interval timeout'
  | 'icmp ok'
  | 'icmp read timeout'
  | 'icmp write timeout'
  | 'tcp connect failed'
  | 'tcp connect timeout'
  | 'tcp connect ok'
  | 'tcp write timeout'
  | 'tcp write failed'
  | 'tcp read timeout'
  | 'tcp read failed'
  | 'script ok'
  | 'script failed'
  | 'tls connect ok'
  | 'tls connect failed'
  | 'tls connect timeout'
  | 'tls read timeout'
  | 'tls read error'
  | 'send/expect failed'
  | 'send/expect ok'
  | 'http code malformed'
  | 'http code mismatch'
  | 'http code ok'
  | 'http digest malformed'
  | 'http digest mismatch'
  | 'http digest ok';

export interface CheckResult {
  readonly status: HostStatus;
  readonly message: CheckMessage;
  /** HTTP status that was seen. */
  readonly code?: number;
  /** Why a script gave no answer, for the log. */
  readonly reason?: string;
}

export function up(message: CheckMessage, code?: number): CheckResult {
  return { status: 'up', message, ...(code === undefined ? {} : { code }) };
}

export function down(message: CheckMessage, code?: number): CheckResult {
  return { status: 'down', message, ...(code === undefined ? {} : { code }) };
}

/** Whether something was not there in time, rather than refused. */
export function isTimeout(error: unknown): boolean {
  return error instanceof CallError && error.code === 'ETIMEDOUT';
}
