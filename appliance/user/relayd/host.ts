// SPDX-License-Identifier: ISC
//
// A host and what its checks have said of it: the state machine of relayd(8) (relayd.md 4.5).

import type { HostConf } from '../config/relayd/configuration.ts';
import type { CheckMessage, CheckResult, HostStatus } from './checks/result.ts';

/** What an administrator wants of a host. A draining one gets no new connections; it is still checked. */
export type HostAdmin = 'enabled' | 'disabled' | 'draining';

/** Outcomes of checks that are remembered. */
const REMEMBERED = 60;

export class Host {
  readonly conf: HostConf;
  status: HostStatus = 'unknown';
  admin: HostAdmin = 'enabled';
  /** A draining host that has no sessions left. */
  idle = false;
  checks = 0;
  successes = 0;
  /** What came of the last checks themselves, forgiven or not, the newest at the end: `+` up, `-` down. */
  outcomes = '';
  /** Failures that are still forgiven. 0 at first: the first failure of a host that nothing is known of counts. */
  retriesLeft = 0;
  message: CheckMessage = 'none';
  code: number | undefined;
  /** Hosts that follow this one (`parent`). */
  readonly children: Host[] = [];

  constructor(conf: HostConf) {
    this.conf = conf;
  }

  /** Whether new connections may go to it. */
  get usable(): boolean {
    return this.status === 'up' && this.admin === 'enabled';
  }

  /** `100.00%`; empty as long as nothing was counted. */
  get availability(): string {
    return this.checks === 0 ? '' : `${((this.successes / this.checks) * 100).toFixed(2)}%`;
  }

  /** Takes a result and answers the status that comes of it. A forgiven failure counts as what the host was before. */
  judge(result: CheckResult): HostStatus {
    let status = result.status;
    if (status !== 'unknown')
      this.outcomes = (this.outcomes + (status === 'up' ? '+' : '-')).slice(-REMEMBERED);
    if (status === 'down' && this.retriesLeft > 0) {
      status = this.status;
      this.retriesLeft--;
    } else {
      this.retriesLeft = this.conf.retry;
    }
    if (status !== 'unknown') {
      this.checks++;
      if (status === 'up') this.successes++;
    }
    this.message = result.message;
    this.code = result.code;
    this.status = status;
    return status;
  }

  /** Forgets everything, as when it is disabled or enabled. */
  reset(): void {
    this.status = 'unknown';
    this.checks = 0;
    this.successes = 0;
    this.outcomes = '';
    this.retriesLeft = 0;
    this.message = 'none';
    this.code = undefined;
  }

  /** Goes on where an equal host was before a reload. */
  adopt(old: Host): void {
    this.status = old.status;
    this.admin = old.admin;
    this.idle = old.idle;
    this.checks = old.checks;
    this.successes = old.successes;
    this.outcomes = old.outcomes;
    this.retriesLeft = Math.min(old.retriesLeft, this.conf.retry);
    this.message = old.message;
    this.code = old.code;
  }
}
