// SPDX-License-Identifier: ISC
//
// wc(1): how many lines, words and bytes.

import { type Filter, getopt } from './filter.ts';

interface Count {
  l: number;
  w: number;
  c: number;
}

const COLUMNS = ['l', 'w', 'c'] as const;

export const wc: Filter = {
  name: 'wc',
  synopsis: 'wc [-clw] [file ...]',
  summary: 'count lines, words and bytes',
  open(args, io) {
    const { switches, operands } = getopt(args, 'clw', '');
    const shown = COLUMNS.filter((column) => switches.size === 0 || switches.has(column));
    const counts = new Map<string, Count>();
    const row = (count: Count, name: string) =>
      io.out(`${shown.map((column) => String(count[column]).padStart(8)).join('')}${name && ` ${name}`}`);
    const filter = {
      line(text: string, file = '') {
        const count = counts.get(file) ?? { l: 0, w: 0, c: 0 };
        counts.set(file, count);
        count.l++;
        count.w += text.split(/\s+/).filter((word) => word !== '').length;
        count.c += new TextEncoder().encode(text).length + 1;
      },
      end() {
        if (counts.size === 0) row({ l: 0, w: 0, c: 0 }, '');
        const total = { l: 0, w: 0, c: 0 };
        for (const [file, count] of counts) {
          row(count, file);
          for (const column of COLUMNS) total[column] += count[column];
        }
        if (counts.size > 1) row(total, 'total');
        return 0;
      },
    };
    return { files: operands, filter };
  },
};
