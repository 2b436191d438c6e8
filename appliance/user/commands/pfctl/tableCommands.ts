// SPDX-License-Identifier: ISC
//
// `pfctl -t TABLE -T COMMAND` (pfctl(8)). What each address met is worked out here against the table's content, the
// change itself is one call.

import { addressBits, comparePrefixes, contains, type Prefix } from '../../../abi/address.ts';
import { formatPrefix } from '../../../abi/addressText.ts';
import type { TableAddressInfo, TableChange, TableEntry } from '../../../abi/pf.ts';
import { Diagnostics, formatDiagnostic } from '../../config/pf/diagnostics.ts';
import { fileProblem } from '../../config/pf/loadPfConf.ts';
import { parseAddressFile, parseTableAddresses } from '../../config/pf/parse/tables.ts';
import type { TableCommand } from './arguments.ts';
import { bootDate } from './format.ts';
import { tableAddressJson } from './json.ts';
import { allPages, Failure, inPages, mapPages, radixError, type Session } from './session.ts';
import { counterLine } from './showTables.ts';

/** What happened to one address: the letter that is printed before it. */
type Feedback = 'A' | 'C' | 'D' | 'M' | 'X' | 'Y' | 'Z' | ' ';

interface Marked {
  readonly entry: TableEntry;
  readonly feedback: Feedback;
}

type Runner = (run: TableRun) => Promise<number>;

const RUNNERS: Readonly<Record<Exclude<TableCommand, 'load'>, Runner>> = {
  add: (run) => run.add(),
  delete: (run) => run.delete(),
  replace: (run) => run.replace(),
  expire: (run) => run.expire(),
  flush: (run) => run.flush(),
  kill: (run) => run.kill(),
  show: (run) => run.show(),
  test: (run) => run.test(),
  zero: (run) => run.zero(),
};

/** Runs the command; answers the exit status. */
export async function tableCommand(
  session: Session,
  command: Exclude<TableCommand, 'load'>,
): Promise<number> {
  const name = session.args.table;
  if (name === undefined) throw new Failure('no table name given (use -t)');
  try {
    return await RUNNERS[command](new TableRun(session, name));
  } catch (error) {
    const text = radixError(error);
    if (text === undefined) throw error;
    session.err(`pfctl: ${text}.`);
    return 1;
  }
}

class TableRun {
  private readonly session: Session;
  private readonly name: string;
  private readonly anchor: string;

  constructor(session: Session, name: string) {
    this.session = session;
    this.name = name;
    this.anchor = session.args.anchor;
  }

  async add(): Promise<number> {
    const entries = await this.entries();
    const missing = await this.create();
    const content = missing ? [] : await this.contentBefore();
    const change = await this.change('add', entries);
    this.say(`${change.added}/${entries.length} addresses added`);
    this.feedback(() => markAdded(entries, content));
    return 0;
  }

  async delete(): Promise<number> {
    const entries = await this.entries();
    const content = await this.contentBefore();
    const change = await this.change('delete', entries);
    this.say(`${change.deleted}/${entries.length} addresses deleted`);
    this.feedback(() => markDeleted(entries, content));
    return 0;
  }

  async replace(): Promise<number> {
    const entries = await this.entries();
    const missing = await this.create();
    const content = missing ? [] : await this.contentBefore();
    const { added, deleted, changed } = await this.change('replace', entries);
    if (added > 0) this.say(`${added} addresses added`);
    if (deleted > 0) this.say(`${deleted} addresses deleted`);
    if (changed > 0) this.say(`${changed} addresses changed`);
    if (added + deleted + changed === 0) this.say('no changes');
    this.feedback(() => markReplaced(entries, content));
    return 0;
  }

  /** Deletes what was not cleared or added for so many seconds. */
  async expire(): Promise<number> {
    const [text] = this.session.args.operands;
    if (text === undefined || !/^\d+$/.test(text)) throw new Failure('expire: seconds expected');
    const { uptime } = await this.session.kernel.call('system.time', {});
    const content = await this.content();
    const old = content.filter((entry) => uptime - entry.cleared > Number(text));
    const change = await this.change('delete', old.map(plainEntry));
    this.say(`${change.deleted}/${old.length} addresses expired`);
    this.feedback(() => old.map((entry) => ({ entry, feedback: 'D' })));
    return 0;
  }

  async flush(): Promise<number> {
    const change = await this.change('flush', []);
    this.say(`${change.deleted} addresses deleted`);
    return 0;
  }

  async kill(): Promise<number> {
    const tables = await this.session.kernel.call('pf.tables', { anchor: this.anchor });
    const exists = tables.some((table) => table.name === this.name && table.anchor === this.anchor);
    if (exists) await this.change('kill', []);
    this.say(`${Number(exists)} table deleted`);
    return 0;
  }

  async zero(): Promise<number> {
    await this.change('zero', []);
    this.say('1 table/stats cleared');
    return 0;
  }

  async show(): Promise<number> {
    const { args } = this.session;
    const content = inPages(await this.content());
    if (args.json) {
      await this.session.jsonList(mapPages(content, (entry) => [tableAddressJson(entry)]));
      return 0;
    }
    const boot = await bootDate(this.session);
    await this.session.lines(
      mapPages(content, (entry) => [
        this.line({ entry, feedback: ' ' }),
        ...(entry.weight === undefined ? [] : [`\tWeight:             ${entry.weight}`]),
        ...(args.verbose === 0 ? [] : [`\tCleared:     ${boot(entry.cleared)}`, ...addressCounters(entry)]),
      ]),
    );
    return 0;
  }

  /** Exit status 2 when an address is not in the table. */
  async test(): Promise<number> {
    const { args } = this.session;
    const entries = await this.entries();
    for (const entry of entries) {
      const whole = entry.prefix.length === addressBits(entry.prefix.family);
      if (entry.negated || !whole) throw new Failure('Invalid argument.');
    }
    const results = await this.session.kernel.call('pf.testTable', {
      anchor: this.anchor,
      name: this.name,
      addresses: entries.map((entry) => ({ family: entry.prefix.family, words: entry.prefix.words })),
    });
    const matches = results.filter(Boolean).length;
    this.say(`${matches}/${entries.length} addresses match`);
    const content = args.verbose > 1 ? await this.content() : [];
    entries.forEach((entry, i) => {
      if (args.verbose === 0 || (args.verbose === 1 && !results[i])) return;
      const line = this.line({ entry, feedback: results[i] ? 'M' : ' ' });
      this.session.out(args.verbose > 1 ? line + matchText(entry.prefix, content) : line);
    });
    return matches < entries.length ? 2 : 0;
  }

  /** Addresses of the command line and of -f, in this order. */
  private async entries(): Promise<readonly TableEntry[]> {
    const { args, context } = this.session;
    const facts = await this.session.facts();
    const diagnostics = new Diagnostics();
    const entries = [...parseTableAddresses(args.operands, facts, diagnostics)];
    if (args.file !== undefined) {
      const text = await this.readAddresses(args.file);
      entries.push(parseAddressFile(text, facts, diagnostics));
    }
    if (entries.some((list) => list === undefined)) {
      for (const diagnostic of diagnostics.list) context.stderr(`${formatDiagnostic(diagnostic)}\n`);
      throw new Failure('');
    }
    return entries.flatMap((list) => list!);
  }

  private async readAddresses(file: string): Promise<string> {
    const { context } = this.session;
    if (file === '-') return context.stdin();
    try {
      return await context.files.read(file);
    } catch (error) {
      throw new Failure(`${file}: ${fileProblem(error)}`);
    }
  }

  private async content(): Promise<readonly TableAddressInfo[]> {
    const request = { anchor: this.anchor, name: this.name };
    const found = await allPages((cursor) =>
      this.session.kernel.call('pf.tableAddresses', { ...request, cursor }),
    );
    return found.sort((a, b) => comparePrefixes(a.prefix, b.prefix));
  }

  /** What a change is compared with, where that is told. */
  private async contentBefore(): Promise<readonly TableAddressInfo[]> {
    return this.session.args.verbose === 0 ? [] : this.content();
  }

  /** Says so when the table is not there yet (the change will make it); answers that. */
  private async create(): Promise<boolean> {
    const tables = await this.session.kernel.call('pf.tables', { anchor: this.anchor });
    const exists = tables.some(
      (table) => table.name === this.name && table.anchor === this.anchor && table.active,
    );
    if (!exists) this.say('1 table created');
    return !exists;
  }

  private change(
    change: 'add' | 'delete' | 'replace' | 'flush' | 'zero' | 'kill',
    entries: readonly TableEntry[],
  ): Promise<TableChange> {
    return this.session.kernel.call('pf.changeTable', {
      anchor: this.anchor,
      name: this.name,
      change,
      entries,
      dryRun: this.session.args.noAction,
    });
  }

  private say(text: string): void {
    this.session.say(`${text}${this.session.args.noAction ? ' (dummy)' : ''}.`);
  }

  /** With -v addresses that something happened to, with -vv all. */
  private feedback(marked: () => readonly Marked[]): void {
    const { verbose } = this.session.args;
    if (verbose === 0) return;
    for (const mark of marked()) if (verbose > 1 || mark.feedback !== ' ') this.session.out(this.line(mark));
  }

  private line({ entry, feedback }: Marked): string {
    return `${feedback} ${entry.negated ? '!' : ' '}${formatPrefix(entry.prefix)}`;
  }
}

function plainEntry(entry: TableEntry): TableEntry {
  return { prefix: entry.prefix, negated: entry.negated };
}

/** Entries by their prefixes; of equal ones the first. */
class ByPrefix {
  private readonly entries = new Map<string, TableEntry>();

  constructor(entries: readonly TableEntry[] = []) {
    for (const entry of entries) this.add(entry);
  }

  get({ prefix }: TableEntry): TableEntry | undefined {
    return this.entries.get(keyOf(prefix));
  }

  /** False when there is one already. */
  add(entry: TableEntry): boolean {
    const key = keyOf(entry.prefix);
    if (this.entries.has(key)) return false;
    this.entries.set(key, entry);
    return true;
  }
}

function keyOf({ words, length }: Prefix): string {
  return `${words}/${length}`;
}

/** Added, or a duplicate of what the list adds, or in conflict with an entry of the other sign. */
function markAdded(entries: readonly TableEntry[], content: readonly TableEntry[]): Marked[] {
  const [before, listed] = [new ByPrefix(content), new ByPrefix()];
  return entries.map((entry) => {
    const known = before.get(entry);
    const isFirst = listed.add(entry);
    if (known !== undefined) return { entry, feedback: known.negated === entry.negated ? ' ' : 'Y' };
    return { entry, feedback: isFirst ? 'A' : 'X' };
  });
}

function markDeleted(entries: readonly TableEntry[], content: readonly TableEntry[]): Marked[] {
  const [before, deleted] = [new ByPrefix(content), new ByPrefix()];
  return entries.map((entry) => {
    const known = before.get(entry);
    if (known === undefined) return { entry, feedback: ' ' };
    if (known.negated !== entry.negated) return { entry, feedback: 'Y' };
    return { entry, feedback: deleted.add(entry) ? 'D' : 'X' };
  });
}

/** The new list with what is added or changes its sign, then what is no longer there. */
function markReplaced(entries: readonly TableEntry[], content: readonly TableEntry[]): Marked[] {
  const [before, listed] = [new ByPrefix(content), new ByPrefix()];
  const marked = entries.map((entry): Marked => {
    if (!listed.add(entry)) return { entry, feedback: 'X' };
    const known = before.get(entry);
    if (known === undefined) return { entry, feedback: 'A' };
    return { entry, feedback: known.negated === entry.negated ? ' ' : 'C' };
  });
  const gone = content.filter((entry) => listed.get(entry) === undefined);
  return [...marked, ...gone.map((entry): Marked => ({ entry, feedback: 'D' }))];
}

/** What an address is listed with, and its columns: XPass is the table's alone. */
const COUNTERS = [
  ['In/Block', 0],
  ['In/Pass', 1],
  ['Out/Block', 3],
  ['Out/Pass', 4],
] as const;

function addressCounters({ packets, bytes }: TableAddressInfo): string[] {
  if (packets.length === 0) return [];
  return COUNTERS.map(([name, column]) => counterLine(name, packets[column] ?? 0, bytes[column] ?? 0));
}

/** The entry that decided, or that there was none. */
function matchText(prefix: Prefix, content: readonly TableEntry[]): string {
  const [best] = content
    .filter((entry) => contains(entry.prefix, prefix))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  return best === undefined ? '\t nomatch' : `\t${best.negated ? '!' : ' '}${formatPrefix(best.prefix)}`;
}
