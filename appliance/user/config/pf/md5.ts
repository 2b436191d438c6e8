// SPDX-License-Identifier: ISC
//
// MD5 (RFC 1321): keys of source-hash pools that are given as words, and the checksum of a ruleset.

/** The four words of a digest, unsigned; the first byte of the digest is the lowest of the first word. */
export type Md5Words = readonly [number, number, number, number];

const SHIFTS = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21];
const SINES = Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);

export function md5Words(message: Uint8Array): Md5Words {
  const padded = pad(message);
  const view = new DataView(padded.buffer);
  const state = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let offset = 0; offset < padded.length; offset += 64) {
    const next = block(view, offset, state);
    for (let i = 0; i < 4; i++) state[i] = (state[i]! + next[i]!) | 0;
  }
  return [state[0]! >>> 0, state[1]! >>> 0, state[2]! >>> 0, state[3]! >>> 0];
}

/** The digest as 32 hexadecimal digits. */
export function md5Hex(message: Uint8Array): string {
  const bytes = md5Words(message).flatMap((word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 0xff));
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function pad(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = (((message.length + 8) >>> 6) + 1) << 6;
  const padded = new Uint8Array(length);
  padded.set(message);
  padded[message.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(length - 8, message.length << 3, true);
  view.setUint32(length - 4, message.length >>> 29, true);
  return padded;
}

function block(view: DataView, offset: number, state: readonly number[]): number[] {
  let [a, b, c, d] = state as [number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const round = i >>> 4;
    const mixed =
      round === 0
        ? (b & c) | (~b & d)
        : round === 1
          ? (d & b) | (~d & c)
          : round === 2
            ? b ^ c ^ d
            : c ^ (b | ~d);
    const word = [i, 5 * i + 1, 3 * i + 5, 7 * i][round]! & 15;
    const sum = (a + mixed + SINES[i]! + view.getInt32(offset + 4 * word, true)) | 0;
    const shift = SHIFTS[4 * round + (i & 3)]!;
    [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
  }
  return [a, b, c, d];
}
