// SPDX-License-Identifier: ISC
//
// A greeting of pfsync between machines that share a key: a packet of version 6 whose first section has the sender's salt, and those that he
// has heard of others.

import { i32, setI32 } from './bytes.ts';
import * as pfsync from './pfsync.ts';

/** Kind, salt (8). */
export const SALT_LENGTH = 12;
/** Kinds: the sender's own, the same from one who wants a greeting in return, and one that he has heard. The first is his own. */
export const SALT_OWN = 0;
export const SALT_OWN_ASKING = 1;
export const SALT_HEARD = 2;

const FIRST = pfsync.HEADER_LENGTH + pfsync.SECTION_LENGTH;
const HIGH = 4;
const LOW = 8;

/** Whether a packet that begins at `at` is a whole one. */
export function isGreeting(bytes: Uint8Array, at: number, end: number): boolean {
  if (end - at < FIRST + SALT_LENGTH || pfsync.version(bytes, at) !== pfsync.VERSION) return false;
  const section = at + pfsync.HEADER_LENGTH;
  return (
    pfsync.action(bytes, section) === pfsync.ACTION_GREETING &&
    pfsync.messageLength(bytes, section) === SALT_LENGTH &&
    pfsync.count(bytes, section) * SALT_LENGTH <= end - at - FIRST &&
    i32(bytes, at + FIRST) !== SALT_HEARD
  );
}

/** Of a greeting. */
export function wantsAnswer(bytes: Uint8Array, at: number): boolean {
  return i32(bytes, at + FIRST) === SALT_OWN_ASKING;
}

export function saltHigh(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + FIRST + HIGH);
}

export function saltLow(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + FIRST + LOW);
}

/** Whether its sender has heard this salt. */
export function hasHeard(bytes: Uint8Array, at: number, high: number, low: number): boolean {
  const many = pfsync.count(bytes, at + pfsync.HEADER_LENGTH);
  for (let i = 1; i < many; i++) {
    const message = at + FIRST + i * SALT_LENGTH;
    const isSame = i32(bytes, message + HIGH) === high && i32(bytes, message + LOW) === low;
    if (isSame && i32(bytes, message) === SALT_HEARD) return true;
  }
  return false;
}

export function writeSalt(bytes: Uint8Array, at: number, kind: number, high: number, low: number): void {
  setI32(bytes, at, kind);
  setI32(bytes, at + HIGH, high);
  setI32(bytes, at + LOW, low);
}
