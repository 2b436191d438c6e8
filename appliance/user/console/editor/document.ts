// SPDX-License-Identifier: ISC
//
// A text that is being edited, as a pure machine: every change makes a new document, and undo is the way back through them.

export interface Document {
  /** Never empty. */
  readonly lines: readonly string[];
  readonly line: number;
  readonly column: number;
}

/** A file's text; a last line without its end gets one when it is written. */
export function documentOf(text: string): Document {
  const lines = text.replace(/\n$/, '').split('\n');
  return { lines, line: 0, column: 0 };
}

export function textOf({ lines }: Document): string {
  return lines.length === 1 && lines[0] === '' ? '' : `${lines.join('\n')}\n`;
}

function currentLine({ lines, line }: Document): string {
  return lines[line]!;
}

/** The cursor where asked, or at the nearest place that there is. */
export function moveTo(document: Document, line: number, column: number): Document {
  const to = Math.max(0, Math.min(document.lines.length - 1, line));
  return { ...document, line: to, column: Math.max(0, Math.min(document.lines[to]!.length, column)) };
}

/** One character to the left or right, over the ends of lines. */
export function step(document: Document, by: -1 | 1): Document {
  const { line, column } = document;
  if (by < 0 && column === 0)
    return line === 0 ? document : moveTo(document, line - 1, Number.MAX_SAFE_INTEGER);
  if (by > 0 && column === currentLine(document).length) {
    return line === document.lines.length - 1 ? document : moveTo(document, line + 1, 0);
  }
  return moveTo(document, line, column + by);
}

/** Text without line ends at the cursor. */
export function insertText(document: Document, text: string): Document {
  const { line, column } = document;
  const old = currentLine(document);
  return {
    ...replaced(document, line, 1, [old.slice(0, column) + text + old.slice(column)]),
    column: column + text.length,
  };
}

/** A line's end at the cursor; the next line is indented as this one. */
export function breakLine(document: Document): Document {
  const { line, column } = document;
  const old = currentLine(document);
  const indent = /^[ \t]*/.exec(old.slice(0, column))![0];
  const changed = replaced(document, line, 1, [old.slice(0, column), indent + old.slice(column)]);
  return { ...changed, line: line + 1, column: indent.length };
}

/** Takes the character away that is left of the cursor, or the end of the line before. */
export function backspace(document: Document): Document {
  const before = step(document, -1);
  return before === document ? document : deleteAhead(before);
}

/** Takes the character at the cursor away, or the end of the line. */
export function deleteAhead(document: Document): Document {
  const { line, column, lines } = document;
  const old = currentLine(document);
  if (column < old.length) return replaced(document, line, 1, [old.slice(0, column) + old.slice(column + 1)]);
  const next = lines[line + 1];
  return next === undefined ? document : replaced(document, line, 2, [old + next]);
}

/** Takes the cursor's line away. */
export function cutLine(document: Document): { readonly document: Document; readonly cut: string } {
  const { line, lines } = document;
  const rest = lines.length === 1 ? replaced(document, 0, 1, ['']) : replaced(document, line, 1, []);
  return { document: moveTo(rest, line, 0), cut: currentLine(document) };
}

/** Puts a line in above the cursor's. */
export function pasteLine(document: Document, text: string): Document {
  return { ...replaced(document, document.line, 0, [text]), line: document.line + 1 };
}

/** The next place of a text behind the cursor, from the beginning again after the end; undefined when it is nowhere. */
export function find(document: Document, text: string): Document | undefined {
  const { lines, line, column } = document;
  if (text === '') return undefined;
  for (let i = 0; i <= lines.length; i++) {
    const at = (line + i) % lines.length;
    const found = lines[at]!.indexOf(text, i === 0 ? column + 1 : 0);
    if (found >= 0) return moveTo(document, at, found);
  }
  return undefined;
}

function replaced(document: Document, at: number, count: number, by: readonly string[]): Document {
  const { lines } = document;
  return { ...document, lines: [...lines.slice(0, at), ...by, ...lines.slice(at + count)] };
}

/** Versions that can be gone back to. */
const KEPT = 1_000;

/** Changes that are one step when they follow one another. */
const IN_ONE_GO: ReadonlySet<string> = new Set(['typing', 'backspace', 'delete']);

/** The documents that there were. */
export class Versions {
  private before: Document[] = [];
  private after: Document[] = [];
  private kind = '';

  /** `document` is about to be changed by something of this kind. */
  changing(document: Document, kind: string): void {
    if (kind === this.kind && IN_ONE_GO.has(kind)) return;
    this.kind = kind;
    this.after = [];
    this.before.push(document);
    if (this.before.length > KEPT) this.before.shift();
  }

  /** The next change is a step of its own. */
  pause(): void {
    this.kind = '';
  }

  undo(document: Document): Document {
    return this.go(this.before, this.after, document);
  }

  redo(document: Document): Document {
    return this.go(this.after, this.before, document);
  }

  private go(from: Document[], to: Document[], document: Document): Document {
    const target = from.pop();
    this.kind = '';
    if (target === undefined) return document;
    to.push(document);
    return target;
  }
}
