// SPDX-License-Identifier: ISC
//
// The full-screen editor: a document with its line numbers, its colours, and what the parsers say of it as one types.

import { fileProblem } from '../../config/pf/loadPfConf.ts';
import type { Key } from '../keys.ts';
import { EMPTY_LINE, editLine, type LineState } from '../lineEdit.ts';
import type { Place } from '../screen.ts';
import type { Overlay } from '../shell/overlay.ts';
import { crop, printable, type Row, row, span } from '../styled.ts';
import type { KeyHelp, Look } from '../view.ts';
import {
  backspace,
  breakLine,
  cutLine,
  type Document,
  deleteAhead,
  documentOf,
  find,
  insertText,
  moveTo,
  pasteLine,
  step,
  textOf,
  Versions,
} from './document.ts';
import { highlight, wordsOf } from './highlight.ts';
import type { FindProblems, Problem } from './problems.ts';

export interface EditorParts {
  readonly path: string;
  readonly text: string;
  readonly write: (text: string) => Promise<void>;
  readonly problems: FindProblems;
  readonly redraw: () => void;
  readonly close: () => void;
}

/** Milliseconds without a key after which the text is checked. */
const PAUSE = 300;

interface Question {
  readonly text: string;
  readonly enter: (answer: string) => void;
  line: LineState;
}

export class Editor implements Overlay {
  readonly keys: readonly KeyHelp[] = [
    ['C-s', 'save'],
    ['C-x', 'close'],
    ['C-f', 'find'],
    ['C-g', 'next'],
    ['C-u', 'undo'],
    ['C-r', 'redo'],
    ['C-e', 'next error'],
    ['C-k', 'cut line'],
    ['C-y', 'paste'],
  ];
  private readonly parts: EditorParts;
  private readonly words: ReadonlySet<string>;
  private readonly versions = new Versions();
  private document: Document;
  private saved: string;
  private problems: readonly Problem[] = [];
  private message = '';
  private question: Question | undefined;
  private pattern = '';
  private cut = '';
  private top = 0;
  private left = 0;
  private page = 20;
  private checking: NodeJS.Timeout | undefined;

  constructor(parts: EditorParts) {
    this.parts = parts;
    this.words = wordsOf(parts.path);
    this.document = documentOf(parts.text);
    this.saved = textOf(this.document);
    this.check();
  }

  rows(look: Look): readonly Row[] {
    this.settle(look);
    const { lines, line } = this.document;
    const gutter = this.gutter;
    const bad = new Set(this.problems.map((problem) => problem.line - 1));
    const shown = lines.slice(this.top, this.top + this.page).map((text, i): Row => {
      const at = this.top + i;
      const style = bad.has(at) ? 'bad' : at === line ? 'strong' : 'faint';
      const number = `${bad.has(at) ? '!' : ' '}${String(at + 1).padStart(gutter - 2)} `;
      const body = crop(highlight(printable(text), this.words), look.columns - gutter, this.left);
      return [span(number, style), ...body];
    });
    while (shown.length < this.page) shown.push(row('~', 'faint'));
    return [...shown, this.problemRow(), this.statusRow(look.columns)];
  }

  cursor(look: Look): Place {
    if (this.question !== undefined) {
      return { row: look.rows - 1, column: this.question.text.length + this.question.line.cursor };
    }
    const { line } = this.document;
    return { row: line - this.top, column: this.gutter + this.shownColumn - this.left };
  }

  press(key: Key): void {
    this.message = '';
    if (this.question !== undefined) this.answer(this.question, key);
    else if (!this.move(key) && !this.change(key)) this.command(key);
  }

  private get gutter(): number {
    return String(this.document.lines.length).length + 2;
  }

  /** Cells in front of the cursor. */
  private get shownColumn(): number {
    const { lines, line, column } = this.document;
    return printable(lines[line]!.slice(0, column)).length;
  }

  private get isChanged(): boolean {
    return textOf(this.document) !== this.saved;
  }

  /** Moves the window to where the cursor is. */
  private settle(look: Look): void {
    this.page = look.rows - 2;
    const { line } = this.document;
    this.top = Math.max(Math.min(this.top, line), line - this.page + 1);
    const room = look.columns - this.gutter - 1;
    const column = this.shownColumn;
    if (column < this.left) this.left = Math.max(0, column - Math.floor(room / 2));
    else if (column > this.left + room) this.left = column - Math.floor(room / 2);
  }

  /** The problem of the cursor's line; else the first one. */
  private problemRow(): Row {
    const { line } = this.document;
    const problem = this.problems.find((one) => one.line === line + 1) ?? this.problems[0];
    if (problem === undefined) return row('');
    const place = problem.line === 0 ? '' : `line ${problem.line}: `;
    const more = this.problems.length === 1 ? '' : `  (${this.problems.length} problems)`;
    return row(` ${place}${problem.text}${more}`, 'bad');
  }

  private statusRow(columns: number): Row {
    const { question, message, parts, document } = this;
    if (question !== undefined) return [span(question.text, 'strong'), span(question.line.text)];
    const mark = this.isChanged ? ' *' : '';
    const place = ` ${parts.path}${mark}  ${document.line + 1}:${document.column + 1}  `;
    return crop([span(place, 'active'), span(` ${message}`)], columns);
  }

  private move(key: Key): boolean {
    const { document } = this;
    const { line, column, lines } = document;
    const moves: Readonly<Record<string, () => Document>> = {
      left: () => step(document, -1),
      right: () => step(document, 1),
      up: () => moveTo(document, line - 1, column),
      down: () => moveTo(document, line + 1, column),
      pageup: () => moveTo(document, line - this.page + 1, column),
      pagedown: () => moveTo(document, line + this.page - 1, column),
      home: () => moveTo(document, line, 0),
      'C-a': () => moveTo(document, line, 0),
      end: () => moveTo(document, line, lines[line]!.length),
      'C-home': () => moveTo(document, 0, 0),
      'C-end': () => moveTo(document, lines.length, 0),
    };
    if (!Object.hasOwn(moves, key.name)) return false;
    this.document = moves[key.name]!();
    this.versions.pause();
    return true;
  }

  private change(key: Key): boolean {
    const { document } = this;
    const changes: Readonly<Record<string, () => Document>> = {
      enter: () => breakLine(document),
      tab: () => insertText(document, '\t'),
      backspace: () => backspace(document),
      delete: () => deleteAhead(document),
      'C-d': () => deleteAhead(document),
      'C-k': () => {
        const { document: rest, cut } = cutLine(document);
        this.cut = cut;
        return rest;
      },
      'C-y': () => pasteLine(document, this.cut),
    };
    const isCharacter = key.character !== undefined;
    if (!isCharacter && !Object.hasOwn(changes, key.name)) return false;
    this.versions.changing(document, isCharacter ? 'typing' : key.name);
    this.document = isCharacter ? insertText(document, key.character!) : changes[key.name]!();
    this.check();
    return true;
  }

  private command(key: Key): void {
    if (key.name === 'C-s') void this.save();
    else if (key.name === 'C-x' || key.name === 'C-q') this.leave();
    else if (key.name === 'C-f') this.ask('find: ', this.pattern, (text) => this.find(text));
    else if (key.name === 'C-g') this.find(this.pattern);
    else if (key.name === 'C-e') this.nextProblem();
    else if (key.name === 'C-u' || key.name === 'C-_') this.go(this.versions.undo(this.document));
    else if (key.name === 'C-r') this.go(this.versions.redo(this.document));
  }

  private go(document: Document): void {
    this.document = document;
    this.check();
  }

  private find(text: string): void {
    this.pattern = text;
    const found = find(this.document, text);
    if (found === undefined) this.message = `'${text}' is nowhere`;
    else this.document = found;
  }

  private nextProblem(): void {
    const lines = this.problems.map(({ line }) => line - 1).filter((line) => line >= 0);
    const next = lines.find((line) => line > this.document.line) ?? lines[0];
    if (next === undefined) this.message = 'no error';
    else this.document = moveTo(this.document, next, 0);
  }

  private leave(): void {
    if (!this.isChanged) return this.close();
    this.ask('save the changes? (yes, no; Esc: go on) ', '', (answer) => {
      if (/^y/i.test(answer)) void this.save().then((done) => done && this.close());
      else if (/^n/i.test(answer)) this.close();
    });
  }

  private close(): void {
    clearTimeout(this.checking);
    this.checking = undefined;
    this.parts.close();
  }

  /** Resolves to false when the file could not be written. */
  private async save(): Promise<boolean> {
    const text = textOf(this.document);
    try {
      await this.parts.write(text);
    } catch (error) {
      this.message = `not saved: ${fileProblem(error)}`;
      this.parts.redraw();
      return false;
    }
    this.saved = text;
    await this.findProblems(text);
    this.message = this.problems.length === 0 ? 'saved; apply makes it so' : 'saved, with errors in it';
    this.parts.redraw();
    return true;
  }

  private ask(text: string, line: string, enter: (answer: string) => void): void {
    this.question = { text, enter, line: { ...EMPTY_LINE, text: line, cursor: line.length } };
  }

  private answer(question: Question, key: Key): void {
    if (key.name === 'enter') {
      this.question = undefined;
      question.enter(question.line.text);
    } else if (key.name === 'escape' || key.name === 'C-c') this.question = undefined;
    else question.line = editLine(question.line, key) ?? question.line;
  }

  /** Has the text checked when nothing has been typed for a moment. */
  private check(): void {
    clearTimeout(this.checking);
    this.checking = setTimeout(() => void this.findProblems(textOf(this.document)), PAUSE);
  }

  private async findProblems(text: string): Promise<void> {
    const { path, problems, redraw } = this.parts;
    const found = await problems(path, text).catch((error: Error) => [
      { line: 0, text: `cannot be checked: ${error.message}` },
    ]);
    // Typed on meanwhile: the answer is about another text.
    if (text !== textOf(this.document)) return;
    this.problems = found;
    redraw();
  }
}
