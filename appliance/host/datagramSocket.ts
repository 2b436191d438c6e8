// SPDX-License-Identifier: ISC
//
// UDP and raw IP sockets of the kernel: messages out, messages in.

import { EventEmitter } from 'node:events';
import type { Address, Family } from '../abi/address.ts';
import type { KernelClient } from '../abi/client.ts';
import { CallError } from '../abi/errno.ts';
import type { Endpoint, SocketEvents } from '../abi/socket.ts';
import { listenToSocket } from './socketEvents.ts';

/** A message as it arrived. */
export type Datagram = SocketEvents['socket.datagram'];

/** Emits 'message' for each Datagram, and 'error' (a CallError) when a connected peer refuses. */
class DatagramSocket extends EventEmitter {
  protected readonly client: KernelClient;
  readonly id: number;
  private readonly unlisten: () => void;

  constructor(client: KernelClient, id: number) {
    super();
    this.client = client;
    this.id = id;
    this.unlisten = listenToSocket(client, id, {
      'socket.datagram': (message) => this.emit('message', message),
      'socket.closed': ({ error }) => {
        if (error !== undefined) this.emit('error', new CallError(error));
      },
    });
  }

  async close(): Promise<void> {
    this.unlisten();
    await this.client.call('socket.close', { id: this.id });
  }

  /** The next message that `accepts` accepts; rejects with ETIMEDOUT after so many milliseconds without one. */
  next(accepts: (message: Datagram) => boolean, timeout: number): Promise<Datagram> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(limit);
        this.removeListener('message', see);
        this.removeListener('error', fail);
      };
      const see = (message: Datagram): void => {
        if (!accepts(message)) return;
        end();
        resolve(message);
      };
      const fail = (error: Error): void => {
        end();
        reject(error);
      };
      const limit = setTimeout(() => fail(new CallError('ETIMEDOUT')), timeout);
      this.on('message', see);
      this.on('error', fail);
    });
  }
}

export class UdpSocket extends DatagramSocket {
  static async open(client: KernelClient, family: Family): Promise<UdpSocket> {
    return new UdpSocket(client, await client.call('socket.open', { type: 'udp', family }));
  }

  /** Binds to an address of ours (absent: any) and a port (0: an ephemeral one). */
  bind(port: number, address?: Address): Promise<Endpoint> {
    return this.client.call('socket.bind', {
      id: this.id,
      port,
      ...(address === undefined ? {} : { address }),
    });
  }

  /** From now on messages come from there only, and errors about messages to there are told. */
  async connect(remote: Endpoint): Promise<void> {
    await this.client.call('socket.connect', { id: this.id, remote });
  }

  async send(remote: Endpoint, data: Uint8Array): Promise<void> {
    await this.client.call('socket.sendTo', { id: this.id, remote, data });
  }
}

export class RawSocket extends DatagramSocket {
  /** `protocol`: 1 is ICMP, 58 ICMPv6. */
  static async open(client: KernelClient, family: Family, protocol: number): Promise<RawSocket> {
    return new RawSocket(client, await client.call('socket.open', { type: 'raw', family, protocol }));
  }

  /** Sends one IP payload; `hops` is its TTL or hop limit, absent the system's; `nextHop` a neighbour to send it to. */
  async send(
    address: Address,
    data: Uint8Array,
    options: Pick<Question, 'hops' | 'nextHop'> = {},
  ): Promise<void> {
    const { hops, nextHop } = options;
    await this.client.call('socket.sendTo', {
      id: this.id,
      remote: { address, port: 0 },
      data,
      ...(hops === undefined ? {} : { hops }),
      ...(nextHop === undefined ? {} : { nextHop }),
    });
  }
}

export interface Question {
  readonly address: Address;
  readonly protocol: number;
  readonly data: Uint8Array;
  /** Milliseconds. */
  readonly timeout: number;
  /** TTL or hop limit; absent: the system's. */
  readonly hops?: number;
  /** A neighbour to send it to, whatever the routes say; absent: as they say. */
  readonly nextHop?: Address;
}

interface Shared {
  readonly socket: Promise<RawSocket>;
  users: number;
}

const sharedSockets = new WeakMap<KernelClient, Map<number, Shared>>();

/**
 * Sends one message from a raw socket and waits for an answer that `isAnswer` accepts; rejects when none comes in time. Questions that are
 * under way at once share one socket: with one for each, all of them would be handed the answers to all.
 */
export async function askRaw(
  client: KernelClient,
  to: Question,
  isAnswer: (message: Datagram) => boolean,
): Promise<void> {
  const sockets = sharedSockets.get(client) ?? new Map<number, Shared>();
  sharedSockets.set(client, sockets);
  const { family } = to.address;
  const key = (to.protocol << 4) | family;
  const shared = sockets.get(key) ?? { socket: openShared(client, family, to.protocol), users: 0 };
  sockets.set(key, shared);
  shared.users++;
  try {
    const socket = await shared.socket;
    await Promise.all([socket.next(isAnswer, to.timeout), socket.send(to.address, to.data, to)]);
  } finally {
    shared.users--;
    if (shared.users === 0) {
      sockets.delete(key);
      await (await shared.socket).close();
    }
  }
}

async function openShared(client: KernelClient, family: Family, protocol: number): Promise<RawSocket> {
  const socket = await RawSocket.open(client, family, protocol);
  socket.setMaxListeners(0);
  return socket;
}
