// SPDX-License-Identifier: ISC
//
// Prints IGMP. Version 3, which OpenBSD's tcpdump does not take apart, in the layout of tcpdump 4.

import * as igmp from '../../wire/igmp.ts';
import { address4, captured, type Frame, hex } from './frame.ts';

const RECORD_TYPES = ['is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'];

/** Without the addresses, which IP has printed. `length` is the bytes from `at` on. */
export function printIgmp(frame: Frame, at: number, length: number): string {
  if (!captured(frame, at, igmp.HEADER_LENGTH)) return '[|igmp]';
  frame.options.found?.('igmp', at, length, -1);
  const text = `${printMessage(frame, at, length)}`;
  if (!captured(frame, at, length)) return `${text}[|igmp]`;
  const wrong = frame.options.verbose > 0 && !igmp.checksumValid(frame.bytes, at, at + length);
  return wrong ? `${text} bad igmp cksum ${hex(igmp.checksum(frame.bytes, at), 1)}!` : text;
}

function printMessage(frame: Frame, at: number, length: number): string {
  const type = igmp.type(frame.bytes, at);
  const group = address4(frame, igmp.groupAt(at));
  switch (type) {
    case igmp.TYPE_QUERY:
      return printQuery(frame, at, length);
    case igmp.TYPE_REPORT1:
      return `igmp report ${group}${oddLength(length)}`;
    case igmp.TYPE_REPORT2:
      return `igmp nreport ${group}`;
    case igmp.TYPE_LEAVE:
      return `igmp leave ${group}`;
    case igmp.TYPE_REPORT3:
      return printReport3(frame, at, length);
    default:
      return `igmp-${type & 0x0f}${type >>> 4 === 1 ? '' : ` [v${type >>> 4}]`}`;
  }
}

function printQuery(frame: Frame, at: number, length: number): string {
  const group = igmp.group(frame.bytes, at) === 0 ? '' : ` [gaddr ${address4(frame, igmp.groupAt(at))}]`;
  return `igmp query${length >= igmp.QUERY3_LENGTH ? ' v3' : ''}${group}${
    length < igmp.QUERY3_LENGTH ? oddLength(length) : ''
  }`;
}

function oddLength(length: number): string {
  return length === igmp.HEADER_LENGTH ? '' : ` [len ${length}]`;
}

function printReport3(frame: Frame, at: number, length: number): string {
  const count = igmp.recordCount(frame.bytes, at);
  let text = `igmp v3 report, ${count} group record(s)`;
  if (frame.options.verbose === 0) return text;
  const end = Math.min(at + length, frame.end);
  let record = igmp.recordsAt(at);
  for (let left = count; left > 0; left--) {
    const taken = igmp.recordLength(frame.bytes, record, end);
    if (taken === 0) return `${text} [invalid number of groups]`;
    text += printRecord(frame, record);
    record += taken;
  }
  return text;
}

function printRecord(frame: Frame, at: number): string {
  const type = igmp.recordType(frame.bytes, at);
  const name = RECORD_TYPES[type - 1] ?? `[v3-report-#${type}]`;
  let sources = '';
  for (let i = 0; i < igmp.recordSourceCount(frame.bytes, at); i++) {
    sources += `${address4(frame, igmp.recordSourceAt(at, i))} `;
  }
  return ` [gaddr ${address4(frame, igmp.recordGroupAt(at))} ${name} { ${sources}}]`;
}
