// SPDX-License-Identifier: ISC
//
// etc/pfsync.key: the key that the machines of a pair share, 64 hexadecimal digits. What `openssl rand -hex 32` prints is one.

import { randomBytes } from 'node:crypto';
import type { PfsyncKey } from '../../abi/pfsync.ts';

const KEY = /^\s*([0-9a-fA-F]{64})\s*$/;
/** Bytes of a stream that tell the time, milliseconds since the epoch; the others are drawn, for two settings in one millisecond. */
const TIME_LENGTH = 6;
const STREAM_LENGTH = 8;

/** The key in a file, with a stream that begins now; undefined when it is none. */
export function parseSyncKey(text: string, now: number): PfsyncKey | undefined {
  const digits = KEY.exec(text)?.[1];
  if (digits === undefined) return undefined;
  const stream = Buffer.alloc(STREAM_LENGTH);
  stream.writeUIntBE(now, 0, TIME_LENGTH);
  randomBytes(STREAM_LENGTH - TIME_LENGTH).copy(stream, TIME_LENGTH);
  return { secret: new Uint8Array(Buffer.from(digits, 'hex')), stream: new Uint8Array(stream) };
}
