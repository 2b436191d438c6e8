// SPDX-License-Identifier: ISC
//
// Whether a host works: one check from its start to its result. Each kind has a file of its own.

import type { Address } from '../../../abi/address.ts';
import type { Check } from '../../config/relayd/model.ts';
import type { Network, ScriptRunner, Timers } from '../network.ts';
import { CheckFailure, Deadline } from './deadline.ts';
import { checkHttp } from './http.ts';
import { checkIcmp } from './icmp.ts';
import { checkScript } from './script.ts';
import { checkSend } from './send.ts';
import { checkTcp, checkTls } from './tcp.ts';

export interface CheckTarget {
  /** The host as the file has it. */
  readonly name: string;
  readonly address: Address;
  readonly port: number;
}

export interface CheckWorld {
  readonly network: Network;
  readonly clock: Timers;
  readonly runScript: ScriptRunner;
}

export interface CheckResult {
  readonly state: 'up' | 'down' | 'unknown';
  /** The words of the original (`http code mismatch`). */
  readonly message: string;
  /** HTTP status that was seen. */
  readonly code?: number;
}

/** Runs a check within `timeout` milliseconds from now. Never rejects. */
export async function runCheck(
  check: Check,
  target: CheckTarget,
  timeout: number,
  world: CheckWorld,
): Promise<CheckResult> {
  const deadline = new Deadline(timeout, world.clock);
  try {
    return await dispatch(check, target, deadline, world);
  } catch (error) {
    if (error instanceof CheckFailure) return error.result;
    // What is no result of a check is told as it is; the host is not in service.
    return { state: 'down', message: error instanceof Error ? error.message : String(error) };
  }
}

function dispatch(
  check: Check,
  target: CheckTarget,
  deadline: Deadline,
  world: CheckWorld,
): Promise<CheckResult> {
  switch (check.kind) {
    case 'icmp':
      return checkIcmp(target, deadline, world);
    case 'tcp':
      return checkTcp(target, deadline, world);
    case 'tls':
      return checkTls(target, deadline, world);
    case 'http':
      return checkHttp(check, target, deadline, world);
    case 'send':
      return checkSend(check, target, deadline, world);
    case 'script':
      return checkScript(check.path, target, deadline, world);
  }
}

/** How a check is called in the log (relayd.conf(5)). */
export function checkName(check: Check): string {
  if (check.kind === 'http') return `http ${check.code === undefined ? 'digest' : 'code'}`;
  if (check.kind === 'send') return 'send expect';
  // The original has no name of its own for TLS: it is a connection that uses it.
  return check.kind === 'tls' ? 'tcp' : check.kind;
}

/** Whether TLS lies below. */
export function usesTls(check: Check): boolean {
  return check.kind === 'tls' || ((check.kind === 'http' || check.kind === 'send') && check.tls);
}
