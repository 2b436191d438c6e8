// SPDX-License-Identifier: ISC
//
// Who listens to which event of a kernel.

import type { EventName, Events, KernelEvent } from '../abi/client.ts';

type Listener = (data: never) => void;

export class EventHub {
  private readonly listeners = new Map<EventName, Set<Listener>>();

  on<E extends EventName>(name: E, listener: (data: Events[E]) => void): () => void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set.add(listener as Listener));
    return () => set.delete(listener as Listener);
  }

  emit(event: KernelEvent): void {
    for (const listener of this.listeners.get(event.event) ?? []) listener(event.data as never);
  }
}
