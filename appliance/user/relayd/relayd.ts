// SPDX-License-Identifier: ISC
//
// relayd(8): starts the parts and carries what they say to each other. Checks tell of hosts, hosts decide what pf and the
// routing table hold, and relayctl(8) watches and steers.

import type { KernelClient } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { TableChange } from '../../abi/pf.ts';
import type { Configuration } from '../config/relayd/configuration.ts';
import type { CheckWorld } from './checks/attempt.ts';
import type { CheckResult } from './checks/result.ts';
import type { DsrView, MonitorEvent, ObservedView, RelaydControl, RelaydView, Target } from './control.ts';
import { Demotion } from './demotion.ts';
import { pathsOf, provePath, whyNone } from './directReturn.ts';
import { type DrainListener, Drains } from './drains.ts';
import { Hce, type HceListener } from './hce.ts';
import type { Host } from './host.ts';
import { type LoadParts, loadConfiguration } from './load.ts';
import { hostLine, ignoredLine, tableLine, trapFields } from './logLines.ts';
import type { Demoter, Log, Network, ScriptRunner, Timers } from './network.ts';
import { Objects, type Redirect, type Table } from './objects.ts';
import { Pfe, type PfeListener } from './pfe.ts';
import { Routers } from './routers.ts';
import { STATISTICS_PERIOD } from './statistics.ts';
import { findHosts, findRedirect, findTable, switchHosts, switchTable } from './switches.ts';
import { viewOf } from './views.ts';

export interface RelaydParts {
  /** The configuration, and the file that it was read from. */
  readonly text: string;
  readonly file: string;
  /** Reads included files, /etc/hosts, and the configuration again; absent: there are no files. */
  readonly readFile?: (path: string) => Promise<string>;
  readonly macros?: Readonly<Record<string, string>>;
  readonly kernel: KernelClient;
  readonly network: Network;
  readonly clock: Timers;
  /** 0 inclusive to 1 exclusive. */
  readonly random: () => number;
  readonly log: Log;
  readonly runScript: ScriptRunner;
  /** Absent where there is no carp. */
  readonly demoter?: Demoter;
}

/** Starts the daemon. Rejects with ConfigurationError for a wrong file, and when pf is needed and off. */
export async function startRelayd(parts: RelaydParts): Promise<Relayd> {
  const { conf, warnings } = await loadConfiguration(loadParts(parts, parts.text, parts.file));
  for (const warning of warnings) parts.log(warning, 'warning');
  const relayd = new Relayd(parts, conf);
  await relayd.start();
  return relayd;
}

function loadParts(parts: RelaydParts, text: string, file: string): LoadParts {
  const { kernel, macros } = parts;
  return { text, file, readFile: readerOf(parts), kernel, ...(macros && { macros }) };
}

function readerOf(parts: RelaydParts): (path: string) => Promise<string> {
  const missing = Object.assign(new Error('No such file or directory'), { code: 'ENOENT' });
  return parts.readFile ?? (() => Promise.reject(missing));
}

export class Relayd implements RelaydControl, HceListener, PfeListener, DrainListener {
  private readonly parts: RelaydParts;
  private readonly log: Log;
  private readonly pfe: Pfe;
  private readonly routers: Routers;
  private readonly demotion: Demotion;
  private readonly drains: Drains;
  private readonly listeners = new Set<(event: MonitorEvent) => void>();
  private objects: Objects;
  private hce: Hce;
  private verbose = false;
  private stopped = false;
  /** What changes pf is done one after the other. */
  private work: Promise<void> = Promise.resolve();
  private syncWanted = false;
  private lookWanted = false;
  private cancelStatistics: () => void = () => undefined;
  private unlisten: () => void = () => undefined;

  constructor(parts: RelaydParts, conf: Configuration) {
    this.parts = parts;
    this.log = parts.log;
    this.pfe = new Pfe(parts.kernel, parts.log, this);
    this.routers = new Routers(parts.kernel, parts.log);
    this.demotion = new Demotion(parts.demoter, parts.log);
    this.drains = new Drains(parts.kernel, parts.clock, this);
    this.objects = new Objects(conf, parts.random);
    this.hce = this.makeHce();
  }

  /** Offered to relayctl. */
  get control(): RelaydControl {
    return this;
  }

  /** Empty tables in pf, then the checks. Rejects when pf is off. */
  async start(): Promise<void> {
    const { objects } = this;
    if (objects.redirects.length > 0 && !(await this.pfe.isEnabled())) throw new Error('pf is disabled');
    await this.pfe.create(objects.redirects);
    await this.demotion.started(objects.conf.demote);
    this.tellOfRelays();
    this.unlisten = this.parts.kernel.on('pf.changed', ({ what }) => {
      if (what === 'rules') void this.followRuleset();
    });
    void this.followRuleset();
    this.hce.start();
    this.waitForStatistics();
    await this.work;
  }

  /** Takes tables and rules out of pf and takes demotions back; states and routes stay. */
  async stop(): Promise<void> {
    if (this.stopped) return this.work;
    this.stopped = true;
    this.unlisten();
    this.hce.stop();
    this.drains.stop();
    this.cancelStatistics();
    return this.exclusively(async () => {
      await this.pfe.remove(this.objects.redirects);
      if (this.objects.redirects.length > 0) await this.pfe.clear();
      await this.demotion.stopped(this.objects.conf.demote);
    });
  }

  /** Reads the file (or another one) again and goes over to it. What did not change keeps what is known of it. */
  async reload(path = this.parts.file): Promise<void> {
    const text = await readerOf(this.parts)(path);
    await this.load(text, path);
  }

  /** Goes over to this configuration. Rejects with ConfigurationError for a wrong one; then everything stays. */
  async load(text: string, file: string): Promise<void> {
    const { conf, warnings } = await loadConfiguration(loadParts(this.parts, text, file));
    for (const warning of warnings) this.log(warning, 'warning');
    if (conf.redirects.length > 0 && !(await this.pfe.isEnabled())) throw new Error('pf is disabled');
    await this.exclusively(() => this.replace(new Objects(conf, this.parts.random)));
    this.log(`configuration reloaded from ${file}`);
    await this.sync();
  }

  /** What can be refused comes first, so that then nothing has changed. */
  private async replace(objects: Objects): Promise<void> {
    const old = this.objects;
    await this.pfe.create(missingFrom(old.redirects, objects.redirects));
    this.hce.stop();
    objects.adopt(old);
    this.objects = objects;
    this.hce = this.makeHce();
    this.drains.watch(objects.hosts);
    this.tellOfRelays();
    this.hce.start();
    await this.pfe.remove(missingFrom(objects.redirects, old.redirects));
    for (const router of old.routers) {
      if (objects.successorOf(router) === undefined) await this.routers.withdraw(router);
    }
  }

  private makeHce(): Hce {
    const { network, clock, runScript, random } = this.parts;
    const world: CheckWorld = { network, clock, runScript };
    return new Hce(this.objects, world, random, this);
  }

  private tellOfRelays(): void {
    for (const { conf } of this.objects.relays) {
      this.log(`relay ${conf.name}: not started, relays of layer 7 are not there yet`, 'warning');
    }
  }

  // One thing after the other.

  /** Rejects with what goes wrong; the next step is done all the same. */
  private exclusively(step: () => Promise<void>): Promise<void> {
    const done = this.work.then(step);
    // Whoever asked for the step is told of the error.
    this.work = done.catch(() => undefined);
    return done;
  }

  /** For steps that nobody waits for: what the kernel refuses is logged, and tried again with the next round. */
  private inBackground(step: () => Promise<void>): Promise<void> {
    return this.exclusively(step).catch((error: Error) => this.report(error));
  }

  private report(error: Error): void {
    const text = error instanceof CallError ? `the kernel refused: ${error.message}` : error.stack;
    this.log(text ?? error.message, 'error');
  }

  /** Brings pf, routes and demotions in line. Calls that come while one waits are one. */
  private sync(): Promise<void> {
    if (this.syncWanted || this.stopped) return this.work;
    this.syncWanted = true;
    return this.inBackground(async () => {
      this.syncWanted = false;
      if (this.stopped) return;
      for (const redirect of this.objects.redirects) await this.pfe.sync(redirect);
      for (const router of this.objects.routers) await this.routers.sync(router);
      await this.demotion.sync(this.objects.tables);
    });
  }

  /** Rulesets have changed, by us or by somebody else. */
  private followRuleset(): Promise<void> {
    if (this.lookWanted) return this.work;
    this.lookWanted = true;
    return this.inBackground(async () => {
      this.lookWanted = false;
      if (this.stopped) return;
      if (await this.pfe.readDialect(this.objects.redirects)) void this.sync();
      await this.pfe.advise(this.objects.redirects);
    });
  }

  // What the check engine says.

  round(): void {
    this.tell({ event: 'sync' });
    void this.sync();
  }

  failed(host: Host, error: Error): void {
    this.log(`host ${host.conf.name}: check broke down: ${error.stack ?? error.message}`, 'error');
  }

  checked(host: Host, table: Table, result: CheckResult, milliseconds: number): void {
    if (host.admin === 'disabled' || table.disabled) {
      this.log(ignoredLine(host, table));
      return;
    }
    this.judge(host, result, milliseconds);
    for (const child of host.children)
      if (child.admin !== 'disabled') this.judge(child, result, milliseconds);
  }

  /** Takes a result. A change that matters to pf reaches it at once, up and down. */
  private judge(host: Host, result: CheckResult, milliseconds: number): void {
    const table = this.objects.tableOf(host);
    const before = host.status;
    const { log, traps } = this.objects.conf;
    host.judge(result);
    const changed = host.status !== before;
    if (this.verbose || log.checks || (changed && log.changes)) {
      this.log(hostLine(host, table, before, result, milliseconds));
    }
    if (!changed) return;
    if (traps)
      this.log(`trap: host ${host.conf.name} ${host.status}`, 'notice', trapFields(host, table, before));
    this.tell({ event: 'host_status', id: host.conf.id, state: host.status });
    if (before === 'up' || host.status === 'up') void this.sync();
  }

  // What the pf engine says.

  tableChanged(redirect: Redirect, change: TableChange, killed: number): void {
    const { log } = this.objects.conf;
    if (this.verbose || log.changes || log.checks) this.log(tableLine(redirect, change, killed));
    this.tell({ event: 'ctl_table_changed', id: (redirect.active ?? redirect.main).conf.id });
  }

  rulesPushed(redirect: Redirect): void {
    this.tell({ event: 'ctl_push_ruleset', id: redirect.conf.id });
  }

  rulesPulled(redirect: Redirect): void {
    this.tell({ event: 'ctl_pull_ruleset', id: redirect.conf.id });
  }

  // What the drains say.

  drained(host: Host): void {
    this.log(`host ${host.conf.name}: drained, no sessions left`, 'notice');
    this.tell({ event: 'host_drained', id: host.conf.id });
  }

  broken(error: Error): void {
    this.report(error);
  }

  // Statistics.

  private waitForStatistics(): void {
    this.cancelStatistics = this.parts.clock.after(STATISTICS_PERIOD * 1_000, () => {
      this.waitForStatistics();
      void this.inBackground(async () => {
        if (this.stopped) return;
        for (const redirect of this.objects.redirects) {
          redirect.statistics.tick(await this.pfe.matches(redirect));
          if (!redirect.conf.strict) continue;
          redirect.strictness.follow(redirect.conf.name, await this.pfe.observed(redirect), this.log);
        }
      });
    });
  }

  // What relayctl asks.

  show(): RelaydView {
    return viewOf(this.objects);
  }

  observed(): Promise<readonly ObservedView[]> {
    const strict = this.objects.redirects.filter(({ conf }) => conf.strict);
    return Promise.all(
      strict.map(async (one) => ({ redirect: one.conf.id, ...(await this.pfe.observed(one)) })),
    );
  }

  async switchRedirect(target: Target, on: boolean): Promise<boolean> {
    const redirect = findRedirect(this.objects, target);
    if (redirect === undefined) return false;
    redirect.disabled = !on;
    this.tellOfSwitch(on ? 'ctl_rdr_enable' : 'ctl_rdr_disable', redirect.conf.id, target);
    await this.sync();
    return true;
  }

  async switchTable(target: Target, on: boolean): Promise<boolean> {
    const table = findTable(this.objects, target);
    if (table === undefined) return false;
    switchTable(table, on);
    this.tellOfSwitch(on ? 'ctl_table_enable' : 'ctl_table_disable', table.conf.id, target);
    await this.sync();
    return true;
  }

  async switchHost(target: Target, to: Host['admin']): Promise<boolean> {
    const hosts = findHosts(this.objects, target);
    if (!switchHosts(hosts, to)) return false;
    const event = {
      enabled: 'ctl_host_enable',
      disabled: 'ctl_host_disable',
      draining: 'ctl_host_drain',
    } as const;
    for (const host of hosts) this.tellOfSwitch(event[to], host.conf.id, target);
    this.drains.watch(this.objects.hosts);
    await this.sync();
    return true;
  }

  countSessions(target: Target): Promise<number> {
    return this.drains.count(findHosts(this.objects, target));
  }

  async proveDsr(target: Target): Promise<DsrView> {
    const { kernel, network } = this.parts;
    const hosts = findHosts(this.objects, target);
    const paths = this.objects.redirects.flatMap((redirect) => pathsOf(redirect, hosts));
    if (paths.length === 0) return { paths: [], problem: whyNone(this.objects.redirects, hosts) };
    return { paths: await Promise.all(paths.map((path) => provePath(path, kernel, network))) };
  }

  poll(): void {
    this.hce.poll();
  }

  setVerbose(verbose: boolean): void {
    this.verbose = verbose;
  }

  monitor(listener: (event: MonitorEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  private tellOfSwitch(event: MonitorEvent['event'], id: number, target: Target): void {
    this.tell({ event, id, ...(typeof target === 'string' ? { name: target } : {}) });
  }

  private tell(event: Omit<MonitorEvent, 'time'>): void {
    for (const listener of this.listeners) listener({ ...event, time: this.parts.clock.now() });
  }
}

/** Those of `from` whose names `objects` does not have. */
function missingFrom(objects: readonly Redirect[], from: readonly Redirect[]): readonly Redirect[] {
  return from.filter((one) => !objects.some((other) => other.conf.name === one.conf.name));
}
