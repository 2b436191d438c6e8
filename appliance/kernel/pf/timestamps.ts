// SPDX-License-Identifier: ISC
//
// `reassemble tcp` (pf_normalize_tcp_stateful): hides the clocks of both ends behind random offsets, refuses timestamps that cannot be
// theirs (PAWS, RFC 7323 5), keeps the TTL of each side from sinking.

import * as tcp from '../../wire/tcp.ts';
import * as tcpOptions from '../../wire/tcpOptions.ts';
import type { Random } from '../random.ts';
import type { Descriptor } from './descriptor.ts';
import { hops, setHops } from './hops.ts';
import { update32 } from './translate.ts';

/** A clock of a thousand ticks a second, and a tenth of tolerance: the fastest that timestamps may run. */
const FASTEST_TICKS = 1_100;
const DAY = 86_400;
/** Silence after which a timestamp says nothing, and age of a connection after which it may have gone round. */
const IDLE_LIMIT = 24 * DAY;
const AGE_LIMIT = 12 * DAY;

/** What is known of one side. */
export class TimestampPeer {
  /** Highest hop count seen. */
  hops = 0;
  /** Its SYN carried the option. */
  stamps = false;
  /** Added to what it says. */
  offset = 0;
  /** Its first timestamp, its highest, and the highest echo that it sent. */
  first = 0;
  value = 0;
  echo = 0;
  /** One of its timestamps came with an echo: it can be judged. */
  armed = false;
  /** A segment with data carried the option. */
  dataStamped = false;
  /** Second of its last timestamp. */
  last = 0;
}

/** What the SYN of a side says (pf_normalize_tcp_init). */
export function begin(peer: TimestampPeer, packet: Descriptor, now: number, random: Random): void {
  peer.hops = hops(packet);
  peer.last = now;
  if ((packet.tcpFlags & tcp.FLAG_SYN) === 0) return;
  const at = stampAt(packet);
  if (at < 0) return;
  peer.stamps = true;
  peer.offset = random.word();
  peer.first = tcpOptions.timestampValue(packet.packet.bytes, at);
  peer.value = peer.first;
  peer.echo = tcpOptions.timestampEcho(packet.packet.bytes, at);
}

function stampAt(packet: Descriptor): number {
  return tcpOptions.find(packet.packet.bytes, packet.packet.transport, tcpOptions.TIMESTAMPS);
}

/**
 * A segment from `source` to `destination`. `established`: both ends are; `tolerance` in seconds is tcp.tsdiff; `age` is the state's.
 * Answers false for a bad timestamp. Otherwise the packet has been rewritten.
 */
export function follow(
  source: TimestampPeer,
  destination: TimestampPeer,
  packet: Descriptor,
  now: number,
  established: boolean,
  tolerance: number,
  age: number,
): boolean {
  raiseHops(source, packet);
  const at = stampAt(packet);
  if (at < 0) return !(source.dataStamped && packet.payload > 0 && established);
  if (hasSecond(packet, at)) return false;
  const { bytes } = packet.packet;
  const value = tcpOptions.timestampValue(bytes, at);
  const written = tcpOptions.timestampEcho(bytes, at);
  const echo = written === 0 ? 0 : (written - destination.offset) | 0;
  const isIdle = now - source.last > IDLE_LIMIT || age > AGE_LIMIT;
  if (isIdle) source.armed = false;
  if (source.armed && destination.armed && established) {
    if (!isPlausible(source, destination, value, echo, now, tolerance)) return false;
  }
  note(source, value, echo, now, packet.payload > 0);
  rewrite(packet, at, value, source, written, destination);
  return true;
}

function isPlausible(
  source: TimestampPeer,
  destination: TimestampPeer,
  value: number,
  echo: number,
  now: number,
  tolerance: number,
): boolean {
  const fastest = (source.value + (now - source.last + tolerance) * FASTEST_TICKS) | 0;
  if (before(value, destination.echo) || before(fastest, value)) return false;
  return echo === 0 || !(before(destination.value, echo) || before(echo, destination.first));
}

function before(a: number, b: number): boolean {
  return ((a - b) | 0) < 0;
}

function note(source: TimestampPeer, value: number, echo: number, now: number, hasData: boolean): void {
  if (!source.armed || before(source.value, value)) source.value = value;
  source.last = now;
  if (hasData) source.dataStamped = true;
  if (echo === 0) return;
  if (!source.armed || before(source.echo, echo)) source.echo = echo;
  if (source.first === 0) source.first = value;
  source.armed = true;
}

function rewrite(
  packet: Descriptor,
  at: number,
  value: number,
  source: TimestampPeer,
  written: number,
  destination: TimestampPeer,
): void {
  const { bytes, transport } = packet.packet;
  const odd = ((at - transport) & 1) !== 0;
  if (source.stamps && value !== 0) {
    const shown = (value + source.offset) | 0;
    tcpOptions.setTimestampValue(bytes, at, shown);
    update32(packet, value, shown, odd);
  }
  if (destination.stamps && written !== 0) {
    const known = (written - destination.offset) | 0;
    tcpOptions.setTimestampEcho(bytes, at, known);
    update32(packet, written, known, odd);
  }
}

function hasSecond(packet: Descriptor, first: number): boolean {
  const { bytes, transport } = packet.packet;
  const limit = tcpOptions.end(bytes, transport);
  let at = first + tcpOptions.TIMESTAMPS_LENGTH;
  while (at < limit && tcpOptions.kind(bytes, at) !== tcpOptions.END) {
    const taken = tcpOptions.length(bytes, at, limit);
    if (taken === 0) return false;
    if (tcpOptions.kind(bytes, at) === tcpOptions.TIMESTAMPS) return true;
    at += taken;
  }
  return false;
}

function raiseHops(peer: TimestampPeer, packet: Descriptor): void {
  const own = hops(packet);
  if (own > peer.hops) peer.hops = own;
  else if (own < peer.hops) setHops(packet, peer.hops);
}
