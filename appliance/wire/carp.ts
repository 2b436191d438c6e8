// SPDX-License-Identifier: ISC
//
// The carp(4) advertisement, version 2: 36 bytes behind the IP header, the same over IPv4 and IPv6, summed without pseudo header.

import { copy, i32, setI32, setU16, u16 } from './bytes.ts';
import * as checksums from './checksum.ts';

export const HEADER_LENGTH = 36;

export const VERSION = 2;
export const TYPE_ADVERTISEMENT = 1;

/** Advertisements leave and must arrive with this TTL or hop limit. */
export const TTL = 255;
/** 224.0.0.18, and the last word of ff02::12 (word 0 is ipv6.LINK_GROUP_WORD0). */
export const GROUP4 = 0xe0000012 | 0;
export const GROUP6_WORD3 = 0x12;

/** Words behind the eighth byte, as senders fill `authlen`; receivers do not check it. */
export const AUTHENTICATION_WORDS = 7;
export const COUNTER_LENGTH = 8;
export const DIGEST_LENGTH = 20;

/** advbase and advskew of the bow-out that a master leaves with. */
export const BOW_OUT = 255;

/** Virtual Ethernet address 00:00:5e:00:01:VHID: high part, and low part but for the vhid in its last byte. */
export const LLADDR_HIGH = 0x0000;
export const LLADDR_LOW = 0x5e000100;

const VERSION_AND_TYPE = 0;
const VHID = 1;
const ADVSKEW = 2;
const AUTHLEN = 3;
const DEMOTE = 4;
const ADVBASE = 5;
const CHECKSUM = 6;
const COUNTER = 8;
const DIGEST = 16;

/** 36 bytes are there; what follows them is tolerated. Version and checksum are questions of their own, counted apart. */
export function valid(_bytes: Uint8Array, offset: number, end: number): boolean {
  return end - offset >= HEADER_LENGTH;
}

/** Over the 36 bytes and nothing else. */
export function checksumValid(bytes: Uint8Array, offset: number): boolean {
  return checksums.compute(bytes, offset, HEADER_LENGTH) === 0;
}

export function version(bytes: Uint8Array, offset: number): number {
  return bytes[offset + VERSION_AND_TYPE]! >>> 4;
}

export function type(bytes: Uint8Array, offset: number): number {
  return bytes[offset + VERSION_AND_TYPE]! & 0x0f;
}

export function vhid(bytes: Uint8Array, offset: number): number {
  return bytes[offset + VHID]!;
}

export function advskew(bytes: Uint8Array, offset: number): number {
  return bytes[offset + ADVSKEW]!;
}

export function authlen(bytes: Uint8Array, offset: number): number {
  return bytes[offset + AUTHLEN]!;
}

export function demote(bytes: Uint8Array, offset: number): number {
  return bytes[offset + DEMOTE]!;
}

/** Seconds. */
export function advbase(bytes: Uint8Array, offset: number): number {
  return bytes[offset + ADVBASE]!;
}

export function checksum(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + CHECKSUM);
}

export function counterHigh(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + COUNTER);
}

export function counterLow(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + COUNTER + 4);
}

/** Position of the counter, eight bytes that are hashed as they stand. */
export function counterAt(offset: number): number {
  return offset + COUNTER;
}

/** Position of the HMAC-SHA1, 20 bytes. */
export function digestAt(offset: number): number {
  return offset + DIGEST;
}

/** Copies a digest in; `fillChecksum` follows. */
export function setDigest(
  bytes: Uint8Array,
  offset: number,
  digest: Uint8Array,
  digestPosition: number,
): void {
  copy(digest, digestPosition, bytes, offset + DIGEST, DIGEST_LENGTH);
}

/** Builds an advertisement up to its digest, checksum zero; `setDigest` and `fillChecksum` follow. */
export function write(
  bytes: Uint8Array,
  offset: number,
  id: number,
  base: number,
  skew: number,
  demotion: number,
  high: number,
  low: number,
): void {
  bytes[offset + VERSION_AND_TYPE] = (VERSION << 4) | TYPE_ADVERTISEMENT;
  bytes[offset + VHID] = id;
  bytes[offset + ADVSKEW] = skew;
  bytes[offset + AUTHLEN] = AUTHENTICATION_WORDS;
  bytes[offset + DEMOTE] = demotion;
  bytes[offset + ADVBASE] = base;
  setU16(bytes, offset + CHECKSUM, 0);
  setI32(bytes, offset + COUNTER, high);
  setI32(bytes, offset + COUNTER + 4, low);
}

export function fillChecksum(bytes: Uint8Array, offset: number): void {
  setU16(bytes, offset + CHECKSUM, 0);
  setU16(bytes, offset + CHECKSUM, checksums.compute(bytes, offset, HEADER_LENGTH));
}
