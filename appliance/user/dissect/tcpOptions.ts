// SPDX-License-Identifier: ISC
//
// Prints TCP options: ` <mss 1460,nop,wscale 6,sackOK,timestamp 1 0>`. An option whose length is not that of its kind is bad.

import { i32 } from '../../wire/bytes.ts';
import * as tcp from '../../wire/tcp.ts';
import * as options from '../../wire/tcpOptions.ts';
import { captured, type Frame, hex } from './frame.ts';

/** Kind and length come before the data. */
const HEAD = 2;

/** Options of RFC 1072 and T/TCP that old captures hold: a name and one 32-bit number. */
const NUMBERS: ReadonlyMap<number, string> = new Map([
  [6, 'echo'],
  [7, 'echoreply'],
  [11, 'cc'],
  [12, 'ccnew'],
  [13, 'ccecho'],
]);

/** Those of the header at `header`, SACK blocks less `origin`. Nothing for a header without options. */
export function printTcpOptions(frame: Frame, header: number, origin: number): string {
  const end = options.end(frame.bytes, header);
  const parts: string[] = [];
  for (let at = options.first(header); at < end; at += options.length(frame.bytes, at, end)) {
    const fault = faultOf(frame, at, end);
    parts.push(fault ?? printOption(frame, header, at, options.length(frame.bytes, at, end), origin));
    if (fault !== undefined || options.kind(frame.bytes, at) === options.END) break;
  }
  return parts.length === 0 ? '' : ` <${parts.join(',')}>`;
}

/** Why the option at `at` cannot be printed, if it cannot. */
function faultOf(frame: Frame, at: number, end: number): string | undefined {
  if (!captured(frame, at, 1)) return '[|tcp]';
  const single = options.kind(frame.bytes, at) <= options.NOP;
  if (!single && at + HEAD <= end && !captured(frame, at, HEAD)) return '[|tcp]';
  const length = options.length(frame.bytes, at, end);
  if (length === 0) return '[bad opt]';
  return captured(frame, at, length) ? undefined : '[|tcp]';
}

function printOption(frame: Frame, header: number, at: number, length: number, origin: number): string {
  const { bytes } = frame;
  const kind = options.kind(bytes, at);
  switch (kind) {
    case options.END:
      return 'eol';
    case options.NOP:
      return 'nop';
    case options.MSS:
      return `mss ${options.mss(bytes, at)}`;
    case options.WINDOW_SCALE:
      return `wscale ${options.windowShift(bytes, at)}`;
    case options.SACK_PERMITTED:
      return 'sackOK';
    case options.SACK:
      return printSack(frame, header, at, length, origin);
    case options.TIMESTAMPS:
      return `timestamp ${options.timestampValue(bytes, at) >>> 0} ${options.timestampEcho(bytes, at) >>> 0}`;
    default:
      return printOther(frame, kind, at, length);
  }
}

/** Blocks make sense only in an acknowledgment. */
function printSack(frame: Frame, header: number, at: number, length: number, origin: number): string {
  const { bytes } = frame;
  if ((tcp.flags(bytes, header) & tcp.FLAG_ACK) === 0) return `malformed sack [len ${length - HEAD}] `;
  const count = options.sackCount(bytes, at);
  let text = `sack ${count} `;
  for (let i = 0; i < count; i++) {
    const left = (options.sackLeft(bytes, at, i) - origin) >>> 0;
    const right = (options.sackRight(bytes, at, i) - origin) >>> 0;
    text += `{${left}:${right}} `;
  }
  return text;
}

function printOther(frame: Frame, kind: number, at: number, length: number): string {
  const name = NUMBERS.get(kind);
  if (name !== undefined && length === HEAD + 4) return `${name} ${i32(frame.bytes, at + HEAD) >>> 0}`;
  let data = '';
  for (let i = at + HEAD; i < at + length; i++) data += hex(frame.bytes[i]!, 2);
  return `${kind === options.MD5 ? 'tcpmd5' : `opt-${kind}`}:${data}`;
}
