// SPDX-License-Identifier: ISC
//
// The classic capture file (pcap-savefile(5)): a file header, then records, in the byte order of the machine that wrote it. Written
// here little endian with microseconds. Numbers are unsigned: this is a format of userland.

import {
  i32,
  i32LittleEndian,
  setI32LittleEndian,
  setU16LittleEndian,
  u16,
  u16LittleEndian,
} from './bytes.ts';

export const FILE_HEADER_LENGTH = 24;
export const RECORD_HEADER_LENGTH = 16;

/** Larger records than this are taken for a damaged file, as libpcap does. */
export const MAXIMUM_SNAPLEN = 262_144;

/** Link types as they stand in files: LINK_RAW is bare IP, either version. */
export const LINK_ETHERNET = 1;
export const LINK_RAW = 101;
export const LINK_PFLOG = 117;

const MAGIC_MICROSECONDS = 0xa1b2c3d4 | 0;
const MAGIC_NANOSECONDS = 0xa1b23c4d | 0;

const MAGIC = 0;
const VERSION_MAJOR = 4;
const VERSION_MINOR = 6;
const ZONE = 8;
const ACCURACY = 12;
const SNAPLEN = 16;
const LINK_TYPE = 20;

const SECONDS = 0;
const FRACTION = 4;
const CAPTURED = 8;
const WIRE = 12;

/** A file header with one of the four magic numbers and major version 2. */
export function valid(bytes: Uint8Array, offset: number, end: number): boolean {
  if (end - offset < FILE_HEADER_LENGTH) return false;
  const little = isLittleEndian(bytes, offset);
  const magic = word(bytes, offset + MAGIC, little) | 0;
  if (magic !== MAGIC_MICROSECONDS && magic !== MAGIC_NANOSECONDS) return false;
  return (little ? u16LittleEndian : u16)(bytes, offset + VERSION_MAJOR) === 2;
}

/** Byte order of the file; hand it to the accessors of its records. */
export function isLittleEndian(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset + MAGIC] !== 0xa1;
}

/** Fractions of a second in the records are nanoseconds, else microseconds. */
export function isNanoseconds(bytes: Uint8Array, offset: number): boolean {
  return (word(bytes, offset + MAGIC, isLittleEndian(bytes, offset)) | 0) === MAGIC_NANOSECONDS;
}

export function snaplen(bytes: Uint8Array, offset: number): number {
  return word(bytes, offset + SNAPLEN, isLittleEndian(bytes, offset));
}

/** The low 16 bits; the rest may tell the length of a frame check sequence. */
export function linkType(bytes: Uint8Array, offset: number): number {
  return word(bytes, offset + LINK_TYPE, isLittleEndian(bytes, offset)) & 0xffff;
}

/** A record of sensible length lies whole before `end`. */
export function recordValid(bytes: Uint8Array, offset: number, end: number, little: boolean): boolean {
  if (end - offset < RECORD_HEADER_LENGTH) return false;
  const captured = capturedLength(bytes, offset, little);
  return captured <= MAXIMUM_SNAPLEN && captured <= end - offset - RECORD_HEADER_LENGTH;
}

/** Since 1970. */
export function seconds(bytes: Uint8Array, offset: number, little: boolean): number {
  return word(bytes, offset + SECONDS, little);
}

/** Microseconds or nanoseconds, by the file. */
export function fraction(bytes: Uint8Array, offset: number, little: boolean): number {
  return word(bytes, offset + FRACTION, little);
}

/** Bytes of the frame that follow the record header. */
export function capturedLength(bytes: Uint8Array, offset: number, little: boolean): number {
  return word(bytes, offset + CAPTURED, little);
}

/** Bytes that the frame had on the wire. */
export function wireLength(bytes: Uint8Array, offset: number, little: boolean): number {
  return word(bytes, offset + WIRE, little);
}

/** Position of a record's frame. */
export function frameAt(offset: number): number {
  return offset + RECORD_HEADER_LENGTH;
}

export function writeFileHeader(bytes: Uint8Array, offset: number, link: number, snapLength: number): void {
  setI32LittleEndian(bytes, offset + MAGIC, MAGIC_MICROSECONDS);
  setU16LittleEndian(bytes, offset + VERSION_MAJOR, 2);
  setU16LittleEndian(bytes, offset + VERSION_MINOR, 4);
  setI32LittleEndian(bytes, offset + ZONE, 0);
  setI32LittleEndian(bytes, offset + ACCURACY, 0);
  setI32LittleEndian(bytes, offset + SNAPLEN, snapLength);
  setI32LittleEndian(bytes, offset + LINK_TYPE, link);
}

export function writeRecordHeader(
  bytes: Uint8Array,
  offset: number,
  atSeconds: number,
  microseconds: number,
  captured: number,
  wire: number,
): void {
  setI32LittleEndian(bytes, offset + SECONDS, atSeconds);
  setI32LittleEndian(bytes, offset + FRACTION, microseconds);
  setI32LittleEndian(bytes, offset + CAPTURED, captured);
  setI32LittleEndian(bytes, offset + WIRE, wire);
}

function word(bytes: Uint8Array, at: number, little: boolean): number {
  return (little ? i32LittleEndian(bytes, at) : i32(bytes, at)) >>> 0;
}
