// SPDX-License-Identifier: ISC
//
// A question in the last line, and the answer as it is typed. One at a time: another takes the place of one that is open.

import type { Key } from './keys.ts';
import { EMPTY_LINE, editLine, type LineState, lineOf } from './lineEdit.ts';
import { crop, type Row, span } from './styled.ts';

export class QuestionLine {
  private text = '';
  private line: LineState = EMPTY_LINE;
  private answer: ((line: string | undefined) => void) | undefined;

  get isOpen(): boolean {
    return this.answer !== undefined;
  }

  /** Resolves to what is entered, undefined when it is given up. */
  ask(question: string, text: string): Promise<string | undefined> {
    this.answered(undefined);
    this.text = question;
    this.line = lineOf(text);
    return new Promise((answer) => {
      this.answer = answer;
    });
  }

  press(key: Key): void {
    if (key.name === 'enter') this.answered(this.line.text);
    else if (key.name === 'escape' || key.name === 'C-c') this.answered(undefined);
    else this.line = editLine(this.line, key) ?? this.line;
  }

  row(columns: number): Row {
    return crop([span(this.text, 'strong'), span(this.line.text)], columns);
  }

  /** The column of the cursor. */
  cursor(columns: number): number {
    return Math.min(this.text.length + this.line.cursor, columns - 1);
  }

  private answered(line: string | undefined): void {
    const { answer } = this;
    this.answer = undefined;
    answer?.(line);
  }
}
