// SPDX-License-Identifier: ISC
//
// relayd.conf as tokens: words, strings, marks and line ends. Macros and includes are replaced here; comments and joined lines are gone.

import { ConfigError } from '../lines.ts';

export type TokenKind = 'word' | 'string' | 'mark' | 'newline' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly file: string;
  readonly line: number;
}

/** What surrounds the text of a file. */
export interface Surroundings {
  /** Macros of the command line; a definition in the file does not change them. */
  readonly macros?: ReadonlyMap<string, string>;
  /** Text of an included file; undefined when there is none. */
  readonly include?: (path: string) => string | undefined;
}

/** One character each. A slash is a mark only between an address and a length, which is read as one word. */
const MARKS = '{}<>=,()!';
const MAXIMUM_TOKEN = 8096;
const MAXIMUM_DEPTH = 16;

/** Tokens of the text, always with a line end and 'end' at the end; what cannot be read is added to `errors` and left out. */
export function tokenize(
  text: string,
  file: string,
  errors: ConfigError[],
  around: Surroundings = {},
): Token[] {
  const macros = new Map(around.macros);
  return new Lexer(text, file, errors, { ...around, macros }, new Set(macros.keys()), 0).all();
}

class Lexer {
  private readonly text: string;
  private readonly file: string;
  private readonly errors: ConfigError[];
  private readonly around: Surroundings & { readonly macros: Map<string, string> };
  /** Names that the command line gave. */
  private readonly fixed: ReadonlySet<string>;
  private readonly depth: number;
  private readonly tokens: Token[] = [];
  private braces = 0;
  private at = 0;
  private line = 1;

  constructor(
    text: string,
    file: string,
    errors: ConfigError[],
    around: Surroundings & { readonly macros: Map<string, string> },
    fixed: ReadonlySet<string>,
    depth: number,
  ) {
    this.text = text;
    this.file = file;
    this.errors = errors;
    this.around = around;
    this.fixed = fixed;
    this.depth = depth;
  }

  all(): Token[] {
    while (this.at < this.text.length) this.next();
    this.push('newline', '\n');
    this.endOfLine();
    this.push('end', '');
    return this.tokens;
  }

  private error(reason: string, line = this.line): void {
    this.errors.push(new ConfigError(this.file, line, reason));
  }

  private push(kind: TokenKind, text: string): void {
    if (text.length > MAXIMUM_TOKEN) this.error('string too long');
    else this.tokens.push({ kind, text, file: this.file, line: this.line });
  }

  private next(): void {
    const character = this.text[this.at]!;
    if (character === '\n') {
      this.push('newline', '\n');
      this.at++;
      this.line++;
      this.endOfLine();
    } else if (/[ \t\r]/.test(character)) {
      this.at++;
    } else if (character === '\\' && this.text[this.at + 1] === '\n') {
      this.at += 2;
      this.line++;
    } else if (character === '#') {
      this.comment();
    } else if (character === '"' || character === "'") {
      this.quoted(character);
    } else if (character === '$') {
      this.macro();
    } else if (MARKS.includes(character)) {
      this.mark(character);
    } else {
      this.word();
    }
  }

  private mark(character: string): void {
    if (character === '{') this.braces++;
    if (character === '}') this.braces--;
    this.push('mark', character);
    this.at++;
  }

  /** To the end of the line, which a backslash moves on. */
  private comment(): void {
    while (this.at < this.text.length && this.text[this.at] !== '\n') {
      if (this.text[this.at] === '\\' && this.text[this.at + 1] === '\n') {
        this.at++;
        this.line++;
      }
      this.at++;
    }
  }

  private quoted(quote: string): void {
    const began = this.line;
    const pieces: string[] = [];
    for (this.at++; this.text[this.at] !== quote; this.at++) {
      const character = this.text[this.at];
      if (character === undefined)
        return this.error('reached end of file while parsing quoted string', began);
      const following = this.text[this.at + 1];
      if (character === '\n') {
        this.line++;
      } else if (character === '\\' && following === '\n') {
        this.at++;
        this.line++;
      } else if (character === '\\' && (following === quote || following === ' ' || following === '\t')) {
        this.at++;
        pieces.push(following);
      } else {
        pieces.push(character);
      }
    }
    this.at++;
    const value = pieces.join('');
    if (value.includes('\0')) this.error('syntax error: a string holds a NUL');
    else this.push('string', value);
  }

  /** The value is read as tokens; a `$` in it stays what it is, macros are not recursive. */
  private macro(): void {
    const name = /^[A-Za-z0-9_]*/.exec(this.text.slice(this.at + 1, this.at + 256))![0];
    this.at += 1 + name.length;
    const value = this.around.macros.get(name);
    if (value === undefined) {
      this.error(`macro '${name}' not defined`);
      this.push('string', '');
      return;
    }
    const inner = new Lexer(value, this.file, this.errors, { macros: new Map() }, this.fixed, this.depth);
    for (const token of inner.all()) {
      if (token.kind !== 'newline' && token.kind !== 'end') this.push(token.kind, token.text);
    }
  }

  private word(): void {
    const start = this.at;
    do this.at++;
    while (this.at < this.text.length && !/[\s"'{}<>=,()!#]/.test(this.text[this.at]!));
    const text = this.text.slice(start, this.at);
    if (text.startsWith('/')) this.error(`syntax error: '${text}' needs quotes`);
    this.push(text.startsWith('/') ? 'string' : 'word', text);
  }

  /** A line that has just ended may have been `name = "value"` or `include "file"`; then its tokens give way to their meaning. */
  private endOfLine(): void {
    let start = this.tokens.length - 1;
    while (start > 0 && this.tokens[start - 1]!.kind !== 'newline') start--;
    const [first, second, third, end] = this.tokens.slice(start);
    const length = this.tokens.length - start;
    if (length === 4 && this.braces === 0 && second?.text === '=' && second.kind === 'mark') {
      if (end?.kind === 'newline') this.define(first!, third!);
      this.tokens.splice(start, 3);
    } else if (length === 3 && first!.kind === 'word' && first!.text === 'include') {
      this.tokens.splice(start, 2, ...this.included(second!));
    }
  }

  private define(name: Token, value: Token): void {
    const isText = value.kind === 'string' || (value.kind === 'word' && !/^-?\d+$/.test(value.text));
    if (/\s/.test(name.text)) this.error('macro name cannot contain whitespace', name.line);
    else if (!isText) this.error('syntax error: the value of a macro is a string', name.line);
    else if (!this.fixed.has(name.text)) this.around.macros.set(name.text, value.text);
  }

  private included({ text: path, line }: Token): Token[] {
    const text = this.depth < MAXIMUM_DEPTH ? this.around.include?.(path) : undefined;
    if (text === undefined) {
      this.error(`failed to include file ${path}`, line);
      return [];
    }
    const inner = new Lexer(text, path, this.errors, this.around, this.fixed, this.depth + 1);
    inner.braces = this.braces;
    return inner.all().slice(0, -1);
  }
}
