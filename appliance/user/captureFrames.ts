// SPDX-License-Identifier: ISC
//
// Captured frames: as the kernel hands them out in batches, and as capture files hold them.

import * as pcap from '../wire/pcap.ts';

/** One frame; `time` in microseconds since the epoch. */
export interface CapturedFrame {
  readonly time: number;
  readonly bytes: Uint8Array;
  readonly wireLength: number;
}

/** A capture file, read. */
export interface CaptureFile {
  readonly linkType: number;
  readonly frames: Iterable<CapturedFrame>;
}

const MICROSECONDS = 1_000_000;
/** Of a record in a CaptureBatch: time, captured length, wire length. */
const BATCH_HEADER = 16;

/** The frames of a CaptureBatch; its times count from the boot, `booted` milliseconds since the epoch. */
export function* readBatch(records: Uint8Array, booted: number): Generator<CapturedFrame> {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  for (let at = 0; at < records.length; ) {
    const length = view.getUint32(at + 8, true);
    const start = at + BATCH_HEADER;
    yield {
      time: booted * 1000 + view.getFloat64(at, true),
      bytes: records.subarray(start, start + length),
      wireLength: view.getUint32(at + 12, true),
    };
    at = start + length;
  }
}

/** Reads a capture file of any byte order and precision; undefined for what is none. A record that is cut ends it. */
export function readCaptureFile(bytes: Uint8Array): CaptureFile | undefined {
  if (!pcap.valid(bytes, 0, bytes.length)) return undefined;
  return { linkType: pcap.linkType(bytes, 0), frames: records(bytes) };
}

function* records(bytes: Uint8Array): Generator<CapturedFrame> {
  const little = pcap.isLittleEndian(bytes, 0);
  const unit = pcap.isNanoseconds(bytes, 0) ? 1000 : 1;
  for (let at = pcap.FILE_HEADER_LENGTH; pcap.recordValid(bytes, at, bytes.length, little); ) {
    const start = pcap.frameAt(at);
    const end = start + pcap.capturedLength(bytes, at, little);
    yield {
      time: pcap.seconds(bytes, at, little) * MICROSECONDS + pcap.fraction(bytes, at, little) / unit,
      bytes: bytes.subarray(start, end),
      wireLength: pcap.wireLength(bytes, at, little),
    };
    at = end;
  }
}

/** What a capture file begins with. */
export function fileHeader(linkType: number, snaplen: number): Uint8Array {
  const header = new Uint8Array(pcap.FILE_HEADER_LENGTH);
  pcap.writeFileHeader(header, 0, linkType, snaplen);
  return header;
}

/** A frame as a capture file holds it. */
export function fileRecord({ time, bytes, wireLength }: CapturedFrame): Uint8Array {
  const record = new Uint8Array(pcap.RECORD_HEADER_LENGTH + bytes.length);
  const seconds = Math.floor(time / MICROSECONDS);
  pcap.writeRecordHeader(record, 0, seconds, time - seconds * MICROSECONDS, bytes.length, wireLength);
  record.set(bytes, pcap.RECORD_HEADER_LENGTH);
  return record;
}
