// SPDX-License-Identifier: ISC
//
// What a driver offers the kernel. TAP, memory and capture file are devices; wrapping one gives another (faults, traces).

import type { Packet } from './packet.ts';

/** What became of a transmitted frame. */
export const TRANSMITTED = 0;
/** The host's queue is full (EAGAIN, ENOBUFS): an output drop. */
export const QUEUE_FULL = 1;
/** The other side is down (EIO): no carrier. */
export const NO_CARRIER = 2;
/** The device refused the frame (EINVAL): a bug of ours, counted as an output error. */
export const REFUSED = 3;
export type Outcome = typeof TRANSMITTED | typeof QUEUE_FULL | typeof NO_CARRIER | typeof REFUSED;

/** What the device takes without help. A frame beyond it is cut and its checksum finished in front of the device. */
export interface Capabilities {
  /** Unfinished transport checksums (`needsChecksum`). */
  readonly checksum: boolean;
  readonly tso4: boolean;
  readonly tso6: boolean;
  readonly uso: boolean;
}

export interface Device {
  readonly capabilities: Capabilities;
  /**
   * Sends the frame from `packet.link` to `packet.end`. The device has copied what it needs when this returns.
   * Bytes in front of `packet.link` may be written (the vnet header).
   */
  transmit(packet: Packet): Outcome;
}

/** A device that a poll loop drives. */
export interface PolledDevice extends Device {
  /** File descriptor for poll(2). */
  readonly descriptor: number;
  /** Fills `packet` (after `packet.reset()`) with the next frame; false when there is none now. */
  receive(packet: Packet): boolean;
  close(): void;
}
