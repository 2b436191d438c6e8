// SPDX-License-Identifier: ISC
//
// The kernel's time: told from outside, the same for everything that happens in one step.

/** Microseconds since boot; a double holds them exactly for 285 years. Only the kernel's `advance` moves it. */
export interface Clock {
  readonly now: number;
}

export const MILLISECOND = 1_000;
export const SECOND = 1_000_000;
