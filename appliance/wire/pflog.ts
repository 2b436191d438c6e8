// SPDX-License-Identifier: ISC
//
// The header in front of a packet on pflog(4), link type 117: today's 100 bytes. The 61 of 2008, which are its beginning, are read too.

import { asciiText, copy, i32, setI32, setU16, u16, zero } from './bytes.ts';
import * as ipv6 from './ipv6.ts';

/** What `write` makes. */
export const HEADER_LENGTH = 100;
/** The header of 2008 without its padding. */
export const MINIMUM_LENGTH = 61;
export const NAME_LENGTH = 16;

/** Address families by their numbers on OpenBSD. */
export const AF_INET = 2;
export const AF_INET6 = 24;

/** What was done with the packet; those from ACTION_DEFER on are today's. */
export const ACTION_PASS = 0;
export const ACTION_BLOCK = 1;
export const ACTION_SCRUB = 2;
export const ACTION_NO_SCRUB = 3;
export const ACTION_NAT = 4;
export const ACTION_NO_NAT = 5;
export const ACTION_BINAT = 6;
export const ACTION_NO_BINAT = 7;
export const ACTION_RDR = 8;
export const ACTION_NO_RDR = 9;
export const ACTION_SYNPROXY_DROP = 10;
export const ACTION_DEFER = 11;
export const ACTION_MATCH = 12;
export const ACTION_DIVERT = 13;
export const ACTION_ROUTE = 14;
export const ACTION_AF_ROUTE = 15;

export const DIRECTION_IN = 1;
export const DIRECTION_OUT = 2;

/** Sub rule number without an anchor, rule number of a packet that no rule was asked about, and uid of an unknown owner. */
export const NONE = -1;
/** pid of an unknown process: one more than the largest there is. */
export const NO_PID = 100_000;

const LENGTH = 0;
const FAMILY = 1;
const ACTION = 2;
const REASON = 3;
const INTERFACE = 4;
const RULESET = 20;
const RULE = 36;
const SUBRULE = 40;
const UID = 44;
const PID = 48;
const RULE_UID = 52;
const RULE_PID = 56;
const DIRECTION = 60;
const REWRITTEN = 61;
const NEW_FAMILY = 62;
const PAD = 63;
const ORIGINAL_SOURCE = 64;
const ORIGINAL_DESTINATION = 80;
const ORIGINAL_SOURCE_PORT = 96;
const ORIGINAL_DESTINATION_PORT = 98;

/** Long enough for every field up to the direction, and whole. What only today's header has is there if `hasOriginal`. */
export function valid(bytes: Uint8Array, offset: number, end: number): boolean {
  if (end <= offset || bytes[offset + LENGTH]! < MINIMUM_LENGTH) return false;
  return payloadAt(bytes, offset) <= end;
}

/** Where the packet begins: the length rounded up to a multiple of four. */
export function payloadAt(bytes: Uint8Array, offset: number): number {
  return offset + ((bytes[offset + LENGTH]! + 3) & ~3);
}

/** AF_INET or AF_INET6; other systems have other numbers, so look at the packet's version too. */
export function family(bytes: Uint8Array, offset: number): number {
  return bytes[offset + FAMILY]!;
}

export function action(bytes: Uint8Array, offset: number): number {
  return bytes[offset + ACTION]!;
}

export function reason(bytes: Uint8Array, offset: number): number {
  return bytes[offset + REASON]!;
}

/** Position of the interface's name, NAME_LENGTH bytes padded with zeros. */
export function interfaceAt(offset: number): number {
  return offset + INTERFACE;
}

/** Position of the anchor's name, NAME_LENGTH bytes padded with zeros. */
export function rulesetAt(offset: number): number {
  return offset + RULESET;
}

/** In the main ruleset; NONE when no rule was asked. */
export function rule(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + RULE);
}

/** Within the anchor; NONE without one. */
export function subrule(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + SUBRULE);
}

export function uid(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + UID);
}

export function pid(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + PID);
}

export function ruleUid(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + RULE_UID);
}

export function rulePid(bytes: Uint8Array, offset: number): number {
  return i32(bytes, offset + RULE_PID);
}

export function direction(bytes: Uint8Array, offset: number): number {
  return bytes[offset + DIRECTION]!;
}

/** Today's header: the fields from `rewritten` on are there. */
export function hasOriginal(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset + LENGTH]! >= HEADER_LENGTH;
}

/** The packet is shown translated; the original addresses and ports tell what it was. */
export function rewritten(bytes: Uint8Array, offset: number): boolean {
  return bytes[offset + REWRITTEN] !== 0;
}

/** Family after translation. */
export function newFamily(bytes: Uint8Array, offset: number): number {
  return bytes[offset + NEW_FAMILY]!;
}

/** Position of the original source address, four or sixteen bytes by `family`. */
export function originalSourceAt(offset: number): number {
  return offset + ORIGINAL_SOURCE;
}

export function originalDestinationAt(offset: number): number {
  return offset + ORIGINAL_DESTINATION;
}

export function originalSourcePort(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + ORIGINAL_SOURCE_PORT);
}

export function originalDestinationPort(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + ORIGINAL_DESTINATION_PORT);
}

/** Builds the header: names empty, owners unknown, nothing translated; the setters below fill in what is known. */
export function write(
  bytes: Uint8Array,
  offset: number,
  af: number,
  actionCode: number,
  reasonCode: number,
  ruleNumber: number,
  subruleNumber: number,
  way: number,
): void {
  zero(bytes, offset, HEADER_LENGTH);
  bytes[offset + LENGTH] = HEADER_LENGTH;
  bytes[offset + FAMILY] = af;
  bytes[offset + ACTION] = actionCode;
  bytes[offset + REASON] = reasonCode;
  setI32(bytes, offset + RULE, ruleNumber);
  setI32(bytes, offset + SUBRULE, subruleNumber);
  setOwner(bytes, offset, NONE, NO_PID);
  setRuleOwner(bytes, offset, NONE, NO_PID);
  bytes[offset + DIRECTION] = way;
  bytes[offset + NEW_FAMILY] = af;
  bytes[offset + PAD] = 0;
}

/** Name of the interface that the packet passed. */
export function interfaceName(bytes: Uint8Array, offset: number): string {
  return asciiText(bytes, offset + INTERFACE, NAME_LENGTH);
}

/** Copies a name of at most NAME_LENGTH - 1 bytes of ASCII to `interfaceAt` or `rulesetAt`; what is longer is cut. */
export function setName(bytes: Uint8Array, at: number, name: Uint8Array, length: number): void {
  const taken = Math.min(length, NAME_LENGTH - 1);
  zero(bytes, at, NAME_LENGTH);
  copy(name, 0, bytes, at, taken);
}

/** Owner of the local socket. */
export function setOwner(bytes: Uint8Array, offset: number, userId: number, processId: number): void {
  setI32(bytes, offset + UID, userId);
  setI32(bytes, offset + PID, processId);
}

/** Who loaded the rule. */
export function setRuleOwner(bytes: Uint8Array, offset: number, userId: number, processId: number): void {
  setI32(bytes, offset + RULE_UID, userId);
  setI32(bytes, offset + RULE_PID, processId);
}

/** The family that af-to will give the packet. */
export function setNewFamily(bytes: Uint8Array, offset: number, af: number): void {
  bytes[offset + NEW_FAMILY] = af;
}

/** Marks the packet as translated, with the ports it had. */
export function setOriginalPorts(
  bytes: Uint8Array,
  offset: number,
  sourcePort: number,
  destinationPort: number,
): void {
  bytes[offset + REWRITTEN] = 1;
  setU16(bytes, offset + ORIGINAL_SOURCE_PORT, sourcePort);
  setU16(bytes, offset + ORIGINAL_DESTINATION_PORT, destinationPort);
}

/** The IPv4 addresses it had. */
export function setOriginal4(bytes: Uint8Array, offset: number, source: number, destination: number): void {
  setI32(bytes, offset + ORIGINAL_SOURCE, source);
  setI32(bytes, offset + ORIGINAL_DESTINATION, destination);
}

/** The IPv6 addresses it had; `addresses` is the position of source and destination in one piece. */
export function setOriginal6(bytes: Uint8Array, offset: number, from: Uint8Array, addresses: number): void {
  copy(from, addresses, bytes, offset + ORIGINAL_SOURCE, 2 * ipv6.ADDRESS_LENGTH);
}

/** The IPv6 addresses it had, four words each. */
export function setOriginalWords6(
  bytes: Uint8Array,
  offset: number,
  source: Int32Array,
  destination: Int32Array,
): void {
  for (let i = 0; i < 4; i++) {
    setI32(bytes, offset + ORIGINAL_SOURCE + 4 * i, source[i]!);
    setI32(bytes, offset + ORIGINAL_DESTINATION + 4 * i, destination[i]!);
  }
}
