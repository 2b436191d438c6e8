// SPDX-License-Identifier: ISC
//
// The shell of a console: takes lines, runs what they say on the machine, completes them. It is the same on the machine's own
// console, at the other end of the control socket and in a terminal without screens: what differs is handed in.

import type { Ask, CommandIo, Described, Files } from '../commands/command.ts';
import { makeHelp } from '../commands/help.ts';
import { COMMAND_NAMES, findCommand } from '../commands/index.ts';
import type { CommandRunner } from '../control/server.ts';
import { BUILTINS, type BuiltinContext, findBuiltin } from './builtins.ts';
import { type Completion, complete } from './completion.ts';
import { FILTERS, findFilter } from './filters/index.ts';
import { parseLine } from './grammar.ts';
import type { History } from './history.ts';
import { ShellSyntaxError } from './lexer.ts';
import { runPipeline } from './pipeline.ts';
import { surroundingsOf } from './surroundings.ts';

export interface ShellParts {
  /** Runs the machine's commands. */
  readonly run: CommandRunner['run'];
  /** The machine's files. */
  readonly files: Files;
  readonly history: History;
}

/** The terminal that a line was typed on. */
export interface ShellIo {
  readonly stdout: (chunk: string) => void;
  readonly stderr: (chunk: string) => void;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
  readonly columns: number;
  /** Asks a question; absent: nobody is there. */
  readonly ask?: Ask;
  /** Shows a long text; absent: the terminal has no pages. */
  readonly page?: (text: string) => Promise<void>;
  /** Clears the screen; absent: there is none. */
  readonly clear?: () => void;
  /** Opens the editor on a file, resolves when it is closed; absent: the terminal has no full-screen editor. */
  readonly edit?: (path: string) => Promise<void>;
  /** Opens the operator's own editor ($EDITOR) on a text; resolves to the new text, undefined when it was given up. */
  readonly editElsewhere?: (path: string, text: string) => Promise<string | undefined>;
}

/** As a shell answers to a line that it cannot understand. */
const WRONG_LINE = 2;

export const SHELL_NAMES: readonly string[] = [
  ...new Set([...COMMAND_NAMES, ...Object.keys(FILTERS), ...Object.keys(BUILTINS)]),
].sort();

export class Shell {
  readonly history: History;
  private readonly parts: ShellParts;
  private left = false;

  constructor(parts: ShellParts) {
    this.parts = parts;
    this.history = parts.history;
  }

  /** Whether `exit` was typed. */
  get ended(): boolean {
    return this.left;
  }

  /** Runs a line; resolves to the exit status of its last command. */
  async run(line: string, io: ShellIo): Promise<number> {
    try {
      const text = this.history.expand(line.trim());
      if (text === '') return 0;
      if (text !== line.trim()) io.stdout(`${text}\n`);
      if (/(^|\s)\?$/.test(text)) return await this.explain(text.slice(0, -1), io);
      await this.history.add(text);
      return await this.runAll(text, io);
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      io.stderr(`syntax error: ${error.message}\n`);
      return WRONG_LINE;
    }
  }

  /** What may stand at the cursor. */
  async complete(line: string, cursor: number): Promise<Completion> {
    try {
      return await complete(line, cursor, this.surroundings());
    } catch (error) {
      if (!(error instanceof ShellSyntaxError)) throw error;
      return { from: cursor, candidates: [], expected: [] };
    }
  }

  private async runAll(text: string, shellIo: ShellIo): Promise<number> {
    const { stdout, stderr, signal, ask, page } = shellIo;
    const io: CommandIo = { stdout, stderr, signal, stdin: async () => '', ...(ask && { ask }) };
    let status = 0;
    for (const pipeline of parseLine(text)) {
      if (pipeline.when === 'success' && status !== 0) continue;
      if (pipeline.when === 'failure' && status === 0) continue;
      if (signal.aborted || this.left) break;
      status = await runPipeline(pipeline, {
        files: this.parts.files,
        run: (words, to) => this.execute(words, to, shellIo),
        io,
        ...(page && { page }),
      });
    }
    return status;
  }

  /** Runs one command that is no filter. */
  private async execute(words: readonly string[], io: CommandIo, shellIo: ShellIo): Promise<number> {
    const builtin = findBuiltin(words[0]!);
    if (builtin !== undefined) return builtin.run(words.slice(1), this.builtinContext(io, shellIo));
    return this.parts.run(words, io);
  }

  private builtinContext(io: CommandIo, shell: ShellIo): BuiltinContext {
    const help = makeHelp(SHELL_NAMES, (name) => describe(name));
    const exit = () => {
      this.left = true;
    };
    return { io, shell, files: this.parts.files, help, exit };
  }

  /** `pfctl -s ?`: what may stand there, a line each. */
  private async explain(line: string, io: ShellIo): Promise<number> {
    const { candidates, expected } = await this.complete(line, line.length);
    for (const { text, hint } of candidates) {
      const row = hint === undefined ? `  ${text}` : `  ${text.padEnd(16)} ${hint}`;
      io.stdout(`${row.slice(0, io.columns)}\n`);
    }
    if (candidates.length === 0) {
      const what = expected.length === 0 ? 'nothing more' : expected.join(' or ');
      io.stdout(`  ${what} is expected here\n`);
    }
    return 0;
  }

  private surroundings(): ReturnType<typeof surroundingsOf> {
    return surroundingsOf({
      files: this.parts.files,
      commands: SHELL_NAMES,
      describe: async (name) => describe(name),
      output: (args) => this.output(args),
    });
  }

  private async output(args: readonly string[]): Promise<string> {
    let text = '';
    const status = await this.parts.run(args, {
      stdout: (chunk) => {
        text += chunk;
      },
      stderr: () => {},
      stdin: async () => '',
      signal: new AbortController().signal,
    });
    return status === 0 ? text : '';
  }
}

function describe(name: string): Promise<Described> | undefined {
  const own = findBuiltin(name) ?? findFilter(name);
  return own === undefined ? findCommand(name) : Promise.resolve(own);
}
