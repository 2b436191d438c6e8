// SPDX-License-Identifier: ISC
//
// How a group of counters is declared: once, with the line that `netstat -s` prints for each.

/**
 * One counter: its name in the code and in `--json`, and its netstat(1) text. In the text `%d` is the number and `%s` is
 * the plural's `s` (`%es` for `es`, `%y` for `y`/`ies`).
 */
export type CounterDeclaration = readonly [name: string, text: string];

/** A group as `netstat -s` prints it: a heading and its counters in order. */
export interface CounterGroup {
  readonly heading: string;
  readonly counters: readonly CounterDeclaration[];
}

/** The place of a counter in its group; throws for a name that is not declared, at load time. */
export function counterIndex(group: CounterGroup, name: string): number {
  const index = group.counters.findIndex(([declared]) => declared === name);
  if (index < 0) throw new Error(`${group.heading} has no counter ${name}`);
  return index;
}
