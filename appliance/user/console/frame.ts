// SPDX-License-Identifier: ISC
//
// What surrounds the views: the bar of tabs at the top, the keys at the bottom.

import { crop, type Row, row, type Span, span, spread, widthOf } from './styled.ts';
import type { KeyHelp } from './view.ts';

/** Below this there is room for a sentence only. */
export const LEAST_COLUMNS = 40;
export const LEAST_ROWS = 6;

/** `F1 shell  F2 interfaces …` with the visible one marked, as long as fits; `right` where there is room for it. */
export function tabBar(titles: readonly string[], active: number, right: string, width: number): Row {
  const fitting = fittingTabs(titles, active, width);
  const corner = widthOf(fitting) + right.length + 2 <= width ? [span(`${right} `, 'bar')] : [];
  return crop(spread(fitting, corner, width, 'bar'), width);
}

/** The tab at a column of that bar; undefined beside them. */
export function tabAt(
  titles: readonly string[],
  active: number,
  width: number,
  column: number,
): number | undefined {
  let end = 0;
  const index = fittingTabs(titles, active, width).findIndex(({ text }) => {
    end += text.length;
    return column < end;
  });
  return index < 0 ? undefined : index;
}

/** A span for each tab, as much of its title as fits. */
function fittingTabs(titles: readonly string[], active: number, width: number): Row {
  const bars = [
    tabs(titles, active, (title, i) => ` F${i + 1} ${title} `),
    tabs(titles, active, (title, i) => ` F${i + 1} ${title}`),
    tabs(titles, active, (title, i) => `${i + 1} ${title} `),
    tabs(titles, active, (title, i) => (i === active ? ` F${i + 1} ${title} ` : ` F${i + 1} `)),
    tabs(titles, active, (_, i) => ` ${i + 1} `),
  ];
  return bars.find((bar) => widthOf(bar) <= width) ?? bars.at(-1)!;
}

function tabs(
  titles: readonly string[],
  active: number,
  text: (title: string, index: number) => string,
): Row {
  return titles.map((title, i) => span(text(title, i), i === active ? 'active' : 'bar'));
}

/** `sort o  kill k …`: as many as fit, the first ones first. */
export function keyBar(keys: readonly KeyHelp[], width: number): Row {
  const bar: Span[] = [];
  let used = 0;
  for (const [key, does] of keys) {
    const spans = [span(` ${key}`, 'strong'), span(does === '' ? ' ' : ` ${does} `, 'faint')];
    used += widthOf(spans);
    if (used > width) break;
    bar.push(...spans);
  }
  return crop(bar, width);
}

/** In place of everything on a terminal that is too small. */
export function tooSmall(columns: number, rows: number): readonly Row[] {
  return [row(`${columns}x${rows} is too small, ${LEAST_COLUMNS}x${LEAST_ROWS} is needed`.slice(0, columns))];
}
