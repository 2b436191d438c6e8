// SPDX-License-Identifier: ISC
//
// Tables: columns with a heading, as wide as their content needs and the terminal has room for.

import { crop, fit, printable, type Row, restyle, type Span, type Style, span } from './styled.ts';

export interface Column<T> {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Cells that it needs at least; its heading if there is none. */
  readonly width?: number;
  /** Takes what room is left. One column at most. */
  readonly grows?: boolean;
  /** Left out where there is no room: the highest number first. Absent: always there. */
  readonly optional?: number;
  readonly text: (item: T) => string;
  readonly style?: (item: T) => Style;
}

const GAP = 1;
/** No column is cut further. */
const NARROWEST = 8;

/** A heading and a row for each item, `selected` marked. */
export function table<T>(
  columns: readonly Column<T>[],
  items: readonly T[],
  width: number,
  selected?: number,
): readonly Row[] {
  const texts = columns.map((column) => items.map((item) => printable(column.text(item))));
  const needed = columns.map((column, i) => widthOfColumn(column, texts[i]!));
  const shown = chosen(columns, needed, width);
  narrow(shown, needed, width);
  const used = widthOfShown(shown, needed);
  const growing = shown.find((i) => columns[i]!.grows);
  if (growing !== undefined)
    needed[growing] = Math.max(columns[growing]!.width ?? 4, needed[growing]! + width - used);
  const line = (cell: (i: number) => Span): Row =>
    crop(
      shown.flatMap((i) => [cell(i), span(' '.repeat(GAP))]),
      width,
    );
  const heading = line((i) => span(fit(columns[i]!.title, needed[i]!, columns[i]!.align), 'heading'));
  const rows = items.map((item, y) => {
    const cells = line((i) => {
      const { align, style } = columns[i]!;
      return { text: fit(texts[i]![y]!, needed[i]!, align), style: style?.(item) ?? 'text' };
    });
    return y === selected ? restyle(cells, 'selected') : cells;
  });
  return [heading, ...rows];
}

function widthOfColumn<T>(column: Column<T>, texts: readonly string[]): number {
  const content = texts.reduce((longest, text) => Math.max(longest, text.length), 0);
  return Math.max(column.title.length, column.width ?? 0, column.grows ? 0 : content);
}

/** Columns that there is room for. */
function chosen<T>(
  columns: readonly Column<T>[],
  needed: readonly number[],
  width: number,
): readonly number[] {
  let shown = columns.map((_, i) => i);
  for (;;) {
    const used = widthOfShown(shown, needed);
    const dispensable = shown.filter((i) => columns[i]!.optional !== undefined);
    if (used <= width || dispensable.length === 0) return shown;
    const last = dispensable.reduce((a, b) => (columns[b]!.optional! > columns[a]!.optional! ? b : a));
    shown = shown.filter((i) => i !== last);
  }
}

function widthOfShown(shown: readonly number[], needed: readonly number[]): number {
  return shown.reduce((sum, i) => sum + needed[i]! + GAP, -GAP);
}

/** What is too wide even so is taken from the widest columns, whose texts are cut. */
function narrow(shown: readonly number[], needed: number[], width: number): void {
  for (let over = widthOfShown(shown, needed) - width; over > 0; over--) {
    const widest = shown.reduce((a, b) => (needed[b]! > needed[a]! ? b : a));
    if (needed[widest]! > NARROWEST) needed[widest]!--;
  }
}
