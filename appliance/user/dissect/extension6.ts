// SPDX-License-Identifier: ISC
//
// Prints IPv6 extension headers, whole ones: hop-by-hop and destination options, routing, fragment.

import { i32, u16 } from '../../wire/bytes.ts';
import * as extension6 from '../../wire/extension6.ts';
import * as fragment6 from '../../wire/fragment6.ts';
import { type Frame, hex } from './frame.ts';

const ROUTER_ALERT_LENGTH = 4;
const JUMBO_LENGTH = 6;

export function printHopByHop(frame: Frame, at: number, length: number): string {
  return `HBH ${printOptions(frame, at, length)}`;
}

export function printDestinationOptions(frame: Frame, at: number, length: number): string {
  return `DSTOPT ${printOptions(frame, at, length)}`;
}

function printOptions(frame: Frame, start: number, length: number): string {
  if (frame.options.verbose === 0) return '';
  const end = start + length;
  let text = '';
  let at = extension6.optionsAt(start);
  while (at < end) {
    const taken = extension6.optionLength(frame.bytes, at, end);
    const type = extension6.optionType(frame.bytes, at);
    if (taken === 0) return `${text}(${optionName(type)}: trunc)[trunc] `;
    const option = printOption(frame, type, at, taken);
    text += option;
    if (option.endsWith('[trunc] ')) return text;
    at += taken;
  }
  return text;
}

function optionName(type: number): string {
  if (type === extension6.OPTION_PADN) return 'padn';
  if (type === extension6.OPTION_ROUTER_ALERT) return 'rtalert';
  if (type === extension6.OPTION_JUMBO) return 'jumbo';
  return `type ${type}`;
}

function printOption(frame: Frame, type: number, at: number, taken: number): string {
  const { bytes } = frame;
  const data = at + 2;
  switch (type) {
    case extension6.OPTION_PAD1:
    case extension6.OPTION_PADN:
      return '';
    case extension6.OPTION_ROUTER_ALERT:
      if (taken !== ROUTER_ALERT_LENGTH) return `(rtalert: invalid len ${taken - 2})[trunc] `;
      return `(rtalert: 0x${hex(u16(bytes, data), 4)}) `;
    case extension6.OPTION_JUMBO:
      if (taken !== JUMBO_LENGTH) return `(jumbo: invalid len ${taken - 2})[trunc] `;
      return `(jumbo: ${i32(bytes, data) >>> 0}) `;
    default:
      return `(type 0x${hex(type, 2)}: len=${taken - 2}) `;
  }
}

/** `srcrt` with its length in units of eight, type and segments left. */
export function printRouting(frame: Frame, at: number, length: number): string {
  const type = extension6.routingType(frame.bytes, at);
  const left = extension6.routingSegmentsLeft(frame.bytes, at);
  return `srcrt (len=${(length >>> 3) - 1}, type=${type}, segleft=${left}) `;
}

/** Offset and size of the piece; `left` is the packet from this header on. A space follows if what comes next can be read. */
export function printFragment(frame: Frame, at: number, left: number): string {
  const { bytes } = frame;
  const offset = fragment6.fragmentOffset(bytes, at);
  const id = frame.options.verbose > 0 ? `0x${hex(fragment6.identification(bytes, at), 8)}:` : '';
  return `frag (${id}${offset}|${left - fragment6.HEADER_LENGTH})${offset === 0 ? ' ' : ''}`;
}
