// SPDX-License-Identifier: ISC
//
// The host check engine: when which host is checked. The original starts all checks of a round in one instant; here hosts have
// their places within the interval, so that many do not fire together, and keep them. A few that are neighbours in time fire as one
// group: to wake up costs more than the checks themselves (npm run bench -- checks-tcp).

import type { Configuration } from '../config/relayd/configuration.ts';
import type { Check } from '../config/relayd/syntax.ts';
import { Attempt, type CheckFunction, type CheckWorld } from './checks/attempt.ts';
import { checkFunction } from './checks/checks.ts';
import { type CheckResult, down } from './checks/result.ts';
import type { Host } from './host.ts';
import type { Objects, Table } from './objects.ts';

/** Between the first checks of two hosts, milliseconds, as long as all of them fit into the interval. */
const SPACING = 10;
/** Milliseconds whose checks are made in one go, once the hosts have the whole interval. */
const GATHERED = 100;

export interface HceListener {
  /** A check of a host is over. */
  checked(host: Host, table: Table, result: CheckResult, milliseconds: number): void;
  /** A check broke down by a defect of ours. */
  failed(host: Host, error: Error): void;
  /** A round begins. */
  round(): void;
}

/** One host that is probed. */
interface Probe {
  readonly host: Host;
  readonly table: Table;
  readonly check: CheckFunction;
  /** Milliseconds. */
  readonly timeout: number;
  /** Rounds from one check to the next: a table's interval is so many times the daemon's. */
  readonly rounds: number;
  /** Rounds that are still let go by. */
  skip: number;
  /** Calls off the check that is under way. */
  abort: (() => void) | undefined;
}

/** Probes that have one place in the interval. */
interface Group {
  readonly probes: readonly Probe[];
  /** When its round comes next, as the clock says. */
  due: number;
  cancel: () => void;
}

export class Hce {
  private readonly world: CheckWorld;
  private readonly random: () => number;
  private readonly listener: HceListener;
  private readonly interval: number;
  private readonly groups: readonly Group[];
  private cancelRound: () => void = () => undefined;

  constructor(objects: Objects, world: CheckWorld, random: () => number, listener: HceListener) {
    this.world = world;
    this.random = random;
    this.listener = listener;
    this.interval = objects.conf.interval * 1_000;
    this.groups = grouped(
      objects.tables.flatMap((table) => probesOf(table, objects.conf)),
      this.interval,
    );
  }

  start(): void {
    this.round();
    this.schedule();
  }

  /** Checks all hosts now, one soon after the other, and goes on from there. */
  poll(): void {
    this.stop();
    this.start();
  }

  stop(): void {
    this.cancelRound();
    for (const group of this.groups) {
      group.cancel();
      for (const probe of group.probes) {
        probe.abort?.();
        probe.skip = 0;
      }
    }
  }

  private round(): void {
    this.listener.round();
    this.cancelRound = this.world.clock.after(this.interval, () => this.round());
  }

  /** Gives every group its place: evenly apart, and somewhere within its part. */
  private schedule(): void {
    const { length } = this.groups;
    const hosts = this.groups.reduce((sum, { probes }) => sum + probes.length, 0);
    const span = Math.min(this.interval, hosts * SPACING);
    const now = this.world.clock.now();
    this.groups.forEach((group, i) => {
      this.wait(group, now + ((i + this.random()) * span) / length);
    });
  }

  private wait(group: Group, due: number): void {
    const { clock } = this.world;
    group.due = due;
    group.cancel = clock.after(Math.max(0, due - clock.now()), () => this.fire(group));
  }

  /** Checks whose turn it is. A round that was missed is not made up for, and a check that is still under way not doubled. */
  private fire(group: Group): void {
    const missed = Math.max(0, Math.floor((this.world.clock.now() - group.due) / this.interval));
    this.wait(group, group.due + (missed + 1) * this.interval);
    for (const probe of group.probes) {
      if (probe.skip-- > 0) continue;
      probe.skip = probe.rounds - 1;
      const { host, table, abort } = probe;
      if (abort === undefined && host.admin !== 'disabled' && !table.disabled) this.check(probe);
    }
  }

  private check(probe: Probe): void {
    const { host, table } = probe;
    const { clock } = this.world;
    const began = clock.now();
    const { name, address, ttl } = host.conf;
    const target = { name, address, port: table.conf.port, ...(ttl === undefined ? {} : { ttl }) };
    const attempt = new Attempt(target, this.world, probe.timeout);
    let wanted = true;
    probe.abort = () => {
      wanted = false;
      probe.abort = undefined;
      attempt.abort();
    };
    const finish = (result: CheckResult) => {
      if (!wanted) return;
      probe.abort = undefined;
      this.listener.checked(host, table, result, clock.now() - began);
    };
    attempt.run(probe.check).then(finish, (error: Error) => {
      this.listener.failed(host, error);
      finish(down('aborted'));
    });
  }
}

function probesOf(table: Table, { interval, timeout }: Configuration): Probe[] {
  const { check } = table.conf;
  if (check === undefined) return [];
  const carried = checkFunction(check);
  return table.hosts
    .filter((host) => host.conf.parent === undefined)
    .map((host) => ({
      host,
      table,
      check: carried,
      timeout: timeoutOf(check, table.conf.timeout, timeout),
      rounds: table.conf.interval / interval,
      skip: 0,
      abort: undefined,
    }));
}

/** Neighbours in groups of as many as are due in the same short time. */
function grouped(probes: readonly Probe[], interval: number): Group[] {
  const size = Math.max(1, Math.round((probes.length * GATHERED) / interval));
  return Array.from({ length: Math.ceil(probes.length / size) }, (_, i) => ({
    probes: probes.slice(i * size, (i + 1) * size),
    due: 0,
    cancel: () => undefined,
  }));
}

/** A table's timeout is for checks that connect; an echo has that of the whole daemon (relayd.md 4.1). */
function timeoutOf(check: Check, timeout: number, globalTimeout: number): number {
  return check.kind === 'icmp' ? globalTimeout : timeout;
}
