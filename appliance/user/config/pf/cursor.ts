// SPDX-License-Identifier: ISC
//
// The parser's place in the token stream, with one record of what could stand there: it makes the error message now
// and the completion of an editor. After an error the rest of the line is skipped; an error within the first tokens of
// the next statement is not reported, as with the originals' parser generator.

import type { Diagnostic, Diagnostics } from './diagnostics.ts';
import type { Lexer, Token } from './lexer.ts';

/** Thrown when a statement is given up; what is wrong has been reported. */
export class Abandoned extends Error {}

/** Lists within lists; what is deeper was not meant. */
const MAXIMUM_BRACES = 64;

/** Tokens that must be taken after an error before the next syntax error is reported. */
const QUIET_TOKENS = 3;

export class Cursor {
  /** Lists within lists at hand. */
  private braces = 0;
  private readonly lexer: Lexer;
  private readonly diagnostics: Diagnostics;
  private lookahead: Token | undefined;
  private expected: string[] = [];
  private quiet = 0;

  constructor(lexer: Lexer, diagnostics: Diagnostics) {
    this.lexer = lexer;
    this.diagnostics = diagnostics;
  }

  get line(): number {
    return this.lexer.line;
  }

  get file(): string {
    return this.lexer.file;
  }

  peek(): Token {
    this.lookahead ??= this.lexer.next();
    return this.lookahead;
  }

  take(): Token {
    const token = this.peek();
    this.lookahead = undefined;
    if (this.quiet > 0) this.quiet--;
    this.expected.length = 0;
    return token;
  }

  /** Whether this keyword comes next. */
  at(word: string): boolean {
    const token = this.peek();
    if (token.kind === 'keyword' && token.text === word) return true;
    this.expected.push(word);
    return false;
  }

  atOperator(text: string): boolean {
    const token = this.peek();
    if (token.kind === 'operator' && token.text === text) return true;
    this.expected.push(text);
    return false;
  }

  atString(what = 'name'): boolean {
    if (this.peek().kind === 'string') return true;
    this.expected.push(what);
    return false;
  }

  atNumber(): boolean {
    if (this.peek().kind === 'number') return true;
    this.expected.push('number');
    return false;
  }

  atNewline(): boolean {
    if (this.peek().kind === 'newline') return true;
    this.expected.push('newline');
    return false;
  }

  atEnd(): boolean {
    return this.peek().kind === 'end';
  }

  accept(word: string): boolean {
    if (!this.at(word)) return false;
    this.take();
    return true;
  }

  acceptOperator(text: string): boolean {
    if (!this.atOperator(text)) return false;
    this.take();
    return true;
  }

  require(word: string): void {
    if (!this.accept(word)) this.syntaxError();
  }

  requireOperator(text: string): void {
    if (!this.acceptOperator(text)) this.syntaxError();
  }

  /** Takes this word, which means something here and is no keyword. */
  acceptWord(text: string): boolean {
    if (!this.atString(text) || this.peek().text !== text) return false;
    this.take();
    return true;
  }

  requireWord(text: string): void {
    if (!this.acceptWord(text)) this.syntaxError();
  }

  /** A word that is no keyword, or anything quoted. */
  string(what?: string): string {
    if (!this.atString(what)) this.syntaxError();
    return this.take().text;
  }

  /** One or more strings, joined with blanks. */
  strings(): string {
    let text = this.string();
    while (this.atString()) text += ` ${this.take().text}`;
    return text;
  }

  number(): number {
    if (!this.atNumber()) this.syntaxError();
    return Number(this.take().text);
  }

  /** A number of decimal digits, or a word that strtoul(3) reads whole (`0x10`). */
  numberOrHex(): number {
    if (this.atNumber()) return Number(this.take().text);
    const text = this.string('number');
    const value = parseUnsigned(text);
    if (value === undefined) this.fail(`${text} is not a number`);
    return value;
  }

  /** Newlines, where a list may be broken. */
  skipNewlines(): void {
    while (this.atNewline()) this.take();
  }

  /** Items with optional commas up to the closing brace; the opening one has been taken. */
  braced<T>(item: () => T): T[] {
    if (this.braces >= MAXIMUM_BRACES) this.fail('braces too deep');
    this.braces++;
    try {
      this.skipNewlines();
      const items = [item()];
      this.skipNewlines();
      while (!this.acceptOperator('}')) {
        if (this.acceptOperator(',')) this.skipNewlines();
        items.push(item());
        this.skipNewlines();
      }
      return items;
    } finally {
      this.braces--;
    }
  }

  /** One item, or a list of them in braces. */
  listOf<T>(item: () => T): T[] {
    return this.acceptOperator('{') ? this.braced(item) : [item()];
  }

  /** Items with optional commas up to the closing parenthesis; the opening one has been taken. */
  parenthesized<T>(item: () => T): T[] {
    const items = [item()];
    while (!this.acceptOperator(')')) {
      this.acceptOperator(',');
      items.push(item());
    }
    return items;
  }

  /** Tells of words that were asked for in another way. */
  alsoFits(words: Iterable<string>): void {
    for (const word of words) this.expected.push(word);
  }

  /** What could stand where the parser is now. */
  expectations(): readonly string[] {
    return [...new Set(this.expected)];
  }

  /** Reports the token that comes next as unfit, or one before it, and gives up the statement. */
  syntaxError(syntax: Pick<Diagnostic, 'expected' | 'found'> = this.whatIsNext()): never {
    this.peek();
    if (this.quiet === 0) {
      this.diagnostics.error(this.file, this.line, 'syntax error', syntax);
    } else {
      this.diagnostics.errors++;
    }
    throw new Abandoned();
  }

  private whatIsNext(): Pick<Diagnostic, 'expected' | 'found'> {
    const { kind, text } = this.peek();
    const isWord = kind !== 'newline' && text !== '';
    return { expected: this.expectations(), ...(isWord && { found: text }) };
  }

  /** Reports an error of meaning and gives up the statement. */
  fail(text: string): never {
    this.error(text);
    throw new Abandoned();
  }

  /** Reports an error of meaning; the statement goes on. */
  error(text: string): void {
    this.diagnostics.error(this.file, this.line, text);
  }

  /** Gives up the statement after errors that have been reported. */
  abandon(): never {
    throw new Abandoned();
  }

  /** Skips what is left of a statement that was given up. */
  recover(): void {
    while (!this.atNewline() && !this.atEnd()) this.lookahead = undefined;
    this.expected.length = 0;
    this.quiet = QUIET_TOKENS;
  }
}

/** strtoul(3) with base 0 over the whole word: decimal, 0x hexadecimal, 0 octal. */
export function parseUnsigned(text: string): number | undefined {
  if (/^0[xX][0-9a-fA-F]+$/.test(text)) return Number.parseInt(text.slice(2), 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}
