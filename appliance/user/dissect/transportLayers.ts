// SPDX-License-Identifier: ISC
//
// The headers above IP as fields with names: for a packet as a tree. Values are those that the printers show.

import * as carp from '../../wire/carp.ts';
import * as icmp from '../../wire/icmp.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as igmp from '../../wire/igmp.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import { captured, hex, port } from './frame.ts';
import { printIcmp } from './icmp.ts';
import { printIcmp6 } from './icmp6.ts';
import { printIgmp } from './igmp.ts';
import { type Field, type Fields, named } from './layers.ts';
import { printPfsync } from './pfsync.ts';
import { printFlags, printChecksum as tcpChecksum } from './tcp.ts';
import { printTcpOptions } from './tcpOptions.ts';
import { printChecksum as udpChecksum } from './udp.ts';

/** Services by their names, whatever the line has. */
const WITH_NAMES = { numeric: false };

function portField(
  name: string,
  protocol: 'tcp' | 'udp',
  frame: Parameters<typeof port>[0],
  number: number,
): Field {
  const service = port({ ...frame, options: { ...frame.options, ...WITH_NAMES } }, protocol, number);
  return [name, service === String(number) ? service : named(number, service)];
}

/** `[tcp sum ok]`, `[bad tcp cksum …]` or nothing as words behind the number. */
function withVerdict(stored: number, verdict: string): string {
  return `0x${hex(stored, 4)} ${verdict.trim().replace(/^\[|\]$/g, '')}`.trimEnd();
}

export const tcpFields: Fields = (frame, { at, length, network }) => {
  const { bytes } = frame;
  const flags = tcp.flags(bytes, at);
  const options = printTcpOptions(frame, at, 0).trim();
  return [
    portField('source port', 'tcp', frame, tcp.sourcePort(bytes, at)),
    portField('destination port', 'tcp', frame, tcp.destinationPort(bytes, at)),
    ['sequence', String(tcp.sequence(bytes, at) >>> 0)],
    ['acknowledgment', String(tcp.acknowledgment(bytes, at) >>> 0)],
    ['header length', String(tcp.headerLength(bytes, at))],
    ['flags', `0x${hex(flags, 2)} ${printFlags(flags)}${(flags & tcp.FLAG_ACK) === 0 ? '' : ' ack'}`],
    ['window', String(tcp.window(bytes, at))],
    ['checksum', withVerdict(tcp.checksum(bytes, at), tcpChecksum(frame, network, at, length))],
    ['urgent pointer', String(tcp.urgentPointer(bytes, at))],
    ...(options === '' ? [] : [['options', options] as const]),
  ];
};

export const udpFields: Fields = (frame, { at, length, network }) => {
  const { bytes } = frame;
  return [
    portField('source port', 'udp', frame, udp.sourcePort(bytes, at)),
    portField('destination port', 'udp', frame, udp.destinationPort(bytes, at)),
    ['length', String(udp.length(bytes, at))],
    ['checksum', withVerdict(udp.checksum(bytes, at), udpChecksum(frame, network, at, length))],
  ];
};

export const icmpFields: Fields = (frame, { at, length }) => [
  ['type', String(icmp.type(frame.bytes, at))],
  ['code', String(icmp.code(frame.bytes, at))],
  ...(captured(frame, at, icmp.HEADER_LENGTH)
    ? [['checksum', `0x${hex(icmp.checksum(frame.bytes, at), 4)}`] as const]
    : []),
  ['message', printIcmp(frame, at, length)],
];

export const icmp6Fields: Fields = (frame, { at, length, network }) => [
  ['type', String(icmp6.type(frame.bytes, at))],
  ['code', String(icmp6.code(frame.bytes, at))],
  ...(captured(frame, at, icmp6.HEADER_LENGTH)
    ? [['checksum', `0x${hex(icmp6.checksum(frame.bytes, at), 4)}`] as const]
    : []),
  ['message', printIcmp6(frame, network, at, length)],
];

export const igmpFields: Fields = (frame, { at, length }) => [
  ['type', `0x${hex(igmp.type(frame.bytes, at), 2)}`],
  ['checksum', `0x${hex(igmp.checksum(frame.bytes, at), 4)}`],
  ['message', printIgmp(frame, at, length)],
];

export const carpFields: Fields = ({ bytes }, { at }) => [
  ['version', String(carp.version(bytes, at))],
  [
    'type',
    named(carp.type(bytes, at), carp.type(bytes, at) === carp.TYPE_ADVERTISEMENT ? 'advertise' : undefined),
  ],
  ['vhid', String(carp.vhid(bytes, at))],
  [
    'advskew',
    named(carp.advskew(bytes, at), carp.advskew(bytes, at) === carp.BOW_OUT ? 'bows out' : undefined),
  ],
  ['authentication words', String(carp.authlen(bytes, at))],
  ['demotion', String(carp.demote(bytes, at))],
  ['advbase', String(carp.advbase(bytes, at))],
  ['checksum', `0x${hex(carp.checksum(bytes, at), 4)}${carp.checksumValid(bytes, at) ? ' ok' : ' bad'}`],
  ['counter', `0x${hex(carp.counterHigh(bytes, at), 8)}${hex(carp.counterLow(bytes, at), 8)}`],
];

/** The packet's own line, then its sections and messages. */
export const pfsyncFields: Fields = (frame, { at, length }) =>
  printPfsync(frame, at, length)
    .split('\n')
    .map((line, i) => [i === 0 ? 'header' : /^ {4}act /.test(line) ? 'section' : '', line.trim()]);
