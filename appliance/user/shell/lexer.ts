// SPDX-License-Identifier: ISC
//
// A command line's words and operators, as sh(1) quotes them: '…' as it is, "…" with \ before " \ and $, \ before one character.

export type Operator = '|' | '>' | '>>' | '<' | ';' | '&&' | '||';

/** A word without its quotes, or an operator; `start` and `end` are where it stands in the line. */
export interface Token {
  readonly kind: 'word' | 'operator';
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface Lexed {
  readonly tokens: readonly Token[];
  /** The quote that is still open at the end of the line. */
  readonly open?: string;
}

/** The line cannot be understood; the message says why. */
export class ShellSyntaxError extends Error {}

/** Longest first. */
const OPERATORS: readonly Operator[] = ['&&', '||', '>>', '|', '>', '<', ';'];

/** Splits a line. A comment (# at the start of a word) and what is behind it are left out. */
export function lex(line: string): Lexed {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (line[at] === ' ' || line[at] === '\t') at++;
    if (at >= line.length || line[at] === '#') return { tokens };
    const operator = OPERATORS.find((one) => line.startsWith(one, at));
    if (operator !== undefined) {
      tokens.push({ kind: 'operator', text: operator, start: at, end: at + operator.length });
      at += operator.length;
      continue;
    }
    const word = lexWord(line, at);
    tokens.push({ kind: 'word', text: word.text, start: at, end: word.end });
    if (word.open !== undefined) return { tokens, open: word.open };
    at = word.end;
  }
}

interface LexedWord {
  readonly text: string;
  readonly end: number;
  readonly open?: string;
}

function lexWord(line: string, start: number): LexedWord {
  let text = '';
  let at = start;
  while (at < line.length && !/[ \t|<>;&]/.test(line[at]!)) {
    const character = line[at]!;
    if (character === "'" || character === '"') {
      const quoted = lexQuoted(line, at);
      text += quoted.text;
      at = quoted.end;
      if (quoted.open !== undefined) return { text, end: at, open: quoted.open };
    } else if (character === '\\') {
      if (at + 1 === line.length) return { text, end: line.length, open: '\\' };
      text += line[at + 1];
      at += 2;
    } else {
      refuseSubstitution(line, at);
      text += character;
      at++;
    }
  }
  if (line[at] === '&' && line[at + 1] !== '&') {
    throw new ShellSyntaxError("'&': nothing runs in the background here; quote it if it is meant as it is");
  }
  return { text, end: at };
}

function lexQuoted(line: string, start: number): LexedWord {
  const quote = line[start]!;
  let text = '';
  for (let at = start + 1; at < line.length; at++) {
    if (line[at] === quote) return { text, end: at + 1 };
    if (quote === '"' && line[at] === '\\' && /["\\$]/.test(line[at + 1] ?? '')) at++;
    text += line[at];
  }
  return { text, end: line.length, open: quote };
}

function refuseSubstitution(line: string, at: number): void {
  if (line[at] === '`' || line.startsWith('$(', at)) {
    throw new ShellSyntaxError(`'${line[at]}': this shell does not put a command's output into a line`);
  }
}

/** The word as it must be written to be read as it is. */
export function quoteWord(word: string): string {
  if (word !== '' && !/[\s|<>;&'"\\#`$]/.test(word)) return word;
  return `'${word.replaceAll("'", "'\\''")}'`;
}
