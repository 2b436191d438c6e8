// SPDX-License-Identifier: ISC
//
// relayd.conf(5), of 2008 and of today, by one recursive descent: the file and its globals, and what is checked when it has been read.

import { ConfigError } from '../lines.ts';
import { Cursor, type Draft } from './cursor.ts';
import { instancesOf } from './instances.ts';
import { type Surroundings, tokenize } from './lexer.ts';
import type { ProtocolConf, RedirectConf, RelayConf, RelaydConf, RouterConf, TableConf } from './model.ts';
import { parseProtocol, quote } from './protocol.ts';
import { parseRedirect } from './redirect.ts';
import { parseRelay, parseRouter } from './relay.ts';
import { parseTable } from './tables.ts';

/** relayd.conf(5): seconds, milliseconds. */
const DEFAULT_INTERVAL = 10;
const DEFAULT_TIMEOUT = 200;

export interface ParsedRelaydConf {
  /** Undefined when there is any mistake. */
  readonly conf: RelaydConf | undefined;
  /** In order of their lines within each file. */
  readonly errors: readonly ConfigError[];
  readonly warnings: readonly string[];
}

/** Reads a file; never throws for what is in it. */
export function parseRelaydConf(text: string, file: string, around: Surroundings = {}): ParsedRelaydConf {
  const errors: ConfigError[] = [];
  const parser = new Parser(new Cursor(tokenize(text, file, errors, around), errors));
  const conf = parser.parse();
  // Checks of the whole follow from mistakes that were told already.
  if (errors.length === 0) {
    for (const reason of wholeMistakes(conf)) errors.push(new ConfigError(file, parser.lastLine, reason));
  }
  errors.sort((a, b) => (a.file === b.file ? a.line - b.line : 0));
  if (errors.length > 0) return { conf: undefined, errors, warnings: [] };
  const used = new Set(conf.relays.map((relay) => relay.protocol));
  const unused = conf.protocols.filter((one) => !used.has(one.name));
  return { conf, errors, warnings: unused.map((one) => `unused protocol: ${one.name}`) };
}

class Parser {
  lastLine = 1;
  private readonly cursor: Cursor;
  private readonly globals: Draft<RelaydConf> & { interval: number; timeout: number; agents: string[] } = {
    interval: DEFAULT_INTERVAL,
    timeout: DEFAULT_TIMEOUT,
    agents: [],
  };
  private readonly tables = new Map<string, TableConf>();
  private readonly redirects: RedirectConf[] = [];
  private readonly relays: RelayConf[] = [];
  private readonly routers: RouterConf[] = [];
  private readonly protocols: ProtocolConf[] = [];

  constructor(cursor: Cursor) {
    this.cursor = cursor;
  }

  parse(): RelaydConf {
    const { cursor } = this;
    for (cursor.skipNewlines(); !cursor.atEnd; cursor.skipNewlines()) {
      this.lastLine = cursor.token.line;
      cursor.recovering(() => {
        this.statement();
        cursor.endOfLine();
      });
    }
    const { redirects, relays, routers, protocols } = this;
    const tables = [...this.tables.values()];
    return { log: 'none', ...this.globals, tables, redirects, relays, routers, protocols };
  }

  private statement(): void {
    const { cursor, globals } = this;
    const word = cursor.text('a statement');
    switch (word) {
      case 'interval':
        globals.interval = cursor.number('interval', 1, 0x7fffffff);
        return;
      case 'timeout':
        globals.timeout = cursor.number('timeout', 1, 0x7fffffff);
        return;
      case 'prefork':
        globals.prefork = cursor.number('prefork', 1, 32);
        return;
      case 'log':
        return this.logging();
      case 'demote':
        globals.demote = cursor.name('group', 16);
        return;
      case 'send':
      case 'snmp':
      case 'agentx':
      case 'socket':
        return this.agent(word);
      case 'table':
        return parseTable(cursor, this.tables);
      case 'redirect':
        return this.add(this.redirects, 'redirection', () => parseRedirect(cursor, this.tables, globals));
      case 'relay':
        return this.add(this.relays, 'relay', () => parseRelay(cursor, this.tables, globals));
      case 'router':
        return this.add(this.routers, 'router', () => parseRouter(cursor, this.tables, globals));
      case 'http':
      case 'tcp':
      case 'dns':
        cursor.expectWord('protocol');
        return this.add(this.protocols, 'protocol', () => parseProtocol(cursor, word));
      case 'protocol':
        return this.add(this.protocols, 'protocol', () => parseProtocol(cursor, 'tcp'));
      default:
        cursor.back();
        cursor.fail(`syntax error: ${cursor.here()} begins no statement`);
    }
  }

  private add<T extends { readonly name: string }>(
    list: T[],
    what: string,
    parse: () => T | undefined,
  ): void {
    const place = this.cursor.token;
    const block = parse();
    if (block === undefined) return;
    if (list.some((one) => one.name === block.name)) {
      this.cursor.note(`${what} ${block.name} defined twice`, place);
    }
    list.push(block);
  }

  /** 2008: `updates`, `all`; today: `state changes`, `host checks`, `connection [errors]`, `level …`. */
  private logging(): void {
    const { cursor, globals } = this;
    const word = cursor.expectWord('updates', 'all', 'state', 'host', 'connection', 'level');
    if (word === 'state') cursor.expectWord('changes');
    if (word === 'host') cursor.expectWord('checks');
    if (word === 'level') cursor.expectWord('brief', 'verbose');
    else if (word === 'connection') globals.logConnection = cursor.takeWord('errors') ? 'errors' : 'all';
    else if (word === 'all' || word === 'host') globals.log = 'all';
    else if (globals.log !== 'all') globals.log = 'updates';
  }

  private agent(first: string): void {
    const { cursor, globals } = this;
    if (first === 'send' && !cursor.isWord('trap')) cursor.expectWord('trap');
    const words = [first];
    while (!cursor.atLineEnd) {
      const { kind } = cursor.token;
      const text = cursor.text('a word');
      words.push(kind === 'string' ? quote(text) : text);
    }
    globals.agents.push(words.join(' '));
  }
}

/** What only the whole file shows (relayd.c, parse_config). */
function* wholeMistakes(conf: RelaydConf): Generator<string> {
  if (conf.redirects.length + conf.relays.length + conf.routers.length === 0)
    yield 'no actions, nothing to do';
  if (conf.timeout >= conf.interval * 1000) yield 'global timeout exceeds interval';
  const { tables } = instancesOf(conf);
  for (const { name, use } of tables) {
    if (use.timeout >= conf.interval * 1000) yield `table timeout exceeds interval: ${name}`;
  }
  const hosts = new Map(tables.flatMap((table) => table.hosts).map((host) => [host.id, host]));
  for (const { id, conf: host } of hosts.values()) {
    if (host.parent === undefined) continue;
    const parent = hosts.get(host.parent);
    if (parent === undefined || parent.id === id || parent.conf.parent !== undefined) {
      yield `host parent id ${host.parent} invalid`;
    }
  }
  const known = new Set(conf.protocols.map((one) => one.name));
  for (const { name, protocol } of conf.relays) {
    if (protocol !== undefined && !known.has(protocol)) yield `relay ${name}: no such protocol: ${protocol}`;
  }
}
