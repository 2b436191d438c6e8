// SPDX-License-Identifier: ISC
//
// The check engine (hce.c): rounds of checks, spread over the interval so that many hosts are not asked at once.

import { formatAddress } from '../../abi/addressText.ts';
import { type CheckWorld, runCheck } from './check.ts';
import type { Host, HostState } from './host.ts';
import type { TableInstance } from './redirect.ts';

/** Hosts of one round are asked within this share of the interval, and within so many milliseconds each. */
const SPREAD_SHARE = 0.5;
const SPREAD_PER_HOST = 10;

export interface EngineListener {
  /** A host's state changed, or its first check told what it is. */
  changed(host: Host, instance: TableInstance, before: HostState): void;
  /** Every host has been asked once in this round. */
  roundDone(): void;
  checked(host: Host, instance: TableInstance, milliseconds: number, reason: string | undefined): void;
}

export class Engine {
  private readonly instances: readonly TableInstance[];
  private readonly interval: number;
  private readonly world: CheckWorld;
  private readonly random: () => number;
  private readonly listener: EngineListener;
  private readonly pending = new Set<() => void>();
  private round = 0;
  private stopped = false;

  constructor(parts: {
    instances: readonly TableInstance[];
    /** Seconds. */
    interval: number;
    world: CheckWorld;
    random: () => number;
    listener: EngineListener;
  }) {
    this.instances = parts.instances;
    this.interval = parts.interval;
    this.world = parts.world;
    this.random = parts.random;
    this.listener = parts.listener;
  }

  start(): void {
    this.startRound();
  }

  stop(): void {
    this.stopped = true;
    for (const cancel of this.pending) cancel();
    this.pending.clear();
  }

  /** Asks everyone now, out of turn (relayctl poll). */
  poll(): void {
    for (const instance of this.instances) for (const host of instance.hosts) void this.check(host, instance);
  }

  private after(milliseconds: number, fire: () => void): void {
    const cancel = this.world.clock.after(milliseconds, () => {
      this.pending.delete(cancel);
      fire();
    });
    this.pending.add(cancel);
  }

  private startRound(): void {
    if (this.stopped) return;
    const number = this.round++;
    this.after(this.interval * 1000, () => this.startRound());
    const due = this.instances.filter((one) => number % Math.round(one.use.interval / this.interval) === 0);
    const asked = due.flatMap((instance) =>
      instance.hosts.filter((host) => !host.disabled).map((host) => ({ host, instance })),
    );
    const spread = Math.min(this.interval * 1000 * SPREAD_SHARE, SPREAD_PER_HOST * asked.length);
    let left = asked.length;
    if (left === 0) this.listener.roundDone();
    for (const { host, instance } of asked) {
      this.after(Math.floor(this.random() * spread), () => {
        void this.check(host, instance).then(() => {
          if (--left === 0 && !this.stopped) this.listener.roundDone();
        });
      });
    }
  }

  private async check(host: Host, instance: TableInstance): Promise<void> {
    const { use } = instance;
    const { clock } = this.world;
    const started = clock.now();
    let reason: string | undefined;
    try {
      await runCheck(
        use.check!,
        { address: host.conf.address, port: use.port, timeout: use.timeout },
        this.world,
      );
    } catch (error) {
      reason = (error as Error).message || `no answer from ${formatAddress(host.conf.address)}`;
    }
    if (this.stopped) return;
    this.listener.checked(host, instance, clock.now() - started, reason);
    const before = host.result(reason === undefined);
    if (before !== undefined) this.listener.changed(host, instance, before);
  }
}
