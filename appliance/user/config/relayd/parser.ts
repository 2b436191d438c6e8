// SPDX-License-Identifier: ISC
//
// relayd.conf(5), of 2008 and of today, by one recursive descent. A mistake ends its line; the next line is read on, so that several are
// found at once.

import { parseAddress } from '../../../abi/addressText.ts';
import { PROTOCOLS, SERVICE_ALIASES, SERVICES } from '../../../abi/names.ts';
import { ConfigError } from '../lines.ts';
import { type Token, tokenize } from './lexer.ts';
import type {
  Check,
  HostConf,
  ListenConf,
  Mode,
  RedirectConf,
  RelaydConf,
  TableConf,
  TableUse,
} from './model.ts';

const MODES: readonly Mode[] = ['random', 'roundrobin', 'source-hash', 'least-states', 'hash', 'loadbalance'];
const KEYED: readonly Mode[] = ['source-hash', 'hash', 'loadbalance'];
const DEFAULT_INTERVAL = 10;
const DEFAULT_TIMEOUT = 200;
const DEFAULT_SESSION = 600;

/** Reads a file. `errors` holds every mistake; the configuration is undefined when there is any. */
export function parseRelaydConf(
  text: string,
  file: string,
  macros: ReadonlyMap<string, string> = new Map(),
): { readonly conf: RelaydConf | undefined; readonly errors: readonly ConfigError[] } {
  try {
    return new Parser(tokenize(text, file, macros), file).parse();
  } catch (error) {
    if (error instanceof ConfigError) return { conf: undefined, errors: [error] };
    throw error;
  }
}

class Parser {
  private readonly tokens: readonly Token[];
  private readonly file: string;
  private readonly errors: ConfigError[] = [];
  private readonly tables = new Map<string, TableConf>();
  private readonly redirects: RedirectConf[] = [];
  private readonly notRun: RelaydConf['notRun'][number][] = [];
  private at = 0;
  private interval = DEFAULT_INTERVAL;
  private timeout = DEFAULT_TIMEOUT;
  private log: RelaydConf['log'] = 'none';
  private demote: string | undefined;

  constructor(tokens: readonly Token[], file: string) {
    this.tokens = tokens;
    this.file = file;
  }

  parse(): { conf: RelaydConf | undefined; errors: readonly ConfigError[] } {
    while (this.token.kind !== 'end') {
      if (this.token.kind === 'newline') {
        this.at++;
        continue;
      }
      this.recovering(() => this.statement());
    }
    if (this.errors.length === 0) this.checkWhole();
    if (this.errors.length > 0) return { conf: undefined, errors: this.errors };
    const { interval, timeout, log, demote, redirects, notRun } = this;
    return { conf: { interval, timeout, log, ...(demote ? { demote } : {}), redirects, notRun }, errors: [] };
  }

  // Tokens.

  private get token(): Token {
    return this.tokens[this.at]!;
  }

  private fail(reason: string, line = this.token.line): never {
    throw new ConfigError(this.file, line, reason);
  }

  /** Runs a production; at a mistake the rest of the line is skipped, and the block it began with it. */
  private recovering(production: () => void): void {
    try {
      production();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      this.errors.push(error);
      while (this.token.kind !== 'newline' && this.token.kind !== 'end') this.at++;
    }
  }

  private isWord(...words: readonly string[]): boolean {
    return this.token.kind === 'word' && words.includes(this.token.text);
  }

  private takeWord(...words: readonly string[]): boolean {
    if (!this.isWord(...words)) return false;
    this.at++;
    return true;
  }

  private takeMark(mark: string): boolean {
    if (this.token.kind !== 'mark' || this.token.text !== mark) return false;
    this.at++;
    return true;
  }

  private expectMark(mark: string): void {
    if (!this.takeMark(mark)) this.fail(`syntax error: expected '${mark}' before ${this.here()}`);
  }

  private expectWord(word: string): void {
    if (!this.takeWord(word)) this.fail(`syntax error: expected '${word}' before ${this.here()}`);
  }

  private here(): string {
    return this.token.kind === 'newline' || this.token.kind === 'end'
      ? 'the end of the line'
      : `'${this.token.text}'`;
  }

  private text(what: string): string {
    const { kind, text } = this.token;
    if (kind !== 'word' && kind !== 'string')
      this.fail(`syntax error: expected ${what} before ${this.here()}`);
    this.at++;
    return text;
  }

  private number(what: string, low: number, high: number): number {
    const text = this.text(what);
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < low || value > high) this.fail(`invalid ${what}: ${text}`);
    return value;
  }

  private skipNewlines(): void {
    while (this.token.kind === 'newline') this.at++;
  }

  private endOfLine(): void {
    if (this.token.kind !== 'newline' && this.token.kind !== 'end')
      this.fail(`syntax error near ${this.here()}`);
  }

  /** `{ NL line NL line … }`; each line by `line`, with recovery. */
  private block(line: () => void): void {
    this.expectMark('{');
    for (this.skipNewlines(); !this.takeMark('}'); this.skipNewlines()) {
      if (this.token.kind === 'end') this.fail("syntax error: '}' is missing");
      this.recovering(() => {
        line();
        if (!(this.token.kind === 'mark' && this.token.text === '}')) this.endOfLine();
      });
    }
  }

  // Productions.

  private statement(): void {
    const { line } = this.token;
    const word = this.text('a statement');
    switch (word) {
      case 'interval':
        this.interval = this.number('interval', 1, 86_400);
        break;
      case 'timeout':
        this.timeout = this.number('timeout', 1, 86_400_000);
        break;
      case 'prefork':
        this.number('prefork', 1, 32);
        break;
      case 'log':
        this.logging();
        break;
      case 'demote':
        this.demote = this.text('a group');
        break;
      case 'send':
        this.expectWord('trap');
        break;
      case 'snmp':
      case 'agentx':
      case 'socket':
        while (this.token.kind !== 'newline' && this.token.kind !== 'end') this.at++;
        break;
      case 'table':
        this.table();
        break;
      case 'redirect':
        this.redirect();
        break;
      case 'relay':
      case 'router':
      case 'protocol':
        this.skipBlock(word, line);
        break;
      case 'http':
      case 'tcp':
      case 'dns':
        this.expectWord('protocol');
        this.skipBlock('protocol', line);
        break;
      default:
        this.at--;
        this.fail(`syntax error: '${word}' begins no statement`);
    }
    this.endOfLine();
  }

  private logging(): void {
    if (this.takeWord('updates')) this.log = 'updates';
    else if (this.takeWord('all')) this.log = 'all';
    else if (this.takeWord('state')) {
      this.expectWord('changes');
      this.log = 'updates';
    } else if (this.takeWord('host')) {
      this.expectWord('checks');
      this.log = 'all';
    } else {
      while (this.token.kind === 'word') this.at++;
    }
  }

  /** A block that is read for its braces only, and told of. */
  private skipBlock(kind: string, line: number): void {
    const name = this.text('a name');
    this.notRun.push({ kind, name, line });
    if (this.token.kind === 'newline' && kind === 'protocol') return;
    this.expectMark('{');
    for (let depth = 1; depth > 0; this.at++) {
      if (this.token.kind === 'end') this.fail("syntax error: '}' is missing", line);
      if (this.token.kind === 'mark' && this.token.text === '{') depth++;
      if (this.token.kind === 'mark' && this.token.text === '}') depth--;
    }
  }

  private tableName(): string {
    this.expectMark('<');
    const name = this.text('a table name');
    this.expectMark('>');
    return name;
  }

  private table(): void {
    const { line } = this.token;
    const name = this.tableName();
    if (this.tables.has(name)) this.fail(`table ${name} defined twice`, line);
    let disabled = false;
    const hosts: HostConf[] = [];
    do {
      if (this.takeWord('disable')) disabled = true;
      else this.hosts(hosts);
    } while (this.token.kind !== 'newline' && this.token.kind !== 'end');
    if (hosts.length === 0) this.fail(`table ${name} has no hosts`, line);
    this.tables.set(name, { name, disabled, hosts });
  }

  private hosts(hosts: HostConf[]): void {
    this.expectMark('{');
    for (this.skipNewlines(); !this.takeMark('}'); this.skipNewlines()) {
      if (this.takeMark(',')) continue;
      hosts.push(this.host());
    }
  }

  private host(): HostConf {
    const name = this.text('a host');
    const address = parseAddress(name) ?? this.fail(`invalid host ${name}: an address is needed`);
    const host: { -readonly [K in keyof HostConf]: HostConf[K] } = { name, address, retry: 0 };
    for (;;) {
      if (this.takeWord('retry')) host.retry = this.number('retry', 0, 1_000_000);
      else if (this.takeWord('parent')) host.parent = this.number('parent', 1, 0x7fffffff);
      else if (this.takeWord('priority')) host.priority = this.number('priority', 0, 63);
      else if (this.takeWord('ip')) {
        this.expectWord('ttl');
        host.ttl = this.number('ttl', 0, 255);
      } else return host;
    }
  }

  private redirect(): void {
    const { line } = this.token;
    const name = this.text('a name');
    if (this.redirects.some((one) => one.name === name)) this.fail(`redirection ${name} defined twice`, line);
    const draft: { -readonly [K in keyof RedirectConf]?: RedirectConf[K] } & { listen: ListenConf[] } = {
      name,
      disabled: false,
      listen: [],
      sticky: false,
      matchTag: false,
      sessionTimeout: DEFAULT_SESSION,
    };
    const before = this.errors.length;
    this.block(() => this.redirectLine(draft));
    if (this.errors.length > before) return;
    if (draft.main === undefined) this.fail(`redirection ${name} has no table`, line);
    if (draft.listen.length === 0) this.fail(`redirection ${name} has no virtual ip`, line);
    if (draft.main.check === undefined) this.fail(`table ${draft.main.table.name} has no check`, line);
    this.redirects.push(draft as RedirectConf);
  }

  private redirectLine(
    draft: { -readonly [K in keyof RedirectConf]?: RedirectConf[K] } & { listen: ListenConf[] },
  ): void {
    const word = this.text('an option');
    switch (word) {
      case 'listen':
        this.expectWord('on');
        draft.listen.push(this.listen());
        return;
      case 'forward':
      case 'route':
        return this.forward(word, draft);
      case 'transparent':
        return this.fail('no transparent forward here');
      case 'disable':
        draft.disabled = true;
        return;
      case 'sticky-address':
        draft.sticky = true;
        return;
      case 'tag':
      case 'pftag':
        draft.tag = this.text('a tag');
        return;
      case 'match':
        this.expectWord('pftag');
        draft.tag = this.text('a tag');
        draft.matchTag = true;
        return;
      case 'session':
        this.expectWord('timeout');
        draft.sessionTimeout = this.number('timeout', 1, 0x7fffffff);
        return;
      default:
        this.at--;
        this.fail(`syntax error: '${word}' is no option of a redirection`);
    }
  }

  private listen(): ListenConf {
    const text = this.text('an address');
    const address = parseAddress(text) ?? this.fail(`invalid virtual ip: ${text}`);
    let protocol = PROTOCOLS.tcp!;
    if (this.token.kind !== 'newline' && !this.isWord('port')) {
      const name = this.text('a protocol');
      protocol = PROTOCOLS[name] ?? this.fail(`unknown protocol ${name}`);
    }
    this.expectWord('port');
    const [port, lastPort] = this.ports(protocol);
    const listen: { -readonly [K in keyof ListenConf]: ListenConf[K] } = {
      address,
      protocol,
      port,
      lastPort,
      log: false,
    };
    for (;;) {
      if (this.takeWord('interface')) listen.interface = this.text('an interface');
      else if (this.takeWord('pflog')) listen.log = true;
      else return listen;
    }
  }

  private ports(protocol: number): [number, number] {
    const [first, last] = this.text('a port').split(':') as [string, string?];
    const low = this.port(first, protocol);
    return [low, last === undefined ? low : this.port(last, protocol)];
  }

  private port(text: string, protocol: number): number {
    const services = SERVICES[protocol === PROTOCOLS.udp ? 'udp' : 'tcp'];
    const number = /^\d+$/.test(text) ? Number(text) : services[SERVICE_ALIASES[text] ?? text];
    if (number === undefined || number < 1 || number > 65_535) this.fail(`invalid port: ${text}`);
    return number;
  }

  private forward(
    kind: 'forward' | 'route',
    draft: { -readonly [K in keyof RedirectConf]?: RedirectConf[K] } & { listen: ListenConf[] },
  ): void {
    this.expectWord('to');
    const use = this.tableUse(draft.listen[0]?.port);
    if (kind === 'route') {
      if (!this.takeWord('interface')) this.fail('missing interface to route to');
      draft.interface = this.text('an interface');
    } else if (this.isWord('interface')) {
      this.fail('superfluous interface');
    }
    if (draft.main === undefined) {
      draft.main = use;
      draft.kind = kind;
    } else if (draft.backup !== undefined) {
      this.fail('only one backup table is allowed');
    } else {
      draft.backup = use;
    }
  }

  private tableUse(defaultPort: number | undefined): TableUse {
    const name = this.tableName();
    const table = this.tables.get(name) ?? this.fail(`no such table: ${name}`);
    const use: { -readonly [K in keyof TableUse]?: TableUse[K] } = {};
    for (;;) {
      if (this.takeWord('check')) use.check = this.check();
      else if (this.takeWord('port')) use.port = this.port(this.text('a port'), PROTOCOLS.tcp!);
      else if (this.takeWord('timeout')) use.timeout = this.number('timeout', 1, 86_400_000);
      else if (this.takeWord('interval')) use.interval = this.number('interval', 1, 86_400);
      else if (this.takeWord('demote')) use.demote = this.text('a group');
      else if (this.takeWord('mode')) this.mode(use);
      else break;
    }
    const { interval = this.interval, timeout = this.timeout } = use;
    if (interval < this.interval || interval % this.interval !== 0) {
      this.fail('table interval must be divisible by global interval');
    }
    if (timeout >= this.interval * 1000) this.fail(`table timeout exceeds interval: ${name}`);
    const port = use.port ?? defaultPort ?? this.fail('invalid port');
    return { ...use, table, port, interval, timeout };
  }

  private mode(use: { -readonly [K in keyof TableUse]?: TableUse[K] }): void {
    const name = this.text('a mode') as Mode;
    if (!MODES.includes(name)) this.fail(`unknown mode ${name}`);
    if (name === 'hash' || name === 'loadbalance') this.fail('mode not supported for redirections');
    use.mode = name;
    if (KEYED.includes(name) && this.token.kind === 'string') use.key = this.text('a key');
  }

  private check(): Check {
    const kind = this.text('a check');
    switch (kind) {
      case 'icmp':
      case 'tcp':
        return { kind };
      case 'ssl':
      case 'tls':
        return { kind: 'tls' };
      case 'http':
      case 'https':
        return this.httpCheck(kind === 'https');
      case 'binary':
        this.expectWord('send');
        return this.sendCheck(true);
      case 'send':
        return this.sendCheck(false);
      case 'script':
        return { kind, path: this.text('a path') };
      default:
        this.at--;
        return this.fail(`syntax error: '${kind}' is no check`);
    }
  }

  private httpCheck(tls: boolean): Check {
    const path = this.text('a path');
    const host = this.takeWord('host') ? { host: this.text('a host name') } : {};
    if (this.takeWord('code'))
      return { kind: 'http', tls, path, ...host, code: this.number('code', 100, 999) };
    this.expectWord('digest');
    const digest = this.text('a digest');
    if (digest.length !== 40 && digest.length !== 32) this.fail('invalid digest');
    return { kind: 'http', tls, path, ...host, digest };
  }

  private sendCheck(binary: boolean): Check {
    const data = this.takeWord('nothing') ? {} : { data: this.text('a string') };
    this.expectWord('expect');
    const expect = this.text('a string');
    return { kind: 'send', ...data, expect, binary, tls: this.takeWord('ssl', 'tls') };
  }

  private checkWhole(): void {
    const whole = (reason: string) => this.errors.push(new ConfigError(this.file, this.token.line, reason));
    if (this.redirects.length === 0 && this.notRun.length === 0) whole('no actions, nothing to do');
    if (this.timeout >= this.interval * 1000) whole('global timeout exceeds interval');
  }
}
