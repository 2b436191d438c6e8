// SPDX-License-Identifier: ISC
//
// Neighbour discovery (RFC 4861 4): solicitations, advertisements, redirect and their options, from the ICMPv6 header on.

import { copy, i32, setI32, setU16, u16 } from './bytes.ts';
import * as ethernet from './ethernet.ts';
import * as icmp6 from './icmp6.ts';
import * as ipv6 from './ipv6.ts';

/** Hop limit of every such packet; any other shows that it was forwarded (RFC 4861 3.1). */
export const HOP_LIMIT = 255;

/** Lengths up to the options. */
export const ROUTER_SOLICITATION_LENGTH = 8;
export const ROUTER_ADVERTISEMENT_LENGTH = 16;
export const NEIGHBOR_LENGTH = 24;
export const REDIRECT_LENGTH = 40;

/** Flags of a neighbour advertisement. */
export const FLAG_ROUTER = 0x80000000 | 0;
export const FLAG_SOLICITED = 0x40000000;
export const FLAG_OVERRIDE = 0x20000000;

/** Flags of a router advertisement, and the preference within them (RFC 4191 2.2). */
export const FLAG_MANAGED = 0x80;
export const FLAG_OTHER = 0x40;
export const PREFERENCE_MASK = 0x18;

export const OPTION_SOURCE_LLADDR = 1;
export const OPTION_TARGET_LLADDR = 2;
export const OPTION_PREFIX = 3;
export const OPTION_REDIRECTED = 4;
export const OPTION_MTU = 5;
export const OPTION_RDNSS = 25;
export const OPTION_DNSSL = 31;

/** Flags of the prefix option. */
export const PREFIX_ON_LINK = 0x80;
export const PREFIX_AUTONOMOUS = 0x40;

export const LLADDR_OPTION_LENGTH = 8;
export const PREFIX_OPTION_LENGTH = 32;
export const MTU_OPTION_LENGTH = 8;
export const REDIRECTED_OPTION_LENGTH = 8;

const FLAGS = 4;
const CURRENT_HOP_LIMIT = 4;
const ROUTER_FLAGS = 5;
const ROUTER_LIFETIME = 6;
const REACHABLE_TIME = 8;
const RETRANSMIT_TIMER = 12;
const TARGET = 8;
const REDIRECT_DESTINATION = 24;

const OPTION_TYPE = 0;
const OPTION_LENGTH = 1;
const OPTION_DATA = 2;
const OPTION_MTU_VALUE = 4;
const PREFIX_LENGTH = 2;
const PREFIX_FLAGS = 3;
const PREFIX_VALID_LIFETIME = 4;
const PREFIX_PREFERRED_LIFETIME = 8;
const PREFIX_ADDRESS = 16;

/** Length up to the options of this type of message; 0 when it is not neighbour discovery. */
export function fixedLength(messageType: number): number {
  switch (messageType) {
    case icmp6.TYPE_ROUTER_SOLICITATION:
      return ROUTER_SOLICITATION_LENGTH;
    case icmp6.TYPE_ROUTER_ADVERTISEMENT:
      return ROUTER_ADVERTISEMENT_LENGTH;
    case icmp6.TYPE_NEIGHBOR_SOLICITATION:
    case icmp6.TYPE_NEIGHBOR_ADVERTISEMENT:
      return NEIGHBOR_LENGTH;
    case icmp6.TYPE_REDIRECT:
      return REDIRECT_LENGTH;
    default:
      return 0;
  }
}

/** A neighbour discovery message, whole, code 0, with options that fill the rest exactly and are long enough for their type. */
export function valid(bytes: Uint8Array, offset: number, end: number): boolean {
  if (end - offset < icmp6.MINIMUM_LENGTH || icmp6.code(bytes, offset) !== 0) return false;
  const fixed = fixedLength(icmp6.type(bytes, offset));
  if (fixed === 0 || end - offset < fixed) return false;
  let at = offset + fixed;
  while (at < end) {
    const length = optionLength(bytes, at, end);
    if (length === 0 || length < minimumOptionLength(optionType(bytes, at))) return false;
    at += length;
  }
  return true;
}

function minimumOptionLength(type: number): number {
  return type === OPTION_PREFIX ? PREFIX_OPTION_LENGTH : 8;
}

/** Flags word of a neighbour advertisement: FLAG_*. */
export function flags(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + FLAGS);
}

/** Word `index` of the target of a neighbour message or redirect. */
export function targetWord(bytes: Uint8Array, offset: number, index: number): number {
  return i32(bytes, offset + TARGET + 4 * index);
}

/** Position of the target of a neighbour message or redirect. */
export function targetAt(offset: number): number {
  return offset + TARGET;
}

/** Position of a redirect's destination. */
export function redirectDestinationAt(offset: number): number {
  return offset + REDIRECT_DESTINATION;
}

export function currentHopLimit(bytes: Uint8Array, offset: number): number {
  return bytes[offset + CURRENT_HOP_LIMIT]!;
}

/** Flags byte of a router advertisement: FLAG_MANAGED, FLAG_OTHER, PREFERENCE_MASK. */
export function routerFlags(bytes: Uint8Array, offset: number): number {
  return bytes[offset + ROUTER_FLAGS]!;
}

/** Seconds. */
export function routerLifetime(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + ROUTER_LIFETIME);
}

/** Milliseconds. */
export function reachableTime(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + REACHABLE_TIME);
}

/** Milliseconds. */
export function retransmitTimer(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + RETRANSMIT_TIMER);
}

/** Builds a solicitation or advertisement (`messageType`) up to its target, checksum zero. Flags are 0 in a solicitation. */
export function writeNeighbor(
  bytes: Uint8Array,
  offset: number,
  messageType: number,
  flagsWord: number,
  target: Uint8Array,
  targetPosition: number,
): void {
  icmp6.write(bytes, offset, messageType, 0, flagsWord);
  ipv6.copyAddress(target, targetPosition, bytes, offset + TARGET);
}

/** Builds a router solicitation, checksum zero. */
export function writeRouterSolicitation(bytes: Uint8Array, offset: number): void {
  icmp6.write(bytes, offset, icmp6.TYPE_ROUTER_SOLICITATION, 0, 0);
}

/** Builds a router advertisement up to its options, checksum zero. Lifetime in seconds, the timers in milliseconds. */
export function writeRouterAdvertisement(
  bytes: Uint8Array,
  offset: number,
  hopLimit: number,
  flagsByte: number,
  lifetime: number,
  reachable: number,
  retransmit: number,
): void {
  icmp6.write(bytes, offset, icmp6.TYPE_ROUTER_ADVERTISEMENT, 0, 0);
  bytes[offset + CURRENT_HOP_LIMIT] = hopLimit;
  bytes[offset + ROUTER_FLAGS] = flagsByte;
  setU16(bytes, offset + ROUTER_LIFETIME, lifetime);
  setI32(bytes, offset + REACHABLE_TIME, reachable);
  setI32(bytes, offset + RETRANSMIT_TIMER, retransmit);
}

/** Builds a redirect up to its options, checksum zero: for `destination`, `target` is the better first hop. */
export function writeRedirect(
  bytes: Uint8Array,
  offset: number,
  target: Uint8Array,
  targetPosition: number,
  destination: Uint8Array,
  destinationPosition: number,
): void {
  icmp6.write(bytes, offset, icmp6.TYPE_REDIRECT, 0, 0);
  ipv6.copyAddress(target, targetPosition, bytes, offset + TARGET);
  ipv6.copyAddress(destination, destinationPosition, bytes, offset + REDIRECT_DESTINATION);
}

/** First option of the message at `offset`. */
export function optionsAt(bytes: Uint8Array, offset: number): number {
  return offset + fixedLength(icmp6.type(bytes, offset));
}

/** Bytes that the option at `at` takes; 0 when it is cut, of no length, or beyond `end`. */
export function optionLength(bytes: Uint8Array, at: number, end: number): number {
  if (at + OPTION_DATA > end) return 0;
  const length = bytes[at + OPTION_LENGTH]! << 3;
  return at + length > end ? 0 : length;
}

export function optionType(bytes: Uint8Array, at: number): number {
  return bytes[at + OPTION_TYPE]!;
}

/** Position of the first option of a type, or -1. The message must be valid. */
export function findOption(bytes: Uint8Array, offset: number, end: number, type: number): number {
  let at = optionsAt(bytes, offset);
  while (at < end) {
    if (optionType(bytes, at) === type) return at;
    const length = optionLength(bytes, at, end);
    if (length === 0) return -1;
    at += length;
  }
  return -1;
}

/** Position of the Ethernet address in a source or target link-layer address option (ethernet.addressHigh, addressLow). */
export function lladdrAt(at: number): number {
  return at + OPTION_DATA;
}

export function optionMtu(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + OPTION_MTU_VALUE);
}

export function prefixLength(bytes: Uint8Array, at: number): number {
  return bytes[at + PREFIX_LENGTH]!;
}

export function prefixFlags(bytes: Uint8Array, at: number): number {
  return bytes[at + PREFIX_FLAGS]!;
}

/** Seconds; -1 is for ever. */
export function prefixValidLifetime(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + PREFIX_VALID_LIFETIME);
}

/** Seconds; -1 is for ever. */
export function prefixPreferredLifetime(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + PREFIX_PREFERRED_LIFETIME);
}

export function prefixAddressAt(at: number): number {
  return at + PREFIX_ADDRESS;
}

/** Writes a source or target link-layer address option; answers the position behind it. */
export function writeLladdrOption(
  bytes: Uint8Array,
  at: number,
  type: number,
  high: number,
  low: number,
): number {
  writeOptionHeader(bytes, at, type, LLADDR_OPTION_LENGTH);
  ethernet.setAddress(bytes, at + OPTION_DATA, high, low);
  return at + LLADDR_OPTION_LENGTH;
}

/** Writes an MTU option; answers the position behind it. */
export function writeMtuOption(bytes: Uint8Array, at: number, mtu: number): number {
  writeOptionHeader(bytes, at, OPTION_MTU, MTU_OPTION_LENGTH);
  setU16(bytes, at + OPTION_DATA, 0);
  setI32(bytes, at + OPTION_MTU_VALUE, mtu);
  return at + MTU_OPTION_LENGTH;
}

/** Writes a prefix option, lifetimes in seconds; answers the position behind it. */
export function writePrefixOption(
  bytes: Uint8Array,
  at: number,
  length: number,
  flagsByte: number,
  validLifetime: number,
  preferredLifetime: number,
  prefix: Uint8Array,
  prefixPosition: number,
): number {
  writeOptionHeader(bytes, at, OPTION_PREFIX, PREFIX_OPTION_LENGTH);
  bytes[at + PREFIX_LENGTH] = length;
  bytes[at + PREFIX_FLAGS] = flagsByte;
  setI32(bytes, at + PREFIX_VALID_LIFETIME, validLifetime);
  setI32(bytes, at + PREFIX_PREFERRED_LIFETIME, preferredLifetime);
  setI32(bytes, at + PREFIX_ADDRESS - 4, 0);
  ipv6.copyAddress(prefix, prefixPosition, bytes, at + PREFIX_ADDRESS);
  return at + PREFIX_OPTION_LENGTH;
}

/**
 * Writes a redirected-header option with the first `length` bytes of a packet, cut down to a multiple of eight; answers the
 * position behind it.
 */
export function writeRedirectedOption(
  bytes: Uint8Array,
  at: number,
  packet: Uint8Array,
  packetPosition: number,
  length: number,
): number {
  const quoted = length & ~7;
  writeOptionHeader(bytes, at, OPTION_REDIRECTED, REDIRECTED_OPTION_LENGTH + quoted);
  setU16(bytes, at + OPTION_DATA, 0);
  setI32(bytes, at + OPTION_DATA + 2, 0);
  copy(packet, packetPosition, bytes, at + REDIRECTED_OPTION_LENGTH, quoted);
  return at + REDIRECTED_OPTION_LENGTH + quoted;
}

function writeOptionHeader(bytes: Uint8Array, at: number, type: number, length: number): void {
  bytes[at + OPTION_TYPE] = type;
  bytes[at + OPTION_LENGTH] = length >>> 3;
}
