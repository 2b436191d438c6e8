// SPDX-License-Identifier: ISC
//
// Options of the IP header as pf minds them (pf_walk_header, pf_walk_option6): who does not allow options wants none, but for the router
// alert that IGMP and listener discovery have to carry.

import * as extension6 from '../../wire/extension6.ts';
import * as icmp6 from '../../wire/icmp6.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import type { Packet } from '../packet.ts';

export const NO_OPTIONS = 0;
/** A router alert and nothing else but padding. */
export const ROUTER_ALERT = 1;
export const OTHER_OPTIONS = 2;
/** They run over their header, or no such packet may be: it is dropped, whatever the rules allow. */
export const BAD_OPTIONS = 3;

/** Headers in front of a transport header that today's pf goes through (PF_HDR_LIMIT), that one included. */
const HEADER_LIMIT = 20;

/** What the options of an IPv4 header are. Padding alone is fishy too. */
export function options4(packet: Packet): number {
  const { bytes, network, transport } = packet;
  const isMembership = packet.protocol === ipv4.PROTOCOL_IGMP;
  // RFC 1112, RFC 2236: what is for all hosts of a link does not leave it.
  if (isMembership && ipv4.ttl(bytes, network) !== 1) {
    if (ipv4.destination(bytes, network) === ipv4.ALL_HOSTS) return BAD_OPTIONS;
  }
  if (ipv4.headerLength(bytes, network) === ipv4.HEADER_LENGTH) return NO_OPTIONS;
  const found = optionsOf4(bytes, ipv4.optionsAt(network), transport);
  return isMembership && found === ROUTER_ALERT ? NO_OPTIONS : found;
}

function optionsOf4(bytes: Uint8Array, start: number, end: number): number {
  let hasAlert = false;
  let hasOthers = false;
  for (let at = start; at < end; ) {
    const length = ipv4.optionLength(bytes, at, end);
    if (length === 0) return BAD_OPTIONS;
    if (bytes[at] === ipv4.OPTION_ROUTER_ALERT) hasAlert = true;
    else if (bytes[at]! > ipv4.OPTION_NOP) hasOthers = true;
    at += length;
  }
  return hasAlert && !hasOthers ? ROUTER_ALERT : OTHER_OPTIONS;
}

/** Whether an IPv4 packet has so many authentication headers that nobody knows what it is. */
export function isNestedTooDeep(packet: Packet): boolean {
  const { bytes, end } = packet;
  let { protocol, transport: at } = packet;
  for (let count = 0; protocol === ipv6.NEXT_AH; count++) {
    if (count >= HEADER_LIMIT - 1) return true;
    const length = extension6.headerLength(bytes, protocol, at, end);
    if (length === 0) return false;
    protocol = extension6.nextHeader(bytes, at);
    at += length;
  }
  return false;
}

/** What the headers between the IPv6 header and the transport header are; authentication is no option. */
export function options6(packet: Packet): number {
  const { bytes, network, transport, end } = packet;
  let found = NO_OPTIONS;
  let protocol = ipv6.nextHeader(bytes, network);
  for (let at = ipv6.payloadAt(network); at < transport; ) {
    const length = extension6.headerLength(bytes, protocol, at, end);
    if (length === 0) return BAD_OPTIONS;
    if (protocol === ipv6.NEXT_HOP_BY_HOP) found = optionsOf6(bytes, extension6.optionsAt(at), at + length);
    else if (protocol === ipv6.NEXT_ROUTING || protocol === ipv6.NEXT_DESTINATION_OPTIONS)
      found = OTHER_OPTIONS;
    if (found === BAD_OPTIONS) return BAD_OPTIONS;
    protocol = extension6.nextHeader(bytes, at);
    at += length;
  }
  return found;
}

function optionsOf6(bytes: Uint8Array, start: number, end: number): number {
  let hasAlert = false;
  let hasOthers = false;
  for (let at = start; at < end; ) {
    const length = extension6.optionLength(bytes, at, end);
    if (length === 0) return BAD_OPTIONS;
    const type = extension6.optionType(bytes, at);
    if (type === extension6.OPTION_ROUTER_ALERT) hasAlert = true;
    else if (type !== extension6.OPTION_PAD1 && type !== extension6.OPTION_PADN) hasOthers = true;
    at += length;
  }
  return hasAlert && !hasOthers ? ROUTER_ALERT : OTHER_OPTIONS;
}

/**
 * What `found` comes to in a message of listener discovery: the router alert belongs there. All of it is sent with hop limit 1 from
 * a link-local address (RFC 2710 3), reports also before there is one (RFC 3590).
 */
export function listenerOptions(packet: Packet, type: number, found: number): number {
  const { bytes, network } = packet;
  if (ipv6.hopLimit(bytes, network) !== 1) return BAD_OPTIONS;
  const isReport = type !== icmp6.TYPE_LISTENER_QUERY;
  if (!ipv6.isLinkLocal(ipv6.sourceWord(bytes, network, 0)) && !(isReport && isUnspecified(packet))) {
    return BAD_OPTIONS;
  }
  return found === ROUTER_ALERT ? NO_OPTIONS : found;
}

function isUnspecified({ bytes, network }: Packet): boolean {
  for (let i = 0; i < 4; i++) if (ipv6.sourceWord(bytes, network, i) !== 0) return false;
  return true;
}

/** 2008 minds routing headers only. */
export function hasRoutingHeader(packet: Packet): boolean {
  const { bytes, network, transport, end } = packet;
  let protocol = ipv6.nextHeader(bytes, network);
  for (let at = ipv6.payloadAt(network); at < transport; ) {
    if (protocol === ipv6.NEXT_ROUTING) return true;
    const length = extension6.headerLength(bytes, protocol, at, end);
    if (length === 0) return false;
    protocol = extension6.nextHeader(bytes, at);
    at += length;
  }
  return false;
}
