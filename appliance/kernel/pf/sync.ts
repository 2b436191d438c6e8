// SPDX-License-Identifier: ISC
//
// Where pf tells of its states to whoever keeps other machines in step (pfsync(4)).

import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';

/** Told within the packet's own run: it notes what happened and does the rest later. */
export interface StateSync {
  created(state: number): void;
  /** A packet (of so many segments) of a known connection has passed. */
  updated(state: number, segments: number): void;
  /** All states that are there are going to be removed, in parts. */
  clearing(): void;
  /** pf has been enabled. */
  switchedOn(): void;
  /** Another ruleset is in force. */
  rulesLoaded(): void;
  /** Whether the first packet of a state is to wait until the peers have it. */
  defers(state: number, packet: Packet): boolean;
  /** Keeps a copy of that packet, as it came, and lets it go on later. */
  hold(state: number, packet: Packet, on: Interface, direction: number): void;
}

export class SyncPort {
  /** Second until which somebody is thought to be there who tells of servers' halves (`observed` states). */
  observedUntil = -1;
  /** Nobody while pfsync is not up. */
  target: StateSync | undefined;
}
