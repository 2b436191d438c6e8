// SPDX-License-Identifier: ISC
//
// First packets that wait until the peers know the connection (pfsync_defer): a short while at most, and only so many.

import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { SECOND } from '../clock.ts';
import { DIRECTION_IN, PASS } from '../filter.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { PfParts } from '../pf/parts.ts';
import type { Pf } from '../pf/pf.ts';
import { Timeout } from '../timeout.ts';

const PATIENCE = SECOND / 50;
const MAXIMUM = 128;

interface Held {
  readonly packet: Packet;
  readonly interfaceIndex: number;
  readonly direction: number;
  readonly timeout: Timeout;
}

export class Defer {
  /** By state. */
  private readonly held = new Map<number, Held>();
  private readonly pf: Pf;
  private readonly parts: PfParts;
  private readonly pool: PacketPool;

  constructor(pf: Pf) {
    this.pf = pf;
    this.parts = pf.parts;
    this.pool = pf.parts.pool;
  }

  /** Keeps a copy of a packet as it came; when there are too many, all of them go on. */
  hold(state: number, packet: Packet, interfaceIndex: number, direction: number): void {
    if (this.held.size >= MAXIMUM) this.releaseAll();
    const copy = this.pool.take();
    copy.copyFrom(packet);
    copy.state = -1;
    const timeout = new Timeout(this.parts.timeouts, () => this.release(state));
    timeout.set(PATIENCE);
    this.held.set(state, { packet: copy, interfaceIndex, direction, timeout });
  }

  /** The peers have the state, or have had their time: its packet goes on, by the state that it has made. */
  release(state: number): void {
    const held = this.held.get(state);
    if (held === undefined) return;
    this.held.delete(state);
    held.timeout.clear();
    this.resume(held);
    this.pool.give(held.packet);
  }

  /** The state is gone, and its packet with it. */
  drop(state: number): void {
    const held = this.held.get(state);
    if (held === undefined) return;
    this.held.delete(state);
    held.timeout.clear();
    this.pool.give(held.packet);
  }

  releaseAll(): void {
    for (const state of [...this.held.keys()]) this.release(state);
  }

  private resume({ packet, interfaceIndex, direction }: Held): void {
    const on = this.parts.interfaces.byIndex(interfaceIndex);
    if (on === undefined || this.pf.test(packet, on, direction) !== PASS) return;
    const { ipv4: ip4, ipv6: ip6, routes } = this.parts;
    if (direction === DIRECTION_IN) {
      if (packet.family === 4) ip4.reinject(packet, on);
      else ip6.reinject(packet, on);
      return;
    }
    const { bytes, network } = packet;
    if (packet.family === 4) {
      const destination = ipv4.destination(bytes, network);
      ip4.send(packet, on, routes.lookup4(destination)?.gateway ?? Int32Array.of(destination));
      return;
    }
    const words = Int32Array.from([0, 1, 2, 3], (i) => ipv6.destinationWord(bytes, network, i));
    ip6.send(packet, on, routes.lookup6(words)?.gateway ?? words);
  }
}
