// SPDX-License-Identifier: ISC
//
// One check of one host: a single deadline over all that it does, from connecting to the last byte read.

import type { Address } from '../../../abi/address.ts';
import type { Network, ScriptRunner, Timers } from '../network.ts';
import { type CheckResult, down } from './result.ts';

export interface CheckTarget {
  /** The host as it is written, which scripts are told. */
  readonly name: string;
  readonly address: Address;
  readonly port: number;
  /** Hops that an echo may take. */
  readonly ttl?: number;
}

export interface CheckWorld {
  readonly network: Network;
  readonly clock: Timers;
  readonly runScript: ScriptRunner;
}

export type CheckFunction = (attempt: Attempt) => Promise<CheckResult>;

export class Attempt {
  readonly target: CheckTarget;
  readonly world: CheckWorld;
  /** What the check amounts to if time is over now. Each phase says it anew. */
  atTimeout: () => CheckResult = () => down('interval timeout');
  private readonly deadline: number;
  private readonly cleanups: (() => void)[] = [];
  private ended = false;
  private settle: (result: CheckResult) => void = () => undefined;

  constructor(target: CheckTarget, world: CheckWorld, timeout: number) {
    this.target = target;
    this.world = world;
    this.deadline = world.clock.now() + timeout;
  }

  /** Milliseconds that are left, at least 1. */
  get remaining(): number {
    return Math.max(1, this.deadline - this.world.clock.now());
  }

  /** Does this when the attempt is over, or at once when it is over already. */
  atEnd(cleanup: () => void): void {
    if (this.ended) cleanup();
    else this.cleanups.push(cleanup);
  }

  /** The check's own answer, or that of its time being over. Whatever it opened is closed then. Errors are defects. */
  run(check: CheckFunction): Promise<CheckResult> {
    return new Promise((resolve, reject) => {
      this.settle = (result) => {
        this.close();
        resolve(result);
      };
      this.atEnd(this.world.clock.after(this.remaining, () => this.settle(this.atTimeout())));
      check(this).then(
        (result) => this.settle(result),
        (error: unknown) => {
          if (this.ended) return;
          this.close();
          reject(error);
        },
      );
    });
  }

  /** Calls the attempt off. */
  abort(): void {
    this.settle(down('aborted'));
  }

  private close(): void {
    if (this.ended) return;
    this.ended = true;
    // What was opened last stands on what was opened before.
    for (const cleanup of this.cleanups.splice(0).reverse()) cleanup();
  }
}
