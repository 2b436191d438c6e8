// SPDX-License-Identifier: ISC
//
// Prints an IPv6 packet: extension headers, its protocol's text, then class, flow label and hop limit remarks.

import * as extension6 from '../../wire/extension6.ts';
import * as fragment6 from '../../wire/fragment6.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import { printCarp } from './carp.ts';
import { printDestinationOptions, printFragment, printHopByHop, printRouting } from './extension6.ts';
import { address6, captured, type Frame, hex } from './frame.ts';
import { printIcmp6 } from './icmp6.ts';
import { printTcp } from './tcp.ts';
import { printUdp } from './udp.ts';

const NEXT_IPV4 = 4;
const NEXT_IPV6 = 41;
const NEXT_CARP = 112;

export function printIpv6(frame: Frame, at: number, length: number): string {
  const { bytes } = frame;
  if (!captured(frame, at, ipv6.HEADER_LENGTH)) return '[|ip6]';
  if (length < ipv6.HEADER_LENGTH) return `truncated-ip6 ${length}`;
  if (ipv6.version(bytes, at) !== 6) return `bad-ip6-version ${ipv6.version(bytes, at)}`;
  frame.options.found?.('ipv6', at, length, at);
  const missing = ipv6.payloadLength(bytes, at) + ipv6.HEADER_LENGTH - length;
  const warning = missing > 0 ? `truncated-ip6 - ${missing} bytes missing!` : '';
  return warning + ends(frame, at) + printHeaders(frame, at) + remarks(frame, at);
}

/** TCP and UDP print the addresses with their ports, if nothing stands between; an inner packet prints its own. */
function ends(frame: Frame, at: number): string {
  const next = ipv6.nextHeader(frame.bytes, at);
  if (next === ipv6.NEXT_TCP || next === ipv6.NEXT_UDP) return '';
  if ((next === NEXT_IPV4 || next === NEXT_IPV6) && frame.options.verbose === 0) return '';
  return `${address6(frame, ipv6.sourceAt(at))} > ${address6(frame, ipv6.destinationAt(at))}: `;
}

function printHeaders(frame: Frame, network: number): string {
  const stop = ipv6.payloadAt(network) + ipv6.payloadLength(frame.bytes, network);
  let protocol = ipv6.nextHeader(frame.bytes, network);
  let at = ipv6.payloadAt(network);
  let text = '';
  for (let count = 0; extension6.isExtension(protocol) && count < extension6.MAXIMUM_HEADERS; count++) {
    const length = extension6.headerLength(frame.bytes, protocol, at, Math.min(stop, frame.end));
    if (length === 0) return `${text}[|${extensionName(protocol)}]`;
    frame.options.found?.('extension', at, length, network, protocol);
    text += printExtension(frame, protocol, at, length, stop - at);
    if (protocol === ipv6.NEXT_FRAGMENT && fragment6.fragmentOffset(frame.bytes, at) !== 0) return text;
    protocol = extension6.nextHeader(frame.bytes, at);
    at += length;
  }
  return text + printTransport(frame, network, protocol, at, stop - at);
}

export function extensionName(protocol: number): string {
  switch (protocol) {
    case ipv6.NEXT_HOP_BY_HOP:
      return 'HBH';
    case ipv6.NEXT_ROUTING:
      return 'rt6';
    case ipv6.NEXT_FRAGMENT:
      return 'frag';
    case ipv6.NEXT_AH:
      return 'ah';
    default:
      return 'DSTOPT';
  }
}

/** `left` is what the packet has from this header on. */
export function printExtension(
  frame: Frame,
  protocol: number,
  at: number,
  length: number,
  left: number,
): string {
  switch (protocol) {
    case ipv6.NEXT_HOP_BY_HOP:
      return printHopByHop(frame, at, length);
    case ipv6.NEXT_ROUTING:
      return printRouting(frame, at, length);
    case ipv6.NEXT_FRAGMENT:
      return printFragment(frame, at, left);
    case ipv6.NEXT_AH:
      return 'ah ';
    default:
      return printDestinationOptions(frame, at, length);
  }
}

function printTransport(frame: Frame, network: number, protocol: number, at: number, length: number): string {
  switch (protocol) {
    case ipv6.NEXT_TCP:
      return printTcp(frame, network, at, length);
    case ipv6.NEXT_UDP:
      return printUdp(frame, network, at, length);
    case ipv6.NEXT_ICMP6:
      return printIcmp6(frame, network, at, length);
    case ipv6.NEXT_NONE:
      return 'no next header';
    case NEXT_CARP:
      return printCarp(frame, at, length, ipv6.hopLimit(frame.bytes, network));
    case NEXT_IPV4:
    case NEXT_IPV6:
      return (
        frame.inner(protocol === NEXT_IPV4 ? 4 : 6, at, length) +
        (frame.options.verbose > 0 ? '' : ' (encap)')
      );
    default:
      return `ip-proto-${protocol} ${length}`;
  }
}

function remarks(frame: Frame, at: number): string {
  const { bytes } = frame;
  const traffic = ipv6.trafficClass(bytes, at);
  const flow = ipv6.flowLabel(bytes, at);
  const hops = ipv6.hopLimit(bytes, at);
  const length = ipv6.payloadLength(bytes, at);
  return (
    (traffic !== 0 ? ` [class 0x${hex(traffic, 1)}]` : '') +
    (flow !== 0 ? ` [flowlabel 0x${hex(flow, 1)}]` : '') +
    (hops <= 1 ? ` [hlim ${hops}]` : '') +
    (frame.options.verbose > 0 ? ` (len ${length}${hops > 1 ? `, hlim ${hops}` : ''})` : '')
  );
}
