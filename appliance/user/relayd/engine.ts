// SPDX-License-Identifier: ISC
//
// The check engine (hce.c): a round of checks every interval, a little spread so that many hosts are not asked in the same instant.

import { type CheckResult, type CheckWorld, runCheck } from './checks/check.ts';
import type { Host, Table } from './hosts.ts';

/** Milliseconds by which a host more spreads the round. */
const SPREAD_PER_HOST = 10;

export interface EngineListener {
  /** A round begins; what the one before it has found is put to use. */
  roundBegins(): void;
  /** Every host has been asked in the first round. */
  firstRoundDone(): void;
  result(host: Host, table: Table, result: CheckResult, milliseconds: number): void;
}

export class Engine {
  private readonly tables: readonly Table[];
  /** Milliseconds. */
  private readonly interval: number;
  private readonly world: CheckWorld;
  private readonly random: () => number;
  private readonly listener: EngineListener;
  private pending = new Set<() => void>();
  /** Number of the round; results of an earlier one are not heard. */
  private round = 0;

  constructor(parts: {
    tables: readonly Table[];
    interval: number;
    world: CheckWorld;
    random: () => number;
    listener: EngineListener;
  }) {
    this.tables = parts.tables;
    this.interval = parts.interval;
    this.world = parts.world;
    this.random = parts.random;
    this.listener = parts.listener;
  }

  start(): void {
    this.begin(this.tables);
  }

  stop(): void {
    this.round = Number.NaN;
    this.cancel();
  }

  /** A new round now, in which every host is asked (relayctl poll). */
  poll(): void {
    this.begin(this.tables);
  }

  private cancel(): void {
    for (const cancel of this.pending) cancel();
    this.pending = new Set();
  }

  private after(milliseconds: number, fire: () => void): void {
    const cancel = this.world.clock.after(milliseconds, () => {
      this.pending.delete(cancel);
      fire();
    });
    this.pending.add(cancel);
  }

  private begin(tables: readonly Table[]): void {
    this.cancel();
    const number = ++this.round;
    this.after(this.interval, () => this.begin(this.due(number)));
    this.listener.roundBegins();
    const asked = tables
      .filter((table) => !table.disabled && table.use.check !== undefined)
      .flatMap((table) => table.hosts.map((host) => ({ table, host })))
      .filter(({ host }) => !host.disabled && host.conf.parent === undefined);
    const checks = asked.map(({ table, host }) => this.checkLater(host, table, asked.length, number));
    if (number !== 1) return;
    void Promise.all(checks).then(() => {
      if (this.round === 1) this.listener.firstRoundDone();
    });
  }

  /** Tables with an interval of their own are asked in every so manyth round only. */
  private due(round: number): readonly Table[] {
    return this.tables.filter(({ use }) => round % Math.round((use.interval * 1000) / this.interval) === 0);
  }

  /** Waits for its turn in the round, which leaves the check its whole timeout before the next. */
  private checkLater(host: Host, table: Table, count: number, round: number): Promise<void> {
    const room = Math.max(0, this.interval - table.use.timeout - 1);
    const delay = Math.floor(this.random() * Math.min(room, SPREAD_PER_HOST * (count - 1)));
    return new Promise((resolve) => {
      this.after(delay, () => void this.check(host, table, round).then(resolve));
    });
  }

  private async check(host: Host, table: Table, round: number): Promise<void> {
    const { use } = table;
    const { clock } = this.world;
    const started = clock.now();
    const { name, address } = host.conf;
    const result = await runCheck(use.check!, { name, address, port: use.port }, use.timeout, this.world);
    if (round !== this.round) return;
    this.listener.result(host, table, result, clock.now() - started);
  }
}
