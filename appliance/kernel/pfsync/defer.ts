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

/** In the order they came, in a ring: all wait equally long. */
export class Defer {
  /** The state that each waits for; -1 when it has gone on. */
  private readonly states = new Int32Array(MAXIMUM).fill(-1);
  private readonly interfaces = new Int32Array(MAXIMUM);
  private readonly directions = new Int32Array(MAXIMUM);
  private readonly due = new Float64Array(MAXIMUM);
  private readonly packets: (Packet | undefined)[] = new Array(MAXIMUM).fill(undefined);
  private first = 0;
  private count = 0;
  private readonly pf: Pf;
  private readonly parts: PfParts;
  private readonly pool: PacketPool;
  private readonly timer: Timeout;
  private readonly nextHop4 = new Int32Array(1);
  private readonly nextHop6 = new Int32Array(4);

  constructor(pf: Pf) {
    this.pf = pf;
    this.parts = pf.parts;
    this.pool = pf.parts.pool;
    this.timer = new Timeout(this.parts.timeouts, () => this.expire());
  }

  /** Keeps a copy of a packet as it came; when there are too many, all of them go on. */
  hold(state: number, packet: Packet, interfaceIndex: number, direction: number): void {
    while (this.count === MAXIMUM) this.releaseAll();
    const copy = this.pool.take();
    copy.copyFrom(packet);
    copy.state = -1;
    const slot = (this.first + this.count) % MAXIMUM;
    this.count++;
    this.states[slot] = state;
    this.interfaces[slot] = interfaceIndex;
    this.directions[slot] = direction;
    this.due[slot] = this.parts.clock.now + PATIENCE;
    this.packets[slot] = copy;
    if (!this.timer.armed) this.timer.set(PATIENCE);
  }

  /** The peers have the state, or have had their time: its packet goes on, by the state that it has made. */
  release(state: number): void {
    const slot = this.find(state);
    if (slot >= 0) this.go(slot);
  }

  /** The state is gone, and its packet with it. */
  drop(state: number): void {
    const slot = this.find(state);
    if (slot >= 0) this.pool.give(this.empty(slot));
  }

  releaseAll(): void {
    // A packet that goes on may make another state, and wait for it.
    for (let many = this.count; many > 0; many--) this.goFirst();
    if (this.count === 0) this.timer.clear();
  }

  private expire(): void {
    const { now } = this.parts.clock;
    while (this.count > 0 && this.due[this.first]! <= now) this.goFirst();
    if (this.count > 0) this.timer.set(this.due[this.first]! - now);
  }

  private find(state: number): number {
    for (let i = 0; i < this.count; i++) {
      const slot = (this.first + i) % MAXIMUM;
      if (this.states[slot] === state) return slot;
    }
    return -1;
  }

  private goFirst(): void {
    const slot = this.first;
    this.first = (slot + 1) % MAXIMUM;
    this.count--;
    if (this.states[slot]! >= 0) this.go(slot);
  }

  private empty(slot: number): Packet {
    const packet = this.packets[slot]!;
    this.states[slot] = -1;
    this.packets[slot] = undefined;
    return packet;
  }

  private go(slot: number): void {
    const packet = this.empty(slot);
    this.resume(packet, this.interfaces[slot]!, this.directions[slot]!);
    this.pool.give(packet);
  }

  private resume(packet: Packet, interfaceIndex: number, direction: number): void {
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
      this.nextHop4[0] = destination;
      ip4.send(packet, on, routes.lookup4(destination)?.gateway ?? this.nextHop4);
      return;
    }
    const words = this.nextHop6;
    for (let i = 0; i < 4; i++) words[i] = ipv6.destinationWord(bytes, network, i);
    ip6.send(packet, on, routes.lookup6(words)?.gateway ?? words);
  }
}
