// SPDX-License-Identifier: ISC
//
// pfsync, sealed with AES-256-GCM: our own. A version that nobody else has, the length of all, the nonce (stream and counter), then a
// whole packet of version 6, encrypted, and the tag. What stands in front of the encrypted part is authenticated with it.

import { i32, setI32, setU16, u16 } from './bytes.ts';

export const VERSION = 0x86;
export const KEY_LENGTH = 32;
export const STREAM_LENGTH = 8;
export const NONCE_LENGTH = STREAM_LENGTH + 4;
export const TAG_LENGTH = 16;
/** In front of what is encrypted. */
export const HEADER_LENGTH = 4 + NONCE_LENGTH;
export const OVERHEAD = HEADER_LENGTH + TAG_LENGTH;

const LENGTH = 2;
const NONCE = 4;
const STREAM_LOW = NONCE + 4;
const COUNTER = NONCE + STREAM_LENGTH;

export function write(
  bytes: Uint8Array,
  at: number,
  length: number,
  high: number,
  low: number,
  counter: number,
): void {
  bytes[at] = VERSION;
  bytes[at + 1] = 0;
  setU16(bytes, at + LENGTH, length);
  setI32(bytes, at + NONCE, high);
  setI32(bytes, at + STREAM_LOW, low);
  setI32(bytes, at + COUNTER, counter);
}

/** The end of a sealed packet, -1 when it is none or is cut. */
export function endOf(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < OVERHEAD || bytes[at] !== VERSION) return -1;
  const length = u16(bytes, at + LENGTH);
  return length < OVERHEAD || length > end - at ? -1 : at + length;
}

/** The stream: a sender's, from one key's setting to the next; later ones are higher. */
export function streamHigh(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + NONCE);
}

export function streamLow(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + STREAM_LOW);
}

/** Counts the packets of a stream. */
export function counter(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + COUNTER);
}

export function nonce(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.subarray(at + NONCE, at + NONCE + NONCE_LENGTH);
}
