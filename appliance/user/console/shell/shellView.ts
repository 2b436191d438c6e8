// SPDX-License-Identifier: ISC
//
// The shell's view: a terminal's scrollback with a prompt at its end. The shell is the one of user/shell; this is the terminal that
// it runs on.

import type { Files } from '../../commands/command.ts';
import { fileProblem } from '../../config/pf/loadPfConf.ts';
import { MachineGone, NotRunning } from '../../control/client.ts';
import { editElsewhere } from '../../shell/externalEditor.ts';
import type { Shell, ShellIo } from '../../shell/shell.ts';
import { login } from '../../users/login.ts';
import { Editor } from '../editor/editor.ts';
import type { FindProblems } from '../editor/problems.ts';
import type { Key } from '../keys.ts';
import type { Place } from '../screen.ts';
import { printable, type Row } from '../styled.ts';
import type { KeyHelp, Look, View } from '../view.ts';
import type { Overlay } from './overlay.ts';
import { Pager } from './pager.ts';
import { inColumns, Prompt, type PromptEvent } from './prompt.ts';
import { Scrollback } from './scrollback.ts';

export interface ShellViewParts {
  readonly shell: Shell;
  /** Stands in front of `#`. */
  readonly name: string;
  readonly files: Files;
  /** What is wrong with a file that is edited. */
  readonly problems: FindProblems;
  /** Draws again. */
  readonly redraw: () => void;
  /** Lets somebody else have the terminal meanwhile. */
  readonly aside: <T>(work: () => Promise<T>) => Promise<T>;
}

/** EX_SOFTWARE of sysexits(3). */
const DEFECT = 70;
/** Keys typed ahead that are kept while nothing reads. */
const AHEAD = 1_000;

export class ShellView implements View {
  readonly title = 'shell';
  private readonly ownKeys: readonly KeyHelp[] = [
    ['Tab', 'complete'],
    ['C-r', 'search'],
    ['PgUp', 'back'],
    ['C-c', 'stop'],
    ['help', ''],
    ['exit', ''],
  ];
  private readonly parts: ShellViewParts;
  private readonly scrollback = new Scrollback();
  private prompt: Prompt | undefined;
  private answer: ((line: string | undefined) => void) | undefined;
  private running: AbortController | undefined;
  private overlay: Overlay | undefined;
  private closed: (() => void) | undefined;
  /** Rows that the window is moved back. */
  private back = 0;
  private ahead: Key[] = [];
  private working: Promise<void> = Promise.resolve();
  private columns = 80;
  private page = 24;
  private ended = false;
  /** C-d was typed where a line was asked for. */
  private inputEnded = false;
  /** Nobody has logged in yet. */
  private locked = true;

  constructor(parts: ShellViewParts) {
    this.parts = parts;
  }

  get keys(): readonly KeyHelp[] {
    return this.overlay?.keys ?? this.ownKeys;
  }

  /** Whether other views may be looked at. */
  get isLocked(): boolean {
    return this.locked;
  }

  /** Logs in where there are users, then runs what is typed until `exit`, C-d or `end()`. Resolves to the last status; rejects when the machine is gone. */
  async converse(): Promise<number> {
    const { files, name } = this.parts;
    const entered = await login({
      files,
      name,
      ask: (question, secret) => this.read(question, secret, []),
      say: (line) => this.write(`${line}\n`),
      wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    });
    if (!entered) return 1;
    this.locked = false;
    return this.runLines();
  }

  /** Ends the conversation from outside. */
  end(): void {
    this.ended = true;
    this.running?.abort();
    this.close();
    this.settle(undefined);
  }

  rows(look: Look): readonly Row[] {
    this.columns = look.columns;
    this.page = look.rows;
    if (this.overlay !== undefined) return this.overlay.rows(look);
    this.back = Math.min(this.back, this.scrollback.length);
    return this.scrollback.rows(look.columns, look.rows, this.back, this.prompt?.shown);
  }

  cursor(look: Look): Place | undefined {
    if (this.overlay !== undefined) return this.overlay.cursor?.(look);
    const { prompt } = this;
    if (prompt === undefined || this.back > 0) return undefined;
    const rows = this.rows(look).length;
    const live = Math.max(1, Math.ceil(printable(prompt.shown).length / look.columns));
    const at = prompt.cursor;
    const row = rows - live + Math.floor(at / look.columns);
    return { row: Math.min(row, look.rows - 1), column: at % look.columns };
  }

  press(key: Key): boolean {
    if (this.overlay !== undefined) {
      this.overlay.press(key);
      return true;
    }
    if (key.name === 'pageup' || key.name === 'S-pageup') this.back += this.page - 1;
    else if (key.name === 'pagedown' || key.name === 'S-pagedown')
      this.back = Math.max(0, this.back - this.page + 1);
    else {
      this.back = 0;
      this.take(key);
    }
    return true;
  }

  wheel(rows: number): void {
    const { overlay } = this;
    if (overlay === undefined) this.back = Math.max(0, this.back - rows);
    else for (let i = 0; i < Math.abs(rows); i++) overlay.press({ name: rows < 0 ? 'up' : 'down' });
  }

  /** Keys go to the prompt one after the other, as completion takes a moment. */
  private take(key: Key): void {
    if (key.name === 'C-c' && this.prompt === undefined) {
      this.write('^C\n');
      this.running?.abort();
    } else if (this.prompt === undefined) {
      if (this.ahead.length < AHEAD) this.ahead.push(key);
    } else {
      this.working = this.working.then(() => this.give(key));
    }
  }

  private async give(key: Key): Promise<void> {
    const { prompt } = this;
    if (prompt === undefined) return this.take(key);
    if (key.name === 'C-l') this.scrollback.clear();
    else this.happened(prompt, await prompt.press(key));
    this.parts.redraw();
  }

  private happened(prompt: Prompt, event: PromptEvent): void {
    if (event.kind === 'entered') {
      this.scrollback.line(prompt.shown);
      this.settle(event.line);
    } else if (event.kind === 'given up') {
      this.scrollback.line(`${prompt.shown}^C`);
      this.settle(undefined);
    } else if (event.kind === 'end of input') {
      this.inputEnded = true;
      this.settle(undefined);
    } else if (event.kind === 'candidates') {
      this.scrollback.line(prompt.shown);
      for (const line of inColumns(event.texts, this.columns)) this.scrollback.line(line);
    }
  }

  private settle(line: string | undefined): void {
    const { answer } = this;
    this.prompt = undefined;
    this.answer = undefined;
    answer?.(line);
  }

  private read(
    text: string,
    secret: boolean | undefined,
    history: readonly string[],
  ): Promise<string | undefined> {
    this.inputEnded = false;
    if (this.ended) return Promise.resolve(undefined);
    const { shell } = this.parts;
    const isCommand = history === shell.history.entries;
    this.prompt = new Prompt({
      text,
      secret: secret === true,
      history,
      ...(isCommand && { complete: (line: string, cursor: number) => this.completion(line, cursor) }),
    });
    const result = new Promise<string | undefined>((resolve) => {
      this.answer = resolve;
    });
    for (const key of this.ahead.splice(0)) this.take(key);
    this.parts.redraw();
    return result;
  }

  /** A machine that has just ended offers nothing; the next line will say so. */
  private completion(line: string, cursor: number): ReturnType<Shell['complete']> {
    return this.parts.shell
      .complete(line, cursor)
      .catch(() => ({ from: cursor, candidates: [], expected: [] }));
  }

  private async runLines(): Promise<number> {
    const { shell, name } = this.parts;
    let status = 0;
    while (!shell.ended && !this.ended) {
      this.scrollback.endLine();
      const line = await this.read(`${name}# `, false, shell.history.entries);
      if (this.ended || this.inputEnded) break;
      if (line === undefined) continue;
      status = await this.run(line);
    }
    return status;
  }

  /** Runs a line. Rejects when there is no machine any more. */
  private async run(line: string): Promise<number> {
    this.running = new AbortController();
    try {
      return await this.parts.shell.run(line, this.io(this.running.signal));
    } catch (error) {
      if (error instanceof MachineGone || error instanceof NotRunning) throw error;
      this.write(`${(error as Error).message}\n`);
      // A defect of one command does not end the console.
      return DEFECT;
    } finally {
      this.running = undefined;
    }
  }

  private io(signal: AbortSignal): ShellIo {
    return {
      stdout: (chunk) => this.write(chunk),
      stderr: (chunk) => this.write(chunk),
      signal,
      columns: this.columns,
      ask: (question, secret) => this.read(question, secret, []),
      page: (text) => this.cover((close) => new Pager(text, close)),
      edit: (path) => this.edit(path),
      clear: () => this.scrollback.clear(),
      editElsewhere: (path, text) => this.parts.aside(() => editElsewhere(path, text)),
    };
  }

  private async edit(path: string): Promise<void> {
    const { files, problems, redraw } = this.parts;
    try {
      const text = (await files.exists(path)) ? await files.read(path) : '';
      const write = (changed: string) => files.write(path, changed);
      await this.cover((close) => new Editor({ path, text, write, problems, redraw, close }));
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      this.write(`edit: ${path}: ${fileProblem(error)}\n`);
    }
  }

  /** Shows something in place of the shell until it is closed. */
  private cover(make: (close: () => void) => Overlay): Promise<void> {
    return new Promise((resolve) => {
      this.closed = resolve;
      this.overlay = make(() => this.close());
      this.parts.redraw();
    });
  }

  private close(): void {
    const { closed } = this;
    this.overlay = undefined;
    this.closed = undefined;
    closed?.();
    this.parts.redraw();
  }

  private write(text: string): void {
    this.scrollback.write(text);
    this.parts.redraw();
  }
}
