// SPDX-License-Identifier: ISC
//
// The IPv4 header (RFC 791 3.1): fields, options, fragment word. Addresses are one int32.

import { i32, setI32, setU16, u16 } from './bytes.ts';
import * as checksums from './checksum.ts';

/** Without options. */
export const HEADER_LENGTH = 20;
export const MAXIMUM_HEADER_LENGTH = 60;
export const MAXIMUM_LENGTH = 65_535;
/** Every link carries this much, and reassembly must manage 576 (RFC 791 3.2). */
export const MINIMUM_MTU = 68;

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_IGMP = 2;
export const PROTOCOL_IPIP = 4;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_IPV6 = 41;
export const PROTOCOL_GRE = 47;
export const PROTOCOL_ESP = 50;
export const PROTOCOL_AH = 51;
export const PROTOCOL_OSPF = 89;
export const PROTOCOL_CARP = 112;
export const PROTOCOL_PFSYNC = 240;

export const ANY = 0;
export const BROADCAST = -1;
export const ALL_HOSTS = 0xe0000001 | 0;
export const ALL_ROUTERS = 0xe0000002 | 0;

/** Bits of the fragment word: reserved, don't fragment, more fragments; the rest is the offset in units of eight bytes. */
export const FRAGMENT_RESERVED = 0x8000;
export const FRAGMENT_DF = 0x4000;
export const FRAGMENT_MF = 0x2000;
export const FRAGMENT_OFFSET_MASK = 0x1fff;

export const OPTION_END = 0;
export const OPTION_NOP = 1;
export const OPTION_RECORD_ROUTE = 7;
export const OPTION_TIMESTAMP = 68;
export const OPTION_SECURITY = 130;
export const OPTION_LOOSE_SOURCE_ROUTE = 131;
export const OPTION_STREAM = 136;
export const OPTION_STRICT_SOURCE_ROUTE = 137;
export const OPTION_ROUTER_ALERT = 148;

/** Answers of `valid`, in the order of the checks. */
export const OK = 0;
export const TOO_SMALL = 1;
export const BAD_VERSION = 2;
export const BAD_HEADER_LENGTH = 3;
export const BAD_CHECKSUM = 4;
export const BAD_LENGTH = 5;
export const TOO_SHORT = 6;

const VERSION = 0;
const TOS = 1;
const TOTAL_LENGTH = 2;
const IDENTIFICATION = 4;
const FRAGMENT = 6;
const TTL = 8;
const PROTOCOL = 9;
const CHECKSUM = 10;
const SOURCE = 12;
const DESTINATION = 16;

const ADDRESS_LENGTH = 4;
/** In an option: its length, and in a route the pointer, which counts from 1 and starts behind itself. */
const OPTION_LENGTH = 1;
const OPTION_POINTER = 2;
/** In its type: repeated in every fragment. */
const OPTION_COPIED = 0x80;
const FIRST_POINTER = 4;

/**
 * OK, or the first check that fails, as ip_input orders them: fewer bytes than a header (TOO_SMALL), version, header length,
 * checksum, total length below the header's (BAD_LENGTH), packet cut before its total length (TOO_SHORT).
 */
export function valid(bytes: Uint8Array, offset: number, end: number): number {
  const available = end - offset;
  if (available < HEADER_LENGTH) return TOO_SMALL;
  if (version(bytes, offset) !== 4) return BAD_VERSION;
  const header = headerLength(bytes, offset);
  if (header < HEADER_LENGTH || header > available) return BAD_HEADER_LENGTH;
  if (checksums.compute(bytes, offset, header) !== 0) return BAD_CHECKSUM;
  const total = totalLength(bytes, offset);
  if (total < header) return BAD_LENGTH;
  return total > available ? TOO_SHORT : OK;
}

export function version(bytes: Uint8Array, offset: number): number {
  return bytes[offset + VERSION]! >>> 4;
}

/** In bytes, options included. */
export function headerLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + VERSION]! & 0x0f) << 2;
}

export function typeOfService(bytes: Uint8Array, offset: number): number {
  return bytes[offset + TOS]!;
}

export function totalLength(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + TOTAL_LENGTH);
}

export function identification(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + IDENTIFICATION);
}

/** Flags and offset as they stand in the header. */
export function fragment(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + FRAGMENT);
}

export function dontFragment(bytes: Uint8Array, offset: number): boolean {
  return (fragment(bytes, offset) & FRAGMENT_DF) !== 0;
}

export function moreFragments(bytes: Uint8Array, offset: number): boolean {
  return (fragment(bytes, offset) & FRAGMENT_MF) !== 0;
}

/** In bytes. */
export function fragmentOffset(bytes: Uint8Array, offset: number): number {
  return (fragment(bytes, offset) & FRAGMENT_OFFSET_MASK) << 3;
}

/** A part of a datagram: first, middle or last. */
export function isFragment(bytes: Uint8Array, offset: number): boolean {
  return (fragment(bytes, offset) & (FRAGMENT_MF | FRAGMENT_OFFSET_MASK)) !== 0;
}

export function ttl(bytes: Uint8Array, offset: number): number {
  return bytes[offset + TTL]!;
}

export function protocol(bytes: Uint8Array, offset: number): number {
  return bytes[offset + PROTOCOL]!;
}

export function checksum(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + CHECKSUM);
}

export function checksumAt(offset: number): number {
  return offset + CHECKSUM;
}

export function source(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + SOURCE);
}

export function destination(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + DESTINATION);
}

/** Position of the source address in the header at `offset`. */
export function sourceAt(offset: number): number {
  return offset + SOURCE;
}

export function destinationAt(offset: number): number {
  return offset + DESTINATION;
}

/** Version 4 and the length of the header in bytes, a multiple of four. */
export function setHeaderLength(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + VERSION] = 0x40 | (value >>> 2);
}

export function setTypeOfService(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + TOS] = value;
}

export function setTotalLength(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + TOTAL_LENGTH, value);
}

export function setIdentification(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + IDENTIFICATION, value);
}

/** FRAGMENT_* flags and the offset in units of eight bytes. */
export function setFragment(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + FRAGMENT, value);
}

export function setTtl(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + TTL] = value;
}

export function setProtocol(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + PROTOCOL] = value;
}

export function setChecksum(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + CHECKSUM, value);
}

export function setSource(bytes: Uint8Array, offset: number, value: number): void {
  setI32(bytes, offset + SOURCE, value);
}

export function setDestination(bytes: Uint8Array, offset: number, value: number): void {
  setI32(bytes, offset + DESTINATION, value);
}

/** Computes the header checksum and stores it. */
export function fillChecksum(bytes: Uint8Array, offset: number): void {
  setChecksum(bytes, offset, 0);
  setChecksum(bytes, offset, checksums.compute(bytes, offset, headerLength(bytes, offset)));
}

/** One hop: TTL, which must not be 0, less one; checksum by difference. */
export function decrementTtl(bytes: Uint8Array, offset: number): void {
  const before = u16(bytes, offset + TTL);
  const after = before - 0x100;
  setU16(bytes, offset + TTL, after);
  setChecksum(bytes, offset, checksums.update16(checksum(bytes, offset), before, after));
}

/** Builds a header without options, checksum included. `fragmentWord` is FRAGMENT_* flags and the offset in eights. */
export function write(
  bytes: Uint8Array,
  offset: number,
  tos: number,
  length: number,
  id: number,
  fragmentWord: number,
  hops: number,
  protocolNumber: number,
  from: number,
  to: number,
): void {
  setHeaderLength(bytes, offset, HEADER_LENGTH);
  setTypeOfService(bytes, offset, tos);
  setTotalLength(bytes, offset, length);
  setIdentification(bytes, offset, id);
  setFragment(bytes, offset, fragmentWord);
  setTtl(bytes, offset, hops);
  setProtocol(bytes, offset, protocolNumber);
  setSource(bytes, offset, from);
  setDestination(bytes, offset, to);
  fillChecksum(bytes, offset);
}

/** Offset of the first option (or of the payload, where there is none). */
export function optionsAt(offset: number): number {
  return offset + HEADER_LENGTH;
}

export function payloadAt(bytes: Uint8Array, offset: number): number {
  return offset + headerLength(bytes, offset);
}

/**
 * Bytes that the option at `at` takes, 1 for END and NOP, 0 when it is malformed: a length below two or beyond `end`, the end of
 * the header. A walk stops at END, at 0 and at `end`.
 */
export function optionLength(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at]! <= OPTION_NOP) return 1;
  if (at + 1 >= end) return 0;
  const length = bytes[at + 1]!;
  return length < 2 || at + length > end ? 0 : length;
}

/** The option is repeated in every fragment. */
export function optionCopied(bytes: Uint8Array, at: number): boolean {
  return (bytes[at]! & OPTION_COPIED) !== 0;
}

/** Position of an option's length, for a parameter problem that points there. */
export function optionLengthAt(at: number): number {
  return at + OPTION_LENGTH;
}

/**
 * Position of the address whose turn it is in a source route (or the slot to record into) at `at`, `length` bytes long; 0 when
 * all have had theirs, -1 when the pointer is none.
 */
export function routeSlot(bytes: Uint8Array, at: number, length: number): number {
  if (length <= OPTION_POINTER || bytes[at + OPTION_POINTER]! < FIRST_POINTER) return -1;
  const slot = bytes[at + OPTION_POINTER]! - 1;
  return slot + ADDRESS_LENGTH > length ? 0 : at + slot;
}

/** Position of the pointer of a source route, for a parameter problem. */
export function routePointerAt(at: number): number {
  return at + OPTION_POINTER;
}

export function routeAddress(bytes: Uint8Array, slot: number): number {
  return i32(bytes, slot);
}

/** Leaves an address in the slot of the option at `at`, and goes on to the next. */
export function recordRoute(bytes: Uint8Array, at: number, slot: number, address: number): void {
  setI32(bytes, slot, address);
  bytes[at + OPTION_POINTER] = bytes[at + OPTION_POINTER]! + ADDRESS_LENGTH;
}

/** Bytes of a router alert option. */
export const ROUTER_ALERT_LENGTH = 4;

/** Router alert: every router shall look at this packet (RFC 2113). */
export function writeRouterAlert(bytes: Uint8Array, at: number): void {
  setI32(bytes, at, (OPTION_ROUTER_ALERT << 24) | (ROUTER_ALERT_LENGTH << 16));
}

/** 224.0.0.0/4. */
export function isMulticast(address: number): boolean {
  return address >>> 28 === 14;
}

/** 127.0.0.0/8. */
export function isLoopback(address: number): boolean {
  return address >>> 24 === 127;
}

/** 240.0.0.0/4, the limited broadcast address with it. */
export function isExperimental(address: number): boolean {
  return address >>> 28 === 15;
}

/** 0.0.0.0/8, this network. */
export function isThisNetwork(address: number): boolean {
  return address >>> 24 === 0;
}
