// SPDX-License-Identifier: ISC
//
// The kernel's sockets as Node streams, so that http, https and tls work on them unchanged. Back pressure goes both ways: what is not
// read keeps the receive window small, what is not taken keeps the writer waiting.

import { Duplex } from 'node:stream';
import type { Address } from '../abi/address.ts';
import type { Answer, CallName, KernelClient, Request } from '../abi/client.ts';
import { CallError, type Errno } from '../abi/errno.ts';
import type { Endpoint, SocketEvents } from '../abi/socket.ts';

type EventsOf = { [E in keyof SocketEvents]?: (data: SocketEvents[E]) => void };

/** Listens to the events of one socket; the answer ends it. */
function listen(client: KernelClient, id: number, events: EventsOf): () => void {
  const ends = (Object.keys(events) as (keyof SocketEvents)[]).map((name) =>
    client.on(name, (data) => {
      const owner = 'listener' in data ? data.listener : data.id;
      if (owner === id) (events[name] as (data: unknown) => void)(data);
    }),
  );
  return () => {
    for (const end of ends) end();
  };
}

/** A TCP connection of the appliance. */
export class KernelSocket extends Duplex {
  readonly local: Endpoint | undefined;
  readonly remote: Endpoint;
  private readonly client: KernelClient;
  private readonly id: number;
  private readonly unlisten: () => void;
  private drained: (() => void) | undefined;
  private received: Uint8Array[] = [];
  private wanted = false;
  private over = false;

  constructor(client: KernelClient, id: number, remote: Endpoint, local?: Endpoint) {
    super({ allowHalfOpen: false });
    this.client = client;
    this.id = id;
    this.remote = remote;
    this.local = local;
    this.unlisten = listen(client, id, {
      'socket.data': ({ data }) => this.arrived(data),
      'socket.drained': () => {
        const go = this.drained;
        this.drained = undefined;
        go?.();
      },
      'socket.closed': ({ error }) => this.ended(error),
    });
  }

  private arrived(data: Uint8Array): void {
    this.received.push(data);
    if (this.wanted) this.hand();
  }

  /** Hands on what has come, and tells the kernel what the reader took. */
  private hand(): void {
    for (let data = this.received.shift(); data !== undefined; data = this.received.shift()) {
      if (data.length === 0) {
        this.push(null);
        return;
      }
      this.wanted = this.push(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
      this.tell('socket.consumed', { id: this.id, bytes: data.length });
      if (!this.wanted) return;
    }
  }

  private ended(error: Errno | undefined): void {
    this.over = true;
    if (error !== undefined) this.destroy(new CallError(error));
    else if (this.received.length === 0) this.push(null);
    const go = this.drained;
    this.drained = undefined;
    go?.();
  }

  /** A call whose answer is of no interest; that the socket has gone meanwhile is told by an event. */
  private tell<C extends CallName>(name: C, request: Request<C>): void {
    this.client.call(name, request).catch((error: CallError) => {
      if (error.code !== 'EBADF' && error.code !== 'ENOTCONN' && error.code !== 'ENXIO') this.destroy(error);
    });
  }

  override _read(): void {
    this.wanted = true;
    this.hand();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.sendAll(chunk).then(() => callback(), callback);
  }

  private async sendAll(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      const taken = await this.client.call('socket.send', { id: this.id, data: rest });
      rest = rest.subarray(taken);
      if (rest.length === 0) return;
      if (this.over) throw new CallError('EPIPE');
      await new Promise<void>((resolve) => {
        this.drained = resolve;
      });
    }
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.tell('socket.shutdown', { id: this.id });
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.unlisten();
    const abort = error !== null || !this.writableFinished;
    this.client.call('socket.close', { id: this.id, abort }).then(
      () => callback(error),
      () => callback(error), // the kernel has forgotten it already
    );
  }

  // What http and tls ask of a net.Socket, and has no meaning or another way here.

  setTimeout(): this {
    return this;
  }

  setNoDelay(noDelay = true): this {
    this.tell('socket.set', { id: this.id, noDelay });
    return this;
  }

  setKeepAlive(keepAlive = true): this {
    this.tell('socket.set', { id: this.id, keepAlive });
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

/** Connects; rejects with the errno when it is refused, unreachable, or not there within `timeout` milliseconds. */
export async function connectTcp(
  client: KernelClient,
  to: { readonly address: Address; readonly port: number; readonly timeout: number },
): Promise<KernelSocket> {
  const id = await client.call('socket.open', { type: 'tcp', family: to.address.family });
  const remote = { address: to.address, port: to.port };
  const local = await new Promise<Endpoint>((resolve, reject) => {
    const unlisten = listen(client, id, {
      'socket.connected': ({ local: own }) => {
        unlisten();
        resolve(own);
      },
      'socket.closed': ({ error }) => {
        unlisten();
        reject(new CallError(error ?? 'ECONNABORTED'));
      },
    });
    client.call('socket.connect', { id, remote, timeout: to.timeout }).catch((error) => {
      unlisten();
      reject(error);
    });
  }).catch(async (error: Error) => {
    await closeQuietly(client, id);
    throw error;
  });
  return new KernelSocket(client, id, remote, local);
}

async function closeQuietly(client: KernelClient, id: number): Promise<void> {
  try {
    await client.call('socket.close', { id, abort: true });
  } catch (error) {
    if (!(error instanceof CallError)) throw error; // it had closed itself
  }
}

/** Listens on a port; every connection that comes is handed to `accept`. The answer ends it. */
export async function listenTcp(
  client: KernelClient,
  at: { readonly family: 4 | 6; readonly port: number; readonly backlog?: number },
  accept: (socket: KernelSocket) => void,
): Promise<() => Promise<void>> {
  const id = await client.call('socket.open', { type: 'tcp', family: at.family });
  await client.call('socket.bind', { id, port: at.port });
  const unlisten = listen(client, id, {
    'socket.accepted': (data) => accept(new KernelSocket(client, data.id, data.remote, data.local)),
  });
  await client.call('socket.listen', { id, backlog: at.backlog ?? 128 });
  return async () => {
    unlisten();
    await closeQuietly(client, id);
  };
}

/** Sends one message from a raw socket and waits for an answer that `isAnswer` accepts; rejects when none comes in time. */
export async function askRaw(
  client: KernelClient,
  to: {
    readonly address: Address;
    readonly protocol: number;
    readonly data: Uint8Array;
    readonly timeout: number;
  },
  isAnswer: (data: SocketEvents['socket.datagram']) => boolean,
): Promise<void> {
  const id = await client.call('socket.open', {
    type: 'raw',
    family: to.address.family,
    protocol: to.protocol,
  });
  let unlisten: () => void = () => {};
  let limit: NodeJS.Timeout | undefined;
  try {
    const answered = new Promise<void>((resolve, reject) => {
      unlisten = listen(client, id, {
        'socket.datagram': (data) => {
          if (isAnswer(data)) resolve();
        },
      });
      limit = setTimeout(() => reject(new CallError('ETIMEDOUT')), to.timeout);
    });
    const request: Request<'socket.sendTo'> = { id, remote: { address: to.address, port: 0 }, data: to.data };
    const sent: Promise<Answer<'socket.sendTo'>> = client.call('socket.sendTo', request);
    await Promise.all([sent, answered]);
  } finally {
    clearTimeout(limit);
    unlisten();
    await closeQuietly(client, id);
  }
}
