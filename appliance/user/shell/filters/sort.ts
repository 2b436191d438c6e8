// SPDX-License-Identifier: ISC
//
// sort(1): the lines in order.

import { countOf, type Filter, FilterUsage, getopt } from './filter.ts';

/** More than this is not sorted in memory. */
const MAXIMUM_LINES = 1_000_000;

export const sort: Filter = {
  name: 'sort',
  synopsis: 'sort [-fnru] [-k field] [file ...]',
  summary: 'put the lines in order',
  open(args, io) {
    const options = getopt(args, 'fnru', 'k');
    const { switches } = options;
    const field = countOf(options, 'k', 0);
    const lines: string[] = [];
    const filter = {
      line(text: string) {
        if (lines.length === MAXIMUM_LINES) throw new FilterUsage(`more than ${MAXIMUM_LINES} lines`);
        lines.push(text);
      },
      end() {
        const key = keyOf(field, switches.has('f'));
        const order = switches.has('n') ? byNumber : byText;
        const sign = switches.has('r') ? -1 : 1;
        lines.sort((a, b) => sign * (order(key(a), key(b)) || byText(a, b)));
        let last: string | undefined;
        for (const line of lines) {
          if (!switches.has('u') || last === undefined || order(key(last), key(line)) !== 0) io.out(line);
          last = line;
        }
        return 0;
      },
    };
    return { files: options.operands, filter };
  },
};

/** What of a line is compared: all of it, or what begins with its n-th field. */
function keyOf(field: number, fold: boolean): (line: string) => string {
  const from = (line: string) =>
    field <= 1
      ? line
      : line
          .trim()
          .split(/\s+/)
          .slice(field - 1)
          .join(' ');
  return fold ? (line) => from(line).toUpperCase() : from;
}

function byNumber(a: string, b: string): number {
  return (Number.parseFloat(a) || 0) - (Number.parseFloat(b) || 0);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
