// SPDX-License-Identifier: ISC
//
// Two messages of pfsync(4) that are our own: what a router has seen of a server's half of a connection (67), and which addresses a load
// balancer redirects (68).

import { setI32, setU16, u16, zero } from './bytes.ts';
import * as ipv4 from './ipv4.ts';
import { HEADER_LENGTH, SECTION_LENGTH } from './pfsync.ts';

export const OBSERVATION_LENGTH = 52;
/** An observation is alone in its packet: its bytes on the link, IP header included. */
export const OBSERVATION_PACKET = ipv4.HEADER_LENGTH + HEADER_LENGTH + SECTION_LENGTH + OBSERVATION_LENGTH;
export const BALANCED_LENGTH = 28;

/** The server scales its windows; the shift is in the low four bits. */
export const SCALES = 0x80;
/** Whether it does was not seen: the window is as the segment had it. */
export const SCALE_UNKNOWN = 0x40;
export const SHIFT_MASK = 0x0f;

// An observation.

export const CLIENT = 0;
export const SERVER = 16;
const CLIENT_PORT = 32;
const SERVER_PORT = 34;
const FAMILY = 36;
const FLAGS = 37;
const SCALE = 38;
/** The first sequence number that the server has not sent, what it has acknowledged, and its window in bytes. */
export const SEQUENCE = 40;
export const ACKNOWLEDGMENT = 44;
export const WINDOW = 48;

/** 4 or 6; 0 is about no flow and says that somebody observes. */
export function family(bytes: Uint8Array, at: number): number {
  return bytes[at + FAMILY]!;
}

export function clientPort(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + CLIENT_PORT);
}

export function serverPort(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + SERVER_PORT);
}

/** TCP flags of the server: SYN, FIN and RST as far as they have been seen. */
export function flags(bytes: Uint8Array, at: number): number {
  return bytes[at + FLAGS]!;
}

/** SCALES with a shift, SCALE_UNKNOWN, or 0. */
export function scale(bytes: Uint8Array, at: number): number {
  return bytes[at + SCALE]!;
}

/** All but addresses and numbers. `ports` is the client's << 16 | the server's. */
export function writeObservation(
  bytes: Uint8Array,
  at: number,
  familyNumber: number,
  ports: number,
  tcpFlags: number,
  scaleByte: number,
): void {
  zero(bytes, at, OBSERVATION_LENGTH);
  setI32(bytes, at + CLIENT_PORT, ports);
  bytes[at + FAMILY] = familyNumber;
  bytes[at + FLAGS] = tcpFlags;
  bytes[at + SCALE] = scaleByte;
}

// Balanced addresses.

/** Nothing has to be observed: what it redirects is only not to be taken for a router's. */
const KIND_SILENT = 1;

export const BALANCED_ADDRESS = 4;
const PREFIX_LENGTH = 20;
const BALANCED_FAMILY = 21;
const KIND = 22;
const BALANCED_PROTOCOL = 23;
const LOW = 24;
const HIGH = 26;

export function prefixLength(bytes: Uint8Array, at: number): number {
  return bytes[at + PREFIX_LENGTH]!;
}

export function balancedFamily(bytes: Uint8Array, at: number): number {
  return bytes[at + BALANCED_FAMILY]!;
}

export function isObserved(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + KIND]! & KIND_SILENT) === 0;
}

/** Number of the IP protocol. */
export function balancedProtocol(bytes: Uint8Array, at: number): number {
  return bytes[at + BALANCED_PROTOCOL]!;
}

/** First and last port. */
export function lowPort(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + LOW);
}

export function highPort(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + HIGH);
}

export interface Balanced {
  readonly family: number;
  readonly words: Int32Array;
  readonly length: number;
  readonly protocol: number;
  readonly low: number;
  readonly high: number;
  /** Routers are to tell of the other half of its connections. */
  readonly observed: boolean;
}

export function writeBalanced(bytes: Uint8Array, at: number, hostId: number, what: Balanced): void {
  zero(bytes, at, BALANCED_LENGTH);
  setI32(bytes, at, hostId);
  for (let i = 0; i < 4; i++) setI32(bytes, at + BALANCED_ADDRESS + 4 * i, what.words[i]!);
  bytes[at + PREFIX_LENGTH] = what.length;
  bytes[at + BALANCED_FAMILY] = what.family;
  bytes[at + KIND] = what.observed ? 0 : KIND_SILENT;
  bytes[at + BALANCED_PROTOCOL] = what.protocol;
  setU16(bytes, at + LOW, what.low);
  setU16(bytes, at + HIGH, what.high);
}
