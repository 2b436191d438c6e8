// SPDX-License-Identifier: ISC
//
// -x and -X of tcpdump(8): lines of sixteen bytes, to be put behind the packet's own line.

import { u16 } from '../../wire/bytes.ts';
import { hex } from './frame.ts';

const BYTES_A_LINE = 16;

/** Words of sixteen bits in lines that begin with a line break and three tabs. */
export function hexWords(bytes: Uint8Array, from: number, end: number): string {
  let text = '';
  for (let at = from; at < end; at += 2) {
    if ((at - from) % BYTES_A_LINE === 0) text += '\n\t\t\t';
    text += at + 1 < end ? ` ${hex(u16(bytes, at), 4)}` : ` ${hex(bytes[at]!, 2)}`;
  }
  return text;
}

/** Offset, words and characters. The text begins and ends with a line break, so that a blank line parts the packets. */
export function hexAndCharacters(bytes: Uint8Array, from: number, end: number): string {
  let text = '\n';
  for (let at = from; at < end; at += BYTES_A_LINE) {
    const stop = Math.min(at + BYTES_A_LINE, end);
    text += `  ${hex(at - from, 4)}: ${words(bytes, at, stop).padEnd(40)} ${characters(bytes, at, stop)}\n`;
  }
  return text;
}

function words(bytes: Uint8Array, from: number, end: number): string {
  let text = '';
  for (let at = from; at < end; at++) text += hex(bytes[at]!, 2) + ((at - from) % 2 === 1 ? ' ' : '');
  return text;
}

function characters(bytes: Uint8Array, from: number, end: number): string {
  let text = '';
  for (let at = from; at < end; at++) {
    const byte = bytes[at]!;
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }
  return text;
}
