// SPDX-License-Identifier: ISC
//
// The headers below the transport as fields with names: for a packet as a tree. Values are those that the printers show.

import { PROTOCOLS } from '../../abi/names.ts';
import * as arp from '../../wire/arp.ts';
import * as checksum from '../../wire/checksum.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as extension6 from '../../wire/extension6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as pflog from '../../wire/pflog.ts';
import { printArp } from './arp.ts';
import { address4, address6, captured, etherAddress, type Frame, hex, rightChecksum } from './frame.ts';
import { printIpv4Options } from './ipv4Options.ts';
import { printExtension } from './ipv6.ts';
import { printHeader } from './pflog.ts';

export type Field = readonly [name: string, value: string];

/** What a header is, as printers tell of it (`Found`). */
export interface FoundHeader {
  readonly at: number;
  readonly length: number;
  readonly network: number;
  readonly protocol: number;
}

/** The fields of a header, in the order of the wire. */
export type Fields = (frame: Frame, header: FoundHeader) => readonly Field[];

const ETHER_TYPES: ReadonlyMap<number, string> = new Map([
  [ethernet.TYPE_IPV4, 'IPv4'],
  [ethernet.TYPE_ARP, 'ARP'],
  [ethernet.TYPE_REVERSE_ARP, 'RARP'],
  [ethernet.TYPE_VLAN, '802.1Q'],
  [ethernet.TYPE_IPV6, 'IPv6'],
  [ethernet.TYPE_QINQ, 'QinQ'],
  [ethernet.TYPE_LLDP, 'LLDP'],
]);

const PROTOCOL_NAMES = new Map(Object.entries(PROTOCOLS).map(([name, number]) => [number, name]));

/** A number and what it stands for, where that is known. */
export function named(number: string | number, name: string | undefined): string {
  return name === undefined ? String(number) : `${number} (${name})`;
}

function etherType(type: number): string {
  return named(`0x${hex(type, 4)}`, ETHER_TYPES.get(type));
}

export const ethernetFields: Fields = (frame, { at }) => [
  ['destination', etherAddress(frame, ethernet.destinationAt(at))],
  ['source', etherAddress(frame, ethernet.sourceAt(at))],
  ['type', etherType(ethernet.type(frame.bytes, at))],
];

/** `at` is behind the type that says that a tag follows. */
export const vlanFields: Fields = ({ bytes }, { at }) => {
  const start = at - ethernet.HEADER_LENGTH;
  return [
    ['priority', String(ethernet.priority(bytes, start))],
    ['drop eligible', ethernet.dropEligible(bytes, start) ? 'yes' : 'no'],
    ['vlan', String(ethernet.vlan(bytes, start))],
    ['type', etherType(ethernet.taggedType(bytes, start))],
  ];
};

export const arpFields: Fields = (frame, { at, length }) => {
  const { bytes } = frame;
  const addresses: readonly Field[] = [
    ['sender', `${address4(frame, arp.senderAt(at))} at ${etherAddress(frame, arp.senderHardwareAt(at))}`],
    ['target', `${address4(frame, arp.targetAt(at))} at ${etherAddress(frame, arp.targetHardwareAt(at))}`],
  ];
  return [
    ['hardware type', String(arp.hardwareType(bytes, at))],
    ['protocol type', `0x${hex(arp.protocolType(bytes, at), 4)}`],
    ['operation', String(arp.operation(bytes, at))],
    ...(arp.addressesValid(bytes, at) ? addresses : []),
    ['message', printArp(frame, at, length)],
  ];
};

export const ipv4Fields: Fields = (frame, { at }) => {
  const { bytes } = frame;
  const header = ipv4.headerLength(bytes, at);
  const flags = [
    ...(ipv4.dontFragment(bytes, at) ? ["don't fragment"] : []),
    ...(ipv4.moreFragments(bytes, at) ? ['more fragments'] : []),
  ];
  const protocol = ipv4.protocol(bytes, at);
  return [
    ['header length', String(header)],
    ['type of service', `0x${hex(ipv4.typeOfService(bytes, at), 2)}`],
    ['total length', String(ipv4.totalLength(bytes, at))],
    ['identification', String(ipv4.identification(bytes, at))],
    ['flags', flags.join(', ') || 'none'],
    ['fragment offset', String(ipv4.fragmentOffset(bytes, at))],
    ['ttl', String(ipv4.ttl(bytes, at))],
    ['protocol', named(protocol, PROTOCOL_NAMES.get(protocol))],
    ['checksum', headerChecksum(frame, at, header)],
    ['source', address4(frame, ipv4.sourceAt(at))],
    ['destination', address4(frame, ipv4.destinationAt(at))],
    ...(header > ipv4.HEADER_LENGTH
      ? [['options', printIpv4Options(frame, ipv4.optionsAt(at), at + header).trim()] as const]
      : []),
  ];
};

function headerChecksum(frame: Frame, at: number, header: number): string {
  const stored = ipv4.checksum(frame.bytes, at);
  const shown = `0x${hex(stored, 4)}`;
  if (!captured(frame, at, header)) return shown;
  const computed = checksum.compute(frame.bytes, at, header);
  return computed === 0
    ? `${shown} ok`
    : `${shown} bad, 0x${hex(rightChecksum(stored, computed), 4)} is right`;
}

export const ipv6Fields: Fields = (frame, { at }) => {
  const { bytes } = frame;
  const next = ipv6.nextHeader(bytes, at);
  return [
    ['traffic class', `0x${hex(ipv6.trafficClass(bytes, at), 2)}`],
    ['flow label', `0x${hex(ipv6.flowLabel(bytes, at), 5)}`],
    ['payload length', String(ipv6.payloadLength(bytes, at))],
    ['next header', named(next, PROTOCOL_NAMES.get(next))],
    ['hop limit', String(ipv6.hopLimit(bytes, at))],
    ['source', address6(frame, ipv6.sourceAt(at))],
    ['destination', address6(frame, ipv6.destinationAt(at))],
  ];
};

export const extensionFields: Fields = (frame, { at, length, protocol }) => {
  const header = extension6.headerLength(frame.bytes, protocol, at, frame.end);
  const next = extension6.nextHeader(frame.bytes, at);
  return [
    ['next header', named(next, PROTOCOL_NAMES.get(next))],
    ['header length', String(header)],
    ['content', printExtension(frame, protocol, at, header, length).trim()],
  ];
};

export const pflogFields: Fields = (frame, { at }) => [
  ['header length', String(pflog.payloadAt(frame.bytes, at) - at)],
  ['verdict', printHeader(frame, at).replace(/: $/, '')],
];
