// SPDX-License-Identifier: ISC
//
// Events of sockets, each to who holds the socket of that id: one listener at the client, however many sockets there are.

import type { KernelClient } from '../abi/client.ts';
import type { SocketEvents } from '../abi/socket.ts';

/** What a holder wants to know of its socket; for 'socket.accepted' the socket is the listener. */
export type SocketListeners = { readonly [E in keyof SocketEvents]?: (data: SocketEvents[E]) => void };

const EVENTS: readonly (keyof SocketEvents)[] = [
  'socket.connected',
  'socket.accepted',
  'socket.data',
  'socket.datagram',
  'socket.drained',
  'socket.closed',
];

const holders = new WeakMap<KernelClient, Map<number, SocketListeners>>();

/** Tells `listeners` what happens to the socket `id`; the returned function ends it. */
export function listenToSocket(client: KernelClient, id: number, listeners: SocketListeners): () => void {
  const mine = holders.get(client) ?? attach(client);
  mine.set(id, listeners);
  return () => mine.delete(id);
}

function attach(client: KernelClient): Map<number, SocketListeners> {
  const map = new Map<number, SocketListeners>();
  holders.set(client, map);
  for (const event of EVENTS) forward(client, map, event);
  return map;
}

function forward<E extends keyof SocketEvents>(
  client: KernelClient,
  map: Map<number, SocketListeners>,
  event: E,
): void {
  client.on(event, (data) => {
    const listener = map.get('listener' in data ? data.listener : data.id)?.[event];
    (listener as ((data: SocketEvents[E]) => void) | undefined)?.(data as SocketEvents[E]);
  });
}
