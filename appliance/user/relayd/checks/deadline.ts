// SPDX-License-Identifier: ISC
//
// The time that a check has for everything together (connecting, handshake, sending, reading), and how it fails.

import type { Duplex } from 'node:stream';
import type { Timers } from '../network.ts';
import type { CheckResult } from './check.ts';

/** Ends a check with a result. */
export class CheckFailure extends Error {
  readonly result: CheckResult;

  constructor(message: string, rest: Partial<CheckResult> = {}) {
    super(message);
    this.result = { state: 'down', message, ...rest };
  }
}

export class Deadline {
  private readonly end: number;
  private readonly clock: Timers;

  constructor(timeout: number, clock: Timers) {
    this.clock = clock;
    this.end = clock.now() + timeout;
  }

  /** Milliseconds that are left, at least one. */
  get left(): number {
    return Math.max(1, this.end - this.clock.now());
  }

  /**
   * Waits for what `start` tells of a stream, at most to the deadline: then the stream is destroyed, and `expired` decides what that means.
   * The stream stays open when `done` is told, and is destroyed when `fail` is.
   */
  wait<T>(
    stream: Duplex,
    start: (done: (value: T) => void, fail: (error: Error) => void) => void,
    expired: () => T,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const fail = (error: Error) => {
        cancel();
        stream.destroy();
        reject(error);
      };
      const cancel = this.clock.after(this.left, () => {
        stream.destroy();
        try {
          resolve(expired());
        } catch (error) {
          reject(error);
        }
      });
      start((value) => {
        cancel();
        resolve(value);
      }, fail);
    });
  }
}
