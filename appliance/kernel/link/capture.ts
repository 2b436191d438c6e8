// SPDX-License-Identifier: ISC
//
// Capture taps (bpf(4)): copies of frames in a bounded buffer until userland reads them. The copy has a finished checksum.

import type { CaptureBatch, CaptureCalls } from '../../abi/capture.ts';
import type { Handlers, KernelEvent } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import * as pcap from '../../wire/pcap.ts';
import type { Clock } from '../clock.ts';
import type { Packet, PacketPool } from '../packet.ts';
import type { Interface } from './interface.ts';
import type { Interfaces } from './interfaces.ts';
import { finishChecksum } from './offload.ts';

/** What a tap keeps until it is read, as bpf's default of two buffers; enough for a burst of large segments. */
const BUFFER = 4 * 1024 * 1024;
const MAXIMUM_TAPS = 64;
/** Time, captured length, wire length: see CaptureBatch. */
const RECORD_HEADER = 16;

class Tap {
  readonly id: number;
  readonly on: Interface;
  readonly snaplen: number;
  readonly buffer = new Uint8Array(BUFFER);
  readonly view = new DataView(this.buffer.buffer);
  used = 0;
  count = 0;
  announced = false;
  received = 0;
  dropped = 0;

  constructor(id: number, on: Interface, snaplen: number) {
    this.id = id;
    this.on = on;
    this.snaplen = snaplen;
  }
}

export class Captures {
  private readonly interfaces: Interfaces;
  private readonly clock: Clock;
  private readonly pool: PacketPool;
  private readonly emit: (event: KernelEvent) => void;
  private readonly taps = new Map<number, Tap>();
  /** By interface index, so that an interface without a tap costs one look. */
  private readonly byInterface: (Tap[] | undefined)[] = [];
  private ids = 0;

  constructor(parts: {
    interfaces: Interfaces;
    clock: Clock;
    pool: PacketPool;
    emit: (event: KernelEvent) => void;
  }) {
    this.interfaces = parts.interfaces;
    this.clock = parts.clock;
    this.pool = parts.pool;
    this.emit = parts.emit;
    this.interfaces.listen({ detached: (on) => this.forget(on) });
  }

  readonly calls: Handlers<CaptureCalls> = {
    'capture.open': ({ interface: name, snaplen }) => {
      if (this.taps.size >= MAXIMUM_TAPS) throw new CallError('ENFILE');
      const on = this.interfaces.get(name);
      const tap = new Tap(++this.ids, on, Math.max(1, Math.min(snaplen, pcap.MAXIMUM_SNAPLEN)));
      this.taps.set(tap.id, tap);
      this.byInterface[on.index] = [...(this.byInterface[on.index] ?? []), tap];
      return { id: tap.id, linkType: linkTypeOf(on) };
    },
    'capture.read': ({ id }) => this.read(this.get(id)),
    'capture.close': ({ id }) => {
      const tap = this.get(id);
      this.remove(tap);
      return { received: tap.received, dropped: tap.dropped };
    },
  };

  /** Copies a frame, from `packet.link` on, to the taps of `on`. */
  frame(packet: Packet, on: Interface): void {
    const taps = this.byInterface[on.index];
    if (taps === undefined) return;
    if (packet.needsChecksum) {
      const finished = this.pool.take();
      finished.copyFrom(packet);
      finishChecksum(finished);
      this.copy(taps, finished.bytes, finished.link, finished.end);
      this.pool.give(finished);
    } else {
      this.copy(taps, packet.bytes, packet.link, packet.end);
    }
  }

  /** Whether anyone captures there; pflog makes no header for nobody. */
  watched(on: Interface): boolean {
    return this.byInterface[on.index] !== undefined;
  }

  private copy(taps: readonly Tap[], bytes: Uint8Array, start: number, end: number): void {
    for (let i = 0; i < taps.length; i++) this.record(taps[i]!, bytes, start, end);
  }

  private record(tap: Tap, bytes: Uint8Array, start: number, end: number): void {
    tap.received++;
    const captured = Math.min(end - start, tap.snaplen);
    if (tap.used + RECORD_HEADER + captured > BUFFER) {
      tap.dropped++;
      return;
    }
    const { view, buffer } = tap;
    view.setFloat64(tap.used, this.clock.now, true);
    view.setUint32(tap.used + 8, captured, true);
    view.setUint32(tap.used + 12, end - start, true);
    buffer.set(bytes.subarray(start, start + captured), tap.used + RECORD_HEADER);
    tap.used += RECORD_HEADER + captured;
    tap.count++;
    if (tap.announced) return;
    tap.announced = true;
    this.emit({ event: 'capture.ready', data: { id: tap.id } });
  }

  private read(tap: Tap): CaptureBatch {
    const batch = { count: tap.count, records: tap.buffer.slice(0, tap.used) };
    tap.used = 0;
    tap.count = 0;
    tap.announced = false;
    return batch;
  }

  private get(id: number): Tap {
    const tap = this.taps.get(id);
    if (tap === undefined) throw new CallError('EBADF', 'no such capture');
    return tap;
  }

  private remove(tap: Tap): void {
    this.taps.delete(tap.id);
    const left = (this.byInterface[tap.on.index] ?? []).filter((one) => one !== tap);
    this.byInterface[tap.on.index] = left.length === 0 ? undefined : left;
  }

  private forget(on: Interface): void {
    for (const tap of this.byInterface[on.index] ?? []) this.remove(tap);
  }
}

function linkTypeOf(on: Interface): number {
  switch (on.type) {
    case 'pflog':
      return pcap.LINK_PFLOG;
    case 'loopback':
    case 'pfsync':
      return pcap.LINK_RAW;
    default:
      return pcap.LINK_ETHERNET;
  }
}
