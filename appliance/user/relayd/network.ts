// SPDX-License-Identifier: ISC
//
// What relayd needs of the world: the appliance's own sockets, time, chance. Handed in, so that tests run on virtual time.

import type { Duplex } from 'node:stream';
import type { Address } from '../../abi/address.ts';

export interface Network {
  /**
   * A TCP connection from this machine. Rejects with a CallError when it is refused, unreachable or not there within
   * `timeout` milliseconds (ETIMEDOUT).
   */
  connect(to: {
    readonly address: Address;
    readonly port: number;
    readonly timeout: number;
  }): Promise<Duplex>;
  /** An ICMP echo; resolves with the answer, rejects with a CallError without one (ETIMEDOUT when none came in time). */
  echo(to: {
    readonly address: Address;
    readonly timeout: number;
    readonly hops?: number;
    /** A neighbour to send it to, whatever the routes say of the address. */
    readonly nextHop?: Address;
  }): Promise<void>;
}

export interface Timers {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Runs `fire` after so many milliseconds; the answer calls it off. */
  after(milliseconds: number, fire: () => void): () => void;
}

/** Runs a program of the host, without a shell, with a host's name as its only argument; resolves to its exit status. */
export type ScriptRunner = (path: string, host: string, timeout: number) => Promise<number>;

/** carp's demotion counter of an interface group (ifconfig(8), `carpdemote`). */
export interface Demoter {
  add(group: string, difference: number): Promise<void>;
  set(group: string, value: number): Promise<void>;
}

export type LogLevel = 'info' | 'notice' | 'warning' | 'error';

/** A line for people and, with `fields`, for programs. */
export type Log = (line: string, level?: LogLevel, fields?: object) => void;
