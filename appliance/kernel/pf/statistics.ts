// SPDX-License-Identifier: ISC
//
// What pf counts (struct pf_status): packets by the reason they were dropped for, limits that were hit.

import { LIMIT_COUNTERS, type LimitCounter, REASONS, type Reason } from '../../abi/names.ts';

const reasons = Object.fromEntries(REASONS.map((name, i) => [name, i])) as Record<Reason, number>;
export const REASON_MATCH = reasons.match;
export const REASON_FRAGMENT = reasons.fragment;
export const REASON_SHORT = reasons.short;
export const REASON_NORMALIZE = reasons.normalize;
export const REASON_MEMORY = reasons.memory;
export const REASON_BAD_TIMESTAMP = reasons['bad-timestamp'];
export const REASON_IP_OPTION = reasons['ip-option'];
export const REASON_PROTOCOL_CHECKSUM = reasons['proto-cksum'];
export const REASON_STATE_MISMATCH = reasons['state-mismatch'];
export const REASON_STATE_INSERT = reasons['state-insert'];
export const REASON_STATE_LIMIT = reasons['state-limit'];
export const REASON_SOURCE_LIMIT = reasons['src-limit'];
export const REASON_SYNPROXY = reasons.synproxy;
export const REASON_TRANSLATE = reasons.translate;
export const REASON_NO_ROUTE = reasons['no-route'];

const limits = Object.fromEntries(LIMIT_COUNTERS.map((name, i) => [name, i])) as Record<LimitCounter, number>;
export const LIMIT_STATES = limits['max states per rule'];
export const LIMIT_SOURCE_STATES = limits['max-src-states'];
export const LIMIT_SOURCE_NODES = limits['max-src-nodes'];
export const LIMIT_SOURCE_CONNECTIONS = limits['max-src-conn'];
export const LIMIT_SOURCE_RATE = limits['max-src-conn-rate'];
export const LIMIT_OVERLOAD_TABLE = limits['overload table insertion'];
export const LIMIT_OVERLOAD_FLUSH = limits['overload flush states'];
export const LIMIT_SYNFLOODS = limits['synfloods detected'];
export const LIMIT_SYNCOOKIES_SENT = limits['syncookies sent'];
export const LIMIT_SYNCOOKIES_VALID = limits['syncookies validated'];

export class Statistics {
  readonly reasons = new Float64Array(REASONS.length);
  readonly limits = new Float64Array(LIMIT_COUNTERS.length);

  /** A packet for one of the REASON_*: counted when the reason is given, whatever becomes of the packet. */
  count(reason: number): void {
    this.reasons[reason] = this.reasons[reason]! + 1;
  }

  countLimit(limit: number): void {
    this.limits[limit] = this.limits[limit]! + 1;
  }

  clear(): void {
    this.reasons.fill(0);
    this.limits.fill(0);
  }
}
