// SPDX-License-Identifier: ISC
//
// What `set …` of pf.conf(5) says, and the dialect that decides what is meant where the originals differ.

import { LIMITS } from '../../abi/names.ts';
import type { PfOptions } from '../../abi/pf.ts';
import type { Dialect } from '../../abi/rule.ts';
import { type Clock, SECOND } from '../clock.ts';
import { defaultTimeouts, setTimeouts } from './timeouts.ts';

export class Settings {
  enabled = false;
  /** Second in which pf was enabled or disabled. */
  since = 0;
  dialect: Dialect = 'openbsd';
  /** Today's OpenBSD, not 2008 or FreeBSD: it translates, routes and counts hops in its own way. */
  isToday = true;
  isFreebsd = false;
  options: PfOptions = {};
  /** Seconds (and two counts) by TIMEOUTS' numbers. */
  timeouts = defaultTimeouts('openbsd');
  limits: Readonly<Record<string, number>> = defaultLimits('openbsd');
  maximumStates = this.limits.states!;
  /** MD5 of the main ruleset, as pfctl computed it. */
  checksum = '';
  hostId: number;
  private readonly clock: Clock;
  private readonly listeners: (() => void)[] = [];

  constructor(clock: Clock, hostId: number) {
    this.clock = clock;
    this.hostId = hostId;
  }

  /** Seconds since boot, whole ones. */
  get seconds(): number {
    return Math.floor(this.clock.now / SECOND);
  }

  /** Runs `listener` after every change. */
  listen(listener: () => void): void {
    this.listeners.push(listener);
  }

  setDialect(dialect: Dialect): void {
    this.dialect = dialect;
    this.isToday = dialect === 'openbsd';
    this.isFreebsd = dialect === 'freebsd' || dialect === 'freebsd-15';
  }

  /** Takes options over; what they do not say has the dialect's default. */
  apply(options: PfOptions): void {
    this.options = options;
    this.limits = { ...defaultLimits(this.dialect), ...options.limits };
    this.maximumStates = this.limits.states!;
    this.timeouts = defaultTimeouts(this.dialect);
    if (options.limits?.states !== undefined) {
      // pfctl scales these with the limit unless they are given.
      const tenth = Math.floor(options.limits.states / 10);
      setTimeouts(this.timeouts, { 'adaptive.start': tenth * 6, 'adaptive.end': tenth * 12 });
    }
    setTimeouts(this.timeouts, options.timeouts ?? {});
    if (options.hostId !== undefined) this.hostId = options.hostId;
    for (const listener of this.listeners) listener();
  }
}

function defaultLimits(dialect: Dialect): Record<string, number> {
  return Object.fromEntries(
    LIMITS.map(({ name, defaults }) => [name, defaults[dialect] ?? defaults.openbsd ?? 0]),
  );
}
