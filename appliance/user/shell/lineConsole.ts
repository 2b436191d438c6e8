// SPDX-License-Identifier: ISC
//
// The console where there are no screens: a prompt on a terminal or a pipe, with line editing, history and completion where it is a
// terminal.

import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { MachineGone, NotRunning } from '../control/client.ts';
import { login } from '../users/login.ts';
import { editElsewhere } from './externalEditor.ts';
import type { Shell, ShellIo } from './shell.ts';

export interface LineConsoleParts {
  readonly shell: Shell;
  /** Stands in front of `#`. */
  readonly name: string;
  readonly files: Parameters<typeof login>[0]['files'];
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  /** Ends the console when it fires. */
  readonly ended?: AbortSignal;
}

/** No machine, or no longer. */
const GONE = 4;
/** EX_SOFTWARE of sysexits(3). */
const DEFECT = 70;
/** ED and CUP of ECMA-48: an empty screen, the cursor at its top. */
const CLEAR = '\x1b[2J\x1b[H';
/** Lines kept for the up arrow. */
const HISTORY = 500;

/** Logs in where there are users, then runs what is typed until `exit` or the end of the input. Resolves to the last status. */
export async function lineConsole(parts: LineConsoleParts): Promise<number> {
  const lines = new Lines(parts);
  const close = () => lines.close();
  parts.ended?.addEventListener('abort', close);
  try {
    const entered = await login({
      files: parts.files,
      name: parts.name,
      ask: (question, secret) => lines.ask(question, secret),
      say: (line) => parts.output.write(`${line}\n`),
      wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    });
    return entered ? await converse(parts, lines) : 1;
  } finally {
    parts.ended?.removeEventListener('abort', close);
    lines.close();
  }
}

async function converse({ shell, name, output }: LineConsoleParts, lines: Lines): Promise<number> {
  let status = 0;
  while (!shell.ended) {
    const line = await lines.read(`${name}# `);
    if (line === undefined) break;
    const abort = new AbortController();
    lines.interrupted = () => abort.abort();
    const io: ShellIo = {
      stdout: (chunk) => output.write(chunk),
      stderr: (chunk) => process.stderr.write(chunk),
      signal: abort.signal,
      columns: output.columns ?? 80,
      ask: (question, secret) => lines.ask(question, secret),
      ...(lines.isTerminal && {
        clear: () => output.write(CLEAR),
        editElsewhere: (path, text) => lines.aside(() => editElsewhere(path, text)),
      }),
    };
    try {
      status = await shell.run(line, io);
    } catch (error) {
      process.stderr.write(`${(error as Error).message}\n`);
      if (error instanceof MachineGone || error instanceof NotRunning) return GONE;
      // A defect of one command does not end the console.
      status = DEFECT;
    }
    lines.interrupted = undefined;
  }
  return status;
}

type Completer = (line: string, answer: (error: null, result: [string[], string]) => void) => void;

function completerOf(shell: Shell): Completer {
  return (line, answer) => {
    shell.complete(line, line.length).then(
      ({ from, candidates }) => {
        const texts = candidates.map(({ text }) => (text.endsWith('/') ? text : `${text} `));
        answer(null, [texts, line.slice(from)]);
      },
      // A machine that has just ended offers nothing; the next line will say so.
      () => answer(null, [[], line]),
    );
  };
}

/** Lines from a terminal or a pipe, one when it is asked for. */
class Lines {
  readonly isTerminal: boolean;
  /** Called at Ctrl-C while a command runs. */
  interrupted: (() => void) | undefined;
  private readonly readline: Interface;
  private readonly input: NodeJS.ReadStream;
  private readonly output: NodeJS.WriteStream;
  private readonly waiting: string[] = [];
  private wanted: ((line: string | undefined) => void) | undefined;
  private asking = false;
  private ended = false;
  private hidden = false;

  constructor({ shell, input, output }: Pick<LineConsoleParts, 'input' | 'output'> & { shell?: Shell }) {
    this.input = input;
    this.output = output;
    this.isTerminal = Boolean(input.isTTY && output.isTTY);
    this.readline = createInterface({
      input,
      output: this.shown(),
      terminal: this.isTerminal,
      history: [...(shell?.history.entries ?? [])].reverse(),
      historySize: HISTORY,
      ...(shell && { completer: completerOf(shell) }),
    });
    this.readline.on('line', (line) => this.arrived(line));
    this.readline.on('close', () => this.finished());
    this.readline.on('SIGINT', () => this.interrupt());
    // What was answered to a question is no command, and may be a password.
    this.readline.on('history', (history: string[]) => {
      if (this.asking) history.shift();
    });
  }

  /** The next line; undefined at the end of the input. */
  read(prompt: string): Promise<string | undefined> {
    const line = this.waiting.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.ended) return Promise.resolve(undefined);
    this.readline.setPrompt(this.input.isTTY ? prompt : '');
    this.readline.prompt();
    return new Promise((resolve) => {
      this.wanted = resolve;
    });
  }

  async ask(question: string, secret = false): Promise<string | undefined> {
    this.asking = true;
    try {
      if (!secret || !this.isTerminal) return await this.read(question);
      this.output.write(question);
      this.hidden = true;
      const answer = await this.read('');
      this.hidden = false;
      this.output.write('\n');
      return answer;
    } finally {
      this.hidden = false;
      this.asking = false;
    }
  }

  /** Lets somebody else have the terminal meanwhile. */
  async aside<T>(work: () => Promise<T>): Promise<T> {
    this.readline.pause();
    if (this.input.isTTY) this.input.setRawMode(false);
    try {
      return await work();
    } finally {
      if (this.input.isTTY) this.input.setRawMode(true);
      this.readline.resume();
    }
  }

  close(): void {
    this.readline.close();
  }

  /** The output without the echo of what is secret. */
  private shown(): Writable {
    const { output } = this;
    const through = new Writable({
      write: (chunk, _encoding, done) => {
        if (!this.hidden) output.write(chunk);
        done();
      },
    });
    return Object.defineProperty(through, 'columns', { get: () => output.columns });
  }

  private arrived(line: string): void {
    const { wanted } = this;
    this.wanted = undefined;
    if (wanted === undefined) this.waiting.push(line);
    else wanted(line);
  }

  private finished(): void {
    this.ended = true;
    this.wanted?.(undefined);
    this.wanted = undefined;
  }

  /** Ends what runs; a question stays without answer; a line that is being typed is thrown away. */
  private interrupt(): void {
    this.output.write('^C\n');
    if (this.asking) {
      this.wanted?.(undefined);
      this.wanted = undefined;
    }
    if (this.interrupted !== undefined) this.interrupted();
    else {
      this.readline.write(null, { ctrl: true, name: 'e' });
      this.readline.write(null, { ctrl: true, name: 'u' });
      this.readline.prompt();
    }
  }
}

/** Asks one question on this process's terminal, for a command that is run alone. */
export async function askOnTerminal(question: string, secret = false): Promise<string | undefined> {
  const lines = new Lines({ input: process.stdin, output: process.stdout });
  try {
    return await lines.ask(question, secret);
  } finally {
    lines.close();
  }
}
