// SPDX-License-Identifier: ISC
//
// Parts of a state as pfsync carries them: timeouts by number, peers, addresses, flags, scrubbing.

import * as ipv6 from '../../wire/ipv6.ts';
import * as wire from '../../wire/pfsyncState.ts';
import { ScrubSettings } from '../pf/scrubSettings.ts';
import {
  FLAG_ALLOW_OPTIONS,
  FLAG_DUP_TO,
  FLAG_LOG_ALL,
  FLAG_NO_SYNC,
  FLAG_OBSERVED,
  FLAG_PFLOW,
  FLAG_REPLY_TO,
  FLAG_ROUTE_TO,
  FLAG_SLOPPY,
  MAX_WINDOW,
  MSS_SHIFT,
  PEER_STATE,
  SEQ_DIFFERENCE,
  SEQ_HIGH,
  SEQ_LOW,
  WINDOW_SCALE,
} from '../pf/stateRecord.ts';
import * as timeouts from '../pf/timeouts.ts';

/** PF_LOG_ALL. */
export const LOG_ALL = 2;

/** Timeouts by the numbers that pfsync has for them. */
const TIMEOUTS = [
  timeouts.TCP_FIRST,
  timeouts.TCP_OPENING,
  timeouts.TCP_ESTABLISHED,
  timeouts.TCP_CLOSING,
  timeouts.TCP_FINWAIT,
  timeouts.TCP_CLOSED,
  timeouts.UDP_FIRST,
  timeouts.UDP_SINGLE,
  timeouts.UDP_MULTIPLE,
  timeouts.ICMP_FIRST,
  timeouts.ICMP_ERROR,
  timeouts.OTHER_FIRST,
  timeouts.OTHER_SINGLE,
  timeouts.OTHER_MULTIPLE,
] as const;

/** How a timeout of ours is numbered on the wire. */
export function timeoutNumber(timeout: number): number {
  return TIMEOUTS.indexOf(timeout as (typeof TIMEOUTS)[number]);
}

/** The timeout that a number of the wire means; undefined for one that no state has. */
export function timeoutOf(number: number): number | undefined {
  return TIMEOUTS[number];
}

/** One peer of a connection as a message has it. */
export function readPeer(bytes: Uint8Array, at: number, records: Int32Array, to: number): void {
  records[to + PEER_STATE] = wire.peerState(bytes, at);
  records[to + SEQ_LOW] = wire.seqLow(bytes, at);
  records[to + SEQ_HIGH] = wire.seqHigh(bytes, at);
  records[to + SEQ_DIFFERENCE] = wire.seqDifference(bytes, at);
  records[to + MAX_WINDOW] = wire.window(bytes, at);
  records[to + WINDOW_SCALE] = wire.windowScale(bytes, at) | (wire.mss(bytes, at) << MSS_SHIFT);
}

export function writePeer(records: Int32Array, from: number, bytes: Uint8Array, at: number): void {
  const scale = records[from + WINDOW_SCALE]!;
  wire.writePeer(
    bytes,
    at,
    records[from + PEER_STATE]!,
    records[from + SEQ_LOW]!,
    records[from + SEQ_HIGH]!,
    records[from + SEQ_DIFFERENCE]!,
    records[from + MAX_WINDOW]!,
    scale >>> MSS_SHIFT,
    scale & 0xff,
  );
}

export function readWords(bytes: Uint8Array, at: number, into: Int32Array): void {
  for (let i = 0; i < 4; i++) into[i] = ipv6.addressWord(bytes, at, i);
}

export function writeAddress(bytes: Uint8Array, at: number, words: Int32Array): void {
  ipv6.setAddress(bytes, at, words[0]!, words[1]!, words[2]!, words[3]!);
}

export function familyNumber(family: number): number {
  return family === 4 ? wire.AF_INET : wire.AF_INET6;
}

export function routeTypeOf(flags: number): number {
  if ((flags & FLAG_ROUTE_TO) !== 0) return wire.ROUTE_TO;
  if ((flags & FLAG_REPLY_TO) !== 0) return wire.ROUTE_REPLY_TO;
  return (flags & FLAG_DUP_TO) === 0 ? 0 : wire.ROUTE_DUP_TO;
}

export function flagsOf(flags: number): number {
  return (
    // What is known of the other half comes from a router, not from here.
    ((flags & (FLAG_SLOPPY | FLAG_OBSERVED)) === 0 ? 0 : wire.FLAG_SLOPPY) |
    ((flags & FLAG_ALLOW_OPTIONS) === 0 ? 0 : wire.FLAG_ALLOW_OPTIONS) |
    ((flags & FLAG_PFLOW) === 0 ? 0 : wire.FLAG_PFLOW) |
    ((flags & FLAG_NO_SYNC) === 0 ? 0 : wire.FLAG_NO_SYNC)
  );
}

export function flagsFrom(bytes: Uint8Array, at: number): number {
  const flags = wire.flags(bytes, at);
  const type = wire.routeType(bytes, at);
  return (
    ((flags & wire.FLAG_SLOPPY) === 0 ? 0 : FLAG_SLOPPY) |
    ((flags & wire.FLAG_ALLOW_OPTIONS) === 0 ? 0 : FLAG_ALLOW_OPTIONS) |
    ((flags & wire.FLAG_PFLOW) === 0 ? 0 : FLAG_PFLOW) |
    ((flags & wire.FLAG_NO_SYNC) === 0 ? 0 : FLAG_NO_SYNC) |
    ((wire.log(bytes, at) & LOG_ALL) === 0 ? 0 : FLAG_LOG_ALL) |
    (type === wire.ROUTE_TO ? FLAG_ROUTE_TO : 0) |
    (type === wire.ROUTE_REPLY_TO ? FLAG_REPLY_TO : 0) |
    (type === wire.ROUTE_DUP_TO ? FLAG_DUP_TO : 0)
  );
}

/** Writes what is scrubbed; answers the flags that belong to it. */
export function writeScrub(scrub: ScrubSettings, bytes: Uint8Array, at: number): number {
  wire.setScrub(bytes, at, scrub.maxMss, scrub.minTtl, Math.max(0, scrub.tos));
  return (
    (scrub.noDf ? wire.FLAG_NO_DF : 0) |
    (scrub.tos >= 0 ? wire.FLAG_SET_TOS : 0) |
    (scrub.randomId ? wire.FLAG_RANDOM_ID : 0) |
    (scrub.reassembleTcp ? wire.FLAG_SCRUB_TCP : 0)
  );
}

export function scrubOf(bytes: Uint8Array, at: number): ScrubSettings {
  const flags = wire.flags(bytes, at);
  const scrub = new ScrubSettings();
  scrub.noDf = (flags & wire.FLAG_NO_DF) !== 0;
  scrub.randomId = (flags & wire.FLAG_RANDOM_ID) !== 0;
  scrub.reassembleTcp = (flags & wire.FLAG_SCRUB_TCP) !== 0;
  scrub.minTtl = wire.minimumTtl(bytes, at);
  scrub.maxMss = wire.maximumMss(bytes, at);
  if ((flags & wire.FLAG_SET_TOS) !== 0) scrub.tos = wire.setTos(bytes, at);
  return scrub;
}
