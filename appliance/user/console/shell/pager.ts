// SPDX-License-Identifier: ISC
//
// less(1): a long text page by page, with search.

import type { Key } from '../keys.ts';
import { EMPTY_LINE, editLine, type LineState } from '../lineEdit.ts';
import { printable, type Row, row, span, wrap } from '../styled.ts';
import type { KeyHelp, Look } from '../view.ts';
import type { Overlay } from './overlay.ts';

export class Pager implements Overlay {
  readonly keys: readonly KeyHelp[] = [
    ['space', 'on'],
    ['b', 'back'],
    ['/', 'search'],
    ['n', 'next'],
    ['q', 'close'],
  ];
  private readonly close: () => void;
  private readonly lines: readonly string[];
  private wrapped: { readonly width: number; readonly rows: readonly string[] } = { width: 0, rows: [] };
  private top = 0;
  private height = 1;
  private asking: LineState | undefined;
  private pattern = '';

  constructor(text: string, close: () => void) {
    this.close = close;
    this.lines = text.replace(/\n$/, '').split('\n').map(printable);
  }

  rows({ columns, rows }: Look): readonly Row[] {
    this.height = Math.max(1, rows - 1);
    const all = this.wrap(columns);
    this.top = Math.max(0, Math.min(this.top, all.length - this.height));
    const shown = all.slice(this.top, this.top + this.height).map((text) => this.marked(text));
    while (shown.length < this.height) shown.push(row('~', 'faint'));
    return [...shown, row(this.status(all.length), 'active')];
  }

  press(key: Key): void {
    if (this.asking !== undefined) {
      this.ask(this.asking, key);
      return;
    }
    const page = this.height;
    if (key.name === 'q' || key.name === 'C-c') this.close();
    else if (['space', 'pagedown', 'f', 'C-f'].includes(key.name)) this.top += page;
    else if (['pageup', 'b', 'C-b'].includes(key.name)) this.top -= page;
    else if (['down', 'j', 'enter'].includes(key.name)) this.top += 1;
    else if (['up', 'k'].includes(key.name)) this.top -= 1;
    else if (['home', 'g'].includes(key.name)) this.top = 0;
    else if (['end', 'G'].includes(key.name)) this.top = this.wrapped.rows.length;
    else if (key.name === '/') this.asking = EMPTY_LINE;
    else if (key.name === 'n') this.find(this.top + 1);
  }

  private ask(line: LineState, key: Key): void {
    if (key.name === 'enter') {
      this.pattern = line.text;
      this.asking = undefined;
      this.find(this.top);
    } else if (key.name === 'escape' || key.name === 'C-c') this.asking = undefined;
    else this.asking = editLine(line, key) ?? line;
  }

  private find(from: number): void {
    const found = this.wrapped.rows.findIndex((text, i) => i >= from && text.includes(this.pattern));
    if (this.pattern !== '' && found >= 0) this.top = found;
  }

  private wrap(width: number): readonly string[] {
    if (this.wrapped.width !== width) {
      this.wrapped = { width, rows: this.lines.flatMap((line) => wrap(line, width)) };
    }
    return this.wrapped.rows;
  }

  private marked(text: string): Row {
    const at = this.pattern === '' ? -1 : text.indexOf(this.pattern);
    if (at < 0) return row(text);
    const end = at + this.pattern.length;
    return [span(text.slice(0, at)), span(text.slice(at, end), 'selected'), span(text.slice(end))];
  }

  private status(length: number): string {
    if (this.asking !== undefined) return `/${this.asking.text}`;
    const bottom = this.top + this.height;
    const place = bottom >= length ? 'end' : `${Math.floor((100 * bottom) / length)}%`;
    return ` ${place} `;
  }
}
