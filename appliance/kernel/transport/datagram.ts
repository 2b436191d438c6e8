// SPDX-License-Identifier: ISC
//
// What UDP and raw sockets have in common: no connection, a peer at most, one message at a time.

import { type Address, addressBits, type Family } from '../../abi/address.ts';
import type { KernelEvent } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import type { Endpoint, SocketCalls } from '../../abi/socket.ts';
import { SECOND } from '../clock.ts';
import { errnoOf } from '../inet/errors.ts';
import type { Network } from './network.ts';
import { Pcb, sameWords } from './pcb.ts';
import type { TransportServices } from './services.ts';
import { notSupported, type Socket } from './socket.ts';

/** Messages that a socket hands to userland in a second; a flood beyond it is dropped and counted. */
const MESSAGES_PER_SECOND = 10_000;
/** IPv4's total length has 16 bits. */
export const LARGEST_MESSAGE = 65_507;

export abstract class DatagramSocket extends Pcb implements Socket {
  readonly id: number;
  protected readonly services: TransportServices;
  protected readonly network: Network;
  protected hops = 0;
  protected dontFragment = false;
  protected readonly target = new Int32Array(4);
  private second = -1;
  private messages = 0;

  constructor(services: TransportServices, family: Family, id: number) {
    super(family);
    this.services = services;
    this.network = services.networks[family];
    this.id = id;
  }

  abstract bind(address: Address | undefined, port: number): Endpoint;
  abstract close(): void;
  /** Sends one message to the words in `target`. Answers an error of inet/errors.ts. */
  protected abstract transmit(port: number, data: Uint8Array, hops: number): number;

  listen(): void {
    notSupported();
  }

  shutdown(): void {
    notSupported();
  }

  consumed(): void {}

  set(options: SocketCalls['socket.set'][0]): void {
    if (options.hops !== undefined) this.hops = options.hops;
    if (options.dontFragment !== undefined) this.dontFragment = options.dontFragment;
  }

  connect(remote: Endpoint): void {
    setWords(this.remote, remote.address, this.family);
    this.remotePort = remote.port;
  }

  send(data: Uint8Array): number {
    if (this.remotePort === 0 && this.remote.every((word) => word === 0)) throw new CallError('ENOTCONN');
    this.target.set(this.remote);
    this.sendChecked(this.remotePort, data, 0);
    return data.length;
  }

  sendTo(remote: Endpoint, data: Uint8Array, hops: number | undefined, nextHop: Address | undefined): void {
    if (nextHop !== undefined) notSupported();
    setWords(this.target, remote.address, this.family);
    this.sendChecked(remote.port, data, hops ?? 0);
  }

  private sendChecked(port: number, data: Uint8Array, hops: number): void {
    if (data.length > LARGEST_MESSAGE) throw new CallError('EMSGSIZE');
    const error = errnoOf(this.transmit(port, data, hops || this.hops || this.network.hops));
    if (error !== undefined) throw new CallError(error);
  }

  /** Whether a message from there is for a socket that may have a peer. */
  isFrom(remote: Int32Array, port: number): boolean {
    return (
      (this.remotePort === 0 || this.remotePort === port) &&
      (isUnset(this.remote) || sameWords(this.remote, remote))
    );
  }

  /** Whether one more message may go to userland now. */
  protected mayDeliver(): boolean {
    const second = Math.floor(this.services.clock.now / SECOND);
    if (second !== this.second) {
      this.second = second;
      this.messages = 0;
    }
    return ++this.messages <= MESSAGES_PER_SECOND;
  }

  protected emit(event: KernelEvent): void {
    this.services.emit(event);
  }
}

function isUnset(words: Int32Array): boolean {
  return words.every((word) => word === 0);
}

/** Writes an address into four words; EAFNOSUPPORT for the other family. */
export function setWords(words: Int32Array, address: Address, family: Family): void {
  if (address.family !== family || address.words.length !== addressBits(family) / 32)
    throw new CallError('EAFNOSUPPORT');
  words.fill(0);
  words.set(address.words);
}
