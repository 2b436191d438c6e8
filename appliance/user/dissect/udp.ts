// SPDX-License-Identifier: ISC
//
// Prints a UDP datagram by its ports and size.

import * as checksum from '../../wire/checksum.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as udp from '../../wire/udp.ts';
import { address4, address6, captured, type Frame, hex, port, rightChecksum } from './frame.ts';

/** `network` is the IP header that it came under, `length` the bytes from `at` on. */
export function printUdp(frame: Frame, network: number, at: number, length: number): string {
  const [source, destination] = hosts(frame, network);
  if (!captured(frame, at, udp.HEADER_LENGTH)) return `${source} > ${destination}: [|udp]`;
  if (length < udp.HEADER_LENGTH) return `${source} > ${destination}: truncated-udp ${length}`;
  frame.options.found?.('udp', at, length, network);
  const from = port(frame, 'udp', udp.sourcePort(frame.bytes, at));
  const to = port(frame, 'udp', udp.destinationPort(frame.bytes, at));
  const missing = udp.length(frame.bytes, at) - length;
  return (
    `${source}.${from} > ${destination}.${to}: ` +
    (missing > 0 ? ` truncated-udp - ${missing} bytes missing!` : '') +
    printChecksum(frame, network, at, length) +
    `udp ${length - udp.HEADER_LENGTH}`
  );
}

function hosts(frame: Frame, network: number): readonly [string, string] {
  return ipv6.version(frame.bytes, network) === 6
    ? [address6(frame, ipv6.sourceAt(network)), address6(frame, ipv6.destinationAt(network))]
    : [address4(frame, ipv4.sourceAt(network)), address4(frame, ipv4.destinationAt(network))];
}

/** With -v, if all of the datagram is there. Only IPv4 may go without one. */
export function printChecksum(frame: Frame, network: number, at: number, length: number): string {
  const { bytes } = frame;
  if (frame.options.verbose === 0 || !captured(frame, at, length)) return '';
  const version6 = ipv6.version(bytes, network) === 6;
  const stored = udp.checksum(bytes, at);
  if (stored === 0) return version6 ? '[invalid udp cksum 0] ' : '[no udp cksum] ';
  const over = version6 ? checksum.transport6 : checksum.transport4;
  const computed = over(bytes, network, ipv4.PROTOCOL_UDP, at, length);
  if (computed === 0) return '[udp sum ok] ';
  return `[bad udp cksum ${hex(stored, 4)}! -> ${hex(rightChecksum(stored, computed), 4)}] `;
}
