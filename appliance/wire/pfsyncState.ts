// SPDX-License-Identifier: ISC
//
// A state as pfsync version 6 carries it: 264 bytes whole, 84 as an update of its two peers alone.

import { asciiText, i32, setI32, setU16, u16, zero } from './bytes.ts';
import * as pfsync from './pfsync.ts';

export const STATE_LENGTH = 264;
export const COMPRESSED_LENGTH = 84;

/** Address families by their numbers on OpenBSD. */
export const AF_INET = 2;
export const AF_INET6 = 24;

/** Numbers of the timeouts from here on are none that a state can have. */
export const TIMEOUT_LIMIT = 20;
/** The largest state of a peer. */
export const PEER_STATE_LIMIT = 12;
export const DIRECTION_LIMIT = 2;

export const ROUTE_TO = 1;
export const ROUTE_DUP_TO = 2;
export const ROUTE_REPLY_TO = 3;

export const FLAG_ALLOW_OPTIONS = 0x0001;
export const FLAG_SLOPPY = 0x0002;
export const FLAG_PFLOW = 0x0004;
export const FLAG_NO_SYNC = 0x0008;
/** The sender holds the first packet until this state is acknowledged. */
export const FLAG_ACK = 0x0010;
export const FLAG_NO_DF = 0x0020;
export const FLAG_SET_TOS = 0x0040;
export const FLAG_RANDOM_ID = 0x0080;
export const FLAG_SCRUB_TCP = 0x0100;

/** No rule. */
export const NONE = -1;

const ID = 0;
const INTERFACE = 8;
/** Keys: wire, then stack. */
const KEYS = 24;
const KEY_LENGTH = 40;
const KEY_PORTS = 32;
const KEY_FAMILY = 38;
/** Peers: who made the state, then the other. */
export const PEERS_AT = 104;
export const PEER_LENGTH = 32;
const ROUTE_ADDRESS = 168;
const RULE = 184;
const ANCHOR = 188;
const NAT_RULE = 192;
const CREATION = 196;
const EXPIRE = 200;
const PACKETS = 204;
const BYTES = 220;
const CREATOR = 236;
const MAXIMUM_MSS = 248;
const FAMILY = 250;
const PROTOCOL = 251;
const DIRECTION = 252;
const LOG = 253;
const ROUTE_TYPE = 254;
const TIMEOUT = 255;
const MINIMUM_TTL = 258;
const SET_TOS = 259;
const STATE_FLAGS = 260;

const SEQ_LOW = 8;
const SEQ_HIGH = 12;
const SEQ_DIFFERENCE = 16;
const WINDOW = 20;
const MSS = 22;
const PEER_STATE = 24;
const WINDOW_SCALE = 25;

const COMPRESSED_PEERS = 8;
const COMPRESSED_CREATOR = 72;
const COMPRESSED_TIMEOUT = 80;

const TWO_32 = 4294967296;

/** Begins a state: everything zero but what says that there is no rule. Setters follow. */
export function clear(bytes: Uint8Array, at: number): void {
  zero(bytes, at, STATE_LENGTH);
  setI32(bytes, at + RULE, NONE);
  setI32(bytes, at + ANCHOR, NONE);
  setI32(bytes, at + NAT_RULE, NONE);
}

export function setId(bytes: Uint8Array, at: number, high: number, low: number, creator: number): void {
  setI32(bytes, at + ID, high);
  setI32(bytes, at + ID + 4, low);
  setI32(bytes, at + CREATOR, creator);
}

export function creator(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + CREATOR);
}

/** `all` for a state that is bound to none. */
export function interfaceName(bytes: Uint8Array, at: number): string {
  return asciiText(bytes, at + INTERFACE, pfsync.NAME_LENGTH);
}

export function setInterfaceName(bytes: Uint8Array, at: number, name: string): void {
  pfsync.writeText(bytes, at + INTERFACE, pfsync.NAME_LENGTH, name);
}

/** Position of an address of key 0 (wire) or 1 (stack); IPv4 uses the first four bytes. */
export function addressAt(at: number, key: number, which: number): number {
  return at + KEYS + KEY_LENGTH * key + 16 * which;
}

export function port(bytes: Uint8Array, at: number, key: number, which: number): number {
  return u16(bytes, at + KEYS + KEY_LENGTH * key + KEY_PORTS + 2 * which);
}

/** AF_INET, AF_INET6, or 0: that of the state. */
export function keyFamily(bytes: Uint8Array, at: number, key: number): number {
  return bytes[at + KEYS + KEY_LENGTH * key + KEY_FAMILY]!;
}

export function setKey(
  bytes: Uint8Array,
  at: number,
  key: number,
  family: number,
  port0: number,
  port1: number,
): void {
  const start = at + KEYS + KEY_LENGTH * key;
  setU16(bytes, start + KEY_PORTS, port0);
  setU16(bytes, start + KEY_PORTS + 2, port1);
  bytes[start + KEY_FAMILY] = family;
}

export function routeAddressAt(at: number): number {
  return at + ROUTE_ADDRESS;
}

export function rule(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + RULE);
}

export function setRules(bytes: Uint8Array, at: number, own: number, anchor: number): void {
  setI32(bytes, at + RULE, own);
  setI32(bytes, at + ANCHOR, anchor);
}

/** Seconds since it was made, and until it ends. */
export function age(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + CREATION) >>> 0;
}

export function expire(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + EXPIRE) >>> 0;
}

export function setTimes(bytes: Uint8Array, at: number, seconds: number, left: number): void {
  setI32(bytes, at + CREATION, seconds);
  setI32(bytes, at + EXPIRE, left);
}

/** Packets or bytes of one direction: 0 as the state was made, 1 back. */
export function packets(bytes: Uint8Array, at: number, way: number): number {
  return u64(bytes, at + PACKETS + 8 * way);
}

export function octets(bytes: Uint8Array, at: number, way: number): number {
  return u64(bytes, at + BYTES + 8 * way);
}

export function setCounters(bytes: Uint8Array, at: number, way: number, many: number, length: number): void {
  setU64(bytes, at + PACKETS + 8 * way, many);
  setU64(bytes, at + BYTES + 8 * way, length);
}

/** What is done to headers of its packets besides what flags say; 0 for nothing. */
export function setScrub(bytes: Uint8Array, at: number, mss: number, ttl: number, tos: number): void {
  setU16(bytes, at + MAXIMUM_MSS, mss);
  bytes[at + MINIMUM_TTL] = ttl;
  bytes[at + SET_TOS] = tos;
}

export function minimumTtl(bytes: Uint8Array, at: number): number {
  return bytes[at + MINIMUM_TTL]!;
}

/** Meant where FLAG_SET_TOS is. */
export function setTos(bytes: Uint8Array, at: number): number {
  return bytes[at + SET_TOS]!;
}

export function maximumMss(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + MAXIMUM_MSS);
}

export function family(bytes: Uint8Array, at: number): number {
  return bytes[at + FAMILY]!;
}

export function protocol(bytes: Uint8Array, at: number): number {
  return bytes[at + PROTOCOL]!;
}

/** 1 in, 2 out. */
export function direction(bytes: Uint8Array, at: number): number {
  return bytes[at + DIRECTION]!;
}

export function log(bytes: Uint8Array, at: number): number {
  return bytes[at + LOG]!;
}

export function routeType(bytes: Uint8Array, at: number): number {
  return bytes[at + ROUTE_TYPE]!;
}

export function timeout(bytes: Uint8Array, at: number): number {
  return bytes[at + TIMEOUT]!;
}

export function flags(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + STATE_FLAGS);
}

export function setKind(
  bytes: Uint8Array,
  at: number,
  kind: {
    family: number;
    protocol: number;
    direction: number;
    log: number;
    routeType: number;
    timeout: number;
  },
): void {
  bytes[at + FAMILY] = kind.family;
  bytes[at + PROTOCOL] = kind.protocol;
  bytes[at + DIRECTION] = kind.direction;
  bytes[at + LOG] = kind.log;
  bytes[at + ROUTE_TYPE] = kind.routeType;
  bytes[at + TIMEOUT] = kind.timeout;
}

export function setFlags(bytes: Uint8Array, at: number, value: number): void {
  setU16(bytes, at + STATE_FLAGS, value);
}

// A peer, in a whole state or a compressed update.

/** Position of peer 0 (who made the state) or 1 in a whole state. */
export function peerAt(at: number, which: number): number {
  return at + PEERS_AT + PEER_LENGTH * which;
}

/** The same in a compressed update. */
export function compressedPeerAt(at: number, which: number): number {
  return at + COMPRESSED_PEERS + PEER_LENGTH * which;
}

export function peerState(bytes: Uint8Array, at: number): number {
  return bytes[at + PEER_STATE]!;
}

export function seqLow(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + SEQ_LOW);
}

export function seqHigh(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + SEQ_HIGH);
}

export function seqDifference(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + SEQ_DIFFERENCE);
}

/** Not scaled. */
export function window(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + WINDOW);
}

export function mss(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + MSS);
}

/** Shift in the low four bits, 0x80 when the option was there. */
export function windowScale(bytes: Uint8Array, at: number): number {
  return bytes[at + WINDOW_SCALE]!;
}

export function writePeer(
  bytes: Uint8Array,
  at: number,
  state: number,
  low: number,
  high: number,
  difference: number,
  maximumWindow: number,
  segment: number,
  scale: number,
): void {
  zero(bytes, at, PEER_LENGTH);
  setI32(bytes, at + SEQ_LOW, low);
  setI32(bytes, at + SEQ_HIGH, high);
  setI32(bytes, at + SEQ_DIFFERENCE, difference);
  setU16(bytes, at + WINDOW, Math.min(maximumWindow, 0xffff));
  setU16(bytes, at + MSS, segment);
  bytes[at + PEER_STATE] = state;
  bytes[at + WINDOW_SCALE] = scale;
}

// A compressed update.

export function compressedCreator(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + COMPRESSED_CREATOR);
}

export function compressedTimeout(bytes: Uint8Array, at: number): number {
  return bytes[at + COMPRESSED_TIMEOUT]!;
}

/** Everything but the peers. */
export function writeCompressed(
  bytes: Uint8Array,
  at: number,
  high: number,
  low: number,
  host: number,
  timeoutNumber: number,
): void {
  zero(bytes, at, COMPRESSED_LENGTH);
  setI32(bytes, at, high);
  setI32(bytes, at + 4, low);
  setI32(bytes, at + COMPRESSED_CREATOR, host);
  bytes[at + COMPRESSED_TIMEOUT] = timeoutNumber;
}

function u64(bytes: Uint8Array, at: number): number {
  return (i32(bytes, at) >>> 0) * TWO_32 + (i32(bytes, at + 4) >>> 0);
}

function setU64(bytes: Uint8Array, at: number, value: number): void {
  setI32(bytes, at, Math.floor(value / TWO_32));
  setI32(bytes, at + 4, (value % TWO_32) | 0);
}
