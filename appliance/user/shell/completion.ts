// SPDX-License-Identifier: ISC
//
// Completion: what may stand at the cursor, by the commands' own usage lines and by what the machine has just now.

import type { Described, WordTree } from '../commands/command.ts';
import { lex, quoteWord, type Token } from './lexer.ts';
import { type Argument, parseSynopsis } from './synopsis.ts';

export interface Candidate {
  readonly text: string;
  /** What it is, in a few words. */
  readonly hint?: string;
}

export interface Completion {
  /** Where in the line the candidates begin. */
  readonly from: number;
  readonly candidates: readonly Candidate[];
  /** What is expected there, where there is a name for it: `file`, `interface`, `count`. */
  readonly expected: readonly string[];
}

/** What the machine knows for completion. */
export interface Surroundings {
  /** Names of what may be run. */
  readonly commands: readonly string[];
  describe(name: string): Promise<Described | undefined>;
  /** Names of a kind (`interface`, `table`, `anchor`, `host`) that there are now; undefined for a kind without names. */
  names(kind: string): Promise<readonly string[] | undefined>;
  /** Names in a directory, with a slash behind those of directories. */
  list(directory: string): Promise<readonly string[]>;
}

/** What may stand at the cursor. Nothing for a line that cannot be understood. */
export async function complete(line: string, cursor: number, around: Surroundings): Promise<Completion> {
  const { tokens } = lex(line.slice(0, cursor));
  const last = tokens.at(-1);
  const isWord = last?.kind === 'word' && last.end === cursor;
  const word = isWord ? last.text : '';
  const from = isWord ? last.start : cursor;
  const before = isWord ? tokens.slice(0, -1) : tokens;
  const { candidates, expected } = await at(before, word, around);
  const fitting = candidates.filter(({ text }) => text.startsWith(word));
  const written = fitting.map((one) => ({ ...one, text: quoteWord(one.text) }));
  return { from, candidates: written, expected };
}

interface Choice {
  readonly candidates: readonly Candidate[];
  readonly expected: readonly string[];
}

const NOTHING: Choice = { candidates: [], expected: [] };

async function at(before: readonly Token[], word: string, around: Surroundings): Promise<Choice> {
  const operator = before.map((token) => token.kind).lastIndexOf('operator');
  const behind = before[operator]?.text;
  const words = before.slice(operator + 1).map((token) => token.text);
  if ((behind === '>' || behind === '>>' || behind === '<') && words.length === 0) {
    return { candidates: await filesAt(word, around), expected: ['file'] };
  }
  const [name, ...args] = words;
  return name === undefined ? commandsAt(word, around) : argumentAt(name, args, word, around);
}

async function commandsAt(word: string, around: Surroundings): Promise<Choice> {
  const fitting = around.commands.filter((name) => name.startsWith(word));
  const candidates = await Promise.all(
    fitting.map(async (text) => ({ text, hint: (await around.describe(text))?.summary })),
  );
  return { candidates, expected: ['command'] };
}

async function argumentAt(
  name: string,
  args: readonly string[],
  word: string,
  around: Surroundings,
): Promise<Choice> {
  const described = await around.describe(name);
  if (described === undefined) return NOTHING;
  const { options, operands } = parseSynopsis(described.synopsis);
  const { pending, count } = follow(args, options);
  if (pending !== undefined) return argument(options.get(pending)!, pending, described, word, around);
  if (word.startsWith('-')) return optionsAt(options);
  const plain = args.filter((arg) => !arg.startsWith('-'));
  if (described.words !== undefined) return inTree(described.words, plain, around);
  const operand = operands[Math.min(count, operands.length - 1)];
  if (operand === undefined) return optionsAt(options);
  return argument(operand, '', described, word, around);
}

/** Walks over the arguments: which option waits for its value at the end, and how many operands there were. */
function follow(
  args: readonly string[],
  options: ReadonlyMap<string, Argument | undefined>,
): { readonly pending: string | undefined; readonly count: number } {
  let pending: string | undefined;
  let count = 0;
  for (const arg of args) {
    if (pending !== undefined) pending = undefined;
    else if (arg.startsWith('-')) {
      const option = options.has(arg) ? arg : `-${arg.at(-1)}`;
      if (options.get(option) !== undefined) pending = option;
    } else count++;
  }
  return { pending, count };
}

function optionsAt(options: ReadonlyMap<string, Argument | undefined>): Choice {
  const candidates = [...options].map(([text, takes]) => {
    const hint = takes && [...takes.words, ...takes.placeholders].join(' | ');
    return hint ? { text, hint } : { text };
  });
  return { candidates, expected: ['option'] };
}

/** Values of an option, or of an operand (`option` is empty). */
async function argument(
  { words, placeholders }: Argument,
  option: string,
  described: Described,
  word: string,
  around: Surroundings,
): Promise<Choice> {
  const candidates: Candidate[] = words.map((text) => ({ text }));
  const listed = described.values?.[option];
  if (listed !== undefined) return { candidates: listed.map((text) => ({ text })), expected: placeholders };
  for (const kind of placeholders) {
    const values = described.values?.[kind] ?? (await around.names(kind));
    if (values !== undefined) candidates.push(...values.map((text) => ({ text, hint: kind })));
    else if (/^(file|path|directory)$/.test(kind)) candidates.push(...(await filesAt(word, around)));
  }
  return { candidates, expected: placeholders };
}

/** Words that follow one another. */
async function inTree(tree: WordTree, words: readonly string[], around: Surroundings): Promise<Choice> {
  let place: WordTree | undefined = tree;
  for (const word of words) {
    const next: NonNullable<WordTree['next']> = place?.next ?? {};
    const names = Object.keys(next);
    const found = names.find((name) => name === word || name.startsWith('<'));
    const fitting = names.filter((name) => name.startsWith(word));
    place = next[found ?? (fitting.length === 1 ? fitting[0]! : '')];
  }
  const candidates: Candidate[] = [];
  const expected: string[] = [];
  for (const name of Object.keys(place?.next ?? {})) {
    const kind = /^<(.*)>$/.exec(name)?.[1];
    if (kind === undefined) candidates.push({ text: name });
    else {
      expected.push(kind);
      for (const text of (await around.names(kind)) ?? []) candidates.push({ text, hint: kind });
    }
  }
  return { candidates, expected };
}

/** Files whose path begins as the word does. */
async function filesAt(word: string, around: Surroundings): Promise<readonly Candidate[]> {
  const slash = word.lastIndexOf('/') + 1;
  const directory = word.slice(0, slash);
  return (await around.list(directory === '' ? '.' : directory)).map((name) => ({ text: directory + name }));
}
