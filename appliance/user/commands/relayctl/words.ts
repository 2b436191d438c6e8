// SPDX-License-Identifier: ISC
//
// The words of relayctl(8) (parser.c): a tree that arguments are followed through; any beginning of a word that fits no other will do.

import { Failure } from '../failure.ts';

export interface Word<Run> {
  /** What may follow; a name in angle brackets stands for any argument. */
  readonly next?: Readonly<Record<string, Word<Run>>>;
  /** Absent: something must follow. */
  readonly run?: Run;
}

/** Follows the arguments; throws Failure with the words that would have been right. */
export function resolveWords<Run>(root: Word<Run>, args: readonly string[]): { run: Run; argument: string } {
  let place = root;
  let argument = '';
  for (const arg of args) {
    const next = place.next ?? {};
    const names = Object.keys(next);
    const placeholder = names.find((name) => name.startsWith('<'));
    if (names.length === 0) throw new Failure(`superfluous argument: ${arg}`);
    if (placeholder !== undefined) {
      argument = arg;
      place = next[placeholder]!;
      continue;
    }
    const fitting = names.includes(arg) ? [arg] : names.filter((name) => name.startsWith(arg));
    if (fitting.length !== 1) {
      throw new Failure(
        `${fitting.length === 0 ? 'unknown' : 'ambiguous'} argument: ${arg}\n${valid(place)}`,
      );
    }
    place = next[fitting[0]!]!;
  }
  if (place.run === undefined) throw new Failure(`missing argument:\n${valid(place)}`);
  return { run: place.run, argument };
}

function valid<Run>(place: Word<Run>): string {
  return ['valid commands/args:', ...Object.keys(place.next ?? {}).map((name) => `  ${name}`)].join('\n');
}
