// SPDX-License-Identifier: ISC
//
// The manual pages that come with rhine (docs/man), found by any name that they describe, as text for a terminal.

import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const PAGES = fileURLToPath(new URL('../../../docs/man/', import.meta.url));

/** A page: its name and section, and its text (Markdown). */
export interface ManualPage {
  /** `pfctl(8)` */
  readonly title: string;
  readonly text: string;
}

/** What `man -k` says of a page. */
export interface PageSummary {
  /** What it describes: `arp`, `pf.conf`. */
  readonly names: readonly string[];
  readonly section: string;
  readonly summary: string;
}

/** Every page, in the order of their files. */
export async function listPages(): Promise<readonly PageSummary[]> {
  const pages: PageSummary[] = [];
  for (const file of (await readdir(PAGES)).sort()) {
    const [, , section] = /^(.+)\.(\d)\.md$/.exec(file) ?? [];
    if (section === undefined) continue;
    const text = await readFile(`${PAGES}${file}`, 'utf8');
    pages.push({
      names: namesOf(text),
      section,
      summary: plain(NAME_LINE.exec(text)?.[2] ?? ''),
    });
  }
  return pages;
}

/** The page about a command or file; undefined when there is none. A name like `pf.conf` or `pfctl.8` will do. */
export async function findPage(name: string): Promise<ManualPage | undefined> {
  for (const file of (await readdir(PAGES)).sort()) {
    const [, title, section] = /^(.+)\.(\d)\.md$/.exec(file) ?? [];
    if (title === undefined) continue;
    const text = await readFile(`${PAGES}${file}`, 'utf8');
    if (title === name || `${title}.${section}` === name || namesOf(text).includes(name)) {
      return { title: `${title}(${section})`, text };
    }
  }
  return undefined;
}

/** `arp, ndp – …` under the heading Name, or under the page's own. */
const NAME_LINE = /^(?:## Name|# \S+\(\d\))\n+([^#\n].*?) [–-] (.*)/m;

/** Names that the page describes: `arp, ndp – …` under its heading Name. */
function namesOf(text: string): readonly string[] {
  const line = NAME_LINE.exec(text)?.[1] ?? '';
  return line.split(',').map((name) => name.trim());
}

const WIDTH = 78;
const INDENT = '     ';

/** The page as man(1) lays it out: headings at the margin, text indented and filled, code as it is. */
export function formatPage({ title, text }: ManualPage): string {
  const upper = title.toUpperCase();
  const middle = 'Rhine Manual';
  const gap = ' '.repeat(Math.max(1, Math.floor((WIDTH - middle.length) / 2) - upper.length));
  const lines = [`${upper}${gap}${middle}${gap}${upper}`];
  for (const block of text.split(/\n{2,}/)) lines.push('', ...formatBlock(block.replace(/\n$/, '')));
  return `${lines.join('\n').replace(/\n{3,}/g, '\n\n')}\n`;
}

function formatBlock(block: string): readonly string[] {
  if (block.startsWith('# ')) return [];
  if (/^#+ /.test(block)) return [block.replace(/^#+ /, '').toUpperCase()];
  if (block.startsWith('    ')) return block.split('\n').map((line) => `${INDENT}${line.slice(4)}`);
  if (block.startsWith('```')) {
    const code = block.split('\n').filter((line) => !line.startsWith('```'));
    return code.map((line) => `${INDENT}${line}`);
  }
  if (block.startsWith('|')) return formatTable(block.split('\n'));
  const [, term, definition] = /^(.+)\n: ([\s\S]+)$/.exec(block) ?? [];
  if (term !== undefined) return [...fill(plain(term)), ...fill(plain(definition!), 6)];
  return block.split(/\n(?=[-*] )/).flatMap((item) => fill(plain(item)));
}

/** Without Markdown's marks. */
function plain(text: string): string {
  return text
    .replace(/\n\s*/g, ' ')
    .replace(/\*\*([^*]+)\*\*/g, '$1')
    .replace(/`([^`]+)`/g, '$1')
    .replace(/\[([^\]]+)\]\([^)]*\)/g, '$1');
}

function formatTable(rows: readonly string[]): readonly string[] {
  const cells = rows
    .filter((row) => !/^\|[\s|:-]+$/.test(row))
    .map((row) =>
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => plain(cell.trim()).replaceAll('\\|', '|')),
    );
  const first = Math.min(24, Math.max(...cells.map(([cell = '']) => cell.length))) + 2;
  return cells.flatMap(([name = '', ...rest]) => {
    const [head = '', ...tail] = fill(rest.filter((cell) => cell !== '').join('; '), first);
    const label = `${INDENT}${name.padEnd(first)}`;
    return name.length < first ? [`${label}${head.trimStart()}`, ...tail] : [label.trimEnd(), head, ...tail];
  });
}

/** Lines of words, indented; what belongs to a bullet stands below its text. */
function fill(text: string, more = 0): readonly string[] {
  const hang = /^[-*] /.test(text) ? 2 : 0;
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const indent = INDENT.length + more + (lines.length > 0 ? hang : 0);
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(' '.repeat(indent) + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, ' '.repeat(INDENT.length + more + (lines.length > 0 ? hang : 0)) + line];
}
