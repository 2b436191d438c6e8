// SPDX-License-Identifier: ISC
//
// The lower half of the filter's grammar: walking the tokens, numbers, and comparisons of bytes such as `tcp[13] & 2 != 0`.

import { FilterError, type Layer, type Operator, type Relation, type Term } from './expression.ts';
import { type Token, tokenize } from './lexer.ts';

const LAYERS: readonly Layer[] = ['ether', 'ip', 'ip6', 'arp', 'rarp', 'tcp', 'udp', 'icmp', 'icmp6', 'igmp'];

/** Names of offsets and values (pcap-filter(7)). */
const CONSTANTS: Readonly<Record<string, number>> = {
  tcpflags: 13,
  'tcp-fin': 0x01,
  'tcp-syn': 0x02,
  'tcp-rst': 0x04,
  'tcp-push': 0x08,
  'tcp-ack': 0x10,
  'tcp-urg': 0x20,
  icmptype: 0,
  icmpcode: 1,
  'icmp-echoreply': 0,
  'icmp-unreach': 3,
  'icmp-redirect': 5,
  'icmp-echo': 8,
  'icmp-timxceed': 11,
};

const JOINING: readonly string[] = ['and', 'or', 'not'];
const RELATIONS: readonly string[] = ['=', '==', '!=', '<', '>', '<=', '>='];

/** Tighter ones first. */
const OPERATORS: readonly (readonly Operator[])[] = [['*', '/'], ['+', '-'], ['&'], ['|']];

export class FilterTerms {
  private readonly tokens: readonly Token[];
  private index = 0;

  constructor(text: string) {
    this.tokens = tokenize(text);
  }

  protected atEnd(): boolean {
    return this.token().kind === 'end';
  }

  /** The word at hand, if it may be a keyword. */
  protected keyword(): string | undefined {
    const { kind, escaped, text } = this.token();
    return kind === 'word' && !escaped ? text : undefined;
  }

  protected advance(): Token {
    const token = this.token();
    if (token.kind !== 'end') this.index++;
    return token;
  }

  /** Position of the token before the one at hand. */
  protected lastPosition(): number {
    return this.tokens[Math.max(0, this.index - 1)]!.position;
  }

  /** Takes the token at hand if it is one of these keywords or signs. */
  protected accept(...texts: readonly string[]): boolean {
    const token = this.token();
    if (token.kind === 'end' || token.escaped || !texts.includes(token.text)) return false;
    this.index++;
    return true;
  }

  /** Takes two keywords or none. */
  protected acceptPair(first: string, second: string): boolean {
    if (this.token().text !== first || this.token(1).text !== second) return false;
    this.index += 2;
    return true;
  }

  protected expect(sign: string): void {
    if (!this.accept(sign)) throw this.unexpected(`'${sign}'`);
  }

  /** A word as the name of something; keywords may be names but for those that join primitives. */
  protected name(what: string): string {
    const { kind, escaped, text } = this.token();
    if (kind !== 'word' || (!escaped && JOINING.includes(text))) throw this.unexpected(what);
    return this.advance().text;
  }

  protected isNumber(): boolean {
    return this.token().kind === 'word' && /^(0x[0-9a-f]+|\d+)$/i.test(this.token().text);
  }

  protected number(): number {
    if (!this.isNumber()) throw this.unexpected('a number');
    return Number(this.advance().text);
  }

  protected unexpected(expected: string): FilterError {
    const { kind, text, position } = this.token();
    const found = kind === 'end' ? 'the end' : `'${text}'`;
    return new FilterError(`syntax error: expected ${expected}, found ${found}`, position);
  }

  /** Whether a comparison of numbers begins here, rather than a primitive or a group of them. */
  protected startsComparison(): boolean {
    const { text } = this.token();
    if (this.keyword() === 'len') return true;
    if (LAYERS.some((layer) => layer === text)) return this.token(1).text === '[';
    if (this.isNumber()) return this.continuesTerm(1);
    return text === '(' && this.continuesTerm(this.closing() + 1);
  }

  protected comparison(): { kind: 'compare'; operator: Relation; left: Term; right: Term } {
    const left = this.term();
    if (!RELATIONS.includes(this.token().text)) throw this.unexpected('a comparison');
    const sign = this.advance().text;
    const right = this.term();
    return { kind: 'compare', operator: (sign === '==' ? '=' : sign) as Relation, left, right };
  }

  private token(ahead = 0): Token {
    return this.tokens[Math.min(this.index + ahead, this.tokens.length - 1)]!;
  }

  private continuesTerm(ahead: number): boolean {
    const { kind, text } = this.token(ahead);
    return kind === 'sign' && (RELATIONS.includes(text) || OPERATORS.flat().some((sign) => sign === text));
  }

  /** How far ahead the parenthesis at hand is closed. */
  private closing(): number {
    let depth = 0;
    for (let ahead = 0; this.token(ahead).kind !== 'end'; ahead++) {
      if (this.token(ahead).text === '(') depth++;
      if (this.token(ahead).text === ')' && --depth === 0) return ahead;
    }
    return this.tokens.length;
  }

  private term(level = OPERATORS.length - 1): Term {
    if (level < 0) return this.operand();
    let left = this.term(level - 1);
    for (;;) {
      const operator = OPERATORS[level]!.find((sign) => this.accept(sign));
      if (operator === undefined) return left;
      left = { kind: 'binary', operator, left, right: this.term(level - 1) };
    }
  }

  private operand(): Term {
    if (this.accept('(')) {
      const inner = this.term();
      this.expect(')');
      return inner;
    }
    if (this.accept('len')) return { kind: 'length' };
    if (this.isNumber()) return { kind: 'number', value: this.number() >>> 0 };
    const { text } = this.token();
    const constant = CONSTANTS[text];
    if (constant !== undefined) {
      this.advance();
      return { kind: 'number', value: constant };
    }
    const layer = LAYERS.find((name) => name === text);
    if (layer === undefined) throw this.unexpected('a number');
    this.advance();
    return this.load(layer);
  }

  /** "[" offset [ ":" size ] "]" */
  private load(layer: Layer): Term {
    this.expect('[');
    const offset = this.term();
    const size = this.accept(':') ? this.number() : 1;
    if (size !== 1 && size !== 2 && size !== 4) {
      throw new FilterError('data size must be 1, 2, or 4', this.lastPosition());
    }
    this.expect(']');
    return { kind: 'load', layer, offset, size };
  }
}
