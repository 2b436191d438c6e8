// SPDX-License-Identifier: ISC
//
// ICMP for IPv4 (RFC 792, RFC 1191 for the next hop's MTU): eight bytes of header; errors quote the packet they are about.

import { i32, setI32, setU16, u16 } from './bytes.ts';
import * as checksums from './checksum.ts';

export const HEADER_LENGTH = 8;
/** An address mask message (RFC 950). */
export const MASK_LENGTH = 12;
/** Data that an error quotes behind the header of the packet (RFC 792). */
export const QUOTED_DATA = 8;

export const TYPE_ECHO_REPLY = 0;
export const TYPE_UNREACHABLE = 3;
export const TYPE_SOURCE_QUENCH = 4;
export const TYPE_REDIRECT = 5;
export const TYPE_ECHO = 8;
export const TYPE_ROUTER_ADVERTISEMENT = 9;
export const TYPE_ROUTER_SOLICITATION = 10;
export const TYPE_TIME_EXCEEDED = 11;
export const TYPE_PARAMETER_PROBLEM = 12;
export const TYPE_TIMESTAMP = 13;
export const TYPE_TIMESTAMP_REPLY = 14;
export const TYPE_INFORMATION = 15;
export const TYPE_INFORMATION_REPLY = 16;
export const TYPE_MASK = 17;
export const TYPE_MASK_REPLY = 18;

export const CODE_UNREACHABLE_NET = 0;
export const CODE_UNREACHABLE_HOST = 1;
export const CODE_UNREACHABLE_PROTOCOL = 2;
export const CODE_UNREACHABLE_PORT = 3;
export const CODE_UNREACHABLE_NEED_FRAGMENT = 4;
export const CODE_UNREACHABLE_SOURCE_ROUTE = 5;
export const CODE_UNREACHABLE_NET_UNKNOWN = 6;
export const CODE_UNREACHABLE_HOST_UNKNOWN = 7;
export const CODE_UNREACHABLE_ISOLATED = 8;
export const CODE_UNREACHABLE_NET_PROHIBITED = 9;
export const CODE_UNREACHABLE_HOST_PROHIBITED = 10;
export const CODE_UNREACHABLE_NET_TOS = 11;
export const CODE_UNREACHABLE_HOST_TOS = 12;
export const CODE_UNREACHABLE_FILTER_PROHIBITED = 13;
export const CODE_UNREACHABLE_HOST_PRECEDENCE = 14;
export const CODE_UNREACHABLE_PRECEDENCE_CUTOFF = 15;

export const CODE_REDIRECT_NET = 0;
export const CODE_REDIRECT_HOST = 1;
export const CODE_REDIRECT_TOS_NET = 2;
export const CODE_REDIRECT_TOS_HOST = 3;

export const CODE_EXCEEDED_IN_TRANSIT = 0;
export const CODE_EXCEEDED_REASSEMBLY = 1;

export const CODE_PARAMETER_POINTER = 0;
export const CODE_PARAMETER_MISSING_OPTION = 1;
export const CODE_PARAMETER_LENGTH = 2;

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;
const POINTER = 4;
const IDENTIFIER = 4;
const SEQUENCE = 6;
const NEXT_HOP_MTU = 6;

/** The header is whole; `checksumValid` is a question of its own. */
export function valid(_bytes: Uint8Array, offset: number, end: number): boolean {
  return end - offset >= HEADER_LENGTH;
}

export function checksumValid(bytes: Uint8Array, offset: number, end: number): boolean {
  return checksums.compute(bytes, offset, end - offset) === 0;
}

export function type(bytes: Uint8Array, offset: number): number {
  return bytes[offset + TYPE]!;
}

export function code(bytes: Uint8Array, offset: number): number {
  return bytes[offset + CODE]!;
}

export function checksum(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + CHECKSUM);
}

/** Position of the checksum, which an ICMPv6 message has in the same place. */
export function checksumAt(offset: number): number {
  return offset + CHECKSUM;
}

export function identifierAt(offset: number): number {
  return offset + IDENTIFIER;
}

/** Of echo and timestamp messages. */
export function identifier(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + IDENTIFIER);
}

/** Of echo and timestamp messages. */
export function sequence(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + SEQUENCE);
}

/** The router that a redirect names. */
export function gateway(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + REST);
}

export function gatewayAt(offset: number): number {
  return offset + REST;
}

/** Of unreachable code 4 (RFC 1191 4); 0 from a router that does not say. */
export function nextHopMtu(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + NEXT_HOP_MTU);
}

/** Of an address mask reply (RFC 950), in its data. */
export function mask(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + HEADER_LENGTH);
}

export function setMask(bytes: Uint8Array, offset: number, value: number): void {
  setI32(bytes, offset + HEADER_LENGTH, value);
}

/** Byte of the quoted packet that a parameter problem is about. */
export function pointer(bytes: Uint8Array, offset: number): number {
  return bytes[offset + POINTER]!;
}

export function setType(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + TYPE] = value;
}

export function setCode(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + CODE] = value;
}

export function setChecksum(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + CHECKSUM, value);
}

export function setIdentifier(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + IDENTIFIER, value);
}

export function setSequence(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + SEQUENCE, value);
}

/** Builds the header with a zero checksum; `fillChecksum` follows once the data is there. `rest` is the second word. */
export function write(
  bytes: Uint8Array,
  offset: number,
  messageType: number,
  messageCode: number,
  rest: number,
): void {
  setType(bytes, offset, messageType);
  setCode(bytes, offset, messageCode);
  setChecksum(bytes, offset, 0);
  setI32(bytes, offset + REST, rest);
}

/** Computes the checksum over the message up to `end` and stores it. */
export function fillChecksum(bytes: Uint8Array, offset: number, end: number): void {
  setChecksum(bytes, offset, 0);
  setChecksum(bytes, offset, checksums.compute(bytes, offset, end - offset));
}

/** Second word of an echo message, for `write`. */
export function echoRest(id: number, seq: number): number {
  return (id << 16) | (seq & 0xffff);
}

/** Second word of a parameter problem, for `write`. */
export function pointerRest(at: number): number {
  return at << 24;
}

/** Echo data, or the packet that an error quotes. */
export function payloadAt(offset: number): number {
  return offset + HEADER_LENGTH;
}

/** A message about another packet, to which no error may answer (RFC 1122 3.2.2). */
export function isError(messageType: number): boolean {
  return (
    messageType === TYPE_UNREACHABLE ||
    messageType === TYPE_SOURCE_QUENCH ||
    messageType === TYPE_REDIRECT ||
    messageType === TYPE_TIME_EXCEEDED ||
    messageType === TYPE_PARAMETER_PROBLEM
  );
}
