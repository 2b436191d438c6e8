// SPDX-License-Identifier: ISC
//
// States of a connection (RFC 9293 3.3.2), ordered so that comparisons mean something: from CLOSE_WAIT on the peer or we have closed.

import type { TcpState } from '../../../abi/socket.ts';

export const CLOSED = 0;
export const LISTEN = 1;
export const SYN_SENT = 2;
export const SYN_RCVD = 3;
export const ESTABLISHED = 4;
export const CLOSE_WAIT = 5;
export const FIN_WAIT_1 = 6;
export const CLOSING = 7;
export const LAST_ACK = 8;
export const FIN_WAIT_2 = 9;
export const TIME_WAIT = 10;

export const STATE_NAMES: readonly TcpState[] = [
  'CLOSED',
  'LISTEN',
  'SYN_SENT',
  'SYN_RCVD',
  'ESTABLISHED',
  'CLOSE_WAIT',
  'FIN_WAIT_1',
  'CLOSING',
  'LAST_ACK',
  'FIN_WAIT_2',
  'TIME_WAIT',
];

/** Both SYNs have been acknowledged. */
export function synchronized(state: number): boolean {
  return state >= ESTABLISHED;
}

/** The peer has not sent its FIN: data may come (RFC 9293 3.10.7.4, seventh). */
export function receives(state: number): boolean {
  return state === ESTABLISHED || state === FIN_WAIT_1 || state === FIN_WAIT_2;
}
