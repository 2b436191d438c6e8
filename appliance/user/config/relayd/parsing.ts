// SPDX-License-Identifier: ISC
//
// What the parts of the parser share: the cursor, the facts of the machine, the configuration being read; and the small
// pieces of grammar that occur everywhere.

import { addressBits, INET, type Prefix } from '../../../abi/address.ts';
import { parseAddress } from '../../../abi/addressText.ts';
import { Abandoned, type Cursor } from '../pf/cursor.ts';
import type { Facts } from '../pf/facts.ts';
import type { Lexer } from '../pf/lexer.ts';
import type { FileText } from '../pf/parsing.ts';
import type { Globals, Place, PortSpec, Statement } from './syntax.ts';
import { SOFT_WORDS } from './words.ts';

export interface Parsing {
  readonly cursor: Cursor;
  readonly lexer: Lexer;
  readonly facts: Facts;
  readonly globals: Globals;
  readonly statements: Statement[];
  /** The text of a file; an empty one while it still has to be read, then the parse is done again. */
  readonly readFile: (path: string) => FileText;
}

/** Files that may include each other at once. */
const MAX_INCLUDES = 32;
const MAX_PORT = 65535;

export function placeOf(p: Parsing): Place {
  return { file: p.cursor.file, line: p.cursor.line };
}

/** Whether a name comes next: a string, or a word that only one of the languages reserves. */
export function atName(p: Parsing, what: string): boolean {
  if (p.cursor.atString(what)) return true;
  const token = p.cursor.peek();
  return token.kind === 'keyword' && SOFT_WORDS.has(token.text);
}

/** A string where nothing else can stand. 2008 has slashes within bare words (`text/html`). */
export function name(p: Parsing, what: string): string {
  const { cursor } = p;
  if (!atName(p, what)) cursor.syntaxError();
  let text = cursor.take().text;
  while (cursor.peek().kind === 'operator' && cursor.peek().text === '/') {
    cursor.take();
    text += `/${cursor.atNumber() ? cursor.take().text : cursor.string()}`;
  }
  return text;
}

/** A name of bounded length, for what the originals keep in a fixed array. */
export function boundedName(p: Parsing, what: string, limit: number): string {
  const text = name(p, what);
  if (text.length >= limit) p.cursor.fail(`${what} too long: ${text}`);
  return text;
}

/** Whether this word comes next, which no language reserves. */
export function atWord(p: Parsing, word: string): boolean {
  p.cursor.alsoFits([word]);
  const token = p.cursor.peek();
  return token.kind !== 'operator' && token.text === word;
}

export function acceptWord(p: Parsing, word: string): boolean {
  if (!atWord(p, word)) return false;
  p.cursor.take();
  return true;
}

/** A number within bounds; others are refused with `text: number`. */
export function bounded(p: Parsing, low: number, high: number, text: string): number {
  const value = p.cursor.number();
  if (value < low || value > high) p.cursor.fail(`${text}: ${value}`);
  return value;
}

/** `port http`, `port 80`, `port 80:90`; the word itself has been taken. */
export function portSpec(p: Parsing): PortSpec {
  const { cursor } = p;
  if (cursor.atNumber()) return { low: portNumber(p, cursor.take().text) };
  const text = name(p, 'port');
  const colon = text.indexOf(':');
  if (colon < 0) return { low: portNumber(p, text) };
  const range = { low: portNumber(p, text.slice(0, colon)), high: portNumber(p, text.slice(colon + 1)) };
  if (range.low > range.high) cursor.fail(`invalid port range: ${text}`);
  return range;
}

function portNumber(p: Parsing, text: string): number {
  const { tcp, udp } = p.facts.services;
  const port = /^-?\d+$/.test(text) ? Number(text) : (tcp.number(text) ?? udp.number(text));
  if (port === undefined || port < 1 || port > MAX_PORT) p.cursor.fail(`invalid port: ${text}`);
  return port;
}

/** `192.0.2.0/24`, or an address that stands for itself. */
export function prefix(p: Parsing): Prefix {
  const { cursor } = p;
  const text = cursor.string('address');
  const address = text === 'default' ? ({ family: INET, words: [0] } as const) : parseAddress(text);
  if (address === undefined) p.cursor.fail(`invalid address: ${text}`);
  const bits = addressBits(address.family);
  if (!cursor.acceptOperator('/')) return { ...address, length: text === 'default' ? 0 : bits };
  const length = bounded(p, 0, bits, 'invalid prefix length');
  return { ...address, length };
}

/** `include "file"`: the file is read from here on. */
export function include(p: Parsing): void {
  const file = p.cursor.string('file');
  const content = p.readFile(file);
  if ('error' in content) p.cursor.fail(`failed to include file ${file}: ${content.error}`);
  if (p.lexer.depth > MAX_INCLUDES) p.cursor.fail(`failed to include file ${file}: too many levels`);
  p.lexer.pushFile(content.text, file);
}

/** Runs `parse`; after an error the rest of the line is skipped. False after an error. */
export function attempt(p: Parsing, parse: () => void): boolean {
  try {
    parse();
    return true;
  } catch (error) {
    if (!(error instanceof Abandoned)) throw error;
    // The lexer has skipped the rest of a line that it could not read.
    if (p.cursor.peek().kind === 'error') p.cursor.take();
    else p.cursor.recover();
    return false;
  }
}

/**
 * `{`, options a line each, `}`; the grammar of the originals lets the second one stand behind the first. Every option that is wrong is
 * reported; false when there was one.
 */
export function block(p: Parsing, option: () => void): boolean {
  const { cursor } = p;
  let whole = true;
  let isFirst = true;
  cursor.requireOperator('{');
  cursor.skipNewlines();
  while (!cursor.acceptOperator('}')) {
    if (cursor.atEnd()) cursor.syntaxError();
    const read = attempt(p, () => {
      if (cursor.accept('include')) include(p);
      else option();
      if (!isFirst && !cursor.atNewline() && !cursor.atOperator('}')) cursor.syntaxError();
    });
    isFirst = false;
    whole &&= read;
    cursor.skipNewlines();
  }
  return whole;
}

/** Reports what a block lacks as a whole; true when it lacks nothing. */
export function complete(p: Parsing, ...problems: readonly (string | false)[]): boolean {
  const found = problems.filter((problem) => problem !== false);
  for (const problem of found) p.cursor.error(problem);
  return found.length === 0;
}

/** One option, or several in braces, with commas or line ends between them or nothing. */
export function bag<T>(p: Parsing, option: () => T): T[] {
  return p.cursor.listOf(option);
}
