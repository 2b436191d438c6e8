// SPDX-License-Identifier: ISC
//
// ICMP echo through the kernel's raw sockets, for ping(8) and traceroute(8).

import { type Address, type Family, INET } from '../../abi/address.ts';
import type { KernelClient } from '../../abi/client.ts';
import type { SocketEvents } from '../../abi/socket.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { CommandContext } from './command.ts';
import { kernelOf } from './failure.ts';

const PROTOCOL = { 4: 1, 6: 58 } as const;

export type Message = SocketEvents['socket.datagram'];

/** What a message means to one who sent echo requests. */
export interface Answer {
  readonly kind: 'reply' | 'exceeded' | 'unreachable';
  readonly sequence: number;
  readonly code: number;
}

/** A raw socket that sends echo requests with one id. */
export class EchoSocket {
  private readonly kernel: KernelClient;
  private readonly socket: number;
  private readonly family: Family;
  private readonly id: number;
  private readonly unlisten: () => void;

  private constructor(
    kernel: KernelClient,
    family: Family,
    socket: number,
    id: number,
    hear: (message: Message) => void,
  ) {
    this.kernel = kernel;
    this.family = family;
    this.socket = socket;
    this.id = id;
    this.unlisten = kernel.on('socket.datagram', (message) => {
      if (message.id === socket) hear(message);
    });
  }

  static async open(
    context: CommandContext,
    family: Family,
    hear: (message: Message, answer: Answer) => void,
  ): Promise<EchoSocket> {
    const kernel = kernelOf(context);
    const socket = await kernel.call('socket.open', { type: 'raw', family, protocol: PROTOCOL[family] });
    const id = socket & 0xffff;
    return new EchoSocket(kernel, family, socket, id, (message) => {
      const answer = understand(family, message.data, id);
      if (answer !== undefined) hear(message, answer);
    });
  }

  /** Sends a request with `size` bytes of data behind the header. */
  async send(to: Address, sequence: number, size: number, hops?: number): Promise<void> {
    const data = new Uint8Array(icmp.HEADER_LENGTH + size);
    for (let i = icmp.HEADER_LENGTH; i < data.length; i++) data[i] = i & 0xff;
    const type = this.family === INET ? icmp.TYPE_ECHO : icmp6.TYPE_ECHO;
    icmp.write(data, 0, type, 0, icmp.echoRest(this.id, sequence & 0xffff));
    if (this.family === INET) icmp.fillChecksum(data, 0, data.length);
    const request = { id: this.socket, remote: { address: to, port: 0 }, data };
    await this.kernel.call('socket.sendTo', hops === undefined ? request : { ...request, hops });
  }

  async close(): Promise<void> {
    this.unlisten();
    await this.kernel.call('socket.close', { id: this.socket });
  }
}

/** An echo reply of ours, or an error that quotes a request of ours. */
function understand(family: Family, data: Uint8Array, id: number): Answer | undefined {
  if (data.length < icmp.HEADER_LENGTH) return undefined;
  const type = icmp.type(data, 0);
  const code = icmp.code(data, 0);
  const isReply = type === (family === INET ? icmp.TYPE_ECHO_REPLY : icmp6.TYPE_ECHO_REPLY);
  if (isReply)
    return icmp.identifier(data, 0) === id
      ? { kind: 'reply', sequence: icmp.sequence(data, 0), code }
      : undefined;
  const isExceeded = type === (family === INET ? icmp.TYPE_TIME_EXCEEDED : icmp6.TYPE_TIME_EXCEEDED);
  const isUnreachable = type === (family === INET ? icmp.TYPE_UNREACHABLE : icmp6.TYPE_UNREACHABLE);
  if (!isExceeded && !isUnreachable) return undefined;
  const quoted = icmp.HEADER_LENGTH;
  const header = family === INET ? ipv4.HEADER_LENGTH : ipv6.HEADER_LENGTH;
  if (data.length < quoted + header + icmp.HEADER_LENGTH) return undefined;
  const at = family === INET ? ipv4.payloadAt(data, quoted) : ipv6.payloadAt(quoted);
  if (data.length < at + icmp.HEADER_LENGTH || icmp.identifier(data, at) !== id) return undefined;
  return { kind: isExceeded ? 'exceeded' : 'unreachable', sequence: icmp.sequence(data, at), code };
}

/** Waits, until the time is over or the command is to end. */
export function pause(context: CommandContext, milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    if (context.signal.aborted) return resolve();
    const timer = setTimeout(done, milliseconds);
    context.signal.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      context.signal.removeEventListener('abort', done);
      resolve();
    }
  });
}
