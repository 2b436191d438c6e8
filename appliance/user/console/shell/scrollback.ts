// SPDX-License-Identifier: ISC
//
// What a terminal has shown: the last lines of output, seen through a window of any width.

import { printable, type Row, row, wrap } from '../styled.ts';

const KEPT = 5_000;
/** A line that does not end is broken after so many characters. */
const LONGEST = 16_384;

export class Scrollback {
  private lines: string[] = [];
  /** The last line while its end has not come. */
  private open = '';

  /** Adds output as it comes. */
  write(text: string): void {
    const lines = (this.open + text).split('\n');
    this.open = lines.pop()!;
    for (const line of lines) this.push(line);
    while (this.open.length > LONGEST) {
      this.push(this.open.slice(0, LONGEST));
      this.open = this.open.slice(LONGEST);
    }
  }

  /** Adds a whole line; it follows what stands in the open one. */
  line(text: string): void {
    this.write(`${text}\n`);
  }

  /** Ends an open line, so that a prompt has one of its own. */
  endLine(): void {
    if (this.open !== '') this.write('\n');
  }

  clear(): void {
    this.lines = [];
    this.open = '';
  }

  /** The `height` rows that end `back` rows before the last one, with `live` (what is being typed) behind the last line. */
  rows(width: number, height: number, back: number, live: string | undefined): readonly Row[] {
    const wanted = height + back;
    let rows: string[] = [];
    const add = (text: string) => {
      rows = [...wrap(printable(text), width), ...rows];
    };
    if (live !== undefined) add(this.open + live);
    else if (this.open !== '') add(this.open);
    for (let i = this.lines.length - 1; i >= 0 && rows.length < wanted; i--) add(this.lines[i]!);
    const end = Math.max(Math.min(rows.length, height), rows.length - back);
    return rows.slice(Math.max(0, end - height), end).map((text) => row(text));
  }

  /** Rows that there are at this width, at most as many as a window could be moved back over. */
  get length(): number {
    return this.lines.length;
  }

  private push(line: string): void {
    this.lines.push(line.replace(/\r$/, ''));
    if (this.lines.length > KEPT + KEPT / 10) this.lines = this.lines.slice(-KEPT);
  }
}
