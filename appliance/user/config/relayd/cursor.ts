// SPDX-License-Identifier: ISC
//
// A place in the tokens of relayd.conf: what the productions of the grammar ask and take. A mistake ends its line; the next line is read
// on, so that several are found in one run.

import { PROTOCOLS, SERVICE_ALIASES, SERVICES } from '../../../abi/names.ts';
import { ConfigError } from '../lines.ts';
import type { Token } from './lexer.ts';

export class Cursor {
  readonly errors: ConfigError[];
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(tokens: readonly Token[], errors: ConfigError[]) {
    this.tokens = tokens;
    this.errors = errors;
  }

  get token(): Token {
    return this.tokens[this.at]!;
  }

  get atEnd(): boolean {
    return this.token.kind === 'end';
  }

  get atLineEnd(): boolean {
    return this.token.kind === 'newline' || this.token.kind === 'end';
  }

  /** Goes to the next token and answers this one. */
  advance(): Token {
    return this.tokens[this.at++]!;
  }

  back(): void {
    this.at--;
  }

  fail(reason: string, place: Token = this.token): never {
    throw new ConfigError(place.file, place.line, reason);
  }

  /** Notes a mistake without leaving the production. */
  note(reason: string, place: Token): void {
    this.errors.push(new ConfigError(place.file, place.line, reason));
  }

  /** Runs a production; at a mistake the rest of its line is skipped. */
  recovering(production: () => void): void {
    try {
      production();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.errors.push(error);
      while (!this.atLineEnd) this.at++;
    }
  }

  isWord(...words: readonly string[]): boolean {
    return this.token.kind === 'word' && words.includes(this.token.text);
  }

  isMark(mark: string): boolean {
    return this.token.kind === 'mark' && this.token.text === mark;
  }

  takeWord(...words: readonly string[]): boolean {
    if (!this.isWord(...words)) return false;
    this.at++;
    return true;
  }

  takeMark(mark: string): boolean {
    if (!this.isMark(mark)) return false;
    this.at++;
    return true;
  }

  expectMark(mark: string): void {
    if (!this.takeMark(mark)) this.fail(`syntax error: expected '${mark}' before ${this.here()}`);
  }

  expectWord(...words: readonly string[]): string {
    if (!this.isWord(...words)) {
      const wanted = words.map((word) => `'${word}'`).join(' or ');
      this.fail(`syntax error: expected ${wanted} before ${this.here()}`);
    }
    return this.advance().text;
  }

  here(): string {
    return this.atLineEnd ? 'the end of the line' : `'${this.token.text}'`;
  }

  /** A word or a string. */
  text(what: string): string {
    const { kind } = this.token;
    if (kind !== 'word' && kind !== 'string')
      this.fail(`syntax error: expected ${what} before ${this.here()}`);
    return this.advance().text;
  }

  /** A name shorter than `limit` bytes. */
  name(what: string, limit = 64): string {
    const place = this.token;
    const text = this.text(/^[aeiou]/.test(what) ? `an ${what}` : `a ${what}`);
    if (text === '' || Buffer.byteLength(text) >= limit) this.fail(`invalid ${what}: ${text}`, place);
    return text;
  }

  number(what: string, low: number, high: number): number {
    const { kind, text } = this.token;
    if (kind !== 'word' || !/^-?\d+$/.test(text))
      this.fail(`syntax error: expected a number before ${this.here()}`);
    const value = Number(text);
    if (value < low || value > high) this.fail(`invalid ${what}: ${text}`);
    this.at++;
    return value;
  }

  /** One port, by number or by its name in services(5). */
  port(protocol: number = PROTOCOLS.tcp!): number {
    const [low, high] = this.portRange(protocol);
    if (low !== high) this.fail('invalid port');
    return low;
  }

  /** `80`, `www`, `8000:8010`; a name is looked up for the protocol first, then as today for tcp and udp. */
  portRange(protocol: number): [number, number] {
    const place = this.token;
    const [first, last, ...more] = this.text('a port').split(':') as [string, ...string[]];
    const low = this.portNumber(first, protocol, place);
    const high = last === undefined ? low : this.portNumber(last, protocol, place);
    if (more.length > 0 || high < low) this.fail(`invalid port: ${place.text}`, place);
    return [low, high];
  }

  private portNumber(text: string, protocol: number, place: Token): number {
    const name = SERVICE_ALIASES[text] ?? text;
    const own = protocol === PROTOCOLS.udp ? SERVICES.udp : SERVICES.tcp;
    const number = /^\d+$/.test(text)
      ? Number(text)
      : (own[name] ?? SERVICES.tcp[name] ?? SERVICES.udp[name]);
    if (number === undefined || number < 1 || number > 65_535) this.fail(`invalid port: ${text}`, place);
    return number;
  }

  skipNewlines(): void {
    while (this.token.kind === 'newline') this.at++;
  }

  endOfLine(): void {
    if (!this.atLineEnd) this.fail(`syntax error near ${this.here()}`);
  }

  /** `{`, a production on each line, `}`; answers whether every line was read. */
  block(line: () => void): boolean {
    const before = this.errors.length;
    this.expectMark('{');
    for (this.skipNewlines(); !this.takeMark('}'); this.skipNewlines()) {
      if (this.atEnd) this.fail("syntax error: '}' is missing");
      this.recovering(() => {
        line();
        if (!this.isMark('}')) this.endOfLine();
      });
    }
    return this.errors.length === before;
  }

  /** One item, or several in braces with commas, line ends or nothing between them. */
  bag(item: () => void): void {
    if (!this.takeMark('{')) return item();
    for (this.skipNewlines(); !this.takeMark('}'); this.skipNewlines()) {
      if (this.atEnd) this.fail("syntax error: '}' is missing");
      if (!this.takeMark(',')) item();
    }
  }
}

/** An object under construction. */
export type Draft<T> = { -readonly [K in keyof T]?: T[K] };
