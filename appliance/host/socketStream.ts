// SPDX-License-Identifier: ISC
//
// The kernel's TCP sockets as Node streams, so that http, https and tls work on them unchanged (what they ask of a net.Socket is
// here). Back pressure goes both ways: what is not read keeps the receive window small, what is not taken keeps the writer waiting.

import { Duplex } from 'node:stream';
import type { Address } from '../abi/address.ts';
import { formatAddress } from '../abi/addressText.ts';
import type { CallName, KernelClient, Request } from '../abi/client.ts';
import { CallError, type Errno } from '../abi/errno.ts';
import type { Endpoint } from '../abi/socket.ts';
import { listenToSocket } from './socketEvents.ts';

/** Bytes that one call carries to the kernel at most. */
const LARGEST_SEND = 128 * 1024;

export interface ConnectOptions {
  readonly address: Address;
  readonly port: number;
  /** Milliseconds that the attempt may take; the kernel's own limit if absent. */
  readonly timeout?: number;
  /** The address of ours to connect from, where routing is not to choose it. */
  readonly localAddress?: Address;
  /** Whether the writing side stays open when the peer has closed its own. */
  readonly allowHalfOpen?: boolean;
}

/** A TCP connection of the appliance. Emits 'connect' once it stands, and 'timeout' as net.Socket does. */
export class KernelSocket extends Duplex {
  local: Endpoint | undefined;
  readonly remote: Endpoint;
  connecting: boolean;
  bytesRead = 0;
  bytesWritten = 0;
  /** Milliseconds without traffic after which 'timeout' is emitted; 0 is never. */
  timeout = 0;
  private readonly client: KernelClient;
  private readonly options: ConnectOptions | undefined;
  private id = 0;
  private unlisten: () => void = () => {};
  private drained: (() => void) | undefined;
  private readonly received: Uint8Array[] = [];
  private wanted = false;
  private over = false;
  private resetting = false;
  private idle: NodeJS.Timeout | undefined;

  /** With `accepted` a connection that stands, else one that is to be made to `remote` as `options` say. */
  private constructor(
    client: KernelClient,
    remote: Endpoint,
    options: ConnectOptions | undefined,
    allowHalfOpen: boolean,
    accepted?: { readonly id: number; readonly local: Endpoint },
  ) {
    super({ allowHalfOpen });
    this.client = client;
    this.remote = remote;
    this.options = options;
    this.connecting = accepted === undefined;
    this.local = accepted?.local;
    if (accepted !== undefined) this.hold(accepted.id);
  }

  /** A connection that is being made; what is written meanwhile goes out when it stands. Failure destroys it with a CallError. */
  static connect(client: KernelClient, options: ConnectOptions): KernelSocket {
    const remote = { address: options.address, port: options.port };
    return new KernelSocket(client, remote, options, options.allowHalfOpen ?? false);
  }

  /** A connection that a listening socket has received. */
  static accepted(
    client: KernelClient,
    event: { readonly id: number; readonly local: Endpoint; readonly remote: Endpoint },
    options: { readonly allowHalfOpen?: boolean } = {},
  ): KernelSocket {
    return new KernelSocket(client, event.remote, undefined, options.allowHalfOpen ?? false, event);
  }

  private hold(id: number): void {
    this.id = id;
    this.unlisten = listenToSocket(this.client, id, {
      'socket.connected': ({ local }) => this.connected(local),
      'socket.data': ({ data }) => this.arrived(data),
      'socket.drained': () => this.proceed(),
      'socket.closed': ({ error }) => this.ended(error),
    });
  }

  override _construct(callback: (error?: Error | null) => void): void {
    this.begin().then(() => {
      callback();
      this.read(0); // notice the end of a peer of whom nothing is read
    }, callback);
  }

  private async begin(): Promise<void> {
    const { client, options } = this;
    if (options === undefined) {
      // The first call that names an accepted connection takes it out of the listener's queue.
      await client.call('socket.set', { id: this.id });
      return;
    }
    this.hold(await client.call('socket.open', { type: 'tcp', family: options.address.family }));
    const { id, remote } = this;
    if (options.localAddress !== undefined) {
      await client.call('socket.bind', { id, address: options.localAddress });
    }
    const limit = options.timeout === undefined ? {} : { timeout: options.timeout };
    await client.call('socket.connect', { id, remote, ...limit });
  }

  private connected(local: Endpoint): void {
    this.local = local;
    this.connecting = false;
    this.emit('connect');
    this.emit('ready');
  }

  private arrived(data: Uint8Array): void {
    this.active();
    this.received.push(data);
    if (this.wanted) this.hand();
  }

  override _read(): void {
    this.wanted = true;
    this.hand();
  }

  /** Hands on what has come for as long as it is wanted, and tells the kernel how much the reader took. */
  private hand(): void {
    let taken = 0;
    while (this.wanted && this.received.length > 0) {
      const data = this.received.shift()!;
      taken += data.length;
      this.wanted = data.length > 0 && this.push(Buffer.from(data.buffer, data.byteOffset, data.length));
      if (data.length === 0) this.pushEnd();
    }
    if (taken === 0) return;
    this.bytesRead += taken;
    this.tell('socket.consumed', { id: this.id, bytes: taken });
  }

  /** The end is told even to who has never read, if there was nothing to read, as net.Socket does. */
  private pushEnd(): void {
    this.push(null);
    this.read(0);
  }

  /** The connection is over. In order: the peer's FIN is among what was received. */
  private ended(error: Errno | undefined): void {
    this.over = true;
    this.proceed();
    if (error !== undefined) this.destroy(new CallError(error));
  }

  /** Whoever waits for room in the send buffer may go on. */
  private proceed(): void {
    const go = this.drained;
    this.drained = undefined;
    go?.();
  }

  /** A call whose answer is of no interest. That the connection has ended meanwhile is told by an event. */
  private tell<C extends CallName>(name: C, request: Request<C>): void {
    this.client.call(name, request).catch((error: CallError) => {
      if (error.code !== 'EBADF' && error.code !== 'ENOTCONN') this.destroy(error);
    });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.sendAll(chunk).then(() => callback(), callback);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'binary', callback);
  }

  private async sendAll(chunk: Uint8Array): Promise<void> {
    let rest = chunk;
    while (rest.length > 0) {
      // A copy of its own: a message to another thread carries the whole memory that an array is a part of.
      const data = new Uint8Array(rest.subarray(0, LARGEST_SEND));
      const taken = await this.client.call('socket.send', { id: this.id, data });
      this.active();
      this.bytesWritten += taken;
      rest = rest.subarray(taken);
      if (taken < data.length) await this.room();
    }
  }

  /** Until the kernel has room again. */
  private async room(): Promise<void> {
    if (!this.over) {
      await new Promise<void>((resolve) => {
        this.drained = resolve;
      });
    }
    if (this.over || this.destroyed) throw new CallError('EPIPE');
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.over) callback();
    else this.client.call('socket.shutdown', { id: this.id }).then(() => callback(), callback);
  }

  /** Closes in order what the kernel has been given; where that is not all, or something is wrong, the peer gets a reset. */
  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.idle);
    this.unlisten();
    this.proceed();
    this.received.length = 0;
    if (this.id === 0) return callback(error);
    const abort = error !== null || this.resetting || this.writableLength > 0;
    const done = (): void => callback(error);
    this.client.call('socket.close', { id: this.id, abort }).then(done, done);
  }

  /** Ends the writing side and destroys the socket once everything is written. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Resets the peer. */
  resetAndDestroy(): this {
    this.resetting = true;
    return this.destroy();
  }

  /** Emits 'timeout' after so many milliseconds without traffic; 0 ends that. */
  setTimeout(milliseconds: number, callback?: () => void): this {
    this.timeout = milliseconds;
    clearTimeout(this.idle);
    this.idle = undefined;
    if (milliseconds > 0) {
      this.idle = setTimeout(() => this.emit('timeout'), milliseconds).unref();
      if (callback !== undefined) this.once('timeout', callback);
    } else if (callback !== undefined) {
      this.removeListener('timeout', callback);
    }
    return this;
  }

  private active(): void {
    this.idle?.refresh();
  }

  setNoDelay(noDelay = true): this {
    return this.configure({ noDelay });
  }

  setKeepAlive(keepAlive = true): this {
    return this.configure({ keepAlive });
  }

  /** Sets an option now, or as soon as there is a socket to set it on. */
  private configure(options: { noDelay?: boolean; keepAlive?: boolean }): this {
    if (this.id !== 0) this.tell('socket.set', { id: this.id, ...options });
    else this.once('connect', () => this.tell('socket.set', { id: this.id, ...options }));
    return this;
  }

  /** The kernel keeps no process alive, so there is nothing to hold on to or to let go. */
  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  address(): { address: string; family: string; port: number } | Record<string, never> {
    if (this.local === undefined) return {};
    return { address: this.localAddress!, family: familyName(this.local), port: this.local.port };
  }

  get remoteAddress(): string {
    return formatAddress(this.remote.address);
  }

  get remoteFamily(): string {
    return familyName(this.remote);
  }

  get remotePort(): number {
    return this.remote.port;
  }

  get localAddress(): string | undefined {
    return this.local === undefined ? undefined : formatAddress(this.local.address);
  }

  get localPort(): number | undefined {
    return this.local?.port;
  }

  get pending(): boolean {
    return this.connecting;
  }
}

function familyName(endpoint: Endpoint): string {
  return `IPv${endpoint.address.family}`;
}

/** Connects; rejects with a CallError when it is refused, unreachable, or not there in time. */
export function connectTcp(client: KernelClient, options: ConnectOptions): Promise<KernelSocket> {
  return new Promise((resolve, reject) => {
    const socket = KernelSocket.connect(client, options);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.removeListener('error', reject);
      resolve(socket);
    });
  });
}

export interface ListenOptions {
  readonly family: 4 | 6;
  readonly port: number;
  /** An address of ours; absent: any. */
  readonly address?: Address;
  /** Connections that may wait to be taken; default 128. */
  readonly backlog?: number;
  /** As for ConnectOptions; what node:http's servers want. */
  readonly allowHalfOpen?: boolean;
}

/** Listens; every connection that comes is handed to `accept`. The answer ends it; connections that stand stay. */
export async function listenTcp(
  client: KernelClient,
  at: ListenOptions,
  accept: (socket: KernelSocket) => void,
): Promise<() => Promise<void>> {
  const id = await client.call('socket.open', { type: 'tcp', family: at.family });
  const unlisten = listenToSocket(client, id, {
    'socket.accepted': (event) => accept(KernelSocket.accepted(client, event, at)),
  });
  const close = async (): Promise<void> => {
    unlisten();
    await client.call('socket.close', { id });
  };
  try {
    const address = at.address === undefined ? {} : { address: at.address };
    await client.call('socket.bind', { id, port: at.port, ...address });
    await client.call('socket.listen', { id, backlog: at.backlog ?? 128 });
  } catch (error) {
    await close();
    throw error;
  }
  return close;
}
