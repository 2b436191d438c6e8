// SPDX-License-Identifier: ISC
//
// The virtual consoles: a shell and views of the machine on one terminal, switched by function keys. Only what is visible is asked for.

import { MachineGone, NotRunning } from '../control/client.ts';
import type { CommandRunner } from '../control/server.ts';
import type { Shell } from '../shell/shell.ts';
import { problemFinder } from './editor/problems.ts';
import { keyBar, LEAST_COLUMNS, LEAST_ROWS, tabAt, tabBar, tooSmall } from './frame.ts';
import { glyphsOf } from './glyphs.ts';
import type { Key, Pointed } from './keys.ts';
import { MachineCommands } from './machine.ts';
import { QuestionLine } from './questionLine.ts';
import { type Place, Screen } from './screen.ts';
import { ShellView, type ShellViewParts } from './shell/shellView.ts';
import { type Row, row } from './styled.ts';
import { type Suspension, suspendable } from './suspension.ts';
import { guardTerminal, type TerminalGuard } from './terminalGuard.ts';
import type { Look, View, ViewHost } from './view.ts';
import { makeViews } from './views/index.ts';

export interface ConsolesParts {
  readonly shell: Shell;
  readonly run: CommandRunner['run'];
  /** What the machine calls itself. */
  readonly name: string;
  readonly files: ShellViewParts['files'];
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether C-z stops the process and signals end it at once: not where it is the machine. */
  readonly isMachine: boolean;
  /** Ends the consoles when it fires. */
  readonly ended?: AbortSignal;
  /** Resolves when the machine is gone. */
  readonly gone?: Promise<void>;
}

/** Milliseconds between two looks at the machine. */
const REFRESH = 1_000;
/** Milliseconds within which changes are drawn together. */
const FRAME = 40;
/** A view whose data takes long is asked for so many times more seldom. */
const EASE = 4;
/** Rows that a turn of the wheel moves. */
const WHEEL = 3;

/** No machine, or no longer. */
const GONE = 4;

/**
 * Shows the consoles until the shell is left. Resolves to its last status, 4 when the machine went away; rejects when the consoles break
 * down. The terminal is as it was before in each case.
 */
export async function virtualConsoles(parts: ConsolesParts): Promise<number> {
  try {
    return await new VirtualConsoles(parts).run();
  } catch (error) {
    if (!(error instanceof MachineGone || error instanceof NotRunning)) throw error;
    parts.output.write(`${error.message}\n`);
    return GONE;
  }
}

class VirtualConsoles implements ViewHost {
  readonly machine: MachineCommands;
  readonly files: ConsolesParts['files'];
  private readonly parts: ConsolesParts;
  private readonly screen: Screen;
  private readonly shell: ShellView;
  private readonly views: readonly View[];
  private readonly glyphs;
  private readonly guard: TerminalGuard;
  private readonly suspension: Suspension;
  private active = 0;
  private readonly question = new QuestionLine();
  private message: Row | undefined;
  /** Why the visible view has no news. */
  private trouble: string | undefined;
  private readonly breakdown: Promise<never>;
  private breakDown: (error: Error) => void = () => {};
  private frame: NodeJS.Timeout | undefined;
  private clock: NodeJS.Timeout | undefined;
  /** What was asked for before may be answered still. */
  private isLeft = false;

  constructor(parts: ConsolesParts) {
    this.parts = parts;
    const { shell, name, files, input, output, env } = parts;
    this.breakdown = new Promise((_, reject) => {
      this.breakDown = reject;
    });
    this.glyphs = glyphsOf(env);
    this.machine = new MachineCommands(parts.run);
    this.files = files;
    this.shell = new ShellView({
      shell,
      name,
      files,
      problems: problemFinder(this.machine, files),
      redraw: () => this.redraw(),
      aside: (work) => this.aside(work),
    });
    this.views = [this.shell, ...makeViews(this)];
    this.guard = guardTerminal();
    this.screen = Screen.enter({
      input,
      output,
      terminal: env.TERM ?? 'vt220',
      glyphs: this.glyphs,
      colours: !env.NO_COLOR,
    });
    this.suspension = suspendable({
      screen: this.screen,
      resumed: () => this.redraw(),
      ends: !parts.isMachine,
    });
  }

  async run(): Promise<number> {
    const end = () => this.shell.end();
    const { screen } = this;
    screen.pressed = (key) => this.safely(() => this.press(key));
    screen.pointed = (pointed) => this.safely(() => this.point(pointed));
    screen.resized = () => this.safely(() => this.draw());
    this.parts.ended?.addEventListener('abort', end);
    if (this.parts.ended?.aborted) end();
    this.redraw();
    try {
      return await Promise.race([this.shell.converse(), this.breakdown, this.machineGone()]);
    } finally {
      this.parts.ended?.removeEventListener('abort', end);
      this.isLeft = true;
      this.views[this.active]!.hidden?.();
      clearTimeout(this.clock);
      clearTimeout(this.frame);
      this.suspension.end();
      screen.leave();
      this.guard.release();
    }
  }

  /** Never resolves: the machine's end is one of the consoles, too. */
  private async machineGone(): Promise<never> {
    await (this.parts.gone ?? new Promise(() => {}));
    throw new MachineGone();
  }

  /** A defect of a view ends the consoles, not the machine that may run in this process. */
  private safely(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.breakDown(error as Error);
    }
  }

  redraw(): void {
    if (this.isLeft) return;
    this.frame ??= setTimeout(() => {
      this.frame = undefined;
      this.safely(() => this.draw());
    }, FRAME);
  }

  refresh(): void {
    this.look();
  }

  ask(question: string, text = ''): Promise<string | undefined> {
    this.redraw();
    return this.question.ask(question, text);
  }

  async confirm(question: string): Promise<boolean> {
    const answer = await this.ask(`${question} [no] `);
    return /^y(es)?$/i.test(answer?.trim() ?? '');
  }

  say(text: string, style: 'good' | 'bad' = 'bad'): void {
    this.message = row(` ${text.replaceAll('\n', ' ')}`, style);
    this.redraw();
  }

  act(work: () => Promise<void>): void {
    work().then(
      () => this.look(),
      (error: Error) => this.say(error.message),
    );
  }

  private async aside<T>(work: () => Promise<T>): Promise<T> {
    this.screen.leave();
    try {
      return await work();
    } finally {
      this.screen.enter();
      this.screen.invalidate();
      this.redraw();
    }
  }

  private press(key: Key): void {
    this.message = undefined;
    if (key.name === 'C-l') this.screen.invalidate();
    const view = this.views[this.active]!;
    const chosen = viewOf(key);
    if (key.name === 'C-z') this.suspend();
    else if (key.name === 'M-m') this.switchMouse();
    else if (this.question.isOpen) this.question.press(key);
    else if (chosen !== undefined && chosen < this.views.length) this.choose(chosen);
    else if (!view.press(key) && key.name === 'q') this.choose(0);
    this.draw();
  }

  private switchMouse(): void {
    const { screen } = this;
    screen.mouse = !screen.mouse;
    const does = screen.mouse ? 'on: it chooses tabs and rows, the wheel scrolls' : 'off: it selects text';
    this.say(`the mouse is ${does} (M-m)`, 'good');
  }

  private point({ row, column, action }: Pointed): void {
    if (this.question.isOpen) return;
    const { columns, rows } = this.screen;
    const view = this.views[this.active]!;
    if (action !== 'press') this.turnWheel(view, action === 'wheel up' ? -WHEEL : WHEEL);
    else if (row === 0) this.choose(tabAt(titlesOf(this.views), this.active, columns, column) ?? this.active);
    else if (row < rows - 1 && this.trouble === undefined) view.click?.(row - 1);
    this.draw();
  }

  private turnWheel(view: View, by: number): void {
    if (view.wheel !== undefined) return view.wheel(by);
    for (let i = 0; i < Math.abs(by); i++) view.press({ name: by < 0 ? 'up' : 'down' });
  }

  private suspend(): void {
    if (this.parts.isMachine) this.say('this terminal is the machine: it cannot be suspended');
    else this.suspension.suspend();
  }

  private choose(index: number): void {
    if (this.shell.isLocked || index === this.active) return;
    this.views[this.active]!.hidden?.();
    this.active = index;
    this.trouble = undefined;
    this.views[index]!.shown?.();
    this.look();
  }

  /** Asks for the visible view's data, now and once a second. */
  private look(): void {
    clearTimeout(this.clock);
    const view = this.views[this.active]!;
    if (this.isLeft || view.refresh === undefined) return;
    const begun = performance.now();
    const done = (trouble?: string) => {
      if (this.isLeft || view !== this.views[this.active]) return;
      this.trouble = trouble;
      const took = performance.now() - begun;
      clearTimeout(this.clock);
      this.clock = setTimeout(() => this.look(), Math.max(REFRESH - took, EASE * took));
      this.redraw();
    };
    view.refresh().then(
      () => done(),
      (error: Error) => done(error.message),
    );
  }

  private draw(): void {
    const { columns, rows } = this.screen;
    if (columns < LEAST_COLUMNS || rows < LEAST_ROWS) {
      this.screen.draw(tooSmall(columns, rows));
      return;
    }
    const look: Look = { columns, rows: rows - 2, glyphs: this.glyphs };
    const view = this.views[this.active]!;
    const titles = titlesOf(this.views);
    const body = this.trouble === undefined ? view.rows(look).slice(0, look.rows) : this.noNews(view, look);
    while (body.length < look.rows) (body as Row[]).push([]);
    const bottom = this.bottom(view, columns);
    this.screen.draw(
      [tabBar(titles, this.active, this.parts.name, columns), ...body, bottom],
      this.cursor(view, look),
    );
  }

  /** The view with what it knew last, and above it why there is nothing new. */
  private noNews(view: View, look: Look): readonly Row[] {
    const rows = view.rows({ ...look, rows: look.rows - 1 });
    return [row(` ${this.trouble!.split('\n')[0]}`, 'bad'), ...rows];
  }

  private bottom(view: View, columns: number): Row {
    if (this.question.isOpen) return this.question.row(columns);
    return this.message ?? keyBar(this.shell.isLocked ? [] : view.keys, columns);
  }

  private cursor(view: View, look: Look): Place | undefined {
    const { question } = this;
    if (question.isOpen) return { row: look.rows + 1, column: question.cursor(look.columns) };
    const place = view.cursor?.(look);
    return place && { row: place.row + 1, column: place.column };
  }
}

function titlesOf(views: readonly View[]): readonly string[] {
  return views.map(({ title }) => title);
}

/** Which view a key chooses: F1 to F8, or M-1 to M-8 on terminals without such keys. */
function viewOf({ name }: Key): number | undefined {
  const number = /^(?:f|M-)([1-8])$/.exec(name)?.[1];
  return number === undefined ? undefined : Number(number) - 1;
}
