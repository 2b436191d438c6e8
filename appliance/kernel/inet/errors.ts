// SPDX-License-Identifier: ISC
//
// What output answers: small numbers on packet paths, errno(2) names for those who asked by a call.

import type { Errno } from '../../abi/errno.ts';

export const OK = 0;
export const NO_ROUTE = 1;
export const HOST_DOWN = 2;
export const NO_BUFFERS = 3;
export const TOO_BIG = 4;
export const FILTERED = 5;
export const NETWORK_DOWN = 6;
export const NO_ADDRESS = 7;

const ERRNOS: readonly (Errno | undefined)[] = [
  undefined,
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENOBUFS',
  'EMSGSIZE',
  'EHOSTUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
];

/** The errno of an output error, undefined for OK. A packet that pf blocked reads as `No route to host`, as on the original. */
export function errnoOf(error: number): Errno | undefined {
  return ERRNOS[error];
}
