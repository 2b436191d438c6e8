// SPDX-License-Identifier: ISC
//
// Editing of one line with the keys of ksh(1)'s emacs mode, as a pure machine: a state and a key give the next state.

import type { Key } from './keys.ts';

export interface LineState {
  readonly text: string;
  readonly cursor: number;
  /** What C-k, C-u or C-w took away last. */
  readonly killed: string;
}

export const EMPTY_LINE: LineState = { text: '', cursor: 0, killed: '' };

/** A line with the cursor at its end. */
export function lineOf(text: string, killed = ''): LineState {
  return { text, cursor: text.length, killed };
}

type Step = (line: LineState) => LineState;

const move =
  (to: (line: LineState) => number): Step =>
  (line) => ({ ...line, cursor: Math.max(0, Math.min(line.text.length, to(line))) });

/** Takes away what is between the cursor and `to`, to be put back by C-y. */
const kill =
  (to: (line: LineState) => number): Step =>
  (line) => ({ ...cut(line, to(line)), killed: between(line, to(line)) });

const KEYS: Readonly<Record<string, Step>> = {
  left: move(({ cursor }) => cursor - 1),
  'C-b': move(({ cursor }) => cursor - 1),
  right: move(({ cursor }) => cursor + 1),
  'C-f': move(({ cursor }) => cursor + 1),
  home: move(() => 0),
  'C-a': move(() => 0),
  end: move(({ text }) => text.length),
  'C-e': move(({ text }) => text.length),
  'M-b': move(wordBefore),
  'C-left': move(wordBefore),
  'M-f': move(wordBehind),
  'C-right': move(wordBehind),
  backspace: (line) => cut(line, line.cursor - 1),
  delete: (line) => cut(line, line.cursor + 1),
  'C-d': (line) => cut(line, line.cursor + 1),
  'C-k': kill(({ text }) => text.length),
  'C-u': kill(() => 0),
  'C-w': kill(spaceBefore),
  'M-backspace': kill(wordBefore),
  'M-d': kill(wordBehind),
  'C-y': (line) => insert(line, line.killed),
  'C-t': exchange,
};

/** The line after a key; undefined when the key has no meaning in a line. */
export function editLine(line: LineState, key: Key): LineState | undefined {
  const step = Object.hasOwn(KEYS, key.name) ? KEYS[key.name] : undefined;
  if (step !== undefined && key.character === undefined) return step(line);
  return key.character === undefined ? undefined : insert(line, key.character);
}

/** Puts text in at the cursor, which stands behind it then. */
export function insert(line: LineState, text: string): LineState {
  const { cursor } = line;
  return {
    ...line,
    text: line.text.slice(0, cursor) + text + line.text.slice(cursor),
    cursor: cursor + text.length,
  };
}

function between({ text, cursor }: LineState, to: number): string {
  return text.slice(Math.min(cursor, to), Math.max(cursor, to));
}

function cut(line: LineState, to: number): LineState {
  const { text, cursor } = line;
  const first = Math.max(0, Math.min(cursor, to));
  return { ...line, text: text.slice(0, first) + text.slice(Math.max(cursor, to)), cursor: first };
}

function exchange(line: LineState): LineState {
  const { text, cursor } = line;
  if (cursor === 0 || text.length < 2) return line;
  const at = Math.min(cursor, text.length - 1);
  return {
    ...line,
    text: text.slice(0, at - 1) + text[at] + text[at - 1] + text.slice(at + 1),
    cursor: at + 1,
  };
}

function wordBefore({ text, cursor }: LineState): number {
  return text.slice(0, cursor).search(/\w+\W*$|\W+$/);
}

function wordBehind({ text, cursor }: LineState): number {
  return cursor + /^\W*\w*/.exec(text.slice(cursor))![0].length;
}

function spaceBefore({ text, cursor }: LineState): number {
  return Math.max(0, text.slice(0, cursor).search(/\S+\s*$/));
}
