// SPDX-License-Identifier: ISC
//
// Integers in bytes: network byte order (RFC 791 appendix B), the little-endian ones of host structures, copy and compare.
// 32-bit values are signed; `>>> 0` at the place that prints or sizes makes them unsigned.

export function u8(bytes: Uint8Array, offset: number): number {
  return bytes[offset]!;
}

export function setU8(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
}

export function u16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

export function setU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

export function i32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
}

export function setI32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = value >>> 16;
  bytes[offset + 2] = value >>> 8;
  bytes[offset + 3] = value;
}

export function u16LittleEndian(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8);
}

export function setU16LittleEndian(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
}

export function i32LittleEndian(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24);
}

export function setI32LittleEndian(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

/** From here on the engine's block move, which needs a view of the source, costs less than a loop. */
const BLOCK_MOVE = 256;

/** Copies `length` bytes. Ranges may overlap. Allocates nothing, save one short-lived view for a long move between two arrays. */
export function copy(
  from: Uint8Array,
  fromOffset: number,
  to: Uint8Array,
  toOffset: number,
  length: number,
): void {
  if (from === to) {
    to.copyWithin(toOffset, fromOffset, fromOffset + length);
  } else if (length >= BLOCK_MOVE) {
    to.set(from.subarray(fromOffset, fromOffset + length), toOffset);
  } else {
    for (let i = 0; i < length; i++) to[toOffset + i] = from[fromOffset + i]!;
  }
}

/** Order of two ranges as memcmp(3): negative, zero or positive. */
export function compare(
  a: Uint8Array,
  aOffset: number,
  b: Uint8Array,
  bOffset: number,
  length: number,
): number {
  for (let i = 0; i < length; i++) {
    const difference = a[aOffset + i]! - b[bOffset + i]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

export function equal(
  a: Uint8Array,
  aOffset: number,
  b: Uint8Array,
  bOffset: number,
  length: number,
): boolean {
  return compare(a, aOffset, b, bOffset, length) === 0;
}

/** ASCII up to the first zero, `room` bytes at most. */
export function asciiText(bytes: Uint8Array, offset: number, room: number): string {
  let text = '';
  for (let i = 0; i < room && bytes[offset + i] !== 0; i++) text += String.fromCharCode(bytes[offset + i]!);
  return text;
}

export function zero(bytes: Uint8Array, offset: number, length: number): void {
  bytes.fill(0, offset, offset + length);
}
