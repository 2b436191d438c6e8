// SPDX-License-Identifier: ISC
//
// The client of a kernel in the same thread: for tests on virtual time, and for the lab inside one process.

import type {
  Answer,
  CallName,
  EventName,
  Events,
  KernelClient,
  KernelEvent,
  Request,
} from '../abi/client.ts';
import { Kernel } from '../kernel/kernel.ts';
import { cryptography } from './cryptography.ts';
import { EventHub } from './eventHub.ts';

export class DirectClient implements KernelClient {
  readonly kernel: Kernel;
  private readonly hub = new EventHub();
  private readonly events: KernelEvent[] = [];
  private draining = false;

  constructor(options: { readonly now: number; readonly seed: readonly number[] }) {
    this.kernel = new Kernel({ ...options, cryptography, emit: (event) => this.enqueue(event) });
  }

  /** A refused call rejects, as over the port. */
  async call<C extends CallName>(name: C, request: Request<C>): Promise<Answer<C>> {
    return this.kernel.call(name, request);
  }

  on<E extends EventName>(name: E, listener: (data: Events[E]) => void): () => void {
    return this.hub.on(name, listener);
  }

  /** Events are handed on after the kernel's step, never within it. */
  private enqueue(event: KernelEvent): void {
    this.events.push(event);
    if (this.draining) return;
    this.draining = true;
    queueMicrotask(() => {
      this.draining = false;
      for (const one of this.events.splice(0)) this.hub.emit(one);
    });
  }
}
