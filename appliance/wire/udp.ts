// SPDX-License-Identifier: ISC
//
// The UDP header (RFC 768).

import { setU16, u16 } from './bytes.ts';
import * as checksums from './checksum.ts';
import * as ipv4 from './ipv4.ts';

export const HEADER_LENGTH = 8;

const SOURCE_PORT = 0;
const DESTINATION_PORT = 2;
const LENGTH = 4;
/** The offset within the header that the vnet header names. */
export const CHECKSUM_OFFSET = 6;

/** The header is whole and its length covers it and lies before `end`. */
export function valid(bytes: Uint8Array, offset: number, end: number): boolean {
  if (end - offset < HEADER_LENGTH) return false;
  const datagram = length(bytes, offset);
  return datagram >= HEADER_LENGTH && datagram <= end - offset;
}

export function sourcePort(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + SOURCE_PORT);
}

export function destinationPort(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + DESTINATION_PORT);
}

/** Header and data. */
export function length(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + LENGTH);
}

/** 0 says that there is none, which only IPv4 allows. */
export function checksum(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + CHECKSUM_OFFSET);
}

export function setSourcePort(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + SOURCE_PORT, value);
}

export function setDestinationPort(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + DESTINATION_PORT, value);
}

export function setLength(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + LENGTH, value);
}

export function setChecksum(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + CHECKSUM_OFFSET, value);
}

/** Builds the header with checksum zero; `datagram` is the length of header and data. `fillChecksum4` or `6` may follow. */
export function write(bytes: Uint8Array, offset: number, from: number, to: number, datagram: number): void {
  setSourcePort(bytes, offset, from);
  setDestinationPort(bytes, offset, to);
  setLength(bytes, offset, datagram);
  setChecksum(bytes, offset, 0);
}

/** Computes the checksum of the datagram up to `end` under the IPv4 header at `network` and stores it, 0xffff for 0. */
export function fillChecksum4(bytes: Uint8Array, network: number, offset: number, end: number): void {
  setChecksum(bytes, offset, 0);
  const value = checksums.transport4(bytes, network, ipv4.PROTOCOL_UDP, offset, end - offset);
  setChecksum(bytes, offset, value || 0xffff);
}

/** As `fillChecksum4`, under the IPv6 header at `network`. */
export function fillChecksum6(bytes: Uint8Array, network: number, offset: number, end: number): void {
  setChecksum(bytes, offset, 0);
  const value = checksums.transport6(bytes, network, ipv4.PROTOCOL_UDP, offset, end - offset);
  setChecksum(bytes, offset, value || 0xffff);
}

export function payloadAt(offset: number): number {
  return offset + HEADER_LENGTH;
}
