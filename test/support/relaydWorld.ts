// SPDX-License-Identifier: ISC
//
// A world for relayd on virtual time: a clock that is moved by hand, servers that answer as they are told, and a kernel that
// only writes down what it is asked.

import { Duplex } from 'node:stream';
import { type Address, sameAddress } from '../../appliance/abi/address.ts';
import { formatAddress, formatPrefix } from '../../appliance/abi/addressText.ts';
import type { Answer, CallName, KernelClient, Request } from '../../appliance/abi/client.ts';
import { CallError, type Errno } from '../../appliance/abi/errno.ts';
import type { Neighbor } from '../../appliance/abi/neighbor.ts';
import type { LoadedRule, ObservedCounters, PfStatus, StateInfo } from '../../appliance/abi/pf.ts';
import { ANY_HOST, type Dialect, type Rule } from '../../appliance/abi/rule.ts';
import type { Network, Timers } from '../../appliance/user/relayd/network.ts';
import { type Relayd, type RelaydParts, startRelayd } from '../../appliance/user/relayd/relayd.ts';
import { settle } from './settle.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

export class VirtualClock implements Timers {
  private time = 0;
  private order = 0;
  private timers: Timer[] = [];

  now(): number {
    return this.time;
  }

  after(milliseconds: number, fire: () => void): () => void {
    const timer = { at: this.time + milliseconds, order: this.order++, fire };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((one) => one !== timer);
    };
  }

  /** Moves on, and lets what happens on the way happen in its order. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      await settle();
      const next = this.timers.reduce<Timer | undefined>((first, one) => earlier(first, one), undefined);
      if (next === undefined || next.at > end) break;
      this.timers = this.timers.filter((one) => one !== next);
      this.time = next.at;
      next.fire();
    }
    this.time = end;
    await settle();
  }
}

function earlier(a: Timer | undefined, b: Timer): Timer {
  if (a === undefined) return b;
  return b.at < a.at || (b.at === a.at && b.order < a.order) ? b : a;
}

/** What a server does with a connection: refuses it, stays silent, or answers a request. */
export type Server =
  | 'refuse'
  | 'silent'
  | ((request: string) => { readonly say: string; readonly close: boolean });

export function httpServer(code: number): Server {
  return () => ({ say: `HTTP/1.0 ${code} Text\r\nContent-Length: 0\r\n\r\n`, close: true });
}

/** The servers' side of a connection that relayd has opened. */
class Connection extends Duplex {
  private readonly answer: Exclude<Server, 'refuse'>;
  private readonly heard: (request: string) => void;

  constructor(answer: Exclude<Server, 'refuse'>, heard: (request: string) => void) {
    super();
    this.answer = answer;
    this.heard = heard;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    const request = chunk.toString('latin1');
    this.heard(request);
    if (this.answer !== 'silent') this.reply(this.answer(request));
    callback();
  }

  private reply({ say, close }: { readonly say: string; readonly close: boolean }): void {
    if (say !== '') this.push(Buffer.from(say, 'latin1'));
    if (close) this.push(null);
  }

  /** What it says before it is asked. */
  greet(): void {
    if (this.answer !== 'silent') this.reply(this.answer(''));
  }
}

export class ScriptedNetwork implements Network {
  /** By `10.0.0.10:80`, or the address alone for echoes. Others are silent. */
  readonly servers = new Map<string, Server>();
  /** `milliseconds address:port`, in order. */
  readonly connects: { readonly at: number; readonly to: string }[] = [];
  readonly requests: string[] = [];
  /** Answered echoes need this address. */
  readonly greeters = new Set<string>();
  private readonly clock: Timers;

  constructor(clock: Timers) {
    this.clock = clock;
  }

  async connect(to: {
    readonly address: Address;
    readonly port: number;
    readonly timeout: number;
  }): Promise<Duplex> {
    const name = `${formatAddress(to.address)}:${to.port}`;
    this.connects.push({ at: this.clock.now(), to: name });
    const server = this.servers.get(name);
    if (server === 'refuse') throw new CallError('ECONNREFUSED');
    if (server === undefined) return this.nobody(to.timeout);
    const connection = new Connection(server, (request) => this.requests.push(request));
    if (this.greeters.has(name)) connection.greet();
    return connection;
  }

  async echo(to: {
    readonly address: Address;
    readonly timeout: number;
    readonly hops?: number;
  }): Promise<void> {
    const name = formatAddress(to.address);
    this.connects.push({ at: this.clock.now(), to: `${name} ttl ${to.hops ?? '-'}` });
    if (!this.servers.has(name)) await this.nobody(to.timeout);
  }

  private nobody(timeout: number): Promise<never> {
    return new Promise((_, reject) => this.clock.after(timeout, () => reject(new CallError('ETIMEDOUT'))));
  }
}

type Partially = { [C in CallName]?: (request: Request<C>) => Answer<C> };

/** Writes calls down as short lines, and answers as if they had been obeyed. */
export class RecordingKernel implements KernelClient {
  readonly calls: string[] = [];
  readonly rules = new Map<string, readonly Rule[]>();
  /** The main ruleset. */
  main: readonly Rule[] = [
    {
      list: 'filter',
      action: 'anchor',
      anchor: 'relayd/*',
      quick: false,
      source: ANY_HOST,
      destination: ANY_HOST,
    },
  ];
  dialect: Dialect = 'openbsd';
  enabled = true;
  /** What `pf.tables` tells as the match counter, by table. */
  readonly matches = new Map<string, number>();
  states: StateInfo[] = [];
  neighbors: readonly Neighbor[] = [];
  /** What rules with observed states have counted. */
  observed: ObservedCounters | undefined;
  /** Refuses the next call of this name. */
  readonly refuse = new Map<CallName, Errno>();
  private readonly listeners = new Map<string, Set<(data: never) => void>>();

  private readonly handlers: Partially = {
    'interface.list': () => [],
    'pf.status': () => ({ enabled: this.enabled, dialect: this.dialect }) as PfStatus,
    'pf.load': ({ anchors, tables }) => {
      for (const { path, rules } of anchors) {
        this.rules.set(path, rules);
        const made = tables.filter((table) => table.anchor === path).map((table) => ` <${table.name}>`);
        this.calls.push(`load ${path}: ${rules.length} rules${made.join('')}`);
      }
      this.emit('pf.changed', { what: 'rules' });
      return null;
    },
    'pf.rules': ({ anchor }) => {
      const rules = anchor === '' ? this.main : (this.rules.get(anchor) ?? []);
      const counters = ({ state }: Rule) =>
        (state?.options.observed ? { observed: this.observed } : {}) as LoadedRule['counters'];
      return { items: rules.map((rule, number) => ({ number, rule, counters: counters(rule) })) };
    },
    'pf.changeTable': ({ anchor, name, change, entries }) => {
      const addresses = entries.map((entry) => ` ${formatPrefix(entry.prefix)}`).join('');
      this.calls.push(`${change} ${anchor} <${name}>${addresses}`);
      return { added: entries.length, deleted: 0, changed: 0 };
    },
    'pf.tables': ({ anchor }) => {
      const name = anchor!.slice(anchor!.indexOf('/') + 1);
      const evaluations = { match: this.matches.get(name) ?? 0, noMatch: 0 };
      return [{ anchor: anchor!, name, evaluations }] as unknown as Answer<'pf.tables'>;
    },
    'pf.states': () => ({ items: this.states }),
    'neighbor.list': ({ family }) => this.neighbors.filter(({ address }) => address.family === family),
    'neighbor.delete': ({ address }) => {
      this.neighbors = this.neighbors.filter((one) => !sameAddress(one.address, address));
      return null;
    },
    'pf.killSourceNodes': ({ destination }) => {
      this.calls.push(`release ${formatPrefix(destination!)}`);
      return { killed: 1 };
    },
    'route.add': ({ destination, gateway, label, priority }) => {
      const labelled = label === undefined ? '' : ` label ${label}`;
      this.calls.push(
        `route add ${formatPrefix(destination)} ${formatAddress(gateway!)} priority ${priority}${labelled}`,
      );
      return null;
    },
    'route.delete': ({ destination, gateway }) => {
      this.calls.push(`route delete ${formatPrefix(destination)} ${formatAddress(gateway!)}`);
      return null;
    },
  };

  async call<C extends CallName>(name: C, request: Request<C>): Promise<Answer<C>> {
    const errno = this.refuse.get(name);
    if (errno !== undefined) {
      this.refuse.delete(name);
      throw new CallError(errno);
    }
    const handler = this.handlers[name];
    if (handler === undefined) throw new Error(`unexpected call ${name}`);
    return handler(request);
  }

  on(name: string, listener: (data: never) => void): () => void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set.add(listener));
    return () => set.delete(listener);
  }

  emit(name: string, data: object): void {
    for (const listener of this.listeners.get(name) ?? []) listener(data as never);
  }

  /** The calls since the last time. */
  take(): string[] {
    return this.calls.splice(0);
  }
}

export class RelaydWorld {
  readonly clock = new VirtualClock();
  readonly network = new ScriptedNetwork(this.clock);
  readonly kernel = new RecordingKernel();
  readonly lines: string[] = [];
  readonly fields: object[] = [];
  readonly scripts: string[] = [];
  readonly files = new Map<string, string>();
  scriptStatus: number | 'killed' = 1;
  relayd!: Relayd;

  async start(text: string, parts: Partial<RelaydParts> = {}): Promise<Relayd> {
    this.files.set('relayd.conf', text);
    this.relayd = await startRelayd({
      text,
      file: 'relayd.conf',
      readFile: async (path) => {
        const found = this.files.get(path);
        if (found === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
        return found;
      },
      kernel: this.kernel,
      network: this.network,
      clock: this.clock,
      random: () => 0.5,
      log: (line, _level, fields) => {
        this.lines.push(line);
        if (fields !== undefined) this.fields.push(fields);
      },
      runScript: async (path, host, timeout) => {
        this.scripts.push(`${path} ${host} ${timeout}`);
        if (this.scriptStatus === 'killed') throw new Error('killed');
        return this.scriptStatus;
      },
      ...parts,
    });
    return this.relayd;
  }

  /** Statuses of all hosts, in order. */
  statuses(): string[] {
    const { redirects, relays, routers } = this.relayd.show();
    return [...redirects, ...relays, ...routers].flatMap((one) =>
      one.tables.flatMap((table) => table.hosts.map((host) => `${host.name} ${host.status}`)),
    );
  }
}
