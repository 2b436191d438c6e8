// SPDX-License-Identifier: ISC
//
// relayd.conf as tokens: words, strings, marks and line ends; macros are replaced here, comments and joined lines are gone.

import { ConfigError } from '../lines.ts';

export type TokenKind = 'word' | 'string' | 'mark' | 'newline' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly line: number;
}

/** One character each. A slash is a mark only between an address and a length, which the grammar asks for as one word. */
const MARKS = '{}<>=,()!';
const MAXIMUM_TOKEN = 8096;

/** Tokens of the text; `macros` are those of the command line. Throws ConfigError where no token can be made. */
export function tokenize(
  text: string,
  file: string,
  macros: ReadonlyMap<string, string> = new Map(),
): Token[] {
  return new Lexer(text, file, macros).all();
}

class Lexer {
  private readonly text: string;
  private readonly file: string;
  private readonly macros: Map<string, string>;
  private readonly fixed: ReadonlySet<string>;
  private readonly tokens: Token[] = [];
  private at = 0;
  private line = 1;

  constructor(text: string, file: string, macros: ReadonlyMap<string, string>) {
    this.text = text;
    this.file = file;
    this.macros = new Map(macros);
    this.fixed = new Set(macros.keys());
  }

  all(): Token[] {
    while (this.at < this.text.length) this.next();
    this.push('newline', '\n');
    this.push('end', '');
    return this.tokens;
  }

  private push(kind: TokenKind, text: string): void {
    if (text.length > MAXIMUM_TOKEN) throw new ConfigError(this.file, this.line, 'string too long');
    this.tokens.push({ kind, text, line: this.line });
  }

  private next(): void {
    const character = this.text[this.at]!;
    if (character === '\n') {
      this.push('newline', '\n');
      this.at++;
      this.line++;
      this.takeMacro();
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
      this.push('mark', character);
      this.at++;
    } else {
      this.word();
    }
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
    let value = '';
    for (this.at++; ; this.at++) {
      const character = this.text[this.at];
      if (character === undefined) {
        throw new ConfigError(this.file, this.line, 'reached end of file while parsing quoted string');
      }
      if (character === quote) break;
      if (character === '\n') {
        this.line++;
        continue;
      }
      const following = this.text[this.at + 1];
      if (
        character === '\\' &&
        following !== undefined &&
        (following === quote || /[ \t\n]/.test(following))
      ) {
        this.at++;
        if (following === '\n') this.line++;
        else value += following;
        continue;
      }
      value += character;
    }
    this.at++;
    this.push('string', value);
  }

  private macro(): void {
    const [, name = ''] = /^\$([A-Za-z0-9_]*)/.exec(this.text.slice(this.at, this.at + 256)) ?? [];
    const value = this.macros.get(name);
    if (value === undefined) throw new ConfigError(this.file, this.line, `macro '${name}' not defined`);
    this.at += 1 + name.length;
    for (const token of tokenize(value, this.file)) {
      if (token.kind !== 'newline' && token.kind !== 'end') this.push(token.kind, token.text);
    }
  }

  private word(): void {
    const start = this.at;
    while (this.at < this.text.length && !/[\s"'{}<>=,()!#]/.test(this.text[this.at]!)) this.at++;
    this.push('word', this.text.slice(start, this.at));
  }

  /** A line that has just ended as `name = "value"` defines a macro and is gone. */
  private takeMacro(): void {
    let start = this.tokens.length - 1;
    while (start > 0 && this.tokens[start - 1]!.kind !== 'newline') start--;
    const [name, equals, value, end] = this.tokens.slice(start);
    if (name?.kind !== 'word' || equals?.text !== '=' || equals.kind !== 'mark' || end?.kind !== 'newline') return;
    if (value === undefined || this.tokens.length !== start + 4) return;
    if (!this.fixed.has(name.text)) this.macros.set(name.text, value.text);
    this.tokens.splice(start, 3);
  }
}
