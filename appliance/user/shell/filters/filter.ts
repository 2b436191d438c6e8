// SPDX-License-Identifier: ISC
//
// What a filter is: a program of the shell's own that takes text line by line, from a pipe or from files, and passes some of it on.

import type { Described } from '../../commands/command.ts';

export interface FilterIo {
  /** A line of output. */
  readonly out: (line: string) => void;
  /** No more input is wanted: whoever makes it is ended. */
  readonly stop: () => void;
  /** Shows a text page by page; absent where the terminal cannot. */
  readonly page?: (text: string) => Promise<void>;
}

/** A filter at work. */
export interface OpenFilter {
  /** A line of input; `file` is where it is from, when it is from one of several files. */
  line(text: string, file?: string): void;
  /** The end of the input; the exit status. */
  end(): number | Promise<number>;
}

export interface Filter extends Described {
  /** Throws FilterUsage for arguments that it does not have. */
  open(
    args: readonly string[],
    io: FilterIo,
  ): { readonly files: readonly string[]; readonly filter: OpenFilter };
}

/** A filter was called in a way that it does not have. */
export class FilterUsage extends Error {}

export interface Options {
  readonly switches: ReadonlySet<string>;
  readonly values: ReadonlyMap<string, string>;
  readonly operands: readonly string[];
}

/** Options as getopt(3) reads them: letters without a value, letters with one; `-5` is `-n 5` where `n` has a value. */
export function getopt(args: readonly string[], letters: string, valued: string): Options {
  const switches = new Set<string>();
  const values = new Map<string, string>();
  let at = 0;
  while (at < args.length && /^-./.test(args[at]!)) {
    const word = args[at++]!;
    if (word === '--') break;
    if (valued.includes('n') && /^-\d+$/.test(word)) {
      values.set('n', word.slice(1));
      continue;
    }
    for (let i = 1; i < word.length; i++) {
      const letter = word[i]!;
      if (letters.includes(letter)) switches.add(letter);
      else if (valued.includes(letter)) {
        const value = word.slice(i + 1) || args[at++];
        if (value === undefined) throw new FilterUsage(`option requires an argument -- ${letter}`);
        values.set(letter, value);
        break;
      } else throw new FilterUsage(`unknown option -- ${letter}`);
    }
  }
  return { switches, values, operands: args.slice(at) };
}

/** The value of an option as a number of lines. */
export function countOf(options: Options, letter: string, otherwise: number): number {
  const text = options.values.get(letter);
  if (text === undefined) return otherwise;
  if (!/^\d{1,9}$/.test(text)) throw new FilterUsage(`${text}: not a number of lines`);
  return Number(text);
}
