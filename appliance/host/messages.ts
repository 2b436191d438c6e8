// SPDX-License-Identifier: ISC
//
// What travels between the kernel's thread and the main thread: calls one way, answers and events the other, in one order.

import type { LinkAddress } from '../abi/address.ts';
import type { CallName, KernelEvent } from '../abi/client.ts';
import type { Errno } from '../abi/errno.ts';

/** An interface with the open TAP behind it. */
export interface TapInterface {
  readonly name: string;
  readonly linkAddress: LinkAddress;
  readonly mtu: number;
  readonly tap: { readonly name: string; readonly descriptor: number; readonly uso: boolean };
}

/** What the worker is started with. */
export interface WorkerStart {
  readonly interfaces: readonly TapInterface[];
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

export type WorkerMessage =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly error: { readonly code: Errno; readonly message: string } }
  | KernelEvent;
