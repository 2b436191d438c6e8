// SPDX-License-Identifier: ISC
//
// relayd(8): keeps pf's redirections in line with what the checks of their hosts say.

import type { KernelClient } from '../../abi/client.ts';
import { readIncludes } from '../config/relayd/includes.ts';
import { instancesOf } from '../config/relayd/instances.ts';
import type { RelayConf, RelaydConf } from '../config/relayd/model.ts';
import { parseRelaydConf } from '../config/relayd/parser.ts';
import { type CheckResult, checkName, usesTls } from './checks/check.ts';
import { Control, type MonitorEvent } from './control.ts';
import { Engine, type EngineListener } from './engine.ts';
import { type FilterListener, Redirect } from './filter.ts';
import { type Host, Table } from './hosts.ts';
import type { Network, ScriptRunner, Timers } from './network.ts';
import { Router } from './routers.ts';
import { STATISTICS_INTERVAL } from './statistics.ts';

export interface RelaydParts {
  readonly text: string;
  readonly file: string;
  readonly kernel: KernelClient;
  readonly network: Network;
  readonly clock: Timers;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly log: (line: string) => void;
  readonly runScript: ScriptRunner;
  /** Where included files are read from; without it there are no includes. */
  readonly files?: { read(path: string): Promise<string> };
}

/** A configuration at work. */
interface Running {
  readonly conf: RelaydConf;
  readonly tables: readonly Table[];
  readonly redirects: readonly Redirect[];
  readonly relays: readonly {
    readonly id: number;
    readonly conf: RelayConf;
    readonly tables: readonly Table[];
  }[];
  readonly routers: readonly Router[];
}

/** Starts the daemon; rejects with every mistake of the file, one a line, or because pf is disabled. */
export async function startRelayd(parts: RelaydParts): Promise<Relayd> {
  const relayd = new Relayd(parts);
  await relayd.reload(parts.text, parts.file);
  return relayd;
}

export class Relayd implements EngineListener, FilterListener {
  /** What relayctl(8) uses. */
  readonly control: Control;
  running: Running = { conf: EMPTY, tables: [], redirects: [], relays: [], routers: [] };
  private readonly parts: RelaydParts;
  private engine: Engine | undefined;
  private readonly monitors = new Set<(event: MonitorEvent) => void>();
  /** Work on pf is done one piece after the other, whoever asks for it. */
  private working: Promise<void> = Promise.resolve();
  private stopStatistics: () => void = () => {};
  private logsMessages = true;

  constructor(parts: RelaydParts) {
    this.parts = parts;
    this.control = new Control(this);
  }

  /** Reads a file and goes over to it; with a mistake in it rejects, and everything stays as it is. */
  async reload(text: string, file: string): Promise<void> {
    const { files, kernel, log } = this.parts;
    const around = files === undefined ? {} : { include: await readIncludes(text, files) };
    const { conf, errors, warnings } = parseRelaydConf(text, file, around);
    if (conf === undefined) throw new Error(errors.map((error) => error.message).join('\n'));
    const status = await kernel.call('pf.status', {});
    if (conf.redirects.length > 0 && !status.enabled) throw new Error('pf is disabled');
    this.logsMessages = status.dialect === 'openbsd';
    this.engine?.stop();
    this.stopStatistics();
    await this.working;
    const old = this.running;
    this.running = startable(conf, old);
    await this.replace(old);
    for (const warning of warnings) log(warning);
    for (const relay of this.running.relays)
      log(`relay ${relay.conf.name}: not started, relays do not run here`);
    this.startEngine(conf.interval * 1000);
    this.countLater();
  }

  private async replace(old: Running): Promise<void> {
    const { kernel } = this.parts;
    const names = new Set(this.running.redirects.map((redirect) => redirect.conf.name));
    const known = new Set(old.redirects.map((redirect) => redirect.conf.name));
    for (const redirect of old.redirects) if (!names.has(redirect.conf.name)) await redirect.remove(kernel);
    for (const router of old.routers) await router.remove(kernel);
    for (const redirect of this.running.redirects) {
      if (!known.has(redirect.conf.name)) await redirect.prepare(kernel);
    }
  }

  private startEngine(interval: number): void {
    const { network, clock, runScript, random } = this.parts;
    const world = { network, clock, runScript };
    // Hosts that only a relay has are not asked: it does not run.
    const { redirects, routers } = this.running;
    const used = new Set([
      ...redirects.flatMap((redirect) => redirect.tables),
      ...routers.map((router) => router.gateways),
    ]);
    this.engine = new Engine({ tables: [...used], interval, world, random, listener: this });
    this.engine.start();
  }

  private countLater(): void {
    this.stopStatistics = this.parts.clock.after(STATISTICS_INTERVAL, () => {
      this.countLater();
      void this.work(async () => {
        for (const redirect of this.running.redirects) await redirect.count(this.parts.kernel);
      });
    });
  }

  /** Takes its rules, tables and routes out; states stay. */
  async stop(): Promise<void> {
    this.engine?.stop();
    this.stopStatistics();
    await this.work(async () => {
      for (const redirect of this.running.redirects) await redirect.remove(this.parts.kernel);
      for (const router of this.running.routers) await router.remove(this.parts.kernel);
    });
  }

  poll(): void {
    this.engine?.poll();
  }

  /** Hears what happens; the answer ends it. */
  monitor(listener: (event: MonitorEvent) => void): () => void {
    this.monitors.add(listener);
    return () => this.monitors.delete(listener);
  }

  tell(event: Omit<MonitorEvent, 'seconds'>): void {
    const seconds = Math.floor(this.parts.clock.now() / 1000);
    for (const listener of this.monitors) listener({ ...event, seconds });
  }

  /** Brings pf in line now. What fails is logged and tried again at the next sync. */
  sync(): Promise<void> {
    return this.work(async () => {
      for (const redirect of this.running.redirects) {
        await redirect.sync(this.parts.kernel, this).catch((error: Error) => {
          this.parts.log(`redirection ${redirect.conf.name}: ${error.message}`);
        });
      }
      for (const router of this.running.routers) await router.sync(this.parts.kernel);
    });
  }

  private work(piece: () => Promise<void>): Promise<void> {
    this.working = this.working.then(piece).catch((error: Error) => this.parts.log(error.message));
    return this.working;
  }

  // What the engine tells.

  roundBegins(): void {
    this.tell({ event: 'sync' });
    void this.sync();
  }

  firstRoundDone(): void {
    void this.sync();
  }

  /** A host that is lost leaves at once; one that is found enters at the next sync. Children follow the result. */
  result(host: Host, table: Table, result: CheckResult, milliseconds: number): void {
    if (host.disabled) return;
    const before = host.state;
    host.take(result);
    this.logResult(host, table, before, result, milliseconds);
    if (before !== host.state) this.tell({ event: 'host_status', id: host.id, state: host.state });
    if (before === 'up' && host.state !== 'up') void this.sync();
    for (const child of host.children) this.result(child, table, result, milliseconds);
  }

  private logResult(
    host: Host,
    table: Table,
    before: string,
    result: CheckResult,
    milliseconds: number,
  ): void {
    const { log } = this.running.conf;
    if (log === 'none' || (log === 'updates' && before === host.state)) return;
    const check = table.use.check!;
    const code = result.code === undefined ? '' : `,${result.code}`;
    const message = this.logsMessages ? `,${result.message}${code}` : '';
    const tls = usesTls(check) ? ` use ${this.logsMessages ? 'tls' : 'ssl'}` : '';
    this.parts.log(
      `host ${host.conf.name}, check ${checkName(check)}${tls} (${milliseconds}ms${message}), ` +
        `state ${before} -> ${host.state}, availability ${host.availability}`,
    );
  }

  // What the filter tells.

  tableWritten(_redirect: Redirect, table: Table, text: string): void {
    this.tell({ event: 'ctl_table_changed', id: table.id });
    if (this.logsMessages && this.running.conf.log !== 'none') this.parts.log(text);
  }

  rulesPushed(redirect: Redirect): void {
    this.tell({ event: 'ctl_push_ruleset', id: redirect.id });
  }

  rulesPulled(redirect: Redirect): void {
    this.tell({ event: 'ctl_pull_ruleset', id: redirect.id });
  }
}

const EMPTY: RelaydConf = {
  interval: 1,
  timeout: 1,
  log: 'none',
  agents: [],
  tables: [],
  redirects: [],
  relays: [],
  routers: [],
  protocols: [],
};

/** Objects of a configuration; what was there before under the same name and the same check goes on as it was. */
function startable(conf: RelaydConf, old: Running): Running {
  const instances = instancesOf(conf);
  const tables = instances.tables.map((instance) => new Table(instance));
  const tableOf = ({ id }: { readonly id: number }) => tables[id - 1]!;
  const redirects = instances.redirects.map(({ id, conf: redirect, main, backup }) => {
    const parts = { id, conf: redirect, main: tableOf(main), backup: backup && tableOf(backup) };
    return new Redirect(parts);
  });
  const byId = new Map(tables.flatMap((table) => table.hosts).map((host) => [host.id, host]));
  for (const host of byId.values()) {
    if (host.conf.parent !== undefined) byId.get(host.conf.parent)!.children.push(host);
  }
  for (const redirect of redirects) {
    const before = old.redirects.find((one) => one.conf.name === redirect.conf.name);
    if (before !== undefined) redirect.continue(before);
  }
  continueHosts(tables, old.tables);
  const relays = instances.relays.map((one) => ({ ...one, tables: one.tables.map(tableOf) }));
  const routers = instances.routers.map((one) => new Router({ ...one, gateways: tableOf(one.gateways) }));
  return { conf, tables, redirects, relays, routers };
}

function continueHosts(tables: readonly Table[], before: readonly Table[]): void {
  const keyOf = (table: Table, host: Host) =>
    `${table.name} ${JSON.stringify(table.use.check)} ${host.conf.name}`;
  const known = new Map(
    before.flatMap((table) => table.hosts.map((host) => [keyOf(table, host), host] as const)),
  );
  for (const table of tables) {
    const old = before.find((one) => one.name === table.name);
    if (old !== undefined) table.disabled = old.disabled;
    for (const host of table.hosts) {
      const oldHost = known.get(keyOf(table, host));
      if (oldHost !== undefined) host.continue(oldHost);
    }
  }
}
