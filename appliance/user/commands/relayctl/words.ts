// SPDX-License-Identifier: ISC
//
// The words of relayctl(8): a tree, where any prefix will do that fits one word only.

import type { RelaydControl } from '../../relayd/control.ts';
import type { CommandContext } from '../command.ts';

export interface ActionRequest {
  readonly relayd: RelaydControl;
  /** What stood for the placeholder; empty where there is none. */
  readonly argument: string;
  readonly options: { readonly json: boolean; readonly wait: boolean; readonly verbose: boolean };
  readonly context: CommandContext;
}

/** Resolves to the exit status. */
export type Action = (request: ActionRequest) => Promise<number>;

export interface Word {
  readonly action?: Action;
  /** What may follow: words, or one placeholder in angle brackets. */
  readonly next?: Readonly<Record<string, Word>>;
}

/** A call that there is not; the message is to be printed as it is. */
export class WordsError extends Error {}

/** Follows the words through the tree. */
export function parseWords(
  tree: Word,
  words: readonly string[],
): { readonly action: Action; readonly argument: string } {
  let place = tree;
  let argument = '';
  for (const word of words) {
    const { next } = place;
    if (next === undefined) throw new WordsError(`superfluous argument: ${word}\n`);
    const found = findWord(next, word);
    if (found.startsWith('<')) argument = word;
    place = next[found]!;
  }
  if (place.action === undefined) throw new WordsError(`missing argument:\n${validWords(place.next ?? {})}`);
  return { action: place.action, argument };
}

function findWord(next: Readonly<Record<string, Word>>, word: string): string {
  const names = Object.keys(next);
  if (names[0]!.startsWith('<')) return names[0]!;
  if (names.includes(word)) return word;
  const fitting = names.filter((name) => name.startsWith(word));
  if (fitting.length === 1) return fitting[0]!;
  const problem = fitting.length === 0 ? 'unknown' : 'ambiguous';
  throw new WordsError(`${problem} argument: ${word}\n${validWords(next)}`);
}

function validWords(next: Readonly<Record<string, Word>>): string {
  return `valid commands/args:\n${Object.keys(next)
    .map((name) => `  ${name}\n`)
    .join('')}`;
}
