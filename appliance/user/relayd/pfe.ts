// SPDX-License-Identifier: ISC
//
// The pf engine: brings pf in line with what is known of the hosts (relayd.md 2.6). A table has its content before its
// rules appear, and is flushed before they go; states stay in every case.

import { hostPrefix } from '../../abi/address.ts';
import { formatAddress } from '../../abi/addressText.ts';
import type { Answer, KernelClient } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { ObservedCounters, PfLoad, TableChange, TableEntry } from '../../abi/pf.ts';
import type { Dialect, Rule } from '../../abi/rule.ts';
import { adviceOn } from './advice.ts';
import type { Host } from './host.ts';
import type { Log } from './network.ts';
import type { Redirect } from './objects.ts';
import { redirectRules } from './rules.ts';

export interface PfeListener {
  /** `killed` counts the source nodes that were released. */
  tableChanged(redirect: Redirect, change: TableChange, killed: number): void;
  rulesPushed(redirect: Redirect): void;
  rulesPulled(redirect: Redirect): void;
}

/** Anchor that all of ours are below. */
const ROOT = 'relayd';

export class Pfe {
  private readonly kernel: KernelClient;
  private readonly log: Log;
  private readonly listener: PfeListener;
  /** The dialect that rules are written in. */
  private dialect: Dialect = 'openbsd';
  private advice: readonly string[] = [];

  constructor(kernel: KernelClient, log: Log, listener: PfeListener) {
    this.kernel = kernel;
    this.log = log;
    this.listener = listener;
  }

  /** Whether pf is on. */
  async isEnabled(): Promise<boolean> {
    return (await this.kernel.call('pf.status', {})).enabled;
  }

  /** Empty tables and no rules for these redirections, in one transaction. */
  async create(redirects: readonly Redirect[]): Promise<void> {
    if (redirects.length === 0) return;
    await this.readDialect([]);
    await this.load({
      anchors: redirects.map(({ anchor }) => ({ path: anchor, rules: [] })),
      tables: redirects.map(({ anchor, conf }) => {
        return { anchor, name: conf.name, persist: true, constant: false, counters: false, entries: [] };
      }),
    });
    for (const redirect of redirects) redirect.pushed = [];
  }

  /** Takes everything of these redirections out of pf. States stay. */
  async remove(redirects: readonly Redirect[]): Promise<void> {
    if (redirects.length === 0) return;
    await this.load({ anchors: redirects.map(({ anchor }) => ({ path: anchor, rules: [] })), tables: [] });
    for (const redirect of redirects) {
      redirect.rules = 'none';
      redirect.pushed = undefined;
      await this.changeTable(redirect, 'kill', []).catch((error: unknown) => {
        // Somebody was faster.
        if (!(error instanceof CallError && error.code === 'ESRCH')) throw error;
      });
    }
  }

  /** All of ours is gone: the anchor itself is emptied. */
  async clear(): Promise<void> {
    await this.load({ anchors: [{ path: ROOT, rules: [] }], tables: [] });
  }

  /** Reads anew which dialect pf has; rules of another one are stale. True when there are such. */
  async readDialect(redirects: readonly Redirect[]): Promise<boolean> {
    const { dialect } = await this.kernel.call('pf.status', {});
    if (dialect === this.dialect) return false;
    this.dialect = dialect;
    for (const redirect of redirects) if (redirect.rules === 'active') redirect.rules = 'stale';
    return true;
  }

  /** Logs what in the main ruleset keeps these redirections from working, when it is not what was logged last. */
  async advise(redirects: readonly Redirect[]): Promise<void> {
    const rules: Rule[] = [];
    for (let cursor: number | undefined = 0; cursor !== undefined; ) {
      const page: Answer<'pf.rules'> = await this.kernel.call('pf.rules', { anchor: '', cursor });
      rules.push(...page.items.map((item) => item.rule));
      cursor = page.next;
    }
    const lines = adviceOn(
      rules,
      redirects.map((redirect) => redirect.conf),
      this.dialect,
    );
    if (lines.join() === this.advice.join()) return;
    this.advice = lines;
    for (const line of lines) this.log(line, 'warning');
  }

  /** Makes pf what the hosts of a redirection say. What pf refuses is logged and tried again at the next sync. */
  async sync(redirect: Redirect): Promise<void> {
    try {
      const { active } = redirect;
      if (active !== undefined) await this.fill(redirect, active.usable);
      else if (redirect.rules !== 'none') await this.pull(redirect);
      if (active !== undefined && redirect.rules !== 'active') await this.push(redirect);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      redirect.pushed = undefined;
      this.log(`redirection ${redirect.conf.name}: pf: ${error.message}`, 'error');
    }
  }

  /** How often the redirection's table was asked for an address: its connections (relayd.md 2.9). */
  async matches({ anchor, conf }: Redirect): Promise<number> {
    const tables = await this.kernel.call('pf.tables', { anchor });
    return tables.find((table) => table.name === conf.name)?.evaluations.match ?? 0;
  }

  /** What pf has counted of a strict redirection's observations since its rules were loaded. */
  async observed({ anchor }: Redirect): Promise<ObservedCounters> {
    const sum = { messages: 0, bytes: 0, states: 0, unobserved: 0 };
    for (let cursor: number | undefined = 0; cursor !== undefined; ) {
      const page: Answer<'pf.rules'> = await this.kernel.call('pf.rules', { anchor, cursor });
      for (const { observed } of page.items.map((item) => item.counters)) {
        if (observed === undefined) continue;
        sum.messages += observed.messages;
        sum.bytes += observed.bytes;
        sum.states += observed.states;
        sum.unobserved += observed.unobserved;
      }
      cursor = page.next;
    }
    return sum;
  }

  private async fill(redirect: Redirect, hosts: readonly Host[]): Promise<void> {
    const wanted = [...new Set(hosts.map((host) => formatAddress(host.conf.address)))].sort();
    const { pushed } = redirect;
    if (pushed !== undefined && pushed.join() === wanted.join()) return;
    const change = await this.changeTable(redirect, 'replace', hosts.map(entryOf));
    redirect.pushed = wanted;
    const killed = redirect.conf.sticky ? await this.releaseSources(redirect) : 0;
    this.listener.tableChanged(redirect, change, killed);
  }

  /** Clients that stick to a host that is down choose anew. Their connections stay. */
  private async releaseSources(redirect: Redirect): Promise<number> {
    let killed = 0;
    for (const host of redirect.tables.flatMap((table) => table.hosts)) {
      if (host.status !== 'down') continue;
      const destination = hostPrefix(host.conf.address);
      killed += (await this.kernel.call('pf.killSourceNodes', { destination })).killed;
    }
    return killed;
  }

  private async push(redirect: Redirect): Promise<void> {
    const rules = redirectRules(redirect.conf, this.dialect, redirect.randomKey);
    await this.load({ anchors: [{ path: redirect.anchor, rules }], tables: [] });
    redirect.rules = 'active';
    this.listener.rulesPushed(redirect);
  }

  private async pull(redirect: Redirect): Promise<void> {
    await this.changeTable(redirect, 'flush', []);
    await this.changeTable(redirect, 'zero', []);
    redirect.pushed = [];
    await this.load({ anchors: [{ path: redirect.anchor, rules: [] }], tables: [] });
    redirect.rules = 'none';
    this.listener.rulesPulled(redirect);
  }

  private load(what: Pick<PfLoad, 'anchors' | 'tables'>): Promise<null> {
    return this.kernel.call('pf.load', { dialect: this.dialect, ...what });
  }

  private changeTable(
    { anchor, conf }: Redirect,
    change: 'replace' | 'flush' | 'zero' | 'kill',
    entries: readonly TableEntry[],
  ) {
    return this.kernel.call('pf.changeTable', { anchor, name: conf.name, change, entries });
  }
}

function entryOf(host: Host): TableEntry {
  return { prefix: hostPrefix(host.conf.address), negated: false };
}
