// SPDX-License-Identifier: ISC
//
// What travels between the kernel's thread and the main thread: calls and frames one way, answers, events and frames the other, in
// one order.

import type { LinkAddress } from '../abi/address.ts';
import type { CallName, KernelEvent } from '../abi/client.ts';
import type { Errno } from '../abi/errno.ts';

/** What is behind an interface. */
export type DeviceDescription =
  /** An open TAP; the kernel's thread reads and writes its descriptor. */
  | { readonly kind: 'tap'; readonly name: string; readonly descriptor: number; readonly uso: boolean }
  /** A port of a segment inside the kernel's thread; interfaces that name the same segment are joined. */
  | { readonly kind: 'memory'; readonly segment: string }
  /** A device that the main thread drives: its frames travel as messages. */
  | { readonly kind: 'relayed' };

export interface HardwareInterface {
  readonly name: string;
  readonly linkAddress: LinkAddress;
  readonly mtu: number;
  readonly device: DeviceDescription;
}

/** What the worker is started with. */
export interface WorkerStart {
  readonly interfaces: readonly HardwareInterface[];
  readonly seed: readonly number[];
  /** Descriptor of an eventfd that wakes the worker's poll(2). */
  readonly wake: number;
  /** One int32; not zero once the worker has to end. */
  readonly stop: SharedArrayBuffer;
}

export interface CallMessage {
  readonly id: number;
  readonly call: CallName;
  readonly request: unknown;
}

/** A frame of a relayed device, by its place among the interfaces. */
export interface FrameMessage {
  readonly interface: number;
  readonly frame: Uint8Array;
}

export type MainMessage = CallMessage | FrameMessage;

export type WorkerMessage =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: { readonly code: Errno; readonly message: string } }
  | FrameMessage
  | KernelEvent;
