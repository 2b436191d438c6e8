// SPDX-License-Identifier: ISC
//
// Captured frames as lines of JSON, as `tcpdump --json` prints them: written and read here.

import type { CapturedFrame } from './captureFrames.ts';
import { decode, type Layer } from './dissect/tree.ts';

/** A frame with what tcpdump says of it. */
export interface TracedFrame extends CapturedFrame {
  /** pcap.LINK_*. */
  readonly linkType: number;
  /** tcpdump's line, without the time. */
  readonly text: string;
}

/** What a line holds; times are RFC 3339 in UTC with microseconds, bytes are hexadecimal digits. */
interface FrameLine {
  readonly time: string;
  readonly linkType: number;
  /** On the wire. */
  readonly length: number;
  readonly text: string;
  /** With -v. */
  readonly layers?: readonly { readonly name: string; readonly fields: Layer['fields'] }[];
  readonly bytes: string;
}

const MILLISECOND = 1000;
/** Characters of a time as far as its milliseconds. */
const MILLISECONDS_END = 23;

/** The line for a frame, without its end. */
export function frameJson(
  { time, linkType, wireLength, text, bytes }: TracedFrame,
  withLayers: boolean,
): string {
  const line: FrameLine = {
    time: timeText(time),
    linkType,
    length: wireLength,
    text,
    ...(withLayers && { layers: decode(linkType, bytes, wireLength).slice(0, -1) }),
    bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex'),
  };
  return JSON.stringify(line);
}

/** A line of `frameJson`, read. */
export function readFrameJson(line: string): TracedFrame {
  const { time, linkType, length, text, bytes } = JSON.parse(line) as FrameLine;
  return {
    time:
      Date.parse(`${time.slice(0, MILLISECONDS_END)}Z`) * MILLISECOND +
      Number(time.slice(MILLISECONDS_END, -1)),
    linkType,
    wireLength: length,
    text,
    bytes: new Uint8Array(Buffer.from(bytes, 'hex')),
  };
}

/** `2026-11-23T22:19:30.123456Z` for microseconds since the epoch. */
function timeText(time: number): string {
  const whole = Math.floor(time);
  const text = new Date(Math.floor(whole / MILLISECOND)).toISOString();
  return `${text.slice(0, MILLISECONDS_END)}${String(whole % MILLISECOND).padStart(3, '0')}Z`;
}
