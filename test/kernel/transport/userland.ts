// SPDX-License-Identifier: ISC
//
// The smallest userland over a kernel's socket calls: what tests use to send, read and close without streams.

import { parseAddress } from '../../../appliance/abi/addressText.ts';
import type { Errno } from '../../../appliance/abi/errno.ts';
import type { Endpoint, SocketInfo } from '../../../appliance/abi/socket.ts';
import type { Host } from '../../support/world.ts';

export function endpoint(address: string, port: number): Endpoint {
  const parsed = parseAddress(address);
  if (parsed === undefined) throw new Error(`not an address: ${address}`);
  return { address: parsed, port };
}

/** One TCP connection as a user has it. It reads at once unless `reading` is off. */
export class TcpUser {
  readonly host: Host;
  readonly id: number;
  connected = false;
  /** The peer's FIN was read. */
  finished = false;
  closed: { readonly error?: Errno } | undefined;
  reading = true;
  readonly received: Uint8Array[] = [];
  private unread = 0;
  /** What the send buffer has not taken yet. */
  private readonly waiting: Uint8Array[] = [];
  private shutdownWhenSent = false;
  private closeWhenSent = false;

  constructor(host: Host, id: number) {
    this.host = host;
    this.id = id;
    host.on('socket.connected', (event) => {
      if (event.id === id) this.connected = true;
    });
    host.on('socket.data', (event) => {
      if (event.id === id) this.arrived(event.data);
    });
    host.on('socket.drained', (event) => {
      if (event.id === id) this.push();
    });
    host.on('socket.closed', (event) => {
      if (event.id === id) this.closed = event.error === undefined ? {} : { error: event.error };
    });
  }

  static connect(host: Host, to: Endpoint, options: { timeout?: number } = {}): TcpUser {
    const id = host.call('socket.open', { type: 'tcp', family: to.address.family });
    const user = new TcpUser(host, id);
    host.call('socket.connect', { id, remote: to, ...options });
    return user;
  }

  /** Listens; `accept` is called for each connection. Answers the listening socket. */
  static listen(host: Host, port: number, accept: (user: TcpUser) => void, family: 4 | 6 = 4): number {
    const id = host.call('socket.open', { type: 'tcp', family });
    host.call('socket.bind', { id, port });
    host.on('socket.accepted', (event) => {
      if (event.listener === id) accept(new TcpUser(host, event.id));
    });
    host.call('socket.listen', { id, backlog: 16 });
    return id;
  }

  get text(): string {
    return this.received.map((bytes) => String.fromCharCode(...bytes)).join('');
  }

  get length(): number {
    return this.received.reduce((sum, bytes) => sum + bytes.length, 0);
  }

  get info(): SocketInfo | undefined {
    return this.host.call('socket.list', { type: 'tcp' }).find((one) => one.id === this.id);
  }

  get state(): string {
    return this.info?.state ?? 'CLOSED';
  }

  send(data: Uint8Array | string): void {
    this.waiting.push(typeof data === 'string' ? Uint8Array.from(data, (one) => one.charCodeAt(0)) : data);
    if (this.waiting.length === 1) this.push();
  }

  shutdown(): void {
    this.shutdownWhenSent = true;
    if (this.waiting.length === 0) this.host.call('socket.shutdown', { id: this.id });
  }

  close(): void {
    this.closeWhenSent = true;
    if (this.waiting.length === 0) this.host.call('socket.close', { id: this.id });
  }

  abort(): void {
    this.host.call('socket.close', { id: this.id, abort: true });
  }

  /** Reads what has come meanwhile, and from now on what comes. */
  resume(): void {
    this.reading = true;
    const bytes = this.unread;
    this.unread = 0;
    this.host.call('socket.consumed', { id: this.id, bytes });
  }

  private arrived(data: Uint8Array): void {
    if (data.length === 0) {
      this.finished = true;
      return;
    }
    this.received.push(data);
    if (this.reading) this.host.kernel.call('socket.consumed', { id: this.id, bytes: data.length });
    else this.unread += data.length;
  }

  private push(): void {
    while (this.waiting.length > 0) {
      const data = this.waiting[0]!;
      const taken = this.host.call('socket.send', { id: this.id, data });
      if (taken < data.length) {
        this.waiting[0] = data.subarray(taken);
        return;
      }
      this.waiting.shift();
    }
    if (this.shutdownWhenSent) this.host.call('socket.shutdown', { id: this.id });
    if (this.closeWhenSent) this.host.call('socket.close', { id: this.id });
  }
}
