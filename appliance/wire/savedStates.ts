// SPDX-License-Identifier: ISC
//
// States in a file (pfctl -S): a header, then for each state two bytes with the length of what is said of its rules, the whole state and
// that message as pfsync has them, and at the end two bytes of ones and the count, so that a file which is cut is known for one.

import { setI32, setU16, u16 } from './bytes.ts';
import { RULE_LENGTH } from './pfsync.ts';
import { STATE_LENGTH } from './pfsyncState.ts';

export const HEADER_LENGTH = 16;
export const TRAILER_LENGTH = 6;
/** Of a state without the message about its rules. */
export const RECORD_LENGTH = 2 + STATE_LENGTH;

/** `rhinepf`, and the version. */
const MAGIC = [0x72, 0x68, 0x69, 0x6e, 0x65, 0x70, 0x66, 1];
const TIME = 8;
const END = 0xffff;
const WORD = 0x100000000;

/** `time`: milliseconds since the epoch. */
export function writeHeader(bytes: Uint8Array, at: number, time: number): void {
  bytes.set(MAGIC, at);
  setI32(bytes, at + TIME, Math.floor(time / WORD) | 0);
  setI32(bytes, at + TIME + 4, time | 0);
}

/** When the file was written, milliseconds since the epoch; undefined when it is none, or of another version. */
export function time(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEADER_LENGTH + TRAILER_LENGTH || MAGIC.some((byte, i) => bytes[i] !== byte))
    return undefined;
  return unsigned(bytes, TIME) * WORD + unsigned(bytes, TIME + 4);
}

export function writeTrailer(bytes: Uint8Array, at: number, count: number): void {
  setU16(bytes, at, END);
  setI32(bytes, at + 2, count | 0);
}

export function setRuleLength(bytes: Uint8Array, at: number, length: number): void {
  setU16(bytes, at, length);
}

/** Where the message about the rules begins, and how long it is. */
export function ruleAt(at: number): number {
  return at + RECORD_LENGTH;
}

export function ruleLength(bytes: Uint8Array, at: number): number {
  return u16(bytes, at);
}

export function stateAt(at: number): number {
  return at + 2;
}

/** The place behind a record, -1 when there is no whole one. */
export function recordEnd(bytes: Uint8Array, at: number): number {
  if (bytes.length - at < RECORD_LENGTH) return -1;
  const length = ruleLength(bytes, at);
  const end = ruleAt(at) + length;
  return length === END || length < RULE_LENGTH || end > bytes.length ? -1 : end;
}

/** Where the records end: the whole file must be of them. Undefined when it is not, or when some are missing. */
export function endOfRecords(bytes: Uint8Array): number | undefined {
  const last = bytes.length - TRAILER_LENGTH;
  let at = HEADER_LENGTH;
  let count = 0;
  while (at < last) {
    at = recordEnd(bytes, at);
    if (at < 0) return undefined;
    count++;
  }
  return at === last && u16(bytes, at) === END && unsigned(bytes, at + 2) === count ? at : undefined;
}

function unsigned(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x10000 + u16(bytes, at + 2);
}
