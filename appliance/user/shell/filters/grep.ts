// SPDX-License-Identifier: ISC
//
// grep(1): the lines that match.

import { type Filter, FilterUsage, getopt, type OpenFilter, type Options } from './filter.ts';

export const grep: Filter = {
  name: 'grep',
  synopsis: 'grep [-cEFilnvwx] [-e pattern] [pattern] [file ...]',
  summary: 'pass on the lines that match',
  open(args, io) {
    const options = getopt(args, 'cEFilnvwx', 'e');
    const operands = [...options.operands];
    const pattern = options.values.get('e') ?? operands.shift();
    if (pattern === undefined) throw new FilterUsage('a pattern is missing');
    return { files: operands, filter: new Grep(expression(pattern, options), options, io.out) };
  },
};

/** Basic expressions unless -E: there + ? | ( ) { } are characters, and \( the like operators. */
function expression(pattern: string, { switches }: Options): RegExp {
  let source = pattern;
  if (switches.has('F')) source = pattern.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  else if (!switches.has('E')) source = extendedOf(pattern);
  source = source.replaceAll('[[:space:]]', '\\s').replaceAll('[[:digit:]]', '[0-9]');
  if (switches.has('w')) source = `\\b(?:${source})\\b`;
  if (switches.has('x')) source = `^(?:${source})$`;
  try {
    return new RegExp(source, switches.has('i') ? 'i' : '');
  } catch (error) {
    throw new FilterUsage(`${pattern}: ${(error as Error).message.replace(/^.*: /, '')}`);
  }
}

/** A basic expression with the operators of an extended one: what one escapes, the other does not. */
function extendedOf(pattern: string): string {
  return pattern.replace(/\\?[+?|(){}]/g, (one) => (one.length === 2 ? one[1]! : `\\${one}`));
}

class Grep implements OpenFilter {
  private readonly expression: RegExp;
  private readonly switches: ReadonlySet<string>;
  private readonly out: (line: string) => void;
  private readonly numbers = new Map<string, number>();
  private readonly counts = new Map<string, number>();

  constructor(expression: RegExp, { switches }: Options, out: (line: string) => void) {
    this.expression = expression;
    this.switches = switches;
    this.out = out;
  }

  line(text: string, file = ''): void {
    const number = (this.numbers.get(file) ?? 0) + 1;
    this.numbers.set(file, number);
    if (this.expression.test(text) === this.switches.has('v')) return;
    const count = (this.counts.get(file) ?? 0) + 1;
    this.counts.set(file, count);
    if (this.switches.has('c')) return;
    if (this.switches.has('l')) {
      if (count === 1) this.out(file === '' ? '(standard input)' : file);
      return;
    }
    this.out(`${prefix(file)}${this.switches.has('n') ? `${number}:` : ''}${text}`);
  }

  end(): number {
    if (this.switches.has('c')) {
      if (this.numbers.size === 0) this.out('0');
      for (const file of this.numbers.keys()) this.out(`${prefix(file)}${this.counts.get(file) ?? 0}`);
    }
    return this.counts.size > 0 ? 0 : 1;
  }
}

function prefix(file: string): string {
  return file === '' ? '' : `${file}:`;
}
