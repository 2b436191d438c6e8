// SPDX-License-Identifier: ISC
//
// TCP options: MSS (RFC 9293 3.7.1), window scale and timestamps (RFC 7323), selective acknowledgment (RFC 2018). Positions (`at`)
// are those of an option's kind byte; `end` is the end of the TCP header.

import { i32, setI32, setU16, u16 } from './bytes.ts';
import * as tcp from './tcp.ts';

export const END = 0;
export const NOP = 1;
export const MSS = 2;
export const WINDOW_SCALE = 3;
export const SACK_PERMITTED = 4;
export const SACK = 5;
export const TIMESTAMPS = 8;
/** RFC 2385, RFC 5925. */
export const MD5 = 19;
export const AO = 29;

export const MSS_LENGTH = 4;
export const WINDOW_SCALE_LENGTH = 3;
export const SACK_PERMITTED_LENGTH = 2;
export const TIMESTAMPS_LENGTH = 10;
export const SACK_BLOCK_LENGTH = 8;

/** Larger shifts are taken as this one (RFC 7323 2.3). */
export const MAXIMUM_SHIFT = 14;
/** What fits beside timestamps, and without them. */
export const MAXIMUM_SACK_BLOCKS = 4;

const KIND = 0;
const LENGTH = 1;
const VALUE = 2;
const ECHO = 6;

/** First option of the TCP header at `offset`. */
export function first(offset: number): number {
  return offset + tcp.HEADER_LENGTH;
}

/** End of the options of the header at `offset`, where the payload begins. */
export function end(bytes: Uint8Array, offset: number): number {
  return tcp.payloadAt(bytes, offset);
}

export function kind(bytes: Uint8Array, at: number): number {
  return bytes[at + KIND]!;
}

/**
 * Bytes that the option at `at` takes, 1 for END and NOP, 0 when it is malformed: a length below two, beyond `limit`, or not that of
 * its kind. A walk stops at END, at 0 and at `limit`.
 */
export function length(bytes: Uint8Array, at: number, limit: number): number {
  const option = kind(bytes, at);
  if (option === END || option === NOP) return 1;
  if (at + VALUE > limit) return 0;
  const bytesTaken = bytes[at + LENGTH]!;
  if (at + bytesTaken > limit) return 0;
  return lengthFits(option, bytesTaken) ? bytesTaken : 0;
}

function lengthFits(option: number, bytesTaken: number): boolean {
  switch (option) {
    case MSS:
      return bytesTaken === MSS_LENGTH;
    case WINDOW_SCALE:
      return bytesTaken === WINDOW_SCALE_LENGTH;
    case SACK_PERMITTED:
      return bytesTaken === SACK_PERMITTED_LENGTH;
    case SACK:
      return bytesTaken > VALUE && (bytesTaken - VALUE) % SACK_BLOCK_LENGTH === 0;
    case TIMESTAMPS:
      return bytesTaken === TIMESTAMPS_LENGTH;
    default:
      return bytesTaken >= VALUE;
  }
}

/** Position of the first well-formed option of a kind in the header at `offset`, or -1. Ends at a malformed one. */
export function find(bytes: Uint8Array, offset: number, wanted: number): number {
  const limit = end(bytes, offset);
  let at = first(offset);
  while (at < limit && kind(bytes, at) !== END) {
    const taken = length(bytes, at, limit);
    if (taken === 0) return -1;
    if (kind(bytes, at) === wanted) return at;
    at += taken;
  }
  return -1;
}

export function mss(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + VALUE);
}

export function setMss(bytes: Uint8Array, at: number, value: number): void {
  setU16(bytes, at + VALUE, value);
}

/** As sent; more than MAXIMUM_SHIFT counts as that. */
export function windowShift(bytes: Uint8Array, at: number): number {
  return bytes[at + VALUE]!;
}

export function timestampValue(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + VALUE);
}

export function timestampEcho(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + ECHO);
}

export function setTimestampValue(bytes: Uint8Array, at: number, value: number): void {
  setI32(bytes, at + VALUE, value);
}

export function setTimestampEcho(bytes: Uint8Array, at: number, value: number): void {
  setI32(bytes, at + ECHO, value);
}

/** Number of blocks of a SACK option. */
export function sackCount(bytes: Uint8Array, at: number): number {
  return ((bytes[at + LENGTH]! - VALUE) / SACK_BLOCK_LENGTH) | 0;
}

/** First sequence number of block `index`. */
export function sackLeft(bytes: Uint8Array, at: number, index: number): number {
  return i32(bytes, at + VALUE + SACK_BLOCK_LENGTH * index);
}

/** The sequence number behind block `index`. */
export function sackRight(bytes: Uint8Array, at: number, index: number): number {
  return i32(bytes, at + VALUE + SACK_BLOCK_LENGTH * index + 4);
}

export function setSackBlock(
  bytes: Uint8Array,
  at: number,
  index: number,
  left: number,
  right: number,
): void {
  setI32(bytes, at + VALUE + SACK_BLOCK_LENGTH * index, left);
  setI32(bytes, at + VALUE + SACK_BLOCK_LENGTH * index + 4, right);
}

/** The writers put an option at `at` and answer the position behind it. */
export function writeNop(bytes: Uint8Array, at: number): number {
  bytes[at] = NOP;
  return at + 1;
}

export function writeMss(bytes: Uint8Array, at: number, value: number): number {
  writeHead(bytes, at, MSS, MSS_LENGTH);
  setMss(bytes, at, value);
  return at + MSS_LENGTH;
}

export function writeWindowScale(bytes: Uint8Array, at: number, shift: number): number {
  writeHead(bytes, at, WINDOW_SCALE, WINDOW_SCALE_LENGTH);
  bytes[at + VALUE] = shift;
  return at + WINDOW_SCALE_LENGTH;
}

export function writeSackPermitted(bytes: Uint8Array, at: number): number {
  writeHead(bytes, at, SACK_PERMITTED, SACK_PERMITTED_LENGTH);
  return at + SACK_PERMITTED_LENGTH;
}

export function writeTimestamps(bytes: Uint8Array, at: number, value: number, echo: number): number {
  writeHead(bytes, at, TIMESTAMPS, TIMESTAMPS_LENGTH);
  setTimestampValue(bytes, at, value);
  setTimestampEcho(bytes, at, echo);
  return at + TIMESTAMPS_LENGTH;
}

/** Head of a SACK option of `blocks` blocks, each to be set by `setSackBlock`. */
export function writeSack(bytes: Uint8Array, at: number, blocks: number): number {
  const taken = VALUE + SACK_BLOCK_LENGTH * blocks;
  writeHead(bytes, at, SACK, taken);
  return at + taken;
}

/** Ends the options of the header at `offset`, written up to `at`: pads with END to a multiple of four, sets the header's length. */
export function finish(bytes: Uint8Array, offset: number, at: number): number {
  let position = at;
  while (((position - offset) & 3) !== 0) bytes[position++] = END;
  tcp.setHeaderLength(bytes, offset, position - offset);
  return position;
}

function writeHead(bytes: Uint8Array, at: number, option: number, taken: number): void {
  bytes[at + KIND] = option;
  bytes[at + LENGTH] = taken;
}
