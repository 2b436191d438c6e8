// SPDX-License-Identifier: ISC
//
// Timeouts of states (pf.conf(5) set timeout): numbers for the names, the values in force, adaptive scaling.

import { TIMEOUTS } from '../../abi/names.ts';
import type { Dialect } from '../../abi/rule.ts';

const index = (name: string): number => TIMEOUTS.findIndex((timeout) => timeout.name === name);

export const TCP_FIRST = index('tcp.first');
export const TCP_OPENING = index('tcp.opening');
export const TCP_ESTABLISHED = index('tcp.established');
export const TCP_CLOSING = index('tcp.closing');
export const TCP_FINWAIT = index('tcp.finwait');
export const TCP_CLOSED = index('tcp.closed');
export const TCP_TSDIFF = index('tcp.tsdiff');
export const UDP_FIRST = index('udp.first');
export const UDP_SINGLE = index('udp.single');
export const UDP_MULTIPLE = index('udp.multiple');
export const ICMP_FIRST = index('icmp.first');
export const ICMP_ERROR = index('icmp.error');
export const OTHER_FIRST = index('other.first');
export const OTHER_SINGLE = index('other.single');
export const OTHER_MULTIPLE = index('other.multiple');
export const FRAGMENT = index('frag');
export const INTERVAL = index('interval');
export const ADAPTIVE_START = index('adaptive.start');
export const ADAPTIVE_END = index('adaptive.end');
export const SOURCE_TRACK = index('src.track');

/** A rule's value that says: the global one. */
export const GLOBAL = -1;

/** Values by number, with the defaults of a dialect. */
export function defaultTimeouts(dialect: Dialect): Int32Array {
  return Int32Array.from(TIMEOUTS, (timeout) => timeout.defaults[dialect]);
}

/** Values that a rule gives of its own, GLOBAL elsewhere; undefined when it gives none. */
export function ruleTimeouts(values: Readonly<Record<string, number>> | undefined): Int32Array | undefined {
  if (values === undefined || Object.keys(values).length === 0) return undefined;
  return Int32Array.from(TIMEOUTS, ({ name }) => values[name] ?? GLOBAL);
}

/** Sets values by name. */
export function setTimeouts(timeouts: Int32Array, values: Readonly<Record<string, number>>): void {
  TIMEOUTS.forEach(({ name }, i) => {
    timeouts[i] = values[name] ?? timeouts[i]!;
  });
}

/**
 * Seconds that a state with this timeout lives after its last packet, while there are `states` of them (pf_state_expires): a rule's value
 * before the global one, scaled down between adaptive.start and adaptive.end.
 */
export function lifetime(
  timeout: number,
  global: Int32Array,
  own: Int32Array | undefined,
  states: number,
  ruleStates: number,
): number {
  let seconds = global[timeout]!;
  if (own !== undefined && own[timeout] !== GLOBAL) seconds = own[timeout]!;
  let start = global[ADAPTIVE_START]!;
  let end = global[ADAPTIVE_END]!;
  let count = states;
  if (own !== undefined && own[ADAPTIVE_START]! > 0) {
    start = own[ADAPTIVE_START]!;
    end = own[ADAPTIVE_END]!;
    count = ruleStates;
  }
  if (end === 0 || count <= start || start >= end) return seconds;
  return count >= end ? 0 : Math.floor((seconds * (end - count)) / (end - start));
}
