// SPDX-License-Identifier: ISC
//
// Ethernet II header and the 802.1Q tag (RFC 894, IEEE 802.1Q). An address is two numbers: the high 16 bits, the low 32 as int32.

import { copy, i32, setI32, setU16, u16 } from './bytes.ts';

export const HEADER_LENGTH = 14;
export const ADDRESS_LENGTH = 6;
export const TAG_LENGTH = 4;

export const TYPE_IPV4 = 0x0800;
export const TYPE_ARP = 0x0806;
export const TYPE_REVERSE_ARP = 0x8035;
export const TYPE_VLAN = 0x8100;
export const TYPE_IPV6 = 0x86dd;
export const TYPE_PPPOE_DISCOVERY = 0x8863;
export const TYPE_PPPOE_SESSION = 0x8864;
export const TYPE_QINQ = 0x88a8;
export const TYPE_LLDP = 0x88cc;
/** Anything smaller in the type field is an 802.3 length. */
export const TYPE_MINIMUM = 0x0600;

export const BROADCAST_HIGH = 0xffff;
export const BROADCAST_LOW = -1;

const DESTINATION = 0;
const SOURCE = 6;
const TYPE = 12;
const TAG_CONTROL = 14;
const TAG_TYPE = 16;

const VLAN_MASK = 0x0fff;
const PRIORITY_SHIFT = 13;
const DROP_ELIGIBLE = 0x1000;

export function valid(_bytes: Uint8Array, offset: number, end: number): boolean {
  return end - offset >= HEADER_LENGTH;
}

export function destinationHigh(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + DESTINATION);
}

export function destinationLow(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + DESTINATION + 2);
}

export function sourceHigh(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + SOURCE);
}

export function sourceLow(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + SOURCE + 2);
}

export function type(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + TYPE);
}

export function setDestination(bytes: Uint8Array, offset: number, high: number, low: number): void {
  setAddress(bytes, offset + DESTINATION, high, low);
}

export function setSource(bytes: Uint8Array, offset: number, high: number, low: number): void {
  setAddress(bytes, offset + SOURCE, high, low);
}

export function setType(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + TYPE, value);
}

/** Offset of the destination address in the header at `offset`, for `copyAddress`. */
export function destinationAt(offset: number): number {
  return offset + DESTINATION;
}

/** Offset of the source address in the header at `offset`, for `copyAddress`. */
export function sourceAt(offset: number): number {
  return offset + SOURCE;
}

/** Writes the six bytes of an address anywhere (a header, an ND option). */
export function setAddress(bytes: Uint8Array, at: number, high: number, low: number): void {
  setU16(bytes, at, high);
  setI32(bytes, at + 2, low);
}

export function addressHigh(bytes: Uint8Array, at: number): number {
  return u16(bytes, at);
}

export function addressLow(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + 2);
}

export function copyAddress(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number): void {
  copy(from, fromAt, to, toAt, ADDRESS_LENGTH);
}

/** Builds the header; what follows it starts at `offset + HEADER_LENGTH`. */
export function write(
  bytes: Uint8Array,
  offset: number,
  toHigh: number,
  toLow: number,
  fromHigh: number,
  fromLow: number,
  etherType: number,
): void {
  setDestination(bytes, offset, toHigh, toLow);
  setSource(bytes, offset, fromHigh, fromLow);
  setType(bytes, offset, etherType);
}

/** To everybody: ff:ff:ff:ff:ff:ff. */
export function isBroadcast(bytes: Uint8Array, offset: number): boolean {
  return destinationHigh(bytes, offset) === BROADCAST_HIGH && destinationLow(bytes, offset) === BROADCAST_LOW;
}

/** The group bit of the destination; true of broadcast too. */
export function isMulticast(bytes: Uint8Array, offset: number): boolean {
  return (bytes[offset + DESTINATION]! & 1) !== 0;
}

/** High part of every IPv4 group's address, 01:00:5e:… (RFC 1112 6.4). */
export const GROUP4_HIGH = 0x0100;

/** Low part of an IPv4 group's address: 5e and the low 23 bits of the group. */
export function group4Low(group: number): number {
  return 0x5e000000 | (group & 0x7fffff);
}

/** High part of every IPv6 group's address, 33:33:… (RFC 2464 7); the low part is the group's last word. */
export const GROUP6_HIGH = 0x3333;

/** The frame carries an 802.1Q tag, whole within `end`. */
export function hasTag(bytes: Uint8Array, offset: number, end: number): boolean {
  return type(bytes, offset) === TYPE_VLAN && end - offset >= HEADER_LENGTH + TAG_LENGTH;
}

/** VLAN id of a tagged frame, 0-4095; 0 is a frame with a priority only. */
export function vlan(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + TAG_CONTROL) & VLAN_MASK;
}

/** Priority of a tagged frame, 0-7 (802.1Q PCP). */
export function priority(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + TAG_CONTROL) >>> PRIORITY_SHIFT;
}

/** The bit between priority and VLAN id (802.1Q DEI, once CFI). */
export function dropEligible(bytes: Uint8Array, offset: number): boolean {
  return (u16(bytes, offset + TAG_CONTROL) & DROP_ELIGIBLE) !== 0;
}

/** Type of what a tagged frame carries. */
export function taggedType(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + TAG_TYPE);
}

/** Puts a tag in, moving both addresses forward into the headroom; answers the frame's new offset. */
export function insertTag(bytes: Uint8Array, offset: number, vlanId: number, pcp: number): number {
  const start = offset - TAG_LENGTH;
  copy(bytes, offset, bytes, start, 2 * ADDRESS_LENGTH);
  setType(bytes, start, TYPE_VLAN);
  setU16(bytes, start + TAG_CONTROL, (pcp << PRIORITY_SHIFT) | (vlanId & VLAN_MASK));
  return start;
}

/** Takes the tag out, moving both addresses back over it; answers the frame's new offset. */
export function removeTag(bytes: Uint8Array, offset: number): number {
  const start = offset + TAG_LENGTH;
  copy(bytes, offset, bytes, start, 2 * ADDRESS_LENGTH);
  return start;
}
