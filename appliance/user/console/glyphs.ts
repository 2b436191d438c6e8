// SPDX-License-Identifier: ISC
//
// Signs that a terminal may lack, and what stands for them in ASCII.

export interface Glyphs {
  readonly isUnicode: boolean;
  readonly horizontal: string;
  readonly vertical: string;
  /** From nothing to everything. */
  readonly bars: readonly string[];
  readonly up: string;
  readonly down: string;
}

export const UNICODE: Glyphs = {
  isUnicode: true,
  horizontal: '─',
  vertical: '│',
  bars: [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'],
  up: '▲',
  down: '▼',
};

export const ASCII: Glyphs = {
  isUnicode: false,
  horizontal: '-',
  vertical: '|',
  bars: [' ', '_', '.', ':', '-', '=', '+', '*', '#'],
  up: '^',
  down: 'v',
};

/** Which of them a locale can show (setlocale(3): LC_ALL wins over LC_CTYPE, that over LANG). */
export function glyphsOf(env: Readonly<Record<string, string | undefined>>): Glyphs {
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || '';
  return /utf-?8/i.test(locale) ? UNICODE : ASCII;
}

/** The last `width` values as bars, the highest of them full. */
export function sparkline(values: readonly number[], width: number, { bars }: Glyphs): string {
  const shown = values.slice(-width);
  const highest = Math.max(1, ...shown);
  const steps = bars.length - 1;
  return shown
    .map((value) => bars[value === 0 ? 0 : Math.max(1, Math.round((value / highest) * steps))]!)
    .join('')
    .padStart(width);
}
