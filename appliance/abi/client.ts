// SPDX-License-Identifier: ISC
//
// The kernel as userland sees it: calls that are answered, events that arrive. What ioctl(2), sysctl(2), socket(2),
// route(4) and bpf(4) are on the original. The carrier (direct in one thread, or a message port to the worker) is in host/.

import type { CaptureCalls, CaptureEvents } from './capture.ts';
import type { CarpCalls, CarpEvents } from './carp.ts';
import type { InterfaceCalls, InterfaceEvents } from './interface.ts';
import type { NeighborCalls, NeighborEvents } from './neighbor.ts';
import type { PfCalls, PfEvents } from './pf.ts';
import type { PfsyncCalls } from './pfsync.ts';
import type { RouteCalls, RouteEvents } from './route.ts';
import type { SavedStateCalls } from './savedStates.ts';
import type { SocketCalls, SocketEvents } from './socket.ts';
import type { SystemCalls, SystemEvents } from './system.ts';

/** Every call: its name, and `[request, answer]`. The kernel must have a handler for each or it does not compile. */
export interface Calls
  extends InterfaceCalls,
    NeighborCalls,
    RouteCalls,
    SocketCalls,
    CaptureCalls,
    CarpCalls,
    PfCalls,
    PfsyncCalls,
    SavedStateCalls,
    SystemCalls {}

/** Every event the kernel sends of itself, by name. */
export interface Events
  extends InterfaceEvents,
    NeighborEvents,
    RouteEvents,
    SocketEvents,
    CaptureEvents,
    CarpEvents,
    PfEvents,
    SystemEvents {}

export type CallName = keyof Calls;
export type Request<C extends CallName> = Calls[C][0];
export type Answer<C extends CallName> = Calls[C][1];
export type EventName = keyof Events;

/** One event as it travels. */
export type KernelEvent = { [E in EventName]: { readonly event: E; readonly data: Events[E] } }[EventName];

/** What userland holds. A refused call rejects with CallError. */
export interface KernelClient {
  call<C extends CallName>(name: C, request: Request<C>): Promise<Answer<C>>;
  /** Listens to one kind of event; the returned function ends it. */
  on<E extends EventName>(name: E, listener: (data: Events[E]) => void): () => void;
}

/** Kernel-side handlers of a group of calls. They answer at once, or throw CallError. */
export type Handlers<C> = {
  [K in keyof C]: C[K] extends readonly [infer Q, infer A] ? (request: Q) => A : never;
};
