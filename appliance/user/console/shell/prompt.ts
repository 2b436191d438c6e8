// SPDX-License-Identifier: ISC
//
// A prompt and the line that is typed behind it: editing, the lines before (up, C-r) and completion.

import type { Completion } from '../../shell/completion.ts';
import type { Key } from '../keys.ts';
import { EMPTY_LINE, editLine, insert, type LineState, lineOf } from '../lineEdit.ts';

export interface PromptParts {
  readonly text: string;
  /** What is typed is not shown. */
  readonly secret: boolean;
  /** Earlier lines, oldest first. */
  readonly history: readonly string[];
  /** What may stand at the cursor; absent where nothing is known of that. */
  readonly complete?: (line: string, cursor: number) => Promise<Completion>;
}

/** What became of the line by a key. */
export type PromptEvent =
  | { readonly kind: 'changed' | 'ignored' | 'given up' | 'end of input' }
  | { readonly kind: 'entered'; readonly line: string }
  /** The words that Tab could not choose from. */
  | { readonly kind: 'candidates'; readonly texts: readonly string[] };

interface Search {
  readonly pattern: string;
  /** Where in the history the match stands. */
  readonly at: number;
}

export class Prompt {
  private readonly parts: PromptParts;
  private state: LineState = EMPTY_LINE;
  /** Place in the history; its length: the line that was being typed. */
  private at: number;
  private draft = '';
  private search: Search | undefined;

  constructor(parts: PromptParts) {
    this.parts = parts;
    this.at = parts.history.length;
  }

  /** What is shown of it. */
  get shown(): string {
    const { text, secret } = this.parts;
    if (this.search !== undefined) return `(reverse-i-search) '${this.search.pattern}': ${this.state.text}`;
    return secret ? text : text + this.state.text;
  }

  /** Where in `shown` the cursor stands. */
  get cursor(): number {
    if (this.search !== undefined) return this.shown.length;
    return this.parts.secret ? this.parts.text.length : this.parts.text.length + this.state.cursor;
  }

  async press(key: Key): Promise<PromptEvent> {
    if (this.search !== undefined && this.searched(key)) return { kind: 'changed' };
    switch (key.name) {
      case 'enter':
        return { kind: 'entered', line: this.state.text };
      case 'C-c':
        return { kind: 'given up' };
      case 'tab':
        return this.complete();
      case 'up':
      case 'C-p':
        return this.walk(-1);
      case 'down':
      case 'C-n':
        return this.walk(1);
      case 'C-r':
        this.search = { pattern: '', at: this.parts.history.length };
        return { kind: 'changed' };
    }
    if (key.name === 'C-d' && this.state.text === '') return { kind: 'end of input' };
    const next = editLine(this.state, key);
    if (next === undefined) return { kind: 'ignored' };
    this.state = next;
    return { kind: 'changed' };
  }

  /** Goes through the earlier lines; what was being typed is found again behind the last one. */
  private walk(by: -1 | 1): PromptEvent {
    const { history } = this.parts;
    const to = this.at + by;
    if (to < 0 || to > history.length) return { kind: 'ignored' };
    if (this.at === history.length) this.draft = this.state.text;
    this.at = to;
    this.state = lineOf(history[to] ?? this.draft, this.state.killed);
    return { kind: 'changed' };
  }

  /** A key while searching; false: it ends the search and has its own meaning for the line that was found. */
  private searched(key: Key): boolean {
    const { pattern, at } = this.search!;
    if (key.name === 'C-r') this.find(pattern, at - 1);
    else if (key.name === 'backspace') this.find(pattern.slice(0, -1), this.parts.history.length - 1);
    else if (key.character !== undefined)
      this.find(pattern + key.character, Math.min(at, this.parts.history.length - 1));
    else {
      this.search = undefined;
      if (key.name !== 'escape' && key.name !== 'C-g') return false;
    }
    return true;
  }

  private find(pattern: string, from: number): void {
    const { history } = this.parts;
    let found = pattern === '' ? -1 : from;
    while (found >= 0 && !history[found]?.includes(pattern)) found--;
    this.search = { pattern, at: found < 0 ? Math.max(0, from) : found };
    if (found >= 0) this.state = lineOf(history[found]!, this.state.killed);
  }

  private async complete(): Promise<PromptEvent> {
    const { complete } = this.parts;
    const before = this.state;
    if (complete === undefined) return { kind: 'ignored' };
    const { from, candidates } = await complete(before.text, before.cursor);
    // Typed on meanwhile: the answer is about another line.
    if (this.state !== before || candidates.length === 0) return { kind: 'ignored' };
    const texts = candidates.map(({ text }) => text);
    const [only] = texts;
    const typed = before.text.slice(from, before.cursor);
    const common = commonStart(texts);
    const more = texts.length === 1 && !only!.endsWith('/') ? `${only} ` : common;
    if (more.length > typed.length && more.startsWith(typed)) {
      this.state = insert(before, more.slice(typed.length));
      return { kind: 'changed' };
    }
    return { kind: 'candidates', texts };
  }
}

function commonStart(texts: readonly string[]): string {
  return texts.reduce((common, text) => {
    let length = 0;
    while (length < common.length && common[length] === text[length]) length++;
    return common.slice(0, length);
  });
}

/** Words side by side, as many columns as fit. */
export function inColumns(texts: readonly string[], width: number): readonly string[] {
  const column = Math.max(...texts.map((text) => text.length)) + 2;
  const across = Math.max(1, Math.floor(width / column));
  const down = Math.ceil(texts.length / across);
  return Array.from({ length: down }, (_, line) =>
    Array.from({ length: across }, (_, i) => texts[i * down + line] ?? '')
      .map((text) => text.padEnd(column))
      .join('')
      .trimEnd(),
  );
}
