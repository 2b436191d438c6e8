// SPDX-License-Identifier: ISC
//
// Lines that keep coming, seen at their end or held at a place.

import type { Key } from '../keys.ts';
import { printable, type Row, row, type Style, span } from '../styled.ts';

export interface TextLog {
  readonly lines: readonly string[];
  /** Lines between the last one and the last one to be seen; 0 follows what comes. */
  readonly back: number;
}

export const EMPTY_LOG: TextLog = { lines: [], back: 0 };

/** The log after a key; undefined when the key does not move. */
export function moveInLog(log: TextLog, key: Key, page: number): TextLog | undefined {
  const { length } = log.lines;
  const steps: Readonly<Record<string, number>> = {
    up: 1,
    down: -1,
    pageup: page,
    pagedown: -page,
    home: length,
    end: -length,
  };
  const step = Object.hasOwn(steps, key.name) ? steps[key.name] : undefined;
  if (step === undefined) return undefined;
  return { ...log, back: Math.max(0, Math.min(length - page, log.back + step)) };
}

/** The rows that are seen, each line in one, cut at the right; `mark` stands out. */
export function logRows(
  { lines, back }: TextLog,
  height: number,
  styleOf: (line: string) => Style,
  mark = '',
): readonly Row[] {
  const end = lines.length - Math.min(back, Math.max(0, lines.length - height));
  return lines.slice(Math.max(0, end - height), end).map((line) => {
    const text = printable(line);
    const at = mark === '' ? -1 : text.indexOf(mark);
    if (at < 0) return row(text, styleOf(line));
    const rest = at + mark.length;
    const style = styleOf(line);
    return [span(text.slice(0, at), style), span(mark, 'selected'), span(text.slice(rest), style)];
  });
}
