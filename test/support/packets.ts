// SPDX-License-Identifier: ISC
//
// Frames built from words, outermost layer first: frame({ to, from }, ip4({ source, destination }, udp(1024, 53, 'data'))). Lengths and
// checksums are right unless a test spoils them afterwards.

import { parseAddress, parseLinkAddress } from '../../appliance/abi/addressText.ts';
import * as arp from '../../appliance/wire/arp.ts';
import * as ethernet from '../../appliance/wire/ethernet.ts';
import * as icmp from '../../appliance/wire/icmp.ts';
import * as icmp6 from '../../appliance/wire/icmp6.ts';
import * as ipv4 from '../../appliance/wire/ipv4.ts';
import * as ipv6 from '../../appliance/wire/ipv6.ts';
import * as tcp from '../../appliance/wire/tcp.ts';
import * as udpHeader from '../../appliance/wire/udp.ts';

/** What a frame carries: an EtherType and the bytes behind it. */
export interface Network {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** What an IP packet carries; `write` is called with the header already in place, for the pseudo header. */
export interface Transport {
  readonly protocol: number;
  readonly length: number;
  write(bytes: Uint8Array, at: number, network: number, family: 4 | 6): void;
}

/** Text stands for its characters, a number for that many bytes of a pattern that shows where a byte came from. */
export type Data = string | number | Uint8Array;

export function data(from: Data): Uint8Array {
  if (typeof from === 'string') return Uint8Array.from(from, (character) => character.charCodeAt(0));
  if (typeof from === 'number') return Uint8Array.from({ length: from }, (_, i) => (i * 7 + (i >> 8)) & 0xff);
  return from;
}

/** One word of a dotted quad. */
export function word4(text: string): number {
  const address = parseAddress(text);
  if (address?.family !== 4) throw new Error(`not an IPv4 address: ${text}`);
  return address.words[0]!;
}

/** Four words. */
export function words6(text: string): readonly number[] {
  const address = parseAddress(text);
  if (address?.family !== 6) throw new Error(`not an IPv6 address: ${text}`);
  return address.words;
}

/** High and low part of `aa:bb:cc:dd:ee:ff`. */
export function link(text: string): readonly [high: number, low: number] {
  const bytes = Uint8Array.from(parseLinkAddress(text) ?? []);
  if (bytes.length !== ethernet.ADDRESS_LENGTH) throw new Error(`not an Ethernet address: ${text}`);
  return [ethernet.addressHigh(bytes, 0), ethernet.addressLow(bytes, 0)];
}

/** An Ethernet frame; with `vlan` (0-4095) an 802.1Q tag in it, with `pad` zeros up to that length. */
export function frame(
  header: { to: string; from: string; vlan?: number; priority?: number; pad?: number },
  network: Network,
): Uint8Array {
  const tag = header.vlan === undefined ? 0 : ethernet.TAG_LENGTH;
  const length = tag + ethernet.HEADER_LENGTH + network.bytes.length;
  const bytes = new Uint8Array(Math.max(length, header.pad ?? 0));
  ethernet.write(bytes, tag, ...link(header.to), ...link(header.from), network.type);
  bytes.set(network.bytes, tag + ethernet.HEADER_LENGTH);
  if (header.vlan !== undefined) ethernet.insertTag(bytes, tag, header.vlan, header.priority ?? 0);
  return bytes;
}

/** Any EtherType with any bytes. */
export function raw(type: number, bytes: Data): Network {
  return { type, bytes: data(bytes) };
}

export function arpPacket(
  operation: number,
  sender: { link: string; address: string },
  target: { link?: string; address: string },
): Network {
  const bytes = new Uint8Array(arp.PACKET_LENGTH);
  const [high, low] = link(target.link ?? '00:00:00:00:00:00');
  arp.write(
    bytes,
    0,
    operation,
    ...link(sender.link),
    word4(sender.address),
    high,
    low,
    word4(target.address),
  );
  return { type: ethernet.TYPE_ARP, bytes };
}

export interface Ip4Header {
  readonly source: string;
  readonly destination: string;
  readonly ttl?: number;
  readonly tos?: number;
  readonly id?: number;
  /** FRAGMENT_* flags and the offset in units of eight bytes. */
  readonly fragment?: number;
  /** A multiple of four bytes. */
  readonly options?: Uint8Array;
}

export function ip4(header: Ip4Header, transport: Transport): Network {
  const options = header.options ?? new Uint8Array(0);
  const at = ipv4.HEADER_LENGTH + options.length;
  const bytes = new Uint8Array(at + transport.length);
  ipv4.write(
    bytes,
    0,
    header.tos ?? 0,
    bytes.length,
    header.id ?? 1,
    header.fragment ?? 0,
    header.ttl ?? 64,
    transport.protocol,
    word4(header.source),
    word4(header.destination),
  );
  bytes.set(options, ipv4.HEADER_LENGTH);
  ipv4.setHeaderLength(bytes, 0, at);
  ipv4.fillChecksum(bytes, 0);
  transport.write(bytes, at, 0, 4);
  return { type: ethernet.TYPE_IPV4, bytes };
}

export interface Ip6Header {
  readonly source: string;
  readonly destination: string;
  readonly hops?: number;
  readonly trafficClass?: number;
  readonly flow?: number;
}

export function ip6(header: Ip6Header, transport: Transport): Network {
  const at = ipv6.HEADER_LENGTH;
  const bytes = new Uint8Array(at + transport.length);
  const { trafficClass = 0, flow = 0, hops = 64 } = header;
  ipv6.write(bytes, 0, trafficClass, flow, transport.length, transport.protocol, hops);
  const [s0, s1, s2, s3] = words6(header.source) as [number, number, number, number];
  const [d0, d1, d2, d3] = words6(header.destination) as [number, number, number, number];
  ipv6.setAddress(bytes, ipv6.sourceAt(0), s0, s1, s2, s3);
  ipv6.setAddress(bytes, ipv6.destinationAt(0), d0, d1, d2, d3);
  transport.write(bytes, at, 0, 6);
  return { type: ethernet.TYPE_IPV6, bytes };
}

/** Any protocol with any bytes. */
export function payload(protocol: number, from: Data): Transport {
  const bytes = data(from);
  return { protocol, length: bytes.length, write: (into, at) => into.set(bytes, at) };
}

export function udp(sourcePort: number, destinationPort: number, from: Data = ''): Transport {
  const bytes = data(from);
  const length = udpHeader.HEADER_LENGTH + bytes.length;
  return {
    protocol: ipv4.PROTOCOL_UDP,
    length,
    write: (into, at, network, family) => {
      udpHeader.write(into, at, sourcePort, destinationPort, length);
      into.set(bytes, at + udpHeader.HEADER_LENGTH);
      if (family === 4) udpHeader.fillChecksum4(into, network, at, at + length);
      else udpHeader.fillChecksum6(into, network, at, at + length);
    },
  };
}

export interface TcpHeader {
  readonly from: number;
  readonly to: number;
  readonly sequence?: number;
  readonly acknowledgment?: number;
  /** FLAG_*; default ACK. */
  readonly flags?: number;
  readonly window?: number;
  /** A multiple of four bytes. */
  readonly options?: Uint8Array;
}

export function tcpSegment(header: TcpHeader, from: Data = ''): Transport {
  const bytes = data(from);
  const options = header.options ?? new Uint8Array(0);
  const headerLength = tcp.HEADER_LENGTH + options.length;
  const length = headerLength + bytes.length;
  return {
    protocol: ipv4.PROTOCOL_TCP,
    length,
    write: (into, at, network, family) => {
      const { sequence = 1000, acknowledgment = 2000, flags = tcp.FLAG_ACK, window = 0x4000 } = header;
      tcp.write(into, at, header.from, header.to, sequence, acknowledgment, flags, window);
      into.set(options, at + tcp.HEADER_LENGTH);
      tcp.setHeaderLength(into, at, headerLength);
      into.set(bytes, at + headerLength);
      if (family === 4) tcp.fillChecksum4(into, network, at, at + length);
      else tcp.fillChecksum6(into, network, at, at + length);
    },
  };
}

/** An ICMP message: `rest` is the second word, `from` what follows it (echo data, or the packet that an error quotes). */
export function icmpMessage(type: number, code: number, rest: number, from: Data = ''): Transport {
  const bytes = data(from);
  const length = icmp.HEADER_LENGTH + bytes.length;
  return {
    protocol: ipv4.PROTOCOL_ICMP,
    length,
    write: (into, at) => {
      icmp.write(into, at, type, code, rest);
      into.set(bytes, at + icmp.HEADER_LENGTH);
      icmp.fillChecksum(into, at, at + length);
    },
  };
}

/** As `icmpMessage`, of ICMPv6. */
export function icmp6Message(type: number, code: number, rest: number, from: Data = ''): Transport {
  const bytes = data(from);
  const length = icmp6.HEADER_LENGTH + bytes.length;
  return {
    protocol: ipv6.NEXT_ICMP6,
    length,
    write: (into, at, network) => {
      icmp6.write(into, at, type, code, rest);
      into.set(bytes, at + icmp6.HEADER_LENGTH);
      icmp6.fillChecksum(into, network, at, at + length);
    },
  };
}
