// SPDX-License-Identifier: ISC
//
// `table <name> …` and the files with addresses that it names (pf.conf(5), "TABLES").

import type { TableEntry } from '../../../../abi/pf.ts';
import type { Diagnostics } from '../diagnostics.ts';
import type { Facts } from '../facts.ts';
import type { Parsing } from '../parsing.ts';
import { printTableDefinition, type TablePart } from '../printTable.ts';
import { resolveHost } from '../resolve.ts';
import type { HostNode } from '../syntax.ts';
import { endStatement } from './filterRule.ts';
import { MAX_TABLE_NAME, parseHostList } from './hosts.ts';
import { MAX_WEIGHT, parseWeight } from './pools.ts';

interface TableNode {
  persist: boolean;
  constant: boolean;
  counters: boolean;
  /** `{ }` was written: the table is emptied. */
  emptied: boolean;
  readonly parts: TablePart[];
}

/** One definition; `table` has been taken. */
export function parseTable(p: Parsing): void {
  const { cursor } = p;
  cursor.requireOperator('<');
  const name = cursor.string('table');
  cursor.requireOperator('>');
  const node: TableNode = { persist: false, constant: false, counters: false, emptied: false, parts: [] };
  while (!cursor.atNewline() && !cursor.atEnd()) parseAttribute(p, node);
  endStatement(p);
  if (name.length > MAX_TABLE_NAME) cursor.fail(`table name too long, max ${MAX_TABLE_NAME} chars`);
  if (p.config.parts.tables) define(p, name, node);
}

function parseAttribute(p: Parsing, node: TableNode): void {
  const { cursor } = p;
  if (cursor.acceptOperator('{')) {
    parseAddresses(p, node);
  } else if (cursor.accept('file')) {
    node.parts.push({ file: cursor.string('file') });
  } else {
    const word = cursor.string('persist');
    if (word === 'persist') node.persist = true;
    else if (word === 'const') node.constant = true;
    else if (word === 'counters') node.counters = true;
    else cursor.fail(`invalid table option '${word}'`);
  }
}

function parseAddresses(p: Parsing, node: TableNode): void {
  const { cursor } = p;
  cursor.skipNewlines();
  if (cursor.acceptOperator('}')) {
    node.emptied = true;
    return;
  }
  const hosts = cursor.braced(() => parseWeighted(p)).flat();
  for (const host of hosts) checkHost(p, host);
  node.parts.push({ hosts });
}

/** Addresses with `weight N` behind them, where the dialect has weights. */
function parseWeighted(p: Parsing): readonly HostNode[] {
  const hosts = parseHostList(p) ?? [];
  const weight = parseWeight(p);
  return weight === undefined ? hosts : hosts.map((host) => ({ ...host, weight }));
}

const FOREIGN: Readonly<Record<string, string>> = {
  range: 'address ranges are not permitted inside tables',
  dynamic: 'dynamic addresses are not permitted inside tables',
  table: 'tables cannot contain tables',
  'no-route': '"no-route" is not permitted inside tables',
  'urpf-failed': '"urpf-failed" is not permitted inside tables',
};

function checkHost(p: Parsing, host: HostNode): void {
  const { kind } = host.address;
  if (kind !== 'prefix') p.cursor.fail(FOREIGN[kind] ?? `unknown address type ${kind}`);
}

function define(p: Parsing, name: string, node: TableNode): void {
  const entries = node.parts.flatMap((part) =>
    'file' in part ? fileEntries(p, part.file) : part.hosts.map(hostEntry),
  );
  const defined = node.emptied || node.parts.length > 0;
  p.config.echo.push(printTableDefinition(name, node, node.parts, defined));
  p.config.defineTable({
    anchor: p.config.current.path,
    name,
    persist: node.persist,
    constant: node.constant,
    counters: node.counters,
    entries: defined ? entries : undefined,
  });
}

function hostEntry(host: HostNode): TableEntry {
  if (host.address.kind !== 'prefix') throw new Error('checked before');
  const { weight } = host;
  return { prefix: host.address.prefix, negated: host.negated, ...(weight !== undefined && { weight }) };
}

function fileEntries(p: Parsing, file: string): readonly TableEntry[] {
  const content = p.readFile(file);
  if ('error' in content) return p.cursor.fail(`cannot load "${file}": ${content.error}`);
  const entries = parseAddressFile(content.text, p.facts, p.diagnostics);
  return entries ?? p.cursor.fail(`file "${file}" contains bad data`);
}

/** Addresses of a table file: between blanks, `!` before one negates it, `#` begins a comment. */
export function parseAddressFile(
  text: string,
  facts: Facts,
  diagnostics: Diagnostics,
): readonly TableEntry[] | undefined {
  const words = text.replace(/#.*/g, '').split(/\s+/).filter(Boolean);
  const entries: TableEntry[] = [];
  for (const parsed of parseTableAddresses(words, facts, diagnostics)) {
    if (parsed === undefined) return undefined;
    entries.push(...parsed);
  }
  return entries;
}

/** The entries of each address, which `weight N` may follow; undefined for what is none. */
export function* parseTableAddresses(
  words: readonly string[],
  facts: Facts,
  diagnostics: Diagnostics,
): Generator<readonly TableEntry[] | undefined> {
  for (let i = 0; i < words.length; i++) {
    const entries = parseTableAddress(words[i]!, facts, diagnostics);
    const weight = words[i + 1] === 'weight' ? weightOf(words[i + 2]) : undefined;
    if (weight !== undefined) i += 2;
    yield weight === undefined ? entries : entries?.map((entry) => ({ ...entry, weight }));
  }
}

function weightOf(word = ''): number | undefined {
  const weight = /^\d{1,5}$/.test(word) ? Number(word) : 0;
  return weight >= 1 && weight <= MAX_WEIGHT ? weight : undefined;
}

/** Entries of one word, which may be negated and may be a name; undefined when it is no address. */
function parseTableAddress(
  word: string,
  facts: Facts,
  diagnostics: Diagnostics,
): readonly TableEntry[] | undefined {
  const bare = word.replace(/^!+/, '');
  const negated = (word.length - bare.length) % 2 === 1;
  const hosts = resolveHost(bare, facts, diagnostics);
  return hosts?.map((host) => ({ ...hostEntry(host), negated }));
}
