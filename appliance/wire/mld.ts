// SPDX-License-Identifier: ISC
//
// Multicast listener discovery: version 1 (RFC 2710) and the version 2 report and query (RFC 3810), from the ICMPv6 header on.

import { i32, setU16, u16 } from './bytes.ts';
import * as icmp6 from './icmp6.ts';
import * as ipv6 from './ipv6.ts';

/** A version 1 message, and the least of a query. */
export const MESSAGE_LENGTH = 24;
/** A version 2 query up to its sources. */
export const QUERY2_LENGTH = 28;
/** A version 2 report up to its records, and a record up to its sources. */
export const REPORT2_LENGTH = 8;
export const RECORD_LENGTH = 20;

/** Where version 2 reports go: ff02::16, by its last word; word 0 is ipv6.LINK_GROUP_WORD0. */
export const REPORT2_GROUP_WORD3 = 0x16;

/** Types of a group record (RFC 3810 5.2.12). */
export const MODE_IS_INCLUDE = 1;
export const MODE_IS_EXCLUDE = 2;
export const CHANGE_TO_INCLUDE = 3;
export const CHANGE_TO_EXCLUDE = 4;
export const ALLOW_NEW_SOURCES = 5;
export const BLOCK_OLD_SOURCES = 6;

const MAXIMUM_RESPONSE = 4;
const GROUP = 8;
const QUERY2_ROBUSTNESS = 24;
const QUERY2_INTERVAL = 25;
const QUERY2_SOURCES = 26;
const REPORT2_RECORDS = 6;

const RECORD_TYPE = 0;
const RECORD_AUXILIARY = 1;
const RECORD_SOURCES = 2;
const RECORD_GROUP = 4;

/** A query, report or done message, whole, with all the records and sources it counts. */
export function valid(bytes: Uint8Array, offset: number, end: number): boolean {
  if (end - offset < REPORT2_LENGTH) return false;
  switch (icmp6.type(bytes, offset)) {
    case icmp6.TYPE_LISTENER_QUERY:
      return queryValid(bytes, offset, end);
    case icmp6.TYPE_LISTENER_REPORT:
    case icmp6.TYPE_LISTENER_DONE:
      return end - offset >= MESSAGE_LENGTH;
    case icmp6.TYPE_LISTENER_REPORT2:
      return recordsValid(bytes, offset, end);
    default:
      return false;
  }
}

/** 24 bytes is version 1, 28 or more version 2, anything between is neither (RFC 3810 8.1). */
function queryValid(bytes: Uint8Array, offset: number, end: number): boolean {
  const length = end - offset;
  if (length < QUERY2_LENGTH) return length === MESSAGE_LENGTH;
  return length >= QUERY2_LENGTH + ipv6.ADDRESS_LENGTH * u16(bytes, offset + QUERY2_SOURCES);
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

/** Milliseconds of a version 1 query; version 2 encodes large values (`maximumResponse2`). */
export function maximumResponse(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + MAXIMUM_RESPONSE);
}

/** Milliseconds of a version 2 query: from 32768 on a mantissa and an exponent (RFC 3810 5.1.3). */
export function maximumResponse2(bytes: Uint8Array, offset: number): number {
  const value = maximumResponse(bytes, offset);
  return value < 0x8000 ? value : ((value & 0x0fff) | 0x1000) << (((value >>> 12) & 7) + 3);
}

/** Word `index` of the group of a query, a version 1 report or a done message; the general query's is `::`. */
export function groupWord(bytes: Uint8Array, offset: number, index: number): number {
  return i32(bytes, offset + GROUP + 4 * index);
}

export function groupAt(offset: number): number {
  return offset + GROUP;
}

/** Routers are told not to count this version 2 query as heard (the S flag). */
export function querySuppress(bytes: Uint8Array, offset: number): boolean {
  return (bytes[offset + QUERY2_ROBUSTNESS]! & 0x08) !== 0;
}

/** Querier's robustness variable, 0 for none told. */
export function queryRobustness(bytes: Uint8Array, offset: number): number {
  return bytes[offset + QUERY2_ROBUSTNESS]! & 0x07;
}

/** Querier's interval in seconds: from 128 on a mantissa and an exponent (RFC 3810 5.1.9). */
export function queryInterval(bytes: Uint8Array, offset: number): number {
  const value = bytes[offset + QUERY2_INTERVAL]!;
  return value < 0x80 ? value : ((value & 0x0f) | 0x10) << (((value >>> 4) & 7) + 3);
}

export function querySourceAt(offset: number, index: number): number {
  return offset + QUERY2_LENGTH + ipv6.ADDRESS_LENGTH * index;
}

/** Number of sources in a version 2 query. */
export function querySourceCount(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + QUERY2_SOURCES);
}

/** Number of group records in a version 2 report. */
export function recordCount(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + REPORT2_RECORDS);
}

/** First group record of a version 2 report. */
export function recordsAt(offset: number): number {
  return offset + REPORT2_LENGTH;
}

/** Bytes that the record at `at` takes with sources and auxiliary data; 0 when it runs over `end`. */
export function recordLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + RECORD_LENGTH > end) return 0;
  const auxiliary = bytes[at + RECORD_AUXILIARY]! << 2;
  const length = RECORD_LENGTH + ipv6.ADDRESS_LENGTH * recordSourceCount(bytes, at) + auxiliary;
  return at + length > end ? 0 : length;
}

export function recordType(bytes: Uint8Array, at: number): number {
  return bytes[at + RECORD_TYPE]!;
}

export function recordSourceCount(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + RECORD_SOURCES);
}

export function recordGroupAt(at: number): number {
  return at + RECORD_GROUP;
}

export function recordSourceAt(at: number, index: number): number {
  return at + RECORD_LENGTH + ipv6.ADDRESS_LENGTH * index;
}

/** Builds a version 1 message, or a query without sources, checksum zero; response in milliseconds, 0 but in a query. */
export function write(
  bytes: Uint8Array,
  offset: number,
  messageType: number,
  response: number,
  group: Uint8Array,
  groupPosition: number,
): void {
  icmp6.write(bytes, offset, messageType, 0, response << 16);
  ipv6.copyAddress(group, groupPosition, bytes, offset + GROUP);
}

/** Builds the head of a version 2 report, checksum zero. */
export function writeReport2(bytes: Uint8Array, offset: number, records: number): void {
  icmp6.write(bytes, offset, icmp6.TYPE_LISTENER_REPORT2, 0, records);
}

/** Writes a record without sources; answers the position behind it. */
export function writeRecord(
  bytes: Uint8Array,
  at: number,
  type: number,
  group: Uint8Array,
  groupPosition: number,
): number {
  bytes[at + RECORD_TYPE] = type;
  bytes[at + RECORD_AUXILIARY] = 0;
  setU16(bytes, at + RECORD_SOURCES, 0);
  ipv6.copyAddress(group, groupPosition, bytes, at + RECORD_GROUP);
  return at + RECORD_LENGTH;
}
