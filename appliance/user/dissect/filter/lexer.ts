// SPDX-License-Identifier: ISC
//
// Cuts the text of a capture filter into words and signs.

import { FilterError } from './expression.ts';

export interface Token {
  /** A word may be an address, so it holds colons, dots, slashes and dashes; `end` stands behind the last token. */
  readonly kind: 'word' | 'sign' | 'end';
  readonly text: string;
  readonly position: number;
  /** Written with a backslash: a name, never a keyword. */
  readonly escaped: boolean;
}

const SPACE = /\s+/y;
const SIGN = /&&|\|\||==|!=|<=|>=|[()[\]!&|+\-*/<>=:]/y;
const WORD = /(?:[A-Za-z0-9_]|::)[A-Za-z0-9_.:/-]*/y;
/** Between brackets a colon parts offset and size. */
const BRACKET_WORD = /[A-Za-z0-9_]+/y;

/** The tokens of a filter; the last one is of kind `end`. Throws FilterError at a character that belongs to none. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let brackets = 0;
  let position = skip(text, 0);
  while (position < text.length) {
    const token = wordAt(text, position, brackets > 0) ?? signAt(text, position);
    if (token === undefined) throw new FilterError(`illegal character '${text[position]!}'`, position);
    if (token.text === '[') brackets++;
    if (token.text === ']') brackets--;
    tokens.push(token);
    position = skip(text, position + token.text.length + (token.escaped ? 1 : 0));
  }
  tokens.push({ kind: 'end', text: '', position, escaped: false });
  return tokens;
}

function skip(text: string, position: number): number {
  return position + (match(SPACE, text, position)?.length ?? 0);
}

function wordAt(text: string, position: number, inBrackets: boolean): Token | undefined {
  const escaped = text[position] === '\\';
  const word = match(inBrackets ? BRACKET_WORD : WORD, text, escaped ? position + 1 : position);
  return word === undefined ? undefined : { kind: 'word', text: word, position, escaped };
}

function signAt(text: string, position: number): Token | undefined {
  const sign = match(SIGN, text, position);
  return sign === undefined ? undefined : { kind: 'sign', text: sign, position, escaped: false };
}

function match(pattern: RegExp, text: string, position: number): string | undefined {
  pattern.lastIndex = position;
  return pattern.exec(text)?.[0];
}
