// SPDX-License-Identifier: ISC
//
// The fixed IPv6 header (RFC 8200 3) and the kinds of address (RFC 4291 2). Addresses are four int32 words, or 16 bytes at a
// position (`...At`). Extension headers are in extension6.ts, the fragment header in fragment6.ts.

import { copy, equal, i32, setI32, setU16, u16 } from './bytes.ts';

export const HEADER_LENGTH = 40;
export const ADDRESS_LENGTH = 16;
/** Every link carries this much (RFC 8200 5). */
export const MINIMUM_MTU = 1280;

export const NEXT_HOP_BY_HOP = 0;
export const NEXT_TCP = 6;
export const NEXT_UDP = 17;
export const NEXT_ROUTING = 43;
export const NEXT_FRAGMENT = 44;
export const NEXT_ESP = 50;
export const NEXT_AH = 51;
export const NEXT_ICMP6 = 58;
export const NEXT_NONE = 59;
export const NEXT_DESTINATION_OPTIONS = 60;

/** Scopes of a group (RFC 4291 2.7). */
export const SCOPE_INTERFACE_LOCAL = 1;
export const SCOPE_LINK_LOCAL = 2;
export const SCOPE_SITE_LOCAL = 5;
export const SCOPE_GLOBAL = 14;

/** Answers of `valid`. */
export const OK = 0;
export const TOO_SMALL = 1;
export const BAD_VERSION = 2;
export const TOO_SHORT = 3;

const VERSION = 0;
const PAYLOAD_LENGTH = 4;
const NEXT_HEADER = 6;
const HOP_LIMIT = 7;
const SOURCE = 8;
const DESTINATION = 24;

/** OK, or the first check that fails: fewer bytes than a header (TOO_SMALL), version, cut before the payload's end (TOO_SHORT). */
export function valid(bytes: Uint8Array, offset: number, end: number): number {
  if (end - offset < HEADER_LENGTH) return TOO_SMALL;
  if (version(bytes, offset) !== 6) return BAD_VERSION;
  return payloadLength(bytes, offset) > end - offset - HEADER_LENGTH ? TOO_SHORT : OK;
}

export function version(bytes: Uint8Array, offset: number): number {
  return bytes[offset + VERSION]! >>> 4;
}

export function trafficClass(bytes: Uint8Array, offset: number): number {
  return (u16(bytes, offset + VERSION) >>> 4) & 0xff;
}

export function flowLabel(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + VERSION) & 0xfffff;
}

export function payloadLength(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + PAYLOAD_LENGTH);
}

export function nextHeader(bytes: Uint8Array, offset: number): number {
  return bytes[offset + NEXT_HEADER]!;
}

export function hopLimit(bytes: Uint8Array, offset: number): number {
  return bytes[offset + HOP_LIMIT]!;
}

/** Word `index` (0-3) of the source address. */
export function sourceWord(bytes: Uint8Array, offset: number, index: number): number {
  return i32(bytes, offset + SOURCE + 4 * index);
}

export function destinationWord(bytes: Uint8Array, offset: number, index: number): number {
  return i32(bytes, offset + DESTINATION + 4 * index);
}

/** Version 6, traffic class and flow label, the first word of the header. */
export function setClassAndFlow(bytes: Uint8Array, offset: number, classByte: number, flow: number): void {
  setI32(bytes, offset + VERSION, 0x60000000 | (classByte << 20) | (flow & 0xfffff));
}

export function setTrafficClass(bytes: Uint8Array, offset: number, value: number): void {
  setClassAndFlow(bytes, offset, value, flowLabel(bytes, offset));
}

export function setPayloadLength(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + PAYLOAD_LENGTH, value);
}

export function setNextHeader(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + NEXT_HEADER] = value;
}

export function setHopLimit(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + HOP_LIMIT] = value;
}

export function setSourceWord(bytes: Uint8Array, offset: number, index: number, value: number): void {
  setI32(bytes, offset + SOURCE + 4 * index, value);
}

export function setDestinationWord(bytes: Uint8Array, offset: number, index: number, value: number): void {
  setI32(bytes, offset + DESTINATION + 4 * index, value);
}

/** Position of the source address of the header at `offset`; both addresses lie there in one piece. */
export function sourceAt(offset: number): number {
  return offset + SOURCE;
}

export function destinationAt(offset: number): number {
  return offset + DESTINATION;
}

/** Position of the next-header byte, the pointer of a parameter problem about it. */
export function nextHeaderAt(offset: number): number {
  return offset + NEXT_HEADER;
}

/** Position of the payload length, which a parameter problem may point at. */
export function payloadLengthAt(offset: number): number {
  return offset + PAYLOAD_LENGTH;
}

export function payloadAt(offset: number): number {
  return offset + HEADER_LENGTH;
}

/** Word `index` of the address at a position. */
export function addressWord(bytes: Uint8Array, at: number, index: number): number {
  return i32(bytes, at + 4 * index);
}

export function setAddress(
  bytes: Uint8Array,
  at: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): void {
  setI32(bytes, at, w0);
  setI32(bytes, at + 4, w1);
  setI32(bytes, at + 8, w2);
  setI32(bytes, at + 12, w3);
}

export function copyAddress(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number): void {
  copy(from, fromAt, to, toAt, ADDRESS_LENGTH);
}

export function sameAddress(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  return equal(a, aAt, b, bAt, ADDRESS_LENGTH);
}

/** Builds the header but for its addresses, which `copyAddress`, `setAddress` or the word setters put in. */
export function write(
  bytes: Uint8Array,
  offset: number,
  classByte: number,
  flow: number,
  length: number,
  next: number,
  hops: number,
): void {
  setClassAndFlow(bytes, offset, classByte, flow);
  setPayloadLength(bytes, offset, length);
  setNextHeader(bytes, offset, next);
  setHopLimit(bytes, offset, hops);
}

/** ff00::/8 by the first word. */
export function isMulticast(w0: number): boolean {
  return w0 >>> 24 === 0xff;
}

/** Scope of a group by its first word: SCOPE_*. */
export function multicastScope(w0: number): number {
  return (w0 >>> 16) & 0x0f;
}

/** fe80::/10 by the first word. */
export function isLinkLocal(w0: number): boolean {
  return w0 >>> 22 === 0x3fa;
}

/** `::`. */
export function isUnspecified(w0: number, w1: number, w2: number, w3: number): boolean {
  return (w0 | w1 | w2 | w3) === 0;
}

/** `::1`. */
export function isLoopback(w0: number, w1: number, w2: number, w3: number): boolean {
  return (w0 | w1 | w2) === 0 && w3 === 1;
}

/** `::ffff:0:0/96`, which must not be seen on a wire. */
export function isV4Mapped(w0: number, w1: number, w2: number): boolean {
  return (w0 | w1) === 0 && w2 === 0xffff;
}

/** Words of the all-nodes and all-routers groups, ff02::1 and ff02::2; words 1 and 2 are zero. */
export const LINK_GROUP_WORD0 = 0xff020000 | 0;
export const ALL_NODES_WORD3 = 1;
export const ALL_ROUTERS_WORD3 = 2;

/** Words 2 and 3 of the solicited-node group ff02::1:ffXX:XXXX (RFC 4291 2.7.1); word 0 is LINK_GROUP_WORD0, word 1 zero. */
export const SOLICITED_NODE_WORD2 = 1;

export function solicitedNodeWord3(lastWord: number): number {
  return 0xff000000 | (lastWord & 0xffffff);
}
