// SPDX-License-Identifier: ISC
//
// IGMP: version 1 (RFC 1112), 2 (RFC 2236), and the version 3 query and report (RFC 3376).

import { i32, setI32, setU16, u16 } from './bytes.ts';
import * as checksums from './checksum.ts';

/** A version 1 or 2 message, and a version 3 report up to its records. */
export const HEADER_LENGTH = 8;
/** A version 3 query up to its sources. */
export const QUERY3_LENGTH = 12;
/** A group record up to its sources. */
export const RECORD_LENGTH = 8;

export const TYPE_QUERY = 0x11;
export const TYPE_REPORT1 = 0x12;
export const TYPE_REPORT2 = 0x16;
export const TYPE_LEAVE = 0x17;
export const TYPE_REPORT3 = 0x22;

/** Where version 3 reports go: 224.0.0.22. */
export const REPORT3_GROUP = 0xe0000016 | 0;

/** Types of a group record (RFC 3376 4.2.12). */
export const MODE_IS_INCLUDE = 1;
export const MODE_IS_EXCLUDE = 2;
export const CHANGE_TO_INCLUDE = 3;
export const CHANGE_TO_EXCLUDE = 4;
export const ALLOW_NEW_SOURCES = 5;
export const BLOCK_OLD_SOURCES = 6;

const TYPE = 0;
const MAXIMUM_RESPONSE = 1;
const CHECKSUM = 2;
const GROUP = 4;
const QUERY3_SOURCES = 10;
const REPORT3_RECORDS = 6;

const RECORD_TYPE = 0;
const RECORD_AUXILIARY = 1;
const RECORD_SOURCES = 2;
const RECORD_GROUP = 4;

/** Whole, with all the records and sources it counts; the type may be one that is not known. */
export function valid(bytes: Uint8Array, offset: number, end: number): boolean {
  const length = end - offset;
  if (length < HEADER_LENGTH) return false;
  if (type(bytes, offset) === TYPE_REPORT3) return recordsValid(bytes, offset, end);
  if (type(bytes, offset) === TYPE_QUERY && length >= QUERY3_LENGTH) {
    return length >= QUERY3_LENGTH + 4 * querySourceCount(bytes, offset);
  }
  return true;
}

function recordsValid(bytes: Uint8Array, offset: number, end: number): boolean {
  let at = recordsAt(offset);
  for (let left = recordCount(bytes, offset); left > 0; left--) {
    const length = recordLength(bytes, at, end);
    if (length === 0) return false;
    at += length;
  }
  return true;
}

export function checksumValid(bytes: Uint8Array, offset: number, end: number): boolean {
  return checksums.compute(bytes, offset, end - offset) === 0;
}

export function type(bytes: Uint8Array, offset: number): number {
  return bytes[offset + TYPE]!;
}

/** Tenths of a second of a query; 0 is version 1, and version 3 encodes large values (`maximumResponse3`). */
export function maximumResponse(bytes: Uint8Array, offset: number): number {
  return bytes[offset + MAXIMUM_RESPONSE]!;
}

/** Tenths of a second of a version 3 query: from 128 on a mantissa and an exponent (RFC 3376 4.1.1). */
export function maximumResponse3(bytes: Uint8Array, offset: number): number {
  const value = maximumResponse(bytes, offset);
  return value < 0x80 ? value : ((value & 0x0f) | 0x10) << (((value >>> 4) & 7) + 3);
}

export function checksum(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + CHECKSUM);
}

/** Of a query (0 asks for all), a version 1 or 2 report, or a leave. */
export function group(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + GROUP);
}

export function groupAt(offset: number): number {
  return offset + GROUP;
}

/** Number of sources in a version 3 query. */
export function querySourceCount(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + QUERY3_SOURCES);
}

/** Number of group records in a version 3 report. */
export function recordCount(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + REPORT3_RECORDS);
}

/** First group record of a version 3 report. */
export function recordsAt(offset: number): number {
  return offset + HEADER_LENGTH;
}

/** Bytes that the record at `at` takes with sources and auxiliary data; 0 when it runs over `end`. */
export function recordLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + RECORD_LENGTH > end) return 0;
  const auxiliary = bytes[at + RECORD_AUXILIARY]! << 2;
  const length = RECORD_LENGTH + 4 * recordSourceCount(bytes, at) + auxiliary;
  return at + length > end ? 0 : length;
}

export function recordType(bytes: Uint8Array, at: number): number {
  return bytes[at + RECORD_TYPE]!;
}

export function recordSourceCount(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + RECORD_SOURCES);
}

export function recordGroup(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + RECORD_GROUP);
}

export function recordGroupAt(at: number): number {
  return at + RECORD_GROUP;
}

export function recordSourceAt(at: number, index: number): number {
  return at + RECORD_LENGTH + 4 * index;
}

export function recordSource(bytes: Uint8Array, at: number, index: number): number {
  return i32(bytes, at + RECORD_LENGTH + 4 * index);
}

/** Builds a version 1 or 2 message, checksum included; response in tenths of a second, 0 but in a query. */
export function write(
  bytes: Uint8Array,
  offset: number,
  messageType: number,
  response: number,
  groupAddress: number,
): void {
  bytes[offset + TYPE] = messageType;
  bytes[offset + MAXIMUM_RESPONSE] = response;
  setI32(bytes, offset + GROUP, groupAddress);
  fillChecksum(bytes, offset, offset + HEADER_LENGTH);
}

/** Builds the head of a version 3 report with a zero checksum; `fillChecksum` follows once the records are there. */
export function writeReport3(bytes: Uint8Array, offset: number, records: number): void {
  bytes[offset + TYPE] = TYPE_REPORT3;
  bytes[offset + MAXIMUM_RESPONSE] = 0;
  setU16(bytes, offset + CHECKSUM, 0);
  setI32(bytes, offset + GROUP, records);
}

/** Writes a record without sources; answers the position behind it. */
export function writeRecord(bytes: Uint8Array, at: number, recordKind: number, groupAddress: number): number {
  bytes[at + RECORD_TYPE] = recordKind;
  bytes[at + RECORD_AUXILIARY] = 0;
  setU16(bytes, at + RECORD_SOURCES, 0);
  setI32(bytes, at + RECORD_GROUP, groupAddress);
  return at + RECORD_LENGTH;
}

/** Computes the checksum over the message up to `end` and stores it. */
export function fillChecksum(bytes: Uint8Array, offset: number, end: number): void {
  setU16(bytes, offset + CHECKSUM, 0);
  setU16(bytes, offset + CHECKSUM, checksums.compute(bytes, offset, end - offset));
}
