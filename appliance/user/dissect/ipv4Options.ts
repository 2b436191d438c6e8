// SPDX-License-Identifier: ISC
//
// Prints IPv4 options (RFC 791 3.1), the routes of those that record or prescribe one with `#` where the pointer stands.

import * as ipv4 from '../../wire/ipv4.ts';
import { address4, captured, type Frame } from './frame.ts';

/** Position of the pointer, and of the first address, in a route option. */
const POINTER = 2;
const ROUTE = 3;

/** Each option with a space in front. */
export function printIpv4Options(frame: Frame, from: number, end: number): string {
  let text = '';
  let at = from;
  while (at < end) {
    if (!captured(frame, at, 2) && frame.bytes[at]! > ipv4.OPTION_NOP) return `${text}[|ip]`;
    if (!captured(frame, at, 1)) return `${text}[|ip]`;
    const length = ipv4.optionLength(frame.bytes, at, end);
    if (length === 0) return `${text}[|ip op len ${frame.bytes[at + 1] ?? 0}]`;
    if (!captured(frame, at, length)) return `${text}[|ip]`;
    text += printOption(frame, at, length, end);
    if (frame.bytes[at] === ipv4.OPTION_END) break;
    at += length;
  }
  return text;
}

function printOption(frame: Frame, at: number, length: number, end: number): string {
  const kind = frame.bytes[at]!;
  switch (kind) {
    case ipv4.OPTION_END:
      return end - at > 1 ? ` EOL-${end - at - 1}` : ' EOL';
    case ipv4.OPTION_NOP:
      return ' NOP';
    case ipv4.OPTION_TIMESTAMP:
      return ` TS{${length}}`;
    case ipv4.OPTION_SECURITY:
      return ` SECURITY{${length}}`;
    case ipv4.OPTION_RECORD_ROUTE:
      return ` RR{${length}}=${route(frame, 'RR', at, length)}`;
    case ipv4.OPTION_STRICT_SOURCE_ROUTE:
      return route(frame, 'SSRR', at, length);
    case ipv4.OPTION_LOOSE_SOURCE_ROUTE:
      return route(frame, 'LSRR', at, length);
    default:
      return ` IPOPT-${kind}{${length}}`;
  }
}

function route(frame: Frame, name: string, at: number, length: number): string {
  if (length < ROUTE) return ` ${name}{ [bad length ${length}]}`;
  const pointer = frame.bytes[at + POINTER]! - 1;
  let text = ` ${name}{`;
  if (length % 4 !== 3) text += ` [bad length ${length}]`;
  if (pointer < ROUTE || pointer % 4 !== 3 || pointer > length + 1) text += ` [bad ptr ${pointer + 1}]`;
  let separator = '';
  let hop = ROUTE;
  for (; hop + 4 <= length; hop += 4) {
    text += (pointer === hop ? '#' : separator) + address4(frame, at + hop);
    separator = ' ';
  }
  return `${text}${pointer === hop ? '#' : ''}}`;
}
