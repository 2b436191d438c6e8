// SPDX-License-Identifier: ISC
//
// relayd(8): keeps pf's redirections in line with what the checks of their hosts say.

import { formatAddress } from '../../abi/addressText.ts';
import type { KernelClient } from '../../abi/client.ts';
import type { ConfigError } from '../config/lines.ts';
import type { HostConf, RelaydConf, TableUse } from '../config/relayd/model.ts';
import { parseRelaydConf } from '../config/relayd/parser.ts';
import { Engine, type EngineListener } from './engine.ts';
import { Host, type HostState } from './host.ts';
import type { Network, ScriptRunner, Timers } from './network.ts';
import { instanceName, Redirect, type TableInstance } from './redirect.ts';

export interface RelaydParts {
  readonly text: string;
  readonly file: string;
  readonly kernel: KernelClient;
  readonly network: Network;
  readonly clock: Timers;
  readonly random: () => number;
  readonly log: (line: string) => void;
  readonly runScript: ScriptRunner;
}

/** Starts the daemon; rejects with every mistake of the file, one a line. */
export async function startRelayd(parts: RelaydParts): Promise<Relayd> {
  const relayd = new Relayd(parts);
  await relayd.load(parts.text, parts.file);
  return relayd;
}

/** Hosts of a redirection that is kept over a reload keep what is known of them. */
type KnownHosts = ReadonlyMap<string, Host>;

export class Relayd implements EngineListener {
  redirects: readonly Redirect[] = [];
  private readonly parts: RelaydParts;
  private conf: RelaydConf | undefined;
  private engine: Engine | undefined;
  private readonly monitors = new Set<(line: string) => void>();
  /** Syncs run one after the other, whatever asks for them. */
  private syncing: Promise<void> = Promise.resolve();
  private ids = { redirect: 0, table: 0, host: 0 };

  constructor(parts: RelaydParts) {
    this.parts = parts;
  }

  /** Reads a file and goes over to it; with a mistake in it everything stays as it is. */
  async load(text: string, file: string): Promise<void> {
    const { conf, errors } = parseRelaydConf(text, file);
    if (conf === undefined) throw new Error(errors.map((error: ConfigError) => error.message).join('\n'));
    const { kernel } = this.parts;
    if (conf.redirects.length > 0 && !(await kernel.call('pf.status', {})).enabled)
      throw new Error('pf is disabled');
    this.engine?.stop();
    await this.syncing;
    const before = this.redirects;
    const known = new Map(
      before.flatMap((one) =>
        one.instances.flatMap((instance) =>
          instance.hosts.map((host) => [keyOf(instance.use, host.conf), host] as const),
        ),
      ),
    );
    this.conf = conf;
    this.ids = { redirect: 0, table: 0, host: 0 };
    this.redirects = conf.redirects.map((redirect) => this.makeRedirect(redirect, known));
    for (const old of before) {
      if (!this.redirects.some((one) => one.conf.name === old.conf.name)) await old.remove(kernel);
    }
    for (const redirect of this.redirects) await redirect.prepare(kernel);
    for (const { name } of conf.relays) {
      this.parts.log(`relay ${name}: not started (this version reads relays, and does not run them)`);
    }
    for (const { name } of conf.routers) {
      this.parts.log(`router ${name}: not started (this version reads routers, and does not run them)`);
    }
    await this.sync();
    this.startEngine(conf);
  }

  private makeRedirect(conf: RelaydConf['redirects'][number], known: KnownHosts): Redirect {
    const main = this.makeInstance(conf.main, known);
    const backup = conf.backup === undefined ? undefined : this.makeInstance(conf.backup, known);
    return new Redirect(++this.ids.redirect, conf, main, backup);
  }

  private makeInstance(use: TableUse, known: KnownHosts): TableInstance {
    const hosts = use.table.hosts.map((conf) => {
      const host = new Host(++this.ids.host, conf);
      const old = known.get(keyOf(use, conf));
      if (old !== undefined) {
        host.state = old.state;
        host.disabled = old.disabled;
        host.checks = old.checks;
        host.up = old.up;
      }
      return host;
    });
    return { id: ++this.ids.table, use, hosts, disabled: use.table.disabled };
  }

  private startEngine(conf: RelaydConf): void {
    const { network, clock, runScript, random } = this.parts;
    const instances = this.redirects.flatMap((redirect) => redirect.instances);
    const world = { network, clock, runScript };
    this.engine = new Engine({ instances, interval: conf.interval, world, random, listener: this });
    this.engine.start();
  }

  /** Takes its rules and tables out of pf; states stay. */
  async stop(): Promise<void> {
    this.engine?.stop();
    await this.syncing;
    for (const redirect of this.redirects) await redirect.remove(this.parts.kernel);
  }

  poll(): void {
    this.engine?.poll();
  }

  /** Hears what happens, a line each (relayctl monitor); the answer ends it. */
  monitor(listener: (line: string) => void): () => void {
    this.monitors.add(listener);
    return () => this.monitors.delete(listener);
  }

  /** Brings pf in line now. */
  sync(): Promise<void> {
    this.syncing = this.syncing.then(async () => {
      for (const redirect of this.redirects) {
        const was = redirect.active;
        await redirect.sync(this.parts.kernel);
        if (was === redirect.active) continue;
        this.tell(
          redirect.active ? `ruleset pushed: id ${redirect.id}` : `ruleset pulled: id ${redirect.id}`,
        );
      }
    });
    return this.syncing;
  }

  private tell(line: string): void {
    for (const listener of this.monitors) listener(line);
  }

  // What the engine reports.

  checked(host: Host, instance: TableInstance, milliseconds: number, reason: string | undefined): void {
    if (this.conf?.log !== 'all') return;
    const text = reason === undefined ? 'ok' : reason;
    this.parts.log(
      `host ${formatAddress(host.conf.address)}, table ${instanceName(instance)}: ${text} (${milliseconds}ms)`,
    );
  }

  /** A host that is lost leaves at once; one that is found enters when the round is done. */
  changed(host: Host, instance: TableInstance, before: HostState): void {
    const availability = host.availability;
    const kind = instance.use.check!.kind;
    if (this.conf?.log !== 'none' || before !== 'unknown') {
      this.parts.log(
        `host ${host.conf.name}, check ${kind}, state ${before} -> ${host.state}, availability ${availability}`,
      );
    }
    this.tell(`host status: id ${host.id} state ${host.state}`);
    if (before === 'up') void this.sync();
  }

  roundDone(): void {
    void this.sync();
  }
}

/** The same host in the same use of a table. */
function keyOf(use: TableUse, host: HostConf): string {
  return `${use.table.name} ${use.port} ${JSON.stringify(use.check)} ${host.name}`;
}
