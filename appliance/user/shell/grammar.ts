// SPDX-License-Identifier: ISC
//
// The grammar of a command line: pipelines with ; && and || between them, stages with | between them, < > and >> at their ends.

import { lex, ShellSyntaxError, type Token } from './lexer.ts';

export interface Stage {
  readonly words: readonly string[];
}

export interface Pipeline {
  /** When it runs: always, or depending on the status of the one before. */
  readonly when: 'always' | 'success' | 'failure';
  readonly stages: readonly Stage[];
  /** File that the first stage reads. */
  readonly input?: string;
  /** File that gets the output of the last stage. */
  readonly output?: { readonly path: string; readonly append: boolean };
}

/** Reads a line. Throws ShellSyntaxError. */
export function parseLine(line: string): readonly Pipeline[] {
  const { tokens, open } = lex(line);
  if (open === '\\') throw new ShellSyntaxError('there is nothing behind the \\ at the end of the line');
  if (open !== undefined) throw new ShellSyntaxError(`the quote ${open} is not closed`);
  return new Parser(tokens).line();
}

const CONNECTORS: Readonly<Record<string, Pipeline['when']>> = {
  ';': 'always',
  '&&': 'success',
  '||': 'failure',
};

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  line(): readonly Pipeline[] {
    const pipelines: Pipeline[] = [];
    let when: Pipeline['when'] = 'always';
    while (this.at < this.tokens.length) {
      pipelines.push(this.pipeline(when));
      const connector = this.tokens[this.at++];
      if (connector === undefined) break;
      when = CONNECTORS[connector.text]!;
      if (connector.text !== ';' && this.at === this.tokens.length) {
        throw new ShellSyntaxError(`a command is missing behind ${connector.text}`);
      }
    }
    return pipelines;
  }

  private pipeline(when: Pipeline['when']): Pipeline {
    const stages: Stage[] = [];
    let input: string | undefined;
    let output: Pipeline['output'];
    for (;;) {
      const words: string[] = [];
      for (; ; this.at++) {
        const token = this.tokens[this.at];
        if (token?.kind === 'word') words.push(token.text);
        else if (token?.text === '<') input = this.onlyOne('<', input, stages.length === 0);
        else if (token?.text === '>' || token?.text === '>>') {
          output = { path: this.onlyOne(token.text, output?.path, true), append: token.text === '>>' };
        } else break;
      }
      if (words.length === 0) throw new ShellSyntaxError(this.missing());
      stages.push({ words });
      if (this.tokens[this.at]?.text !== '|') break;
      if (output !== undefined) throw new ShellSyntaxError('> and | in one: the output can go one way only');
      this.at++;
    }
    return { when, stages, ...(input === undefined ? {} : { input }), ...(output && { output }) };
  }

  /** The file's name behind < or >. */
  private onlyOne(operator: string, before: string | undefined, allowed: boolean): string {
    if (before !== undefined) throw new ShellSyntaxError(`${operator}: one file is enough`);
    if (!allowed) throw new ShellSyntaxError('<: only the first command of a pipe reads a file');
    const file = this.tokens[++this.at];
    if (file?.kind !== 'word') throw new ShellSyntaxError(`a file's name is missing behind ${operator}`);
    return file.text;
  }

  private missing(): string {
    const next = this.tokens[this.at];
    return next === undefined
      ? 'a command is missing at the end of the line'
      : `a command is missing before ${next.text}`;
  }
}
