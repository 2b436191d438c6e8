// SPDX-License-Identifier: ISC
//
// Sockets for userland: TCP, UDP and raw IP of the kernel (socket(2)); host/ makes Node streams of them.

import type { Address, Family } from './address.ts';
import type { Errno } from './errno.ts';

export type SocketType = 'tcp' | 'udp' | 'raw';

export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}

/** One line of `netstat -a`. */
export interface SocketInfo {
  readonly id: number;
  readonly type: SocketType;
  readonly family: Family;
  readonly protocol: number;
  readonly local: Endpoint;
  readonly remote?: Endpoint;
  /** RFC 9293 3.3.2 name, TCP only. */
  readonly state?: TcpState;
  readonly receiveQueue: number;
  readonly sendQueue: number;
}

export type TcpState =
  | 'CLOSED'
  | 'LISTEN'
  | 'SYN_SENT'
  | 'SYN_RCVD'
  | 'ESTABLISHED'
  | 'CLOSE_WAIT'
  | 'FIN_WAIT_1'
  | 'CLOSING'
  | 'LAST_ACK'
  | 'FIN_WAIT_2'
  | 'TIME_WAIT';

export interface SocketCalls {
  /** `protocol` matters to raw sockets (1 ICMP, 58 ICMPv6, …). Answers the socket's id. */
  'socket.open': [{ readonly type: SocketType; readonly family: Family; readonly protocol?: number }, number];
  'socket.bind': [{ readonly id: number; readonly address?: Address; readonly port?: number }, Endpoint];
  /**
   * `backlog` bounds the connections that were announced by 'socket.accepted' and that no call has named yet: SYNs beyond it are
   * dropped until userland takes some.
   */
  'socket.listen': [{ readonly id: number; readonly backlog: number }, null];
  /**
   * TCP: sends the SYN; 'socket.connected' or 'socket.closed' follows. UDP and raw: sets the peer.
   * `timeout` (milliseconds) bounds the attempt.
   */
  'socket.connect': [{ readonly id: number; readonly remote: Endpoint; readonly timeout?: number }, null];
  /** TCP: appends to the send queue, answers how many bytes were taken; 'socket.drained' tells when more can be. */
  'socket.send': [{ readonly id: number; readonly data: Uint8Array }, number];
  /** One datagram (UDP) or one IP payload (raw; ICMPv6 checksum is filled in by the kernel, RFC 3542 3.1). */
  'socket.sendTo': [
    {
      readonly id: number;
      readonly remote: Endpoint;
      readonly data: Uint8Array;
      readonly hops?: number;
      /** Raw: sent to this neighbour, whatever the routes say of `remote` (RFC 3542 6.2, IPV6_NEXTHOP; here for both families). */
      readonly nextHop?: Address;
    },
    null,
  ];
  /** The reader took `bytes` of what 'socket.data' brought: the receive window opens by as much. */
  'socket.consumed': [{ readonly id: number; readonly bytes: number }, null];
  /** No more to send (FIN after the queue). */
  'socket.shutdown': [{ readonly id: number }, null];
  /** Releases the id. With `abort` a TCP connection is reset, else it closes in order behind the scenes. */
  'socket.close': [{ readonly id: number; readonly abort?: boolean }, null];
  'socket.set': [
    {
      readonly id: number;
      readonly noDelay?: boolean;
      readonly keepAlive?: boolean;
      readonly hops?: number;
      readonly dontFragment?: boolean;
    },
    null,
  ];
  'socket.list': [{ readonly type?: SocketType }, readonly SocketInfo[]];
}

export interface SocketEvents {
  'socket.connected': { readonly id: number; readonly local: Endpoint };
  /** A connection arrived at a listening socket. */
  'socket.accepted': {
    readonly listener: number;
    readonly id: number;
    readonly local: Endpoint;
    readonly remote: Endpoint;
  };
  /** Bytes of a stream, in order. An empty array is the peer's FIN. */
  'socket.data': { readonly id: number; readonly data: Uint8Array };
  /** A datagram, or for raw sockets an IP payload; `hops` is the TTL or hop limit it arrived with. */
  'socket.datagram': {
    readonly id: number;
    readonly from: Endpoint;
    readonly to: Address;
    readonly hops: number;
    readonly data: Uint8Array;
  };
  'socket.drained': { readonly id: number };
  /** The connection is over: an error, or absent when it ended in order. The id stays until 'socket.close'. */
  'socket.closed': { readonly id: number; readonly error?: Errno };
}
