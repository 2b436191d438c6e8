// SPDX-License-Identifier: ISC
//
// Prints a TCP segment: `S 123:123(0) win 65535 <mss 1460>`.

import * as checksum from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import { ABSOLUTE, type Segment } from './conversations.ts';
import { address4, address6, captured, type Frame, hex, port, printable, rightChecksum } from './frame.ts';
import { printTcpOptions } from './tcpOptions.ts';

const FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [tcp.FLAG_SYN, 'S'],
  [tcp.FLAG_FIN, 'F'],
  [tcp.FLAG_RST, 'R'],
  [tcp.FLAG_PSH, 'P'],
  [tcp.FLAG_CWR, 'W'],
  [tcp.FLAG_ECE, 'E'],
];

/** Bytes of text in a RST (RFC 1122 4.2.2.12) that are shown. */
const RESET_TEXT = 30;

/** Where the ports end, and the sequence number. */
const PORTS_LENGTH = 4;
const SEQUENCE_END = 8;

/** `network` is the IP header that it came under, `length` the bytes from `at` on. */
export function printTcp(frame: Frame, network: number, at: number, length: number): string {
  if (length < tcp.HEADER_LENGTH) return `truncated-tcp ${length}`;
  if (!captured(frame, at, PORTS_LENGTH)) return `${hosts(frame, network)}[|tcp]`;
  const ends = `${endpoints(frame, network, at)}: `;
  if (!captured(frame, at, tcp.HEADER_LENGTH)) return `${ends}${cutSequence(frame, at)}[|tcp]`;
  frame.options.found?.('tcp', at, length, network);
  const header = tcp.headerLength(frame.bytes, at);
  if (frame.options.quick) return `${ends}tcp ${length - header}`;
  const flags = printFlags(tcp.flags(frame.bytes, at));
  if (header > length) return `${ends}${flags} [bad hdr length]`;
  return ends + flags + printSegment(frame, network, at, length);
}

function printSegment(frame: Frame, network: number, at: number, length: number): string {
  const flags = tcp.flags(frame.bytes, at);
  const segment = place(frame, network, at);
  return (
    printChecksum(frame, network, at, length) +
    printNumbers(frame, at, length, segment) +
    ` win ${tcp.window(frame.bytes, at)}` +
    ((flags & tcp.FLAG_URG) !== 0 ? ` urg ${tcp.urgentPointer(frame.bytes, at)}` : '') +
    printTcpOptions(frame, at, segment.blocks) +
    ((flags & tcp.FLAG_RST) !== 0 ? printResetText(frame, at, length) : '')
  );
}

function isVersion6(frame: Frame, network: number): boolean {
  return ipv6.version(frame.bytes, network) === 6;
}

function sourceHost(frame: Frame, network: number): string {
  return isVersion6(frame, network)
    ? address6(frame, ipv6.sourceAt(network))
    : address4(frame, ipv4.sourceAt(network));
}

function destinationHost(frame: Frame, network: number): string {
  return isVersion6(frame, network)
    ? address6(frame, ipv6.destinationAt(network))
    : address4(frame, ipv4.destinationAt(network));
}

function hosts(frame: Frame, network: number): string {
  return `${sourceHost(frame, network)} > ${destinationHost(frame, network)}: `;
}

/** Behind extension headers the addresses stand in front of those already, and only the ports follow. */
function endpoints(frame: Frame, network: number, at: number): string {
  const source = port(frame, 'tcp', tcp.sourcePort(frame.bytes, at));
  const destination = port(frame, 'tcp', tcp.destinationPort(frame.bytes, at));
  if (isVersion6(frame, network) && ipv6.nextHeader(frame.bytes, network) !== ipv6.NEXT_TCP) {
    return `${source} > ${destination}`;
  }
  return `${sourceHost(frame, network)}.${source} > ${destinationHost(frame, network)}.${destination}`;
}

function cutSequence(frame: Frame, at: number): string {
  if (frame.options.quick || !captured(frame, at, SEQUENCE_END)) return '';
  return captured(frame, at, SEQUENCE_END + 4) ? '' : `${tcp.sequence(frame.bytes, at) >>> 0} `;
}

export function printFlags(flags: number): string {
  const letters = FLAG_LETTERS.filter(([flag]) => (flags & flag) !== 0).map(([, letter]) => letter);
  return letters.join('') || '.';
}

/** What its numbers are printed relative to. */
function place(frame: Frame, network: number, at: number): Segment {
  const { bytes, options } = frame;
  const flags = tcp.flags(bytes, at);
  if (options.conversations === undefined || (flags & tcp.FLAG_ACK) === 0) return ABSOLUTE;
  return options.conversations.place(
    `${sourceHost(frame, network)}.${tcp.sourcePort(bytes, at)}`,
    `${destinationHost(frame, network)}.${tcp.destinationPort(bytes, at)}`,
    tcp.sequence(bytes, at),
    tcp.acknowledgment(bytes, at),
    (flags & tcp.FLAG_SYN) !== 0,
  );
}

function printNumbers(frame: Frame, at: number, length: number, segment: Segment): string {
  const { bytes, options } = frame;
  const flags = tcp.flags(bytes, at);
  const data = length - tcp.headerLength(bytes, at);
  const sequence = (tcp.sequence(bytes, at) - segment.sequence) >>> 0;
  const end = (sequence + data) >>> 0;
  const occupies = data > 0 || (flags & (tcp.FLAG_SYN | tcp.FLAG_FIN | tcp.FLAG_RST)) !== 0;
  const acknowledged = (tcp.acknowledgment(bytes, at) - segment.acknowledgment) >>> 0;
  return (
    (occupies || options.verbose > 1 ? ` ${sequence}:${end}(${data})` : '') +
    ((flags & tcp.FLAG_ACK) !== 0 ? ` ack ${acknowledged}` : '')
  );
}

/** With -v, if all of the segment is there. */
export function printChecksum(frame: Frame, network: number, at: number, length: number): string {
  const { bytes } = frame;
  if (frame.options.verbose === 0 || !captured(frame, at, length)) return '';
  const over = isVersion6(frame, network) ? checksum.transport6 : checksum.transport4;
  const computed = over(bytes, network, ipv4.PROTOCOL_TCP, at, length);
  if (computed === 0) return ' [tcp sum ok]';
  const stored = tcp.checksum(bytes, at);
  return ` [bad tcp cksum ${hex(stored, 1)}! -> ${hex(rightChecksum(stored, computed), 1)}]`;
}

/** A RST may say in words why, shown with -v: `[RST text]`, with `+` where it is longer, `!` where it was cut off. */
function printResetText(frame: Frame, at: number, length: number): string {
  const start = tcp.payloadAt(frame.bytes, at);
  const data = at + length - start;
  if (data <= 0 || frame.options.verbose === 0) return '';
  const mark = captured(frame, start, data) ? '' : '!';
  const end = Math.min(start + Math.min(data, RESET_TEXT), frame.end);
  return ` [${mark}RST${data > RESET_TEXT ? '+' : ''} ${printable(frame.bytes, start, end)}]`;
}
