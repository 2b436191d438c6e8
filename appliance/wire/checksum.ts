// SPDX-License-Identifier: ISC
//
// The Internet checksum: sums over ranges and pseudo headers (RFC 1071, RFC 8200 8.1), updates by difference (RFC 1624).
//
// A `sum` is folded to 16 bits and not complemented; it is what a frame with NEEDS_CSUM carries (vnet.ts). A `checksum` is its
// complement, as the finished header field holds it. `compute`, `update*` speak of checksums, `sum`, `pseudo*`, `sumUpdate*` of sums.

import { i32, u16 } from './bytes.ts';

/** Below this many bytes, finding the 32-bit view costs more than it saves. */
const WORDWISE = 128;

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** 32-bit views of memory that sums were asked of; a packet's buffer lives long and gets one view. */
const views = new WeakMap<ArrayBufferLike, Uint32Array>();
let lastBuffer: ArrayBufferLike | undefined;
let lastView: Uint32Array = new Uint32Array(0);

/** Brings a sum of up to 32 unsigned bits back to 16 (end-around carry). */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once & 0xffff) + (once >>> 16);
}

/** The checksum to store for a sum. */
export function finish(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/** As `finish`, but never 0, which in UDP says that there is none (RFC 768). */
export function finishUdp(sum: number): number {
  return finish(sum) || 0xffff;
}

/** The sum with its two bytes exchanged: what a range adds that begins at an odd offset of the summed data (RFC 1071 2 (B)). */
export function swap(sum: number): number {
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

/** Folded sum over a range of at most 64 KiB, an odd last byte padded with zero, on top of the folded `initial`. */
export function sum(bytes: Uint8Array, offset: number, length: number, initial = 0): number {
  const end = offset + length;
  const odd = ((bytes.byteOffset + offset) & 1) !== 0;
  return length < WORDWISE || odd
    ? sumBytes(bytes, offset, end, initial)
    : sumWords(bytes, offset, end, initial);
}

/** High and low bytes are added apart: one addition a byte and no shifts. Good for 128 KiB before `high` leaves 32 bits. */
function sumBytes(bytes: Uint8Array, offset: number, end: number, initial: number): number {
  let high = 0;
  let low = initial;
  let i = offset;
  for (; i + 4 <= end; i += 4) {
    high += bytes[i]! + bytes[i + 2]!;
    low += bytes[i + 1]! + bytes[i + 3]!;
  }
  for (; i + 2 <= end; i += 2) {
    high += bytes[i]!;
    low += bytes[i + 1]!;
  }
  if (i < end) high += bytes[i]!;
  return fold(fold((high << 8) >>> 0) + low);
}

/**
 * Whole 32-bit words, summed in a double, which is exact to 2^53, and folded once: 2^16 is 1 modulo 0xffff. Two to four
 * times as fast as bytes. The order of bytes in a word only rotates the sum (RFC 1071 2 (B)).
 */
function sumWords(bytes: Uint8Array, offset: number, end: number, initial: number): number {
  const words = viewOf(bytes.buffer);
  const base = bytes.byteOffset;
  const start = (base + offset + 3) & ~3;
  const stop = (base + end) & ~3;
  let total = 0;
  let i = start >>> 2;
  const last = stop >>> 2;
  for (; i + 4 <= last; i += 4) total += words[i]! + words[i + 1]! + words[i + 2]! + words[i + 3]!;
  for (; i < last; i++) total += words[i]!;
  const folded = fold(fold(total >>> 0) + fold(Math.floor(total / 0x1_0000_0000)));
  const edges = sumBytes(bytes, offset, start - base, initial) + sumBytes(bytes, stop - base, end, 0);
  return fold(edges + (LITTLE_ENDIAN ? swap(folded) : folded));
}

function viewOf(buffer: ArrayBufferLike): Uint32Array {
  if (buffer === lastBuffer) return lastView;
  let view = views.get(buffer);
  if (view === undefined) {
    view = new Uint32Array(buffer, 0, buffer.byteLength >>> 2);
    views.set(buffer, view);
  }
  lastBuffer = buffer;
  lastView = view;
  return view;
}

/** Checksum of a range. 0 over data that includes its own good checksum. */
export function compute(bytes: Uint8Array, offset: number, length: number): number {
  return finish(sum(bytes, offset, length));
}

/** Sum of an IPv4 pseudo header (RFC 9293 3.1) from two addresses as int32. `length` is that of transport header and data. */
export function pseudo4(source: number, destination: number, protocol: number, length: number): number {
  return fold(
    (source >>> 16) +
      (source & 0xffff) +
      (destination >>> 16) +
      (destination & 0xffff) +
      protocol +
      (length & 0xffff) +
      (length >>> 16),
  );
}

/** Sum of an IPv6 pseudo header (RFC 8200 8.1); `addresses` is the offset of source and destination, 32 bytes in one piece. */
export function pseudo6(bytes: Uint8Array, addresses: number, protocol: number, length: number): number {
  return sumBytes(bytes, addresses, addresses + 32, protocol + (length & 0xffff) + (length >>> 16));
}

/** Where IPv4 (RFC 791 3.1) and IPv6 (RFC 8200 3) keep their addresses: source, destination. */
const ADDRESSES_4 = 12;
const ADDRESSES_6 = 8;

/**
 * Transport checksum under the IPv4 header at `network`, over `length` bytes at `offset`. 0 when the field holds a good one; with
 * the field zeroed first, the value to store (UDP stores 0xffff for 0).
 */
export function transport4(
  bytes: Uint8Array,
  network: number,
  protocol: number,
  offset: number,
  length: number,
): number {
  const source = i32(bytes, network + ADDRESSES_4);
  const destination = i32(bytes, network + ADDRESSES_4 + 4);
  return finish(sum(bytes, offset, length, pseudo4(source, destination, protocol, length)));
}

/** As `transport4` under the IPv6 header at `network`, whose destination must be the final one (no routing header left). */
export function transport6(
  bytes: Uint8Array,
  network: number,
  protocol: number,
  offset: number,
  length: number,
): number {
  return finish(sum(bytes, offset, length, pseudo6(bytes, network + ADDRESSES_6, protocol, length)));
}

/** Sum after one 16-bit word changed: sum + ~from + to. For the unfinished field of a NEEDS_CSUM frame. */
export function sumUpdate16(sum: number, from: number, to: number): number {
  return fold(sum + (~from & 0xffff) + to);
}

/** Sum after one 32-bit word changed. */
export function sumUpdate32(sum: number, from: number, to: number): number {
  const old = ~from;
  return fold(sum + (old >>> 16) + (old & 0xffff) + (to >>> 16) + (to & 0xffff));
}

/** Sum after 16 bytes (an IPv6 address) changed from those at `fromOffset` to those at `toOffset`. */
export function sumUpdate128(
  sum: number,
  from: Uint8Array,
  fromOffset: number,
  to: Uint8Array,
  toOffset: number,
): number {
  let total = sum;
  for (let i = 0; i < 16; i += 2) total += (~u16(from, fromOffset + i) & 0xffff) + u16(to, toOffset + i);
  return fold(total);
}

/** Sum after four 32-bit words (an IPv6 address) changed. */
export function sumUpdateWords(
  sum: number,
  from0: number,
  from1: number,
  from2: number,
  from3: number,
  to0: number,
  to1: number,
  to2: number,
  to3: number,
): number {
  const half = sumUpdate32(sumUpdate32(sum, from0, to0), from1, to1);
  return sumUpdate32(sumUpdate32(half, from2, to2), from3, to3);
}

/** Checksum after one 16-bit word changed: ~(~checksum + ~from + to), RFC 1624 equation 3. */
export function update16(checksum: number, from: number, to: number): number {
  return ~sumUpdate16(~checksum & 0xffff, from, to) & 0xffff;
}

/** Checksum after one 32-bit word changed. */
export function update32(checksum: number, from: number, to: number): number {
  return ~sumUpdate32(~checksum & 0xffff, from, to) & 0xffff;
}

/** Checksum after 16 bytes (an IPv6 address) changed from those at `fromOffset` to those at `toOffset`. */
export function update128(
  checksum: number,
  from: Uint8Array,
  fromOffset: number,
  to: Uint8Array,
  toOffset: number,
): number {
  return ~sumUpdate128(~checksum & 0xffff, from, fromOffset, to, toOffset) & 0xffff;
}

/** Checksum after four 32-bit words (an IPv6 address) changed. */
export function updateWords(
  checksum: number,
  from0: number,
  from1: number,
  from2: number,
  from3: number,
  to0: number,
  to1: number,
  to2: number,
  to3: number,
): number {
  return ~sumUpdateWords(~checksum & 0xffff, from0, from1, from2, from3, to0, to1, to2, to3) & 0xffff;
}
