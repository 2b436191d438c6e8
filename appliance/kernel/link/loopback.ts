// SPDX-License-Identifier: ISC
//
// lo(4): what goes out comes in again, by a bounded queue that is drained at the end of each kernel step.

import * as ethers from '../../abi/counters/ether.ts';
import type { Counters } from '../counters.ts';
import { NETWORK_DOWN, NO_BUFFERS, OK } from '../inet/errors.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Captures } from './capture.ts';
import type { EtherProtocol } from './ethernet.ts';
import {
  INPUT_BYTES,
  INPUT_PACKETS,
  type Interface,
  type LinkOutput,
  OUTPUT_BYTES,
  OUTPUT_DROPS,
  OUTPUT_PACKETS,
} from './interface.ts';
import { pieces } from './offload.ts';

export const LOOPBACK_MTU = 32_768;
/** Packets on their way round (IFQ_MAXLEN). */
const QUEUE = 256;
/** Packets that one step takes in, so that two ends that talk to each other cannot hold the kernel. */
const BUDGET = 1_024;

export class Loopback implements LinkOutput {
  /** Where packets of each family come in. */
  input4: EtherProtocol | undefined;
  input6: EtherProtocol | undefined;
  private readonly pool: PacketPool;
  private readonly captures: Captures;
  private readonly counters: Counters;
  private readonly packets: Packet[] = [];
  private readonly interfaces: Interface[] = [];
  private head = 0;

  constructor(parts: { pool: PacketPool; captures: Captures; counters: Counters }) {
    this.pool = parts.pool;
    this.captures = parts.captures;
    this.counters = parts.counters;
  }

  output(packet: Packet, on: Interface, _nextHop: Int32Array): number {
    if (!on.running) return NETWORK_DOWN;
    if (this.packets.length - this.head >= QUEUE) {
      on.count(OUTPUT_DROPS, 1);
      this.counters.count(ethers.LOOPBACK_FULL);
      return NO_BUFFERS;
    }
    const copy = this.pool.take();
    packet.link = packet.network;
    copy.copyFrom(packet);
    // Nothing can have harmed it on the way.
    copy.checksumVerified = true;
    copy.receivedOn = on.index;
    this.captures.frame(copy, on);
    on.count(OUTPUT_PACKETS, pieces(copy));
    on.count(OUTPUT_BYTES, copy.end - copy.network);
    this.packets.push(copy);
    this.interfaces.push(on);
    return OK;
  }

  /** Something is left for the next step. */
  get pending(): boolean {
    return this.head < this.packets.length;
  }

  /** Takes in what has gone out, up to the budget of a step. */
  drain(): void {
    if (this.packets.length === 0) return;
    for (let budget = BUDGET; this.head < this.packets.length && budget > 0; budget--) {
      const packet = this.packets[this.head]!;
      const on = this.interfaces[this.head]!;
      this.head++;
      on.count(INPUT_PACKETS, pieces(packet));
      on.count(INPUT_BYTES, packet.end - packet.network);
      (packet.family === 4 ? this.input4 : this.input6)?.input(packet, on);
      this.pool.give(packet);
    }
    this.packets.splice(0, this.head);
    this.interfaces.splice(0, this.head);
    this.head = 0;
  }
}
