// SPDX-License-Identifier: ISC
//
// Characters into tokens, as pf.conf(5) is lexed: joined lines, comments, quotes, macros whose text is read again,
// included files. The parser asks for one token at a time, so that a macro or an include works from the next one on.

import type { Diagnostics } from './diagnostics.ts';
import type { Traits } from './dialect.ts';

export type TokenKind = 'keyword' | 'string' | 'number' | 'operator' | 'newline' | 'end' | 'error';

export interface Token {
  readonly kind: TokenKind;
  /** The word, the digits, the operator; quotes are gone. */
  readonly text: string;
}

/** A text being read: a file, or the value of a macro. */
interface Source {
  readonly text: string;
  /** The name in messages; undefined for a macro and for a character put back. */
  readonly file: string | undefined;
  /** Text of a macro: a `$` in it is not expanded again. */
  readonly macro: boolean;
  position: number;
  line: number;
  endReported: boolean;
}

/** What the language decides of its words. */
export type LexicalTraits = Pick<Traits, 'reserved' | 'joinedOperators' | 'arrow' | 'quotedBlankEscape'>;

interface Macro {
  readonly value: string;
  /** Set on the command line: assignments in the file are ignored. */
  readonly fixed: boolean;
  used: boolean;
}

const END = -1;
const NEWLINE = 10;
const BACKSLASH = 92;
const MAX_TOKEN = 8096;

const NEWLINE_TOKEN: Token = { kind: 'newline', text: '\n' };
const END_TOKEN: Token = { kind: 'end', text: '' };
const ERROR_TOKEN: Token = { kind: 'error', text: '' };

const DIGIT = 1;
const WORD_START = 2;
const WORD_PART = 4;
const NUMBER_END = 8;
const MACRO_NAME = 16;

/** What a character may be part of, by code. */
const CLASS = new Uint8Array(128);
for (let code = 33; code < 127; code++) {
  const char = String.fromCharCode(code);
  const alphanumeric = /[A-Za-z0-9]/.test(char);
  if (/\d/.test(char)) CLASS[code]! |= DIGIT;
  if (alphanumeric || char === ':' || char === '_') CLASS[code]! |= WORD_START;
  if (!'(){}<>!=/#,'.includes(char)) CLASS[code]! |= WORD_PART;
  if (alphanumeric || char === '_') CLASS[code]! |= MACRO_NAME;
}
for (const char of '\t\n\v\f\r ),/}=') CLASS[char.charCodeAt(0)]! |= NUMBER_END;

export class Lexer {
  /** Line and file of the token read last: where errors are reported. */
  line = 1;
  file: string;
  private readonly sources: Source[];
  private readonly traits: LexicalTraits;
  private readonly diagnostics: Diagnostics;
  private readonly macros = new Map<string, Macro>();
  private readonly operators = new Map<string, Token>();
  private pushed = END;
  private hasPushed = false;

  constructor(text: string, file: string, traits: LexicalTraits, diagnostics: Diagnostics) {
    this.file = file;
    this.traits = traits;
    this.diagnostics = diagnostics;
    this.sources = [fileSource(text, file)];
  }

  /**
   * Reads `text` before what is left of the current file (`include`). It begins with a newline, which ends the
   * statement that named the file.
   */
  pushFile(text: string, file: string): void {
    this.sources.push({ ...fileSource(`\n${text}`, file), line: 0 });
  }

  /** How many files are being read. */
  get depth(): number {
    return this.sources.filter((source) => source.file !== undefined).length;
  }

  defineMacro(name: string, value: string, fixed = false): void {
    if (this.macros.get(name)?.fixed) return;
    this.macros.set(name, { value, fixed, used: false });
  }

  /** Names of macros that nothing referred to. */
  unusedMacros(): string[] {
    return [...this.macros].filter(([, macro]) => !macro.used).map(([name]) => name);
  }

  next(): Token {
    for (;;) {
      let char = this.read();
      while (char === 32 || char === 9) char = this.read();
      this.mark();
      if (char === 35) char = this.skipComment();
      if (char === 36 && !this.current.macro) {
        if (!this.expandMacro()) return ERROR_TOKEN;
        continue;
      }
      return this.token(char);
    }
  }

  private get current(): Source {
    return this.sources[this.sources.length - 1]!;
  }

  /** Notes the place of the token that begins here. */
  private mark(): void {
    let i = this.sources.length - 1;
    while (i > 0 && this.sources[i]!.file === undefined) i--;
    this.line = this.sources[i]!.line;
    this.file = this.sources[i]!.file!;
  }

  /** The next character; joined lines are one. Each file ends in a newline, whether it is written or not. */
  private read(): number {
    if (this.hasPushed) {
      this.hasPushed = false;
      return this.pushed;
    }
    for (;;) {
      const source = this.current;
      if (source.position < source.text.length) {
        const char = source.text.charCodeAt(source.position++);
        if (char !== BACKSLASH || source.file === undefined) return char;
        const escaped = source.text.charCodeAt(source.position++);
        if (escaped !== NEWLINE) return Number.isNaN(escaped) ? END : escaped;
        this.line = source.line++;
        continue;
      }
      if (source.file !== undefined && !source.endReported) {
        source.endReported = true;
        if (source.position === 0 || source.text.charCodeAt(source.position - 1) !== NEWLINE) return NEWLINE;
      }
      if (this.sources.length === 1) return END;
      this.sources.pop();
    }
  }

  /** A character inside quotes, where nothing is joined. END where the text ends. */
  private readQuoted(): number {
    if (this.hasPushed) return this.read();
    const source = this.current;
    if (source.position < source.text.length) return source.text.charCodeAt(source.position++);
    if (source.file !== undefined) return END;
    this.sources.pop();
    return this.readQuoted();
  }

  private unread(char: number): void {
    this.pushed = char;
    this.hasPushed = true;
  }

  private skipComment(): number {
    let char = this.read();
    while (char !== NEWLINE && char !== END) char = this.read();
    return char;
  }

  private expandMacro(): boolean {
    let name = '';
    let char = this.read();
    while (isClass(char, MACRO_NAME)) {
      name += String.fromCharCode(char);
      char = this.read();
    }
    if (name.length > MAX_TOKEN) return this.abandonLine('string too long');
    const macro = this.macros.get(name);
    this.unread(char);
    if (macro === undefined) return this.abandonLine(`macro '${name}' not defined`);
    macro.used = true;
    this.stepBack();
    this.sources.push(insertedSource(macro.value, true));
    return true;
  }

  /** Turns the pushed character into one not read yet, so that a macro's text can stand before it. */
  private stepBack(): void {
    this.hasPushed = false;
    if (this.pushed === END) return;
    this.sources.push(insertedSource(String.fromCharCode(this.pushed), false));
  }

  /** Reports an error and skips to the end of the line; what follows is an error token. */
  private abandonLine(text: string): false {
    this.diagnostics.error(this.file, this.line, text);
    while (this.current.file === undefined) this.sources.pop();
    let char = this.read();
    while (char !== NEWLINE && char !== END) char = this.read();
    if (char === NEWLINE) this.countLine();
    return false;
  }

  private countLine(): void {
    let i = this.sources.length - 1;
    while (this.sources[i]!.file === undefined) i--;
    this.sources[i]!.line++;
  }

  private token(char: number): Token {
    if (char === NEWLINE) {
      this.countLine();
      return NEWLINE_TOKEN;
    }
    if (char === END) return END_TOKEN;
    if (char === 34 || char === 39) return this.quoted(char);
    if (char === 45 || isClass(char, DIGIT)) return this.number(char);
    if (isClass(char, WORD_START)) return this.word(String.fromCharCode(char));
    return this.operator(String.fromCharCode(char));
  }

  private quoted(quote: number): Token {
    let text = '';
    for (;;) {
      let char = this.readQuoted();
      if (char === END) {
        this.diagnostics.error(this.file, this.line, 'reached end of file while parsing quoted string');
        return END_TOKEN;
      }
      if (char === quote) return { kind: 'string', text };
      if (char === NEWLINE) {
        this.countLine();
        continue;
      }
      if (char === BACKSLASH) {
        const next = this.readQuoted();
        if (next === quote || (this.traits.quotedBlankEscape && (next === 32 || next === 9))) char = next;
        else if (next === NEWLINE) {
          this.countLine();
          continue;
        } else if (next !== END) this.unread(next);
      } else if (char === 0) {
        this.abandonLine('syntax error');
        return ERROR_TOKEN;
      }
      if (text.length + 2 >= MAX_TOKEN) {
        this.abandonLine('string too long');
        return ERROR_TOKEN;
      }
      text += String.fromCharCode(char);
    }
  }

  /** Digits with an optional sign, if what follows may end a number; else the beginning of a word. */
  private number(first: number): Token {
    let text = String.fromCharCode(first);
    let char = this.read();
    if (first === 45) {
      if (this.traits.arrow && char === 62) return this.operatorToken('->');
      if (!isClass(char, DIGIT)) {
        this.unread(char);
        return this.operatorToken('-');
      }
    }
    while (isClass(char, DIGIT)) {
      text += String.fromCharCode(char);
      char = this.read();
    }
    if (char === END || isClass(char, NUMBER_END)) {
      this.unread(char);
      return { kind: 'number', text };
    }
    if (first !== 45) return this.word(text, char);
    return this.signBeforeWord(text, char);
  }

  /** `-5x`: the sign is an operator, `5x` is read again. */
  private signBeforeWord(text: string, char: number): Token {
    this.unread(char);
    this.stepBack();
    this.sources.push(insertedSource(text.slice(1), false));
    return this.operatorToken('-');
  }

  private word(start: string, following = this.read()): Token {
    let text = start;
    let char = following;
    while (isClass(char, WORD_PART)) {
      text += String.fromCharCode(char) + this.readRun();
      char = this.read();
    }
    this.unread(char);
    if (text.length >= MAX_TOKEN) {
      this.abandonLine('string too long');
      return ERROR_TOKEN;
    }
    return { kind: this.traits.reserved.has(text) ? 'keyword' : 'string', text };
  }

  /** As many characters of a word as lie together in the source. */
  private readRun(): string {
    const source = this.current;
    const start = source.position;
    let end = start;
    while (isClass(source.text.charCodeAt(end), WORD_PART) && source.text.charCodeAt(end) !== BACKSLASH)
      end++;
    source.position = end;
    return source.text.slice(start, end);
  }

  private operator(first: string): Token {
    if (first !== '<' && first !== '>' && first !== '!') return this.operatorToken(first);
    const char = this.read();
    const pair = first + String.fromCharCode(char);
    if (pair === '<>' || pair === '><') return this.operatorToken(pair);
    if (this.traits.joinedOperators && char === 61) return this.operatorToken(pair);
    this.unread(char);
    return this.operatorToken(first);
  }

  private operatorToken(text: string): Token {
    let token = this.operators.get(text);
    if (token === undefined) {
      token = { kind: 'operator', text };
      this.operators.set(text, token);
    }
    return token;
  }
}

function fileSource(text: string, file: string): Source {
  return { text, file, macro: false, position: 0, line: 1, endReported: false };
}

function insertedSource(text: string, macro: boolean): Source {
  return { text, file: undefined, macro, position: 0, line: 0, endReported: true };
}

function isClass(char: number, mask: number): boolean {
  return char >= 0 && char < 128 && (CLASS[char]! & mask) !== 0;
}
