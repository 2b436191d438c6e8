// SPDX-License-Identifier: ISC
//
// The header in front of a frame on a TAP with IFF_VNET_HDR (virtio 1.2 section 5.1.6, virtio_net_hdr_v1): 12 bytes, little endian.

import { setU16LittleEndian, u16LittleEndian, zero } from './bytes.ts';

export const HEADER_LENGTH = 12;

/** The checksum field holds only the folded pseudo-header sum; finish it or pass the flag on. */
export const FLAG_NEEDS_CSUM = 1;
/** The checksum has been verified. */
export const FLAG_DATA_VALID = 2;

export const GSO_NONE = 0;
export const GSO_TCP4 = 1;
/** UDP to be cut into IP fragments (UFO), no longer made by current kernels. */
export const GSO_UDP = 3;
export const GSO_TCP6 = 4;
/** UDP to be cut into datagrams (USO). */
export const GSO_UDP_L4 = 5;
/** Added to the type when the large segment carries CWR. */
export const GSO_ECN = 0x80;

const FLAGS = 0;
const GSO_TYPE = 1;
const HEADERS_LENGTH = 2;
const SEGMENT_SIZE = 4;
const CHECKSUM_START = 6;
const CHECKSUM_OFFSET = 8;
const BUFFERS = 10;

export function valid(_bytes: Uint8Array, offset: number, end: number): boolean {
  return end - offset >= HEADER_LENGTH;
}

export function flags(bytes: Uint8Array, offset: number): number {
  return bytes[offset + FLAGS]!;
}

/** GSO_*, with GSO_ECN added or not. */
export function gsoType(bytes: Uint8Array, offset: number): number {
  return bytes[offset + GSO_TYPE]!;
}

/** Ethernet, IP and transport headers together; a hint only. */
export function headersLength(bytes: Uint8Array, offset: number): number {
  return u16LittleEndian(bytes, offset + HEADERS_LENGTH);
}

/** Payload bytes of each segment. */
export function segmentSize(bytes: Uint8Array, offset: number): number {
  return u16LittleEndian(bytes, offset + SEGMENT_SIZE);
}

/** Where the sum begins, counted from the start of the Ethernet frame. */
export function checksumStart(bytes: Uint8Array, offset: number): number {
  return u16LittleEndian(bytes, offset + CHECKSUM_START);
}

/** Where the checksum field is, counted from `checksumStart`. */
export function checksumOffset(bytes: Uint8Array, offset: number): number {
  return u16LittleEndian(bytes, offset + CHECKSUM_OFFSET);
}

/** An ordinary frame with finished checksums: all zero. */
export function writePlain(bytes: Uint8Array, offset: number): void {
  zero(bytes, offset, HEADER_LENGTH);
}

export function write(
  bytes: Uint8Array,
  offset: number,
  flagBits: number,
  type: number,
  headers: number,
  size: number,
  start: number,
  field: number,
): void {
  bytes[offset + FLAGS] = flagBits;
  bytes[offset + GSO_TYPE] = type;
  setU16LittleEndian(bytes, offset + HEADERS_LENGTH, headers);
  setU16LittleEndian(bytes, offset + SEGMENT_SIZE, size);
  setU16LittleEndian(bytes, offset + CHECKSUM_START, start);
  setU16LittleEndian(bytes, offset + CHECKSUM_OFFSET, field);
  setU16LittleEndian(bytes, offset + BUFFERS, 0);
}
