// SPDX-License-Identifier: ISC
//
// A pseudo-terminal for tests: a tmux server of its own, whose keys are typed and whose screen is read.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';

/** Why there can be no such terminal here; false where there can. */
export function noTerminal(): string | false {
  try {
    execFileSync('tmux', ['-V']);
    return false;
  } catch {
    return 'tmux is not installed';
  }
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Looks at the screen, and milliseconds between two of them. */
const LOOKS = 300;
const INTERVAL = 100;

export class Terminal {
  private static made = 0;
  private readonly server: string;

  /** Runs a shell command on a terminal. A server that is still ending would refuse: no name is used twice. */
  constructor(server: string, command: string, { columns, rows }: Size = { columns: 80, rows: 24 }) {
    this.server = `${server}-${++Terminal.made}`;
    this.tmux('-u', 'new-session', '-d', '-x', String(columns), '-y', String(rows), command);
  }

  /** A line, entered. */
  type(text: string): void {
    this.tmux('send-keys', '-l', text);
    this.tmux('send-keys', 'Enter');
  }

  key(...names: readonly string[]): void {
    this.tmux('send-keys', ...names);
  }

  resize({ columns, rows }: Size): void {
    this.tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** What has been printed, 200 lines of it. */
  get text(): string {
    return this.tmux('capture-pane', '-p', '-J', '-S', '-200');
  }

  /** What is seen now, a line each. */
  get screen(): readonly string[] {
    return this.tmux('capture-pane', '-p').split('\n').slice(0, -1);
  }

  /** The same with the escape sequences of its colours. */
  get coloured(): string {
    return this.tmux('capture-pane', '-p', '-e');
  }

  /** Of what runs on the terminal, asked of tmux: `alternate_on`, `cursor_flag`, `keypad_flag` … */
  format(name: string): string {
    return this.tmux('display-message', '-p', `#{${name}}`).trim();
  }

  /** Waits until this is seen now; lines have no blanks at their ends. */
  async sees(pattern: RegExp): Promise<void> {
    await this.until(() => pattern.test(this.screen.join('\n')), `${pattern} is not seen`);
  }

  /** Waits until this has been printed. */
  async shows(pattern: RegExp): Promise<void> {
    await this.until(() => pattern.test(this.text), `${pattern} is not printed`);
  }

  async until(condition: () => boolean, complaint: string): Promise<void> {
    for (let i = 0; i < LOOKS; i++) {
      if (condition()) return;
      await pause(INTERVAL);
    }
    assert.fail(`${complaint}:\n${this.text}`);
  }

  end(): void {
    this.tmux('kill-server');
  }

  private tmux(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.server, ...args], { encoding: 'utf8' });
  }
}
