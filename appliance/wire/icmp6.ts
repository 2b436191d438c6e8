// SPDX-License-Identifier: ISC
//
// ICMPv6 (RFC 4443): header, errors, echo. Neighbour discovery is in nd6.ts, multicast listeners in mld.ts.

import { i32, setI32, setU16, u16 } from './bytes.ts';
import * as checksums from './checksum.ts';
import * as ipv6 from './ipv6.ts';

export const HEADER_LENGTH = 8;
/** What every ICMPv6 message has: type, code, checksum. */
export const MINIMUM_LENGTH = 4;

export const TYPE_UNREACHABLE = 1;
export const TYPE_PACKET_TOO_BIG = 2;
export const TYPE_TIME_EXCEEDED = 3;
export const TYPE_PARAMETER_PROBLEM = 4;
export const TYPE_ECHO = 128;
export const TYPE_ECHO_REPLY = 129;
export const TYPE_LISTENER_QUERY = 130;
export const TYPE_LISTENER_REPORT = 131;
export const TYPE_LISTENER_DONE = 132;
export const TYPE_ROUTER_SOLICITATION = 133;
export const TYPE_ROUTER_ADVERTISEMENT = 134;
export const TYPE_NEIGHBOR_SOLICITATION = 135;
export const TYPE_NEIGHBOR_ADVERTISEMENT = 136;
export const TYPE_REDIRECT = 137;
export const TYPE_LISTENER_REPORT2 = 143;

export const CODE_UNREACHABLE_NO_ROUTE = 0;
export const CODE_UNREACHABLE_PROHIBITED = 1;
export const CODE_UNREACHABLE_BEYOND_SCOPE = 2;
export const CODE_UNREACHABLE_ADDRESS = 3;
export const CODE_UNREACHABLE_PORT = 4;
export const CODE_UNREACHABLE_POLICY = 5;
export const CODE_UNREACHABLE_REJECT = 6;

export const CODE_EXCEEDED_IN_TRANSIT = 0;
export const CODE_EXCEEDED_REASSEMBLY = 1;

export const CODE_PARAMETER_HEADER = 0;
export const CODE_PARAMETER_NEXT_HEADER = 1;
export const CODE_PARAMETER_OPTION = 2;

const TYPE = 0;
const CODE = 1;
const CHECKSUM = 2;
const REST = 4;
const IDENTIFIER = 4;
const SEQUENCE = 6;

/** Everything below is an error message, everything from here on informational (RFC 4443 2.1). */
const FIRST_INFORMATIONAL = 128;

/** The eight bytes that errors and echo have are whole; `checksumValid` is a question of its own. */
export function valid(_bytes: Uint8Array, offset: number, end: number): boolean {
  return end - offset >= HEADER_LENGTH;
}

/** Under the IPv6 header at `network`, whose addresses the sum covers. */
export function checksumValid(bytes: Uint8Array, network: number, offset: number, end: number): boolean {
  return checksums.transport6(bytes, network, ipv6.NEXT_ICMP6, offset, end - offset) === 0;
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

export function identifier(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + IDENTIFIER);
}

export function sequence(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + SEQUENCE);
}

/** Of packet too big. */
export function mtu(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + REST);
}

/** Byte of the quoted packet that a parameter problem is about. */
export function pointer(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + REST);
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

/**
 * Builds the header with a zero checksum; `fillChecksum` follows once the data is there. `rest` is the second word: 0, the MTU,
 * the pointer, or identifier and sequence (`echoRest`).
 */
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

/** Computes the checksum over the message up to `end`, under the IPv6 header at `network`, and stores it. */
export function fillChecksum(bytes: Uint8Array, network: number, offset: number, end: number): void {
  setChecksum(bytes, offset, 0);
  setChecksum(bytes, offset, checksums.transport6(bytes, network, ipv6.NEXT_ICMP6, offset, end - offset));
}

/** Second word of an echo message, for `write`. */
export function echoRest(id: number, seq: number): number {
  return (id << 16) | (seq & 0xffff);
}

/** Echo data, or the packet that an error quotes. */
export function payloadAt(offset: number): number {
  return offset + HEADER_LENGTH;
}

/** An error that says which packet it is about; types that nobody has defined may hold anything. */
export function quotes(messageType: number): boolean {
  return messageType >= TYPE_UNREACHABLE && messageType <= TYPE_PARAMETER_PROBLEM;
}

/** To errors and redirects no error may answer (RFC 4443 2.4 (e)). */
export function isError(messageType: number): boolean {
  return messageType < FIRST_INFORMATIONAL;
}
