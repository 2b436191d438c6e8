// SPDX-License-Identifier: ISC
//
// The host check engine: when which host is checked. The original starts all checks of a round in one instant; here each
// host has its own place within the interval, so that many hosts do not fire together, and keeps it.

import type { Check } from '../config/relayd/syntax.ts';
import { Attempt, type CheckFunction, type CheckWorld } from './checks/attempt.ts';
import { checkFunction } from './checks/checks.ts';
import { type CheckResult, down } from './checks/result.ts';
import type { Host } from './host.ts';
import type { Objects, Table } from './objects.ts';

/** Between the first checks of two hosts, milliseconds, as long as all of them fit into the interval. */
const SPACING = 10;

export interface HceListener {
  /** A check of a host is over. */
  checked(host: Host, table: Table, result: CheckResult, milliseconds: number): void;
  /** A check broke down by a defect of ours. */
  failed(host: Host, error: Error): void;
  /** A round begins. */
  round(): void;
}

/** One host that is probed, and the timer or the attempt that it has now. */
interface Probe {
  readonly host: Host;
  readonly table: Table;
  readonly check: CheckFunction;
  /** Milliseconds. */
  readonly timeout: number;
  readonly period: number;
  /** When the check that comes next is due. */
  due: number;
  cancel: () => void;
}

export class Hce {
  private readonly world: CheckWorld;
  private readonly random: () => number;
  private readonly listener: HceListener;
  private readonly interval: number;
  private readonly probes: readonly Probe[];
  private cancelRound: () => void = () => undefined;

  constructor(objects: Objects, world: CheckWorld, random: () => number, listener: HceListener) {
    this.world = world;
    this.random = random;
    this.listener = listener;
    this.interval = objects.conf.interval * 1_000;
    this.probes = objects.tables.flatMap((table) => probesOf(table, objects.conf.timeout));
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
    for (const probe of this.probes) probe.cancel();
  }

  private round(): void {
    this.listener.round();
    this.cancelRound = this.world.clock.after(this.interval, () => this.round());
  }

  /** Gives every host its place: evenly apart, and somewhere within its part. */
  private schedule(): void {
    const count = this.probes.length;
    const span = Math.min(this.interval, count * SPACING);
    const now = this.world.clock.now();
    this.probes.forEach((probe, i) => {
      this.wait(probe, now + ((i + this.random()) * span) / count);
    });
  }

  private wait(probe: Probe, due: number): void {
    const { clock } = this.world;
    probe.due = due;
    probe.cancel = clock.after(Math.max(0, due - clock.now()), () => this.fire(probe));
  }

  private fire(probe: Probe): void {
    const { host, table } = probe;
    if (host.admin === 'disabled' || table.disabled) {
      this.next(probe);
      return;
    }
    const { clock } = this.world;
    const began = clock.now();
    const { name, address, ttl } = host.conf;
    const target = { name, address, port: table.conf.port, ...(ttl === undefined ? {} : { ttl }) };
    const attempt = new Attempt(target, this.world, probe.timeout);
    let wanted = true;
    probe.cancel = () => {
      wanted = false;
      attempt.abort();
    };
    const finish = (result: CheckResult) => {
      if (!wanted) return;
      this.next(probe);
      this.listener.checked(host, table, result, clock.now() - began);
    };
    attempt.run(probe.check).then(finish, (error: Error) => {
      this.listener.failed(host, error);
      finish(down('aborted'));
    });
  }

  /** The next check of this host; one that was missed is not made up for. */
  private next(probe: Probe): void {
    const now = this.world.clock.now();
    const missed = Math.max(0, Math.floor((now - probe.due) / probe.period));
    this.wait(probe, probe.due + (missed + 1) * probe.period);
  }
}

function probesOf(table: Table, globalTimeout: number): Probe[] {
  const { check, timeout, interval } = table.conf;
  if (check === undefined) return [];
  const carried = checkFunction(check);
  return table.hosts
    .filter((host) => host.conf.parent === undefined)
    .map((host) => ({
      host,
      table,
      check: carried,
      timeout: timeoutOf(check, timeout, globalTimeout),
      period: interval * 1_000,
      due: 0,
      cancel: () => undefined,
    }));
}

/** A table's timeout is for checks that connect; an echo has that of the whole daemon (relayd.md 4.1). */
function timeoutOf(check: Check, timeout: number, globalTimeout: number): number {
  return check.kind === 'icmp' ? globalTimeout : timeout;
}
