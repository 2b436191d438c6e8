// SPDX-License-Identifier: ISC
//
// What every socket can be asked (socket(2)), and the table of those that userland holds.

import type { Address } from '../../abi/address.ts';
import { CallError } from '../../abi/errno.ts';
import type { Endpoint, SocketCalls } from '../../abi/socket.ts';

/** A socket that userland holds; calls that make no sense for its type are refused with EOPNOTSUPP. */
export interface Socket {
  bind(address: Address | undefined, port: number): Endpoint;
  listen(backlog: number): void;
  /** `timeout` in milliseconds. */
  connect(remote: Endpoint, timeout: number | undefined): void;
  send(data: Uint8Array): number;
  sendTo(remote: Endpoint, data: Uint8Array, hops: number | undefined, nextHop: Address | undefined): void;
  consumed(bytes: number): void;
  shutdown(): void;
  close(abort: boolean): void;
  set(options: SocketCalls['socket.set'][0]): void;
}

/** As many as userland may hold, all types together. */
const MAXIMUM_SOCKETS = 32_768;

export class SocketTable {
  private readonly sockets = new Map<number, Socket>();
  private lastId = 0;

  get full(): boolean {
    return this.sockets.size >= MAXIMUM_SOCKETS;
  }

  /** Takes in a socket that `make` builds for its id. Ids are never used twice. CallError ENFILE when there are too many. */
  add(make: (id: number) => Socket): number {
    if (this.full) throw new CallError('ENFILE');
    const id = ++this.lastId;
    this.sockets.set(id, make(id));
    return id;
  }

  get(id: number): Socket {
    const socket = this.sockets.get(id);
    if (socket === undefined) throw new CallError('EBADF');
    return socket;
  }

  delete(id: number): void {
    this.sockets.delete(id);
  }
}

export function notSupported(): never {
  throw new CallError('EOPNOTSUPP');
}
