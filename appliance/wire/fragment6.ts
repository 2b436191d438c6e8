// SPDX-License-Identifier: ISC
//
// The IPv6 fragment header (RFC 8200 4.5).

import { i32, setI32, setU16, u16 } from './bytes.ts';

export const HEADER_LENGTH = 8;

const NEXT_HEADER = 0;
const RESERVED = 1;
const OFFSET = 2;
const IDENTIFICATION = 4;

const OFFSET_MASK = 0xfff8;
const MORE = 1;

export function valid(_bytes: Uint8Array, offset: number, end: number): boolean {
  return end - offset >= HEADER_LENGTH;
}

export function nextHeader(bytes: Uint8Array, offset: number): number {
  return bytes[offset + NEXT_HEADER]!;
}

/** In bytes, a multiple of eight. */
export function fragmentOffset(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + OFFSET) & OFFSET_MASK;
}

/** Position of the fragment offset, which a parameter problem may point at. */
export function fragmentOffsetAt(offset: number): number {
  return offset + OFFSET;
}

export function moreFragments(bytes: Uint8Array, offset: number): boolean {
  return (u16(bytes, offset + OFFSET) & MORE) !== 0;
}

/** Whole in itself: offset 0 and nothing to follow (RFC 6946). */
export function isAtomic(bytes: Uint8Array, offset: number): boolean {
  return (u16(bytes, offset + OFFSET) & (OFFSET_MASK | MORE)) === 0;
}

export function identification(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + IDENTIFICATION);
}

/** `position` in bytes, a multiple of eight. */
export function write(
  bytes: Uint8Array,
  offset: number,
  next: number,
  position: number,
  more: boolean,
  id: number,
): void {
  bytes[offset + NEXT_HEADER] = next;
  bytes[offset + RESERVED] = 0;
  setU16(bytes, offset + OFFSET, (position & OFFSET_MASK) | (more ? MORE : 0));
  setI32(bytes, offset + IDENTIFICATION, id);
}
