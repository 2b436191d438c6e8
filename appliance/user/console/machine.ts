// SPDX-License-Identifier: ISC
//
// The machine as views know it: commands and what they print, as over the control socket there is nothing else.

import type { CommandRunner } from '../control/server.ts';

/** A command that ended with another status than 0; the message is what it complained. */
export class CommandFailed extends Error {}

/** Characters of complaints that are kept of a command that goes on. */
const MOST_COMPLAINT = 4_096;

export class MachineCommands {
  private readonly runner: CommandRunner['run'];

  constructor(run: CommandRunner['run']) {
    this.runner = run;
  }

  /** What a command prints. Rejects with CommandFailed. */
  async text(...args: readonly string[]): Promise<string> {
    let output = '';
    let complaint = '';
    const status = await this.runner(args, {
      stdout: (chunk) => {
        output += chunk;
      },
      stderr: (chunk) => {
        complaint += chunk;
      },
      stdin: async () => '',
      signal: new AbortController().signal,
    });
    if (status !== 0) throw new CommandFailed(complaint.trim() || `${args.join(' ')} ended with ${status}`);
    return output;
  }

  /** What a command with `--json` prints, as a value. Rejects with CommandFailed. */
  async json<T>(...args: readonly string[]): Promise<T> {
    return JSON.parse(await this.text(...args)) as T;
  }

  /** What a command complains of a text that it reads as its standard input; empty when it is content. */
  async complaints(args: readonly string[], text: string): Promise<string> {
    let complaint = '';
    const status = await this.runner(args, {
      stdout: () => {},
      stderr: (chunk) => {
        complaint += chunk;
      },
      stdin: async () => text,
      signal: new AbortController().signal,
    });
    return status === 0 ? '' : complaint;
  }

  /**
   * Runs a command whose output goes on; `line` gets each of its lines. Resolves when it has ended, rejects with CommandFailed when it
   * ended with another status than 0.
   */
  async follow(args: readonly string[], signal: AbortSignal, line: (text: string) => void): Promise<void> {
    const lines = new Lines(line);
    let complaint = '';
    const status = await this.runner(args, {
      stdout: (chunk) => lines.push(chunk),
      stderr: (chunk) => {
        if (complaint.length < MOST_COMPLAINT) complaint += chunk;
      },
      stdin: async () => '',
      signal,
    });
    lines.end();
    if (status !== 0) throw new CommandFailed(complaint.trim() || `${args.join(' ')} ended with ${status}`);
  }
}

/** Cuts chunks into lines. */
class Lines {
  private readonly line: (text: string) => void;
  private rest = '';

  constructor(line: (text: string) => void) {
    this.line = line;
  }

  push(chunk: string): void {
    const lines = (this.rest + chunk).split('\n');
    this.rest = lines.pop()!;
    for (const line of lines) this.line(line);
  }

  end(): void {
    if (this.rest !== '') this.line(this.rest);
    this.rest = '';
  }
}
