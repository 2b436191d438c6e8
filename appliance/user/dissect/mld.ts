// SPDX-License-Identifier: ISC
//
// Prints multicast listener discovery: version 1 messages, the version 2 query and report.

import * as icmp6 from '../../wire/icmp6.ts';
import * as mld from '../../wire/mld.ts';
import { address6, captured, type Frame } from './frame.ts';

const RECORD_TYPES = ['is_in', 'is_ex', 'to_in', 'to_ex', 'allow', 'block'];

/** `length` is the bytes from `at` on. */
export function printMld(frame: Frame, at: number, length: number): string {
  switch (icmp6.type(frame.bytes, at)) {
    case icmp6.TYPE_LISTENER_QUERY:
      return `icmp6: multicast listener query ${printQuery(frame, at, length)}`;
    case icmp6.TYPE_LISTENER_REPORT:
      return `icmp6: multicast listener report ${printMessage(frame, at)}`;
    case icmp6.TYPE_LISTENER_DONE:
      return `icmp6: multicast listener done ${printMessage(frame, at)}`;
    default:
      return `multicast listener report v2${printReport2(frame, at, length)}`;
  }
}

function printMessage(frame: Frame, at: number): string {
  if (!captured(frame, at, mld.MESSAGE_LENGTH)) return '';
  return `max resp delay: ${mld.maximumResponse(frame.bytes, at)} addr: ${address6(frame, mld.groupAt(at))}`;
}

/** The length tells the versions apart (RFC 3810 8.1). */
function printQuery(frame: Frame, at: number, length: number): string {
  if (length === mld.MESSAGE_LENGTH) return printMessage(frame, at);
  if (length < mld.QUERY2_LENGTH) return `unknown-version (len ${length}) `;
  if (!captured(frame, at, mld.QUERY2_LENGTH)) return 'v2 [|icmp6]';
  const delay = frame.options.verbose > 0 ? ` [max resp delay=${mld.maximumResponse2(frame.bytes, at)}]` : '';
  const timing = frame.options.verbose > 0 ? printTiming(frame, at) : '';
  const group = address6(frame, mld.groupAt(at));
  return `v2 ${delay} [gaddr ${group}${timing}${printSources(frame, at, length)}]`;
}

function printTiming(frame: Frame, at: number): string {
  const { bytes } = frame;
  const robustness = mld.queryRobustness(bytes, at);
  return (
    (mld.querySuppress(bytes, at) ? ' sflag' : '') +
    (robustness === 0 ? '' : ` robustness=${robustness}`) +
    ` qqi=${mld.queryInterval(bytes, at)}`
  );
}

function printSources(frame: Frame, at: number, length: number): string {
  const count = mld.querySourceCount(frame.bytes, at);
  if (count === 0) return '';
  if (length < mld.querySourceAt(0, count)) return ' [invalid number of sources]';
  if (frame.options.verbose < 2) return `, ${count} source(s)`;
  return ` ${addresses(frame, (i) => mld.querySourceAt(at, i), count)}`;
}

function addresses(frame: Frame, position: (index: number) => number, count: number): string {
  let text = '{';
  for (let i = 0; i < count; i++) {
    if (!captured(frame, position(i), 16)) return `${text}[|icmp6]`;
    text += ` ${address6(frame, position(i))}`;
  }
  return `${text} }`;
}

function printReport2(frame: Frame, at: number, length: number): string {
  if (length < mld.REPORT2_LENGTH) return ` [invalid len ${length}]`;
  if (!captured(frame, at, mld.REPORT2_LENGTH)) return '[|icmp6]';
  const count = mld.recordCount(frame.bytes, at);
  let text = `, ${count} group record(s)`;
  if (frame.options.verbose === 0) return text;
  const end = Math.min(at + length, frame.end);
  let record = mld.recordsAt(at);
  for (let left = count; left > 0; left--) {
    const taken = mld.recordLength(frame.bytes, record, end);
    if (taken === 0) return `${text} [invalid number of groups]`;
    text += printRecord(frame, record);
    record += taken;
  }
  return text;
}

/** With -v the number of sources, with -vv the sources. */
function printRecord(frame: Frame, at: number): string {
  const type = mld.recordType(frame.bytes, at);
  const name = RECORD_TYPES[type - 1] ?? ` [v2-report-#${type}]`;
  const count = mld.recordSourceCount(frame.bytes, at);
  const sources =
    frame.options.verbose === 1
      ? `, ${count} source(s)`
      : ` ${addresses(frame, (i) => mld.recordSourceAt(at, i), count)}`;
  return ` [gaddr ${address6(frame, mld.recordGroupAt(at))} ${name}${sources}]`;
}
