// SPDX-License-Identifier: ISC
//
// Packets that wait for the link-layer address of their next hop (arp(4), RFC 4861 7.2.2): copies, few, oldest dropped first.

import type { Packet, PacketPool } from '../packet.ts';

/** Per neighbour, and for all neighbours of a family together. */
export const HELD_PER_NEIGHBOR = 10;
export const HELD_TOTAL = 100;

/** What all queues of a family share: the pool their copies come from, and how many there are. */
export class HoldSpace {
  readonly pool: PacketPool;
  count = 0;

  constructor(pool: PacketPool) {
    this.pool = pool;
  }
}

/** The queue of one neighbour. */
export class HeldPackets {
  private readonly space: HoldSpace;
  private readonly packets: Packet[] = [];

  constructor(space: HoldSpace) {
    this.space = space;
  }

  /** The oldest, which stays. */
  get first(): Packet | undefined {
    return this.packets[0];
  }

  /**
   * Keeps a copy. Answers how many packets were dropped for it: the oldest of this queue when it is full; when all queues
   * together are, this whole queue and the packet itself, as the original does.
   */
  add(packet: Packet): number {
    if (this.space.count >= HELD_TOTAL) return this.clear() + 1;
    let dropped = 0;
    if (this.packets.length >= HELD_PER_NEIGHBOR) {
      this.give(this.take()!);
      dropped = 1;
    }
    const copy = this.space.pool.take();
    copy.copyFrom(packet);
    this.packets.push(copy);
    this.space.count++;
    return dropped;
  }

  /** The oldest, which the caller hands back with `give`. */
  take(): Packet | undefined {
    const packet = this.packets.shift();
    if (packet !== undefined) this.space.count--;
    return packet;
  }

  give(packet: Packet): void {
    this.space.pool.give(packet);
  }

  /** Drops all; answers how many. */
  clear(): number {
    let dropped = 0;
    for (let packet = this.take(); packet !== undefined; packet = this.take()) {
      this.give(packet);
      dropped++;
    }
    return dropped;
  }
}
