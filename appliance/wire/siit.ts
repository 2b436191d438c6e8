// SPDX-License-Identifier: ISC
//
// What ICMP messages of one family are in the other (RFC 7915 4.2 and 5.2), and how sizes change on the way.

import * as icmp from './icmp.ts';
import * as icmp6 from './icmp6.ts';
import * as ipv4 from './ipv4.ts';
import * as ipv6 from './ipv6.ts';

/** An IPv6 header is longer by this than an IPv4 one without options. */
export const HEADER_DIFFERENCE = ipv6.HEADER_LENGTH - ipv4.HEADER_LENGTH;
/** Up to this an IPv4 packet that was an IPv6 one may be fragmented (RFC 7915 5.1). */
export const FRAGMENTABLE = ipv6.MINIMUM_MTU - HEADER_DIFFERENCE;

/** Answered for what has no counterpart. */
export const NONE = -1;

/** What becomes of the second word of an error. */
export const REST_UNUSED = 0;
export const REST_MTU = 1;
export const REST_POINTER = 2;
/** The pointer is to the field that names the next protocol. */
export const REST_PROTOCOL = 3;

type Code = readonly [type: number, code: number, rest?: number];

/** By code of IPv4's destination unreachable. */
const UNREACHABLE_6: readonly (Code | undefined)[] = [
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_NO_ROUTE],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_NO_ROUTE],
  [icmp6.TYPE_PARAMETER_PROBLEM, icmp6.CODE_PARAMETER_NEXT_HEADER, REST_PROTOCOL],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_PORT],
  [icmp6.TYPE_PACKET_TOO_BIG, 0, REST_MTU],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_NO_ROUTE],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_NO_ROUTE],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_NO_ROUTE],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_NO_ROUTE],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_PROHIBITED],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_PROHIBITED],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_NO_ROUTE],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_NO_ROUTE],
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_PROHIBITED],
  undefined,
  [icmp6.TYPE_UNREACHABLE, icmp6.CODE_UNREACHABLE_PROHIBITED],
];

/** By code of IPv6's destination unreachable. */
const UNREACHABLE_4: readonly (Code | undefined)[] = [
  [icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_HOST],
  [icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_HOST_PROHIBITED],
  [icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_HOST],
  [icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_HOST],
  [icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_PORT],
];

/** What an ICMP error is as an ICMPv6 one: `type << 16 | code << 8 | REST_*`, or NONE. */
export function errorTo6(type: number, code: number): number {
  switch (type) {
    case icmp.TYPE_UNREACHABLE:
      return packed(UNREACHABLE_6[code]);
    case icmp.TYPE_TIME_EXCEEDED:
      return packed([icmp6.TYPE_TIME_EXCEEDED, code]);
    case icmp.TYPE_PARAMETER_PROBLEM:
      return code === icmp.CODE_PARAMETER_MISSING_OPTION
        ? NONE
        : packed([icmp6.TYPE_PARAMETER_PROBLEM, icmp6.CODE_PARAMETER_HEADER, REST_POINTER]);
    default:
      return NONE;
  }
}

/** What an ICMPv6 error is as an ICMP one. */
export function errorTo4(type: number, code: number): number {
  switch (type) {
    case icmp6.TYPE_UNREACHABLE:
      return packed(UNREACHABLE_4[code]);
    case icmp6.TYPE_PACKET_TOO_BIG:
      return packed([icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_NEED_FRAGMENT, REST_MTU]);
    case icmp6.TYPE_TIME_EXCEEDED:
      return packed([icmp.TYPE_TIME_EXCEEDED, code]);
    case icmp6.TYPE_PARAMETER_PROBLEM:
      if (code === icmp6.CODE_PARAMETER_NEXT_HEADER) {
        return packed([icmp.TYPE_UNREACHABLE, icmp.CODE_UNREACHABLE_PROTOCOL]);
      }
      return code === icmp6.CODE_PARAMETER_HEADER
        ? packed([icmp.TYPE_PARAMETER_PROBLEM, icmp.CODE_PARAMETER_POINTER, REST_POINTER])
        : NONE;
    default:
      return NONE;
  }
}

function packed(code: Code | undefined): number {
  return code === undefined ? NONE : (code[0] << 16) | (code[1] << 8) | (code[2] ?? REST_UNUSED);
}

/** The type of an echo message in the other family, NONE of any other. */
export function echoTo6(type: number): number {
  if (type === icmp.TYPE_ECHO) return icmp6.TYPE_ECHO;
  return type === icmp.TYPE_ECHO_REPLY ? icmp6.TYPE_ECHO_REPLY : NONE;
}

export function echoTo4(type: number): number {
  if (type === icmp6.TYPE_ECHO) return icmp.TYPE_ECHO;
  return type === icmp6.TYPE_ECHO_REPLY ? icmp.TYPE_ECHO_REPLY : NONE;
}

/** By byte of an IPv4 header, where the same field is in an IPv6 header (RFC 7915 figure 3). */
const POINTERS_6: readonly number[] = [
  ...[0, 1, 4, 4, NONE, NONE, NONE, NONE, 7, 6, NONE, NONE],
  ...new Array<number>(4).fill(ipv6.sourceAt(0)),
  ...new Array<number>(4).fill(ipv6.destinationAt(0)),
];

/** The other way round (RFC 7915 figure 6). */
const POINTERS_4: readonly number[] = [
  ...[0, 1, NONE, NONE, 2, 2, 9, 8],
  ...new Array<number>(ipv6.ADDRESS_LENGTH).fill(ipv4.sourceAt(0)),
  ...new Array<number>(ipv6.ADDRESS_LENGTH).fill(ipv4.destinationAt(0)),
];

/** What a parameter problem points at, in the other family's header; NONE where that has no such field. */
export function pointerTo6(at: number): number {
  return POINTERS_6[at] ?? NONE;
}

export function pointerTo4(at: number): number {
  return POINTERS_4[at] ?? NONE;
}

/** Sizes that links of IPv4 have, for routers that do not say which (RFC 1191 7). */
const PLATEAUS: readonly number[] = [32_000, 17_914, 8_166, 4_352, 2_002, 1_492, 1_006, 508, 296, 68];

/** The MTU for a packet too big, from that of an IPv4 router (0: it did not say) and the length of the packet that it quotes. */
export function mtuTo6(mtu: number, quotedLength: number): number {
  const known = mtu > 0 ? mtu : (PLATEAUS.find((size) => size < quotedLength) ?? ipv4.MINIMUM_MTU);
  return Math.max(ipv6.MINIMUM_MTU, known + HEADER_DIFFERENCE);
}

export function mtuTo4(mtu: number): number {
  return Math.max(ipv4.MINIMUM_MTU, Math.min(0xffff, mtu - HEADER_DIFFERENCE));
}
