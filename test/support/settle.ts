// SPDX-License-Identifier: ISC
//
// Lets userland on virtual time go on until it waits for time to pass.

/** Turns of the event loop after which nothing that a step has set off is left to do. */
const TURNS = 4;

/** Lets everything that waits for a promise or the event loop go on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve));
}
