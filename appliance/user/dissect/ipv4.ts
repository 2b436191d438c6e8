// SPDX-License-Identifier: ISC
//
// Prints an IPv4 packet: its protocol's text, then fragment, DF, TOS and TTL remarks; with -v the header's fields.

import * as checksum from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import { printCarp } from './carp.ts';
import { address4, captured, type Frame, hex, rightChecksum } from './frame.ts';
import { printIcmp } from './icmp.ts';
import { printIgmp } from './igmp.ts';
import { printIpv4Options } from './ipv4Options.ts';
import { printPfsync } from './pfsync.ts';
import { printTcp } from './tcp.ts';
import { printUdp } from './udp.ts';

/** `length` is what is left for the packet; its own total length may be less. */
export function printIpv4(frame: Frame, at: number, length: number): string {
  const { bytes } = frame;
  if (!captured(frame, at, ipv4.HEADER_LENGTH)) return '[|ip]';
  if (ipv4.version(bytes, at) !== 4) return `bad-ip-version ${ipv4.version(bytes, at)}`;
  const missing = ipv4.totalLength(bytes, at) - length;
  const total = missing > 0 ? length : ipv4.totalLength(bytes, at);
  const warning = missing > 0 ? `truncated-ip - ${missing} bytes missing!` : '';
  const header = ipv4.headerLength(bytes, at);
  if (header < ipv4.HEADER_LENGTH || header > total) return `${warning}bad-hlen ${header}`;
  const payload = total - header;
  frame.options.found?.('ipv4', at, total, at);
  if (ipv4.fragmentOffset(bytes, at) === 0 && !captured(frame, at, header)) return `${warning}[|ip]`;
  if (ipv4.fragmentOffset(bytes, at) !== 0) return warning + ends(frame, at) + remarks(frame, at, payload);
  return warning + printProtocol(frame, at, at + header, payload);
}

/** A first or only fragment. An encapsulated packet has the remarks of its own header alone, unless -v. */
function printProtocol(frame: Frame, network: number, at: number, length: number): string {
  const protocol = ipv4.protocol(frame.bytes, network);
  if (protocol === ipv4.PROTOCOL_IPIP || protocol === ipv4.PROTOCOL_IPV6) {
    const inner = frame.inner(protocol === ipv4.PROTOCOL_IPIP ? 4 : 6, at, length);
    if (frame.options.verbose === 0) return `${inner} (encap)`;
    return `${ends(frame, network)} ${inner}${remarks(frame, network, length)}`;
  }
  return printTransport(frame, network, protocol, at, length) + remarks(frame, network, length);
}

function printTransport(frame: Frame, network: number, protocol: number, at: number, length: number): string {
  switch (protocol) {
    case ipv4.PROTOCOL_TCP:
      return printTcp(frame, network, at, length);
    case ipv4.PROTOCOL_UDP:
      return printUdp(frame, network, at, length);
    case ipv4.PROTOCOL_ICMP:
      return `${ends(frame, network)} ${printIcmp(frame, at, length)}`;
    case ipv4.PROTOCOL_IGMP:
      return `${ends(frame, network)} ${printIgmp(frame, at, length)}`;
    case ipv4.PROTOCOL_CARP: {
      const prefix = frame.options.verbose > 0 ? `carp ${ends(frame, network)} ` : '';
      return prefix + printCarp(frame, at, length, ipv4.ttl(frame.bytes, network));
    }
    case ipv4.PROTOCOL_PFSYNC: {
      const source = address4(frame, ipv4.sourceAt(network));
      const head = frame.options.verbose > 0 ? ends(frame, network) : `${source}:`;
      return `${head} ${printPfsync(frame, at, length)}`;
    }
    default:
      return `${ends(frame, network)} ip-proto-${protocol} ${length}`;
  }
}

function ends(frame: Frame, at: number): string {
  return `${address4(frame, ipv4.sourceAt(at))} > ${address4(frame, ipv4.destinationAt(at))}:`;
}

function remarks(frame: Frame, at: number, payload: number): string {
  const ttl = ipv4.ttl(frame.bytes, at);
  return (
    fragment(frame, at, payload) +
    (ipv4.dontFragment(frame.bytes, at) ? ' (DF)' : '') +
    typeOfService(ipv4.typeOfService(frame.bytes, at)) +
    (ttl <= 1 ? ` [ttl ${ttl}]` : '') +
    (frame.options.verbose > 0 ? ` (${fields(frame, at)})` : '')
  );
}

/** `id:size@offset`, and `+` where more follow. */
function fragment(frame: Frame, at: number, payload: number): string {
  const { bytes } = frame;
  if (!ipv4.isFragment(bytes, at)) return '';
  const more = ipv4.moreFragments(bytes, at) ? '+' : '';
  return ` (frag ${ipv4.identification(bytes, at)}:${payload}@${ipv4.fragmentOffset(bytes, at)}${more})`;
}

/** With E for an ECN-capable transport and C for congestion, by the two bits as the original names them. */
function typeOfService(tos: number): string {
  if (tos === 0) return '';
  const ecn = ((tos & 2) !== 0 ? 'E' : '') + ((tos & 1) !== 0 ? 'C' : '');
  return ` [tos 0x${hex(tos, 1)}${ecn === '' ? '' : ` (${ecn})`}]`;
}

function fields(frame: Frame, at: number): string {
  const { bytes } = frame;
  const parts: string[] = [];
  const header = ipv4.headerLength(bytes, at);
  if (ipv4.ttl(bytes, at) > 1) parts.push(`ttl ${ipv4.ttl(bytes, at)}`);
  if (!ipv4.isFragment(bytes, at)) parts.push(`id ${ipv4.identification(bytes, at)}`);
  parts.push(`len ${ipv4.totalLength(bytes, at)}`);
  if (captured(frame, at, header)) {
    const computed = checksum.compute(bytes, at, header);
    const stored = ipv4.checksum(bytes, at);
    if (computed !== 0) {
      parts.push(`bad ip cksum ${hex(stored, 1)}! -> ${hex(rightChecksum(stored, computed), 1)}`);
    }
  }
  const options = header - ipv4.HEADER_LENGTH;
  if (options > 0) parts.push(`optlen=${options}${printIpv4Options(frame, ipv4.optionsAt(at), at + header)}`);
  return parts.join(', ');
}
