// SPDX-License-Identifier: ISC
//
// The lines that were typed, kept across restarts in var/db/history: for the up arrow, Ctrl-R and !!.

import type { Files } from '../commands/command.ts';
import { ShellSyntaxError } from './lexer.ts';

const FILE = '/var/db/history';
const KEPT = 500;

export class History {
  private readonly files: Files;
  private lines: string[] = [];

  private constructor(files: Files) {
    this.files = files;
  }

  /** Reads what was kept; a machine without it begins with none. */
  static async load(files: Files): Promise<History> {
    const history = new History(files);
    history.lines = await history.kept();
    return history;
  }

  /** Oldest first. */
  get entries(): readonly string[] {
    return this.lines;
  }

  /** Adds a line unless it is the last one again. One with a secret is remembered by this console only, never written. */
  async add(line: string): Promise<void> {
    if (this.lines.at(-1) === line) return;
    this.lines.push(line);
    if (this.lines.length > KEPT) this.lines.shift();
    if (hasSecret(line)) return;
    try {
      await this.keep(line);
    } catch (error) {
      // A full disk must not take the shell away: the line is remembered by this console only.
      if (!(error instanceof Error) || !('code' in error)) throw error;
    }
  }

  /** Other consoles write to the file as well. */
  private async keep(line: string): Promise<void> {
    const lines = [...(await this.kept()), line].slice(-KEPT);
    await this.files.write(FILE, lines.map((one) => `${one}\n`).join(''));
  }

  /** The line with `!!`, `!N` or `!text` at its start replaced by the line it stands for. Throws ShellSyntaxError when there is none. */
  expand(line: string): string {
    const [, word, rest] = /^!(!|-?\d+|[A-Za-z]\S*)(.*)$/s.exec(line) ?? [];
    if (word === undefined) return line;
    const found = this.find(word);
    if (found === undefined) throw new ShellSyntaxError(`!${word}: no such line in the history`);
    return found + rest;
  }

  private find(word: string): string | undefined {
    if (word === '!') return this.lines.at(-1);
    if (/^-?\d+$/.test(word)) {
      const number = Number(word);
      return this.lines.at(number > 0 ? number - 1 : number);
    }
    return [...this.lines].reverse().find((line) => line.startsWith(word));
  }

  private async kept(): Promise<string[]> {
    if (!(await this.files.exists(FILE))) return [];
    return (await this.files.read(FILE)).split('\n').filter((line) => line !== '');
  }
}

/** ifconfig(8) takes carp's password as `pass SECRET`, keys stand behind `key`. */
function hasSecret(line: string): boolean {
  return /\bifconfig\b.*\s(pass|carppass|\w*key)\s/.test(line);
}
