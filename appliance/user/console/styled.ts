// SPDX-License-Identifier: ISC
//
// Styled text, which is all that a screen shows: rows of spans, every character one cell wide.

/** What a piece of text is; `screen.ts` says how that looks. Colour never carries a meaning alone. */
export type Style =
  | 'text'
  | 'faint'
  | 'strong'
  | 'heading'
  | 'good'
  | 'bad'
  | 'warn'
  | 'bar'
  | 'active'
  | 'selected';

export interface Span {
  readonly text: string;
  readonly style: Style;
}

export type Row = readonly Span[];

/** Cells between the stops of a tabulator. */
const TAB = 8;

/** Characters that every terminal draws in one cell: Latin, Greek, Cyrillic, punctuation, arrows, boxes and blocks. */
const NARROW =
  /[\x20-\x7e\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2190-\u21ff\u2500-\u25ff]/;
const PLAIN = /^[\x20-\x7e]*$/;

/** The text with tabulators expanded, and `?` for what is no character of one cell: control codes of packets and files among them. */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  let shown = '';
  for (const character of text) {
    if (character === '\t') shown += ' '.repeat(TAB - (shown.length % TAB));
    else shown += NARROW.test(character) ? character : '?';
  }
  return shown;
}

export function span(text: string, style: Style = 'text'): Span {
  return { text: printable(text), style };
}

/** A row of one style. */
export function row(text: string, style: Style = 'text'): Row {
  return [span(text, style)];
}

/** Cells of a row. */
export function widthOf(cells: Row): number {
  return cells.reduce((sum, { text }) => sum + text.length, 0);
}

/** The text in exactly so many cells: cut, or filled up with spaces. */
export function fit(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  if (text.length >= width) return text.slice(0, Math.max(0, width));
  return align === 'left' ? text.padEnd(width) : text.padStart(width);
}

/** The part of a row from cell `from`, in exactly `width` cells; what is missing is filled up in the style of its end. */
export function crop(cells: Row, width: number, from = 0): Row {
  const cropped: Span[] = [];
  let at = 0;
  let used = 0;
  for (const { text, style } of cells) {
    const start = Math.max(0, from - at);
    const piece = text.slice(start, start + width - used);
    at += text.length;
    if (piece === '') continue;
    cropped.push({ text: piece, style });
    used += piece.length;
  }
  if (used < width) cropped.push({ text: ' '.repeat(width - used), style: cropped.at(-1)?.style ?? 'text' });
  return cropped;
}

/** Left and right end of a row of `width` cells; the left one wins. */
export function spread(left: Row, right: Row, width: number, style: Style = 'text'): Row {
  const space = width - widthOf(left) - widthOf(right);
  if (space < 1) return crop([...left, { text: ' '.repeat(width), style }], width);
  return [...left, { text: ' '.repeat(space), style }, ...right];
}

/** The row in one style: for what is selected. */
export function restyle(cells: Row, style: Style): Row {
  return cells.map(({ text }) => ({ text, style }));
}

/** Breaks a text into pieces of at most `width` cells; an empty one is one piece. */
export function wrap(text: string, width: number): readonly string[] {
  if (text.length <= width) return [text];
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += width) pieces.push(text.slice(at, at + width));
  return pieces;
}
