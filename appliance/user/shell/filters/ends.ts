// SPDX-License-Identifier: ISC
//
// head(1) and tail(1): the first lines, the last lines.

import { countOf, type Filter, getopt } from './filter.ts';

const LINES = 10;

export const head: Filter = {
  name: 'head',
  synopsis: 'head [-n count] [file ...]',
  summary: 'pass on the first lines',
  open(args, io) {
    const options = getopt(args, '', 'n');
    let left = countOf(options, 'n', LINES);
    const filter = {
      line(text: string) {
        if (left > 0) io.out(text);
        if (--left === 0) io.stop();
      },
      end: () => 0,
    };
    return { files: options.operands, filter };
  },
};

export const tail: Filter = {
  name: 'tail',
  synopsis: 'tail [-n count] [file ...]',
  summary: 'pass on the last lines',
  open(args, io) {
    const options = getopt(args, '', 'n');
    const count = countOf(options, 'n', LINES);
    // A ring: only what may come out at the end is kept.
    const kept: string[] = [];
    let lines = 0;
    const filter = {
      line(text: string) {
        if (count > 0) kept[lines++ % count] = text;
      },
      end() {
        for (let i = Math.max(0, lines - count); i < lines; i++) io.out(kept[i % count]!);
        return 0;
      },
    };
    return { files: options.operands, filter };
  },
};
