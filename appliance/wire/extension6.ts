// SPDX-License-Identifier: ISC
//
// IPv6 extension headers (RFC 8200 4): one step, the bounded walk to the transport header, options within them.

import * as fragment6 from './fragment6.ts';
import * as ipv6 from './ipv6.ts';

/** More headers than this in one packet are refused (PF_HDR_LIMIT, which counts the transport header too). */
export const MAXIMUM_HEADERS = 19;

export const OPTION_PAD1 = 0;
export const OPTION_PADN = 1;
export const OPTION_ROUTER_ALERT = 5;
export const OPTION_JUMBO = 0xc2;

/** What to do with an option that is not known, by its top bits (RFC 8200 4.2). */
export const ACTION_SKIP = 0;
export const ACTION_DISCARD = 1;
export const ACTION_REPORT = 2;
export const ACTION_REPORT_UNICAST = 3;

export const ROUTING_TYPE_SOURCE = 0;

/** Answers of `walk`. */
export const OK = 0;
export const TOO_SHORT = 1;
export const TOO_MANY = 2;
/** A hop-by-hop header elsewhere than first. */
export const MISPLACED = 3;

const NEXT_HEADER = 0;
const LENGTH = 1;
const OPTIONS = 2;
const ROUTING_TYPE = 2;
const ROUTING_SEGMENTS_LEFT = 3;

/** What a walk found; the caller keeps one and hands it in again and again. Positions are -1 where a header is absent. */
export class Walk {
  /** Protocol of what stands at `transport`: TCP, UDP, ICMPv6, ESP, none, or one that is not known here. */
  protocol = 0;
  transport = 0;
  /** Position of the byte that names `protocol`. */
  nextHeaderAt = 0;
  hopByHop = -1;
  routing = -1;
  fragment = -1;
  destinationOptions = -1;
  /** Behind a fragment header with an offset: `transport` is data from the middle, not a header. */
  laterFragment = false;
}

export function isExtension(protocol: number): boolean {
  return (
    protocol === ipv6.NEXT_HOP_BY_HOP ||
    protocol === ipv6.NEXT_ROUTING ||
    protocol === ipv6.NEXT_FRAGMENT ||
    protocol === ipv6.NEXT_AH ||
    protocol === ipv6.NEXT_DESTINATION_OPTIONS
  );
}

/** Bytes of the extension header of kind `protocol` at `at`; 0 when it does not lie whole before `end`. */
export function headerLength(bytes: Uint8Array, protocol: number, at: number, end: number): number {
  if (end - at < 8) return 0;
  const length = lengthOf(bytes, protocol, at);
  return length > end - at ? 0 : length;
}

function lengthOf(bytes: Uint8Array, protocol: number, at: number): number {
  if (protocol === ipv6.NEXT_FRAGMENT) return fragment6.HEADER_LENGTH;
  const units = bytes[at + LENGTH]!;
  return protocol === ipv6.NEXT_AH ? (units + 2) << 2 : (units + 1) << 3; // RFC 4302 2.2
}

export function nextHeader(bytes: Uint8Array, at: number): number {
  return bytes[at + NEXT_HEADER]!;
}

/**
 * Walks from the fixed header at `offset`, which must be valid, to the transport header before `end`, and fills `found`. OK, or
 * TOO_SHORT, TOO_MANY, MISPLACED with `found` as far as it got. Ends at a later fragment too.
 */
export function walk(bytes: Uint8Array, offset: number, end: number, found: Walk): number {
  reset(found, bytes, offset);
  for (let count = 0; isExtension(found.protocol); count++) {
    if (count === MAXIMUM_HEADERS) return TOO_MANY;
    if (found.protocol === ipv6.NEXT_HOP_BY_HOP && count > 0) return MISPLACED;
    // A fragment of a fragment: nobody makes them but to be taken for something else.
    if (found.protocol === ipv6.NEXT_FRAGMENT && found.fragment >= 0) return TOO_MANY;
    const length = headerLength(bytes, found.protocol, found.transport, end);
    if (length === 0) return TOO_SHORT;
    note(found, bytes);
    found.protocol = nextHeader(bytes, found.transport);
    found.nextHeaderAt = found.transport + NEXT_HEADER;
    found.transport += length;
    if (found.laterFragment) return OK;
  }
  return OK;
}

function reset(found: Walk, bytes: Uint8Array, offset: number): void {
  found.protocol = ipv6.nextHeader(bytes, offset);
  found.nextHeaderAt = ipv6.nextHeaderAt(offset);
  found.transport = ipv6.payloadAt(offset);
  found.hopByHop = -1;
  found.routing = -1;
  found.fragment = -1;
  found.destinationOptions = -1;
  found.laterFragment = false;
}

function note(found: Walk, bytes: Uint8Array): void {
  const at = found.transport;
  if (found.protocol === ipv6.NEXT_HOP_BY_HOP) found.hopByHop = at;
  else if (found.protocol === ipv6.NEXT_ROUTING) found.routing = at;
  else if (found.protocol === ipv6.NEXT_DESTINATION_OPTIONS) found.destinationOptions = at;
  else if (found.protocol === ipv6.NEXT_FRAGMENT) {
    found.fragment = at;
    found.laterFragment = fragment6.fragmentOffset(bytes, at) !== 0;
  }
}

/** Type of the routing header at `at`; 0 is deprecated and refused (RFC 5095). */
export function routingType(bytes: Uint8Array, at: number): number {
  return bytes[at + ROUTING_TYPE]!;
}

/** Position of a routing header's type, which a parameter problem points at. */
export function routingTypeAt(at: number): number {
  return at + ROUTING_TYPE;
}

export function routingSegmentsLeft(bytes: Uint8Array, at: number): number {
  return bytes[at + ROUTING_SEGMENTS_LEFT]!;
}

/** First option of a hop-by-hop or destination options header. */
export function optionsAt(at: number): number {
  return at + OPTIONS;
}

/** Bytes that the option at `at` takes, or 0 when it runs over `end`, the end of its header. */
export function optionLength(bytes: Uint8Array, at: number, end: number): number {
  if (bytes[at] === OPTION_PAD1) return 1;
  if (at + 1 >= end) return 0;
  const length = bytes[at + LENGTH]! + 2;
  return at + length > end ? 0 : length;
}

export function optionType(bytes: Uint8Array, at: number): number {
  return bytes[at]!;
}

/** ACTION_* for an option that is not known. */
export function optionAction(bytes: Uint8Array, at: number): number {
  return bytes[at]! >>> 6;
}

export const ROUTER_ALERT_LENGTH = 8;

/** Hop-by-hop header (ROUTER_ALERT_LENGTH) with a router alert for MLD (RFC 2711), as every MLD packet carries (RFC 3810 5). */
export function writeRouterAlert(bytes: Uint8Array, offset: number, next: number): void {
  bytes[offset + NEXT_HEADER] = next;
  bytes[offset + LENGTH] = 0;
  bytes[offset + OPTIONS] = OPTION_ROUTER_ALERT;
  bytes[offset + OPTIONS + 1] = 2;
  bytes[offset + OPTIONS + 2] = 0;
  bytes[offset + OPTIONS + 3] = 0;
  bytes[offset + OPTIONS + 4] = OPTION_PADN;
  bytes[offset + OPTIONS + 5] = 0;
}
