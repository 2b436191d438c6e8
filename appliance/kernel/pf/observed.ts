// SPDX-License-Identifier: ISC
//
// TCP state tracking of a connection whose server's half passes another machine, which tells what it sees (strict Direct Server Return).
// The client's segments are checked in full; its acknowledgments stand for what the server has sent in between.

import { i32 } from '../../wire/bytes.ts';
import * as wire from '../../wire/pfsyncObservation.ts';
import * as tcp from '../../wire/tcp.ts';
import type { Random } from '../random.ts';
import type { ActiveRule } from './activeRule.ts';
import type { Descriptor } from './descriptor.ts';
import {
  DESTINATION,
  FLAG_COUNTED_FULL,
  FLAG_COUNTED_SLOPPY,
  FLAG_HEARD_DESTINATION,
  FLAG_OBSERVED,
  FLAG_SLOPPY,
  FLAGS,
  MAX_WINDOW,
  PEER_STATE,
  SCALE_MASK,
  SEQ_HIGH,
  SEQ_LOW,
  SOURCE,
  WINDOW_SCALE,
  WSCALE_SEEN,
} from './stateRecord.ts';
import * as tcpState from './tcpState.ts';

/**
 * A segment of a connection that has been told of; as `tcpState.track`. A reset must always hit. An acknowledgment may run ahead of what was
 * told as far as its sender's own window went, and a FIN further; what the server was seen to send may be acknowledged in any case.
 */
export function track(
  records: Int32Array,
  at: number,
  source: number,
  destination: number,
  packet: Descriptor,
  now: number,
  random: Random,
): number {
  const low = records[destination + SEQ_LOW]!;
  if (source === at + SOURCE && (packet.tcpFlags & tcp.FLAG_ACK) !== 0) {
    const acknowledged = tcp.acknowledgment(packet.packet.bytes, packet.packet.transport);
    const isReset = (packet.tcpFlags & tcp.FLAG_RST) !== 0;
    const edge = records[destination + SEQ_HIGH]!;
    const most = tcp.after(low, edge) ? low : (edge + 1) | 0;
    if (tcp.after(acknowledged, most) && !isReset) {
      return tcpState.refuse(records, source, destination, packet);
    }
    if (tcp.after(acknowledged, low) && !isReset) records[destination + SEQ_LOW] = acknowledged;
  }
  const outcome = tcpState.track(records, at, source, destination, packet, now, true, random);
  if (outcome === tcpState.TRACK_MISMATCH) records[destination + SEQ_LOW] = low;
  return outcome;
}

/**
 * What was seen of the server, from the message at `from`. The first one that says how the server scales its windows ends the time of
 * sloppiness, if the client's are known. Answers false when it says too little for that.
 */
export function hear(records: Int32Array, at: number, bytes: Uint8Array, from: number, now: number): boolean {
  const source = at + SOURCE;
  const destination = at + DESTINATION;
  const isReset = (wire.flags(bytes, from) & tcp.FLAG_RST) !== 0;
  const isFirst = (records[at + FLAGS]! & FLAG_SLOPPY) !== 0;
  if (!isReset) {
    if (isFirst && !isScaleKnown(records, source, wire.scale(bytes, from))) return false;
    if (isFirst) begin(records, at, bytes, from);
    follow(records, source, destination, bytes, from);
  }
  advance(records, source, destination, wire.flags(bytes, from), i32(bytes, from + wire.ACKNOWLEDGMENT));
  // What a peer may have told of it (pfsync) is old now.
  records[at + FLAGS] = records[at + FLAGS]! | FLAG_HEARD_DESTINATION;
  tcpState.chooseTimeout(records, at, source, destination, now);
  return true;
}

// What the rule counts.

/** A connection stands, and nothing was heard of its server. */
export function missed(records: Int32Array, at: number, rule: ActiveRule): void {
  records[at + FLAGS] = records[at + FLAGS]! | FLAG_COUNTED_SLOPPY;
  rule.unobservedStates++;
}

/** The server has been heard of for the first time. One whose client was faster than that has been counted as sloppy. */
export function found(records: Int32Array, at: number, rule: ActiveRule): void {
  const flags = records[at + FLAGS]!;
  if ((flags & FLAG_COUNTED_SLOPPY) !== 0) rule.unobservedStates--;
  records[at + FLAGS] = (flags & ~FLAG_COUNTED_SLOPPY) | FLAG_COUNTED_FULL;
  rule.observedStates++;
}

/** Nobody tells of the server any more. */
export function forget(records: Int32Array, at: number, rule: ActiveRule): void {
  const flags = records[at + FLAGS]!;
  if ((flags & FLAG_COUNTED_FULL) !== 0) rule.observedStates--;
  records[at + FLAGS] = (flags & ~FLAG_COUNTED_FULL) | FLAG_SLOPPY;
  missed(records, at, rule);
}

/** Another machine that balances the same knows of the server, and has told of both ends. */
export function adopt(records: Int32Array, at: number): void {
  const scales = records[at + SOURCE + WINDOW_SCALE]! ^ records[at + DESTINATION + WINDOW_SCALE]!;
  // Both scale, or neither does: else what it told was older than what is known here.
  if ((records[at + FLAGS]! & FLAG_OBSERVED) === 0 || (scales & WSCALE_SEEN) !== 0) return;
  records[at + FLAGS] = records[at + FLAGS]! & ~FLAG_SLOPPY;
}

/** Whether both ends' windows can be read: the server's by what was told, the client's if its SYN passed here. */
function isScaleKnown(records: Int32Array, source: number, scale: number): boolean {
  if (scale === wire.SCALE_UNKNOWN) return false;
  // Who answers with a scale was offered one.
  return (scale & wire.SCALES) === 0 || (records[source + WINDOW_SCALE]! & WSCALE_SEEN) !== 0;
}

/** From here on both halves are known. */
function begin(records: Int32Array, at: number, bytes: Uint8Array, from: number): void {
  const source = at + SOURCE;
  const destination = at + DESTINATION;
  const scale = wire.scale(bytes, from);
  records[at + FLAGS] = records[at + FLAGS]! & ~FLAG_SLOPPY;
  if ((scale & wire.SCALES) !== 0) {
    records[destination + WINDOW_SCALE] = WSCALE_SEEN | (scale & wire.SHIFT_MASK);
  } else {
    // Both scale, or neither does.
    const own = records[source + WINDOW_SCALE]!;
    records[source + MAX_WINDOW] = Math.min(records[source + MAX_WINDOW]! << (own & SCALE_MASK), 0xffff);
    records[source + WINDOW_SCALE] = own & ~0xffff;
  }
  const window = records[source + MAX_WINDOW]! << (records[source + WINDOW_SCALE]! & SCALE_MASK);
  const sequence = i32(bytes, from + wire.SEQUENCE);
  const acknowledged = i32(bytes, from + wire.ACKNOWLEDGMENT);
  records[destination + SEQ_LOW] = sequence;
  records[destination + SEQ_HIGH] = (sequence + window) | 0;
  // Sloppy tracking has not followed the client.
  if (tcp.after(acknowledged, records[source + SEQ_LOW]!)) records[source + SEQ_LOW] = acknowledged;
}

function follow(
  records: Int32Array,
  source: number,
  destination: number,
  bytes: Uint8Array,
  from: number,
): void {
  const sequence = i32(bytes, from + wire.SEQUENCE);
  const shift = records[destination + WINDOW_SCALE]! & SCALE_MASK;
  const said = i32(bytes, from + wire.WINDOW);
  const window = wire.scale(bytes, from) === wire.SCALE_UNKNOWN ? said << shift : said;
  const edge = (i32(bytes, from + wire.ACKNOWLEDGMENT) + Math.max(window, 1)) | 0;
  if (tcp.after(sequence, records[destination + SEQ_LOW]!)) records[destination + SEQ_LOW] = sequence;
  if (tcp.after(edge, records[source + SEQ_HIGH]!)) records[source + SEQ_HIGH] = edge;
  const unscaled = (window + (1 << shift) - 1) >>> shift;
  if (unscaled > records[destination + MAX_WINDOW]!) records[destination + MAX_WINDOW] = unscaled;
}

/** As the server's own segment would move both peers on. */
function advance(
  records: Int32Array,
  source: number,
  destination: number,
  flags: number,
  acknowledged: number,
): void {
  const { ESTABLISHED, SYN_SENT, CLOSING, FIN_WAIT_2 } = tcpState;
  tcpState.raise(records, destination, (flags & tcp.FLAG_FIN) === 0 ? SYN_SENT : CLOSING);
  if (records[source + PEER_STATE] === SYN_SENT) records[source + PEER_STATE] = ESTABLISHED;
  else if (
    records[source + PEER_STATE] === CLOSING &&
    !tcp.before(acknowledged, records[source + SEQ_LOW]!)
  ) {
    records[source + PEER_STATE] = FIN_WAIT_2;
  }
  if ((flags & tcp.FLAG_RST) !== 0) tcpState.finish(records, source, destination);
}
