// SPDX-License-Identifier: ISC
//
// The TCP header (RFC 9293 3.1) and sequence arithmetic (3.4). Options are in tcpOptions.ts.

import { i32, setI32, setU16, u16 } from './bytes.ts';
import * as checksums from './checksum.ts';
import * as ipv4 from './ipv4.ts';

/** Without options. */
export const HEADER_LENGTH = 20;
export const MAXIMUM_HEADER_LENGTH = 60;

export const FLAG_FIN = 0x01;
export const FLAG_SYN = 0x02;
export const FLAG_RST = 0x04;
export const FLAG_PSH = 0x08;
export const FLAG_ACK = 0x10;
export const FLAG_URG = 0x20;
/** RFC 3168 6.1. */
export const FLAG_ECE = 0x40;
export const FLAG_CWR = 0x80;

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const SEQUENCE = 4;
const ACKNOWLEDGMENT = 8;
const DATA_OFFSET = 12;
const FLAGS = 13;
const WINDOW = 14;
/** The offset within the header that the vnet header names. */
export const CHECKSUM_OFFSET = 16;
const URGENT = 18;

/** The header with its options is whole; the checksum, which offload may leave unfinished, is another question. */
export function valid(bytes: Uint8Array, offset: number, end: number): boolean {
  if (end - offset < HEADER_LENGTH) return false;
  const length = headerLength(bytes, offset);
  return length >= HEADER_LENGTH && length <= end - offset;
}

export function sourcePort(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + SOURCE_PORT);
}

export function destinationPort(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + DESTINATION_PORT);
}

/** Positions of fields that are rewritten where only the beginning of a header is quoted. */
export function sourcePortAt(offset: number): number {
  return offset + SOURCE_PORT;
}

export function destinationPortAt(offset: number): number {
  return offset + DESTINATION_PORT;
}

/** The half word of header length, reserved bits and flags. */
export function flagWordAt(offset: number): number {
  return offset + DATA_OFFSET;
}

export function sequenceAt(offset: number): number {
  return offset + SEQUENCE;
}

export function sequence(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + SEQUENCE);
}

export function acknowledgment(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + ACKNOWLEDGMENT);
}

/** In bytes, options included. */
export function headerLength(bytes: Uint8Array, offset: number): number {
  return (bytes[offset + DATA_OFFSET]! >>> 4) << 2;
}

/** FLAG_*. */
export function flags(bytes: Uint8Array, offset: number): number {
  return bytes[offset + FLAGS]!;
}

export function window(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + WINDOW);
}

export function checksum(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + CHECKSUM_OFFSET);
}

export function urgentPointer(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + URGENT);
}

export function setSourcePort(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + SOURCE_PORT, value);
}

export function setDestinationPort(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + DESTINATION_PORT, value);
}

export function setSequence(bytes: Uint8Array, offset: number, value: number): void {
  setI32(bytes, offset + SEQUENCE, value);
}

export function setAcknowledgment(bytes: Uint8Array, offset: number, value: number): void {
  setI32(bytes, offset + ACKNOWLEDGMENT, value);
}

/** In bytes, a multiple of four. Clears the reserved bits beside it. */
export function setHeaderLength(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + DATA_OFFSET] = (value >>> 2) << 4;
}

export function setFlags(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset + FLAGS] = value;
}

export function setWindow(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + WINDOW, value);
}

export function setChecksum(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + CHECKSUM_OFFSET, value);
}

export function setUrgentPointer(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + URGENT, value);
}

/** Builds a header without options, urgent pointer and checksum zero; `fillChecksum4` or `6` follows. */
export function write(
  bytes: Uint8Array,
  offset: number,
  from: number,
  to: number,
  seq: number,
  ack: number,
  flagBits: number,
  windowSize: number,
): void {
  setSourcePort(bytes, offset, from);
  setDestinationPort(bytes, offset, to);
  setSequence(bytes, offset, seq);
  setAcknowledgment(bytes, offset, ack);
  setHeaderLength(bytes, offset, HEADER_LENGTH);
  setFlags(bytes, offset, flagBits);
  setWindow(bytes, offset, windowSize);
  setChecksum(bytes, offset, 0);
  setUrgentPointer(bytes, offset, 0);
}

/** Computes the checksum of the segment up to `end` under the IPv4 header at `network` and stores it. */
export function fillChecksum4(bytes: Uint8Array, network: number, offset: number, end: number): void {
  setChecksum(bytes, offset, 0);
  setChecksum(bytes, offset, checksums.transport4(bytes, network, ipv4.PROTOCOL_TCP, offset, end - offset));
}

/** As `fillChecksum4`, under the IPv6 header at `network`. */
export function fillChecksum6(bytes: Uint8Array, network: number, offset: number, end: number): void {
  setChecksum(bytes, offset, 0);
  setChecksum(bytes, offset, checksums.transport6(bytes, network, ipv4.PROTOCOL_TCP, offset, end - offset));
}

export function payloadAt(bytes: Uint8Array, offset: number): number {
  return offset + headerLength(bytes, offset);
}

/** Sequence numbers that the segment takes: its data, and one each for SYN and FIN (RFC 9293 3.4). */
export function segmentLength(bytes: Uint8Array, offset: number, end: number): number {
  const bits = flags(bytes, offset);
  const data = end - payloadAt(bytes, offset);
  return data + ((bits & FLAG_SYN) !== 0 ? 1 : 0) + ((bits & FLAG_FIN) !== 0 ? 1 : 0);
}

/** Whether sequence number a comes before b, modulo 2^32. */
export function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

/** Whether sequence number a comes after b, modulo 2^32. */
export function after(a: number, b: number): boolean {
  return ((a - b) | 0) > 0;
}
