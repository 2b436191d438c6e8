// SPDX-License-Identifier: ISC
//
// The way out for assembled packets: to the group on the syncdev, or to the one peer.

import * as counts from '../../abi/counters/pfsync.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { GROUP } from '../../wire/pfsync.ts';
import { OVERHEAD } from '../../wire/pfsyncSealed.ts';
import type { Counters } from '../counters.ts';
import { OK } from '../inet/errors.ts';
import type { Ipv4 } from '../inet/ipv4.ts';
import type { Captures } from '../link/capture.ts';
import { type Interface, OUTPUT_BYTES, OUTPUT_ERRORS, OUTPUT_PACKETS } from '../link/interface.ts';
import type { PacketPool } from '../packet.ts';
import { Assembler } from './assembler.ts';
import type { PfsyncSettings } from './settings.ts';

export class Transmitter {
  /** pfsync0, where packets are counted and captured. */
  on: Interface | undefined;
  readonly assembler: Assembler;
  private readonly ip: Ipv4;
  private readonly pool: PacketPool;
  private readonly captures: Captures;
  private readonly counters: Counters;
  private readonly settings: PfsyncSettings;

  constructor(parts: {
    ip: Ipv4;
    pool: PacketPool;
    captures: Captures;
    counters: Counters;
    settings: PfsyncSettings;
  }) {
    this.ip = parts.ip;
    this.pool = parts.pool;
    this.captures = parts.captures;
    this.counters = parts.counters;
    this.settings = parts.settings;
    this.assembler = new Assembler(parts.pool);
  }

  get hasCarrier(): boolean {
    const { syncdev } = this.settings;
    return syncdev?.running === true && syncdev.link;
  }

  /** Bytes of the largest packet, its IP header included. */
  get mtu(): number {
    const { syncdev, seal } = this.settings;
    return Math.min(this.on!.mtu, syncdev!.mtu) - (seal === undefined ? 0 : OVERHEAD);
  }

  /** Begins a packet. */
  begin(): Assembler {
    this.assembler.begin(this.mtu);
    return this.assembler;
  }

  /** Sends what has been assembled. */
  send(): void {
    const { syncdev, peer } = this.settings;
    const source = syncdev!.addresses.find((address) => address.family === 4)?.words[0] ?? ipv4.ANY;
    const packet = this.assembler.finish(source, peer === 0 ? GROUP : peer);
    packet.link = packet.network;
    this.captures.frame(packet, this.on!);
    this.settings.seal?.seal(packet);
    const length = packet.end - packet.network;
    if (!this.hasCarrier) {
      this.pool.give(packet);
      return this.counters.count(counts.SEND_ERRORS);
    }
    const outcome = peer === 0 ? this.ip.outputOn(packet, syncdev!) : this.ip.output(packet);
    this.pool.give(packet);
    if (outcome === OK) {
      this.counters.count(counts.SENT);
      this.on!.count(OUTPUT_PACKETS, 1);
      this.on!.count(OUTPUT_BYTES, length);
    } else {
      this.counters.count(counts.SEND_ERRORS);
      this.on!.count(OUTPUT_ERRORS, 1);
    }
  }
}
