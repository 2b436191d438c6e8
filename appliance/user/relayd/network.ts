// SPDX-License-Identifier: ISC
//
// What relayd needs of the world: the appliance's own sockets, time, chance. Handed in, so that tests run on virtual time.

import type { Duplex } from 'node:stream';
import type { Address } from '../../abi/address.ts';

export interface Network {
  /** A TCP connection from this machine; rejects when it is refused, unreachable or not there within `timeout` milliseconds. */
  connect(to: {
    readonly address: Address;
    readonly port: number;
    readonly timeout: number;
  }): Promise<Duplex>;
  /** An ICMP echo; resolves with the answer, rejects without one. */
  echo(to: { readonly address: Address; readonly timeout: number }): Promise<void>;
}

export interface Timers {
  /** Milliseconds. */
  now(): number;
  /** Runs `fire` after so many milliseconds; the answer calls it off. */
  after(milliseconds: number, fire: () => void): () => void;
}

/** Runs a script of the host with a host's name; resolves to its exit status. */
export type ScriptRunner = (path: string, host: string, timeout: number) => Promise<number>;
