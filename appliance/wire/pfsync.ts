// SPDX-License-Identifier: ISC
//
// pfsync(4), version 6: a header of 20 bytes, then sections of messages of one kind, each with the length of its messages, so that
// what is not known can be skipped. The full state and its parts are in pfsyncState.ts, observations in pfsyncObservation.ts.

import { asciiText, i32, setI32, setU16, u16, zero } from './bytes.ts';

export const VERSION = 6;
export const HEADER_LENGTH = 20;
export const SECTION_LENGTH = 4;
export const TTL = 255;
/** 224.0.0.240. */
export const GROUP = 0xe00000f0 | 0;
export const NAME_LENGTH = 16;

export const ACTION_CLEAR = 0;
export const ACTION_INSERT_ACK = 2;
export const ACTION_UPDATE_COMPRESSED = 4;
export const ACTION_UPDATE_REQUEST = 5;
export const ACTION_DELETE = 6;
export const ACTION_DELETE_COMPRESSED = 7;
export const ACTION_BULK_STATUS = 10;
export const ACTION_INSERT = 13;
export const ACTION_UPDATE = 14;
export const ACTION_UPDATE_TDB = 15;
/** Of our own; others skip them by their length. */
export const ACTION_RULE = 64;
export const ACTION_RULESET = 65;
export const ACTION_OBSERVATION = 67;
export const ACTION_BALANCED = 68;
export const ACTION_BULK_PLACES = 69;
export const ACTION_BULK_AGAIN = 70;
export const ACTION_GREETING = 71;
export const ACTION_CLEARED = 72;

/** Names of the actions by number, as tcpdump prints them. */
export const ACTION_NAMES: readonly string[] = [
  'CLR ST',
  'INS ST OLD',
  'INS ST ACK',
  'UPD ST OLD',
  'UPD ST COMP',
  'UPD ST REQ',
  'DEL ST',
  'DEL ST COMP',
  'INS FR',
  'DEL FR',
  'BULK UPD STAT',
  'UPD TDB OLD',
  'EOF',
  'INS ST',
  'UPD ST',
  'UPD TDB',
];

export const CLEAR_LENGTH = 20;
/** A state's id and the host that made it: acknowledgments, requests, deletions. */
export const REFERENCE_LENGTH = 12;
export const BULK_STATUS_LENGTH = 12;
export const TDB_LENGTH = 52;
/** Without timeouts, which follow, four bytes each. */
export const RULE_LENGTH = REFERENCE_LENGTH + 28;
export const CHECKSUM_LENGTH = 16;
export const RULESET_LENGTH = CHECKSUM_LENGTH + 4;
/** A host and a part of its states: those of a packet of its bulk update, or those that it is asked for again. */
export const BULK_RANGE_LENGTH = 12;

/** Flags of a rule's message: what counts the source of its state, and remembers what was chosen for it; the server's half is known, too. */
export const RULE_SOURCE_NODE = 1;
export const RULE_CONNECTED = 2;
export const RULE_NAT_NODE = 4;
export const RULE_ROUTE_NODE = 8;
export const RULE_OBSERVED = 16;

export const BULK_START = 1;
export const BULK_END = 2;

const VERSION_AT = 0;
const LENGTH = 2;
const ACTION = 0;
const WORDS = 1;
const COUNT = 2;

/** A whole header of a version that is understood, and what it says is there. Answers the end of the last section, -1 when it is cut. */
export function endOf(bytes: Uint8Array, offset: number, end: number): number {
  const length = u16(bytes, offset + LENGTH);
  return length < HEADER_LENGTH || length > end - offset ? -1 : offset + length;
}

export function valid(_bytes: Uint8Array, offset: number, end: number): boolean {
  return end - offset >= HEADER_LENGTH;
}

export function version(bytes: Uint8Array, offset: number): number {
  return bytes[offset + VERSION_AT]!;
}

/** From the header's first byte to the end of the last message. */
export function length(bytes: Uint8Array, offset: number): number {
  return u16(bytes, offset + LENGTH);
}

/** The header, its ruleset checksum zero as today's; the length is set when the packet is full. */
export function writeHeader(bytes: Uint8Array, offset: number): void {
  zero(bytes, offset, HEADER_LENGTH);
  bytes[offset + VERSION_AT] = VERSION;
}

export function setLength(bytes: Uint8Array, offset: number, value: number): void {
  setU16(bytes, offset + LENGTH, value);
}

// A section: action, length of a message in words, count.

export function action(bytes: Uint8Array, at: number): number {
  return bytes[at + ACTION]!;
}

/** Bytes of one message of the section. */
export function messageLength(bytes: Uint8Array, at: number): number {
  return 4 * bytes[at + WORDS]!;
}

export function count(bytes: Uint8Array, at: number): number {
  return u16(bytes, at + COUNT);
}

export function writeSection(
  bytes: Uint8Array,
  at: number,
  what: number,
  bytesOfMessage: number,
  many: number,
): void {
  bytes[at + ACTION] = what;
  bytes[at + WORDS] = bytesOfMessage >>> 2;
  setU16(bytes, at + COUNT, many);
}

// Messages.

/** Id and creator at the start of acknowledgments, requests, deletions, compressed updates and rules. */
export function idHigh(bytes: Uint8Array, at: number): number {
  return i32(bytes, at);
}

export function idLow(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + 4);
}

export function referenceCreator(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + 8);
}

export function writeReference(
  bytes: Uint8Array,
  at: number,
  high: number,
  low: number,
  creator: number,
): void {
  setI32(bytes, at, high);
  setI32(bytes, at + 4, low);
  setI32(bytes, at + 8, creator);
}

/** Interface whose states go; '' for all. */
export function clearInterface(bytes: Uint8Array, at: number): string {
  return asciiText(bytes, at, NAME_LENGTH);
}

export function clearCreator(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + NAME_LENGTH);
}

export function writeClear(bytes: Uint8Array, at: number, name: string, creator: number): void {
  writeText(bytes, at, NAME_LENGTH, name);
  setI32(bytes, at + NAME_LENGTH, creator);
}

export function bulkCreator(bytes: Uint8Array, at: number): number {
  return i32(bytes, at);
}

/** Seconds since the request. */
export function bulkAge(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + 4) >>> 0;
}

export function bulkStatus(bytes: Uint8Array, at: number): number {
  return bytes[at + 8]!;
}

export function writeBulkStatus(bytes: Uint8Array, at: number, creator: number, status: number): void {
  zero(bytes, at, BULK_STATUS_LENGTH);
  setI32(bytes, at, creator);
  bytes[at + 8] = status;
}

/** Positions of the fingerprints of a state's rule, of the anchor call that led to it, and of its translation; zeros for none. */
export function ruleAt(at: number): number {
  return at + REFERENCE_LENGTH;
}

export function callAt(at: number): number {
  return at + REFERENCE_LENGTH + 8;
}

export function translationAt(at: number): number {
  return at + REFERENCE_LENGTH + 16;
}

/** RULE_*. */
export function ruleFlags(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + REFERENCE_LENGTH + 24);
}

export function setRuleFlags(bytes: Uint8Array, at: number, flags: number): void {
  setI32(bytes, at + REFERENCE_LENGTH + 24, flags);
}

/** The rule's own timeouts, of which a message of this length has so many: number on the wire, and seconds in 24 bits. */
export function ruleTimeouts(messageBytes: number): number {
  return (messageBytes - RULE_LENGTH) >>> 2;
}

export function ruleTimeout(bytes: Uint8Array, at: number, which: number): number {
  return bytes[at + RULE_LENGTH + 4 * which]!;
}

export function ruleSeconds(bytes: Uint8Array, at: number, which: number): number {
  return i32(bytes, at + RULE_LENGTH + 4 * which) & 0xffffff;
}

export function setRuleTimeout(
  bytes: Uint8Array,
  at: number,
  which: number,
  timeout: number,
  seconds: number,
): void {
  setI32(bytes, at + RULE_LENGTH + 4 * which, (timeout << 24) | Math.min(seconds, 0xffffff));
}

/** How many states a bulk update had: who sent it, and the number. */
/** An IPsec association: SPI as int32, replay counter, bytes so far. */
export function tdb(bytes: Uint8Array, at: number): { spi: number; replay: number; octets: number } {
  const long = (place: number) => (i32(bytes, place) >>> 0) * 2 ** 32 + (i32(bytes, place + 4) >>> 0);
  return { spi: i32(bytes, at), replay: long(at + 32), octets: long(at + 40) };
}

/** Host id, the first place in its state table, and the one behind the last. */
export function rangeHost(bytes: Uint8Array, at: number): number {
  return i32(bytes, at);
}

export function rangeFrom(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + 4) >>> 0;
}

export function rangeTo(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + 8) >>> 0;
}

export function writeRange(bytes: Uint8Array, at: number, host: number, from: number, to: number): void {
  setI32(bytes, at, host);
  setI32(bytes, at + 4, from);
  setI32(bytes, at + 8, to);
}

/** The MD5 of the sender's main ruleset as hexadecimal digits, and who sends it. */
export function rulesetChecksum(bytes: Uint8Array, at: number): string {
  let text = '';
  for (let i = 0; i < CHECKSUM_LENGTH; i++) text += bytes[at + i]!.toString(16).padStart(2, '0');
  return text;
}

export function rulesetCreator(bytes: Uint8Array, at: number): number {
  return i32(bytes, at + CHECKSUM_LENGTH);
}

export function writeRuleset(bytes: Uint8Array, at: number, checksum: string, creator: number): void {
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    bytes[at + i] = Number.parseInt(checksum.slice(2 * i, 2 * i + 2), 16) || 0;
  }
  setI32(bytes, at + CHECKSUM_LENGTH, creator);
}

/** Cut where there is no room for it and a zero. */
export function writeText(bytes: Uint8Array, at: number, room: number, text: string): void {
  zero(bytes, at, room);
  for (let i = 0; i < Math.min(text.length, room - 1); i++) bytes[at + i] = text.charCodeAt(i) & 0x7f;
}
