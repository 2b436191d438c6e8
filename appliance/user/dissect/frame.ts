// SPDX-License-Identifier: ISC
//
// What every printer is handed: the captured bytes, where they end, how to print; and the few words they all use.

import { formatAddress } from '../../abi/addressText.ts';
import { SERVICES } from '../../abi/names.ts';
import { i32 } from '../../wire/bytes.ts';
import type { Conversations } from './conversations.ts';

/** The headers that printers take apart. */
export type HeaderKind =
  | 'pflog'
  | 'ethernet'
  | 'vlan'
  | 'arp'
  | 'ipv4'
  | 'ipv6'
  | 'extension'
  | 'tcp'
  | 'udp'
  | 'icmp'
  | 'icmp6'
  | 'igmp'
  | 'carp'
  | 'pfsync';

/**
 * Hears of a header that a printer has found, all of whose fixed part was captured; outer ones come first. `length` is what the packet has
 * from the header on, `network` the position of the IP header that it came under, -1 where there is none, `protocol` the number by which
 * an extension header was announced.
 */
export type Found = (
  kind: HeaderKind,
  at: number,
  length: number,
  network: number,
  protocol?: number,
) => void;

export interface DissectOptions {
  /** -n: ports as numbers. Addresses are always numbers. */
  readonly numeric: boolean;
  /** -e: the link-level header; the rule on pflog. */
  readonly ethernet: boolean;
  /** How many -v. */
  readonly verbose: number;
  /** -q: less of each protocol. */
  readonly quick?: boolean;
  /** -x: the packet in hexadecimal, -X: with its characters. */
  readonly hex?: 'x' | 'X';
  /** Bytes the frame had on the wire, when the capture cut it; default what is there. */
  readonly wireLength?: number;
  /** Sequence numbers are printed relative to what these remember; without them absolute, as -S. */
  readonly conversations?: Conversations;
  readonly found?: Found;
}

/** A frame under print. Lengths that printers are handed are those on the wire; what was captured ends at `end`. */
export interface Frame {
  readonly bytes: Uint8Array;
  readonly end: number;
  /** Position of the Ethernet header, -1 without one. */
  readonly link: number;
  readonly options: DissectOptions;
  /** Prints an IP packet of either version within this one: quoted by an error, or encapsulated. */
  readonly inner: (version: 4 | 6, at: number, length: number) => string;
}

/** All of `count` bytes at `at` were captured. */
export function captured(frame: Frame, at: number, count: number): boolean {
  return at + count <= frame.end;
}

/** Dotted quad at a position. */
export function address4(frame: Frame, at: number): string {
  return formatAddress({ family: 4, words: [i32(frame.bytes, at)] });
}

/** IPv6 address at a position. */
export function address6(frame: Frame, at: number): string {
  const { bytes } = frame;
  const words = [i32(bytes, at), i32(bytes, at + 4), i32(bytes, at + 8), i32(bytes, at + 12)];
  return formatAddress({ family: 6, words });
}

/** Ethernet address at a position. */
export function etherAddress(frame: Frame, at: number): string {
  return Array.from({ length: 6 }, (_, i) => hex(frame.bytes[at + i]!, 2)).join(':');
}

export function hex(value: number, digits: number): string {
  return (value >>> 0).toString(16).padStart(digits, '0');
}

const serviceNames = {
  tcp: new Map(Object.entries(SERVICES.tcp).map(([name, port]) => [port, name])),
  udp: new Map(Object.entries(SERVICES.udp).map(([name, port]) => [port, name])),
};

/** A port by its name in services(5), or as a number. */
export function port(frame: Frame, protocol: 'tcp' | 'udp', number: number): string {
  const name = frame.options.numeric ? undefined : serviceNames[protocol].get(number);
  return name ?? String(number);
}

/** Characters that a terminal may be shown; anything else as `\ooo`. */
export function printable(bytes: Uint8Array, at: number, end: number): string {
  let text = '';
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!;
    text +=
      byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`;
  }
  return text;
}

/** What a wrong checksum field should hold, given the checksum computed over the data with that field in it. */
export function rightChecksum(stored: number, computed: number): number {
  const sum = stored + computed;
  return (sum & 0xffff) + (sum >>> 16);
}
