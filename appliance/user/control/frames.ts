// SPDX-License-Identifier: ISC
//
// The control socket's framing: a 32-bit big-endian length, then one CBOR map. Everything that comes in is bounded and checked.

import { Encoder } from 'cbor-x';

export const MAXIMUM_FRAME = 1024 * 1024;
const MAXIMUM_DEPTH = 16;
const LENGTH = 4;

/**
 * From the client: run a command (`asks`: questions can be answered), end it, answer its question (or refuse to, without text); or stay
 * connected for no more than to hear of the machine's end.
 */
export type ClientFrame =
  | { readonly op: 'run'; readonly args: readonly string[]; readonly stdin?: string; readonly asks?: boolean }
  | { readonly op: 'cancel' }
  | { readonly op: 'answer'; readonly text?: string }
  | { readonly op: 'attach' };

/** From the machine: what the command printed, what it asks, and how it ended. */
export type ServerFrame =
  | { readonly out: string }
  | { readonly err: string }
  | { readonly ask: string; readonly secret: boolean }
  | { readonly end: number };

/** Plain CBOR that any reader understands; records are cbor-x's own. */
const codec = new Encoder({
  useRecords: false,
  mapsAsObjects: true,
  copyBuffers: true,
  int64AsNumber: true,
} as object);

export class FrameError extends Error {}

export function encodeFrame(frame: ClientFrame | ServerFrame): Buffer {
  const body = codec.encode(frame);
  const bytes = Buffer.alloc(LENGTH + body.length);
  bytes.writeUInt32BE(body.length, 0);
  body.copy(bytes, LENGTH);
  return bytes;
}

/** Puts frames together from the pieces that a socket delivers. Throws FrameError for what is no frame. */
export class FrameReader {
  private buffered: Buffer = Buffer.alloc(0);

  /** Takes a piece; answers the frames that are complete with it. */
  push(piece: Buffer): unknown[] {
    this.buffered = this.buffered.length === 0 ? piece : Buffer.concat([this.buffered, piece]);
    const frames: unknown[] = [];
    while (this.buffered.length >= LENGTH) {
      const length = this.buffered.readUInt32BE(0);
      if (length > MAXIMUM_FRAME) throw new FrameError(`a frame of ${length} bytes is too long`);
      if (this.buffered.length < LENGTH + length) break;
      frames.push(decode(this.buffered.subarray(LENGTH, LENGTH + length)));
      this.buffered = this.buffered.subarray(LENGTH + length);
    }
    return frames;
  }
}

function decode(body: Buffer): unknown {
  if (depthOf(body) > MAXIMUM_DEPTH) throw new FrameError('nested too deeply');
  try {
    return codec.decode(body);
  } catch (error) {
    throw new FrameError(`not CBOR: ${(error as Error).message}`);
  }
}

/** The deepest nesting that the bytes could mean: heads of arrays, maps and tags in a row count as one inside the other. */
function depthOf(body: Buffer): number {
  let depth = 0;
  let deepest = 0;
  for (const byte of body) {
    const major = byte >>> 5;
    depth = major === 4 || major === 5 || major === 6 ? depth + 1 : 0;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

/** A client's frame, or FrameError. */
export function clientFrame(value: unknown): ClientFrame {
  const frame = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (frame.op === 'cancel' || frame.op === 'attach') return { op: frame.op };
  if (frame.op === 'answer' && isOptional(frame.text, 'string')) return frame as ClientFrame;
  if (frame.op === 'run' && isStrings(frame.args)) {
    if (isOptional(frame.stdin, 'string') && isOptional(frame.asks, 'boolean')) return frame as ClientFrame;
  }
  throw new FrameError('not a request');
}

function isOptional(value: unknown, type: 'string' | 'boolean'): boolean {
  return value === undefined || typeof value === type;
}

function isStrings(value: unknown): value is string[] {
  return (
    Array.isArray(value) &&
    value.length > 0 &&
    value.length <= 4096 &&
    value.every((one) => typeof one === 'string')
  );
}
