// SPDX-License-Identifier: ISC
//
// cat(1), and less(1) where the terminal has pages: elsewhere it passes everything on.

import { type Filter, getopt } from './filter.ts';

/** Characters that less keeps to page through. */
const MAXIMUM_TEXT = 16 * 1024 * 1024;

export const cat: Filter = {
  name: 'cat',
  synopsis: 'cat [-n] [file ...]',
  summary: 'show files',
  open(args, io) {
    const { switches, operands } = getopt(args, 'n', '');
    let number = 0;
    const filter = {
      line: (text: string) => io.out(switches.has('n') ? `${String(++number).padStart(6)}\t${text}` : text),
      end: () => 0,
    };
    return { files: operands, filter };
  },
};

function pager(name: string): Filter {
  return {
    name,
    synopsis: `${name} [file ...]`,
    summary: 'show text page by page',
    open(args, io) {
      const { operands } = getopt(args, '', '');
      const { page } = io;
      if (page === undefined) return { files: operands, filter: { line: io.out, end: () => 0 } };
      const lines: string[] = [];
      let length = 0;
      const filter = {
        line(text: string) {
          lines.push(text);
          length += text.length;
          if (length > MAXIMUM_TEXT) io.stop();
        },
        async end() {
          await page(lines.map((line) => `${line}\n`).join(''));
          return 0;
        },
      };
      return { files: operands, filter };
    },
  };
}

export const less: Filter = pager('less');
export const more: Filter = pager('more');
