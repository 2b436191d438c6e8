// SPDX-License-Identifier: ISC
//
// TCP state tracking: sequence windows in full (pf_tcp_track_full), or flags alone (pf_tcp_track_sloppy) where only half of a
// connection passes by, as with Direct Server Return.

import * as tcp from '../../wire/tcp.ts';
import * as tcpOptions from '../../wire/tcpOptions.ts';
import type { Descriptor } from './descriptor.ts';
import {
  MAX_WINDOW,
  PEER_STATE,
  SEQ_DIFFERENCE,
  SEQ_HIGH,
  SEQ_LOW,
  TIMEOUT,
  TOUCHED,
  WINDOW_SCALE,
  WSCALE_SEEN,
} from './states.ts';
import * as timeouts from './timeouts.ts';

/** States of a peer (tcp_fsm.h); only these occur. */
export const CLOSED = 0;
export const SYN_SENT = 2;
export const ESTABLISHED = 4;
export const CLOSING = 7;
export const FIN_WAIT_2 = 9;
export const TIME_WAIT = 10;

/** How far an acknowledgment may be off: a window without scaling, and a segment. */
const MAXIMUM_ACK_WINDOW = 0xffff + 1500;
const SCALE_MASK = 0x0f;
const MAXIMUM_SCALE = 14;

export const TRACK_PASS = 0;
/** The packet does not belong to the connection as it is known. */
export const TRACK_MISMATCH = 1;

/** What the first packet of a connection makes of the two peers at `source` and `destination` in the record. */
export function create(records: Int32Array, source: number, destination: number, packet: Descriptor): void {
  const { bytes, transport } = packet.packet;
  const syn = (packet.tcpFlags & tcp.FLAG_SYN) !== 0 ? 1 : 0;
  const fin = (packet.tcpFlags & tcp.FLAG_FIN) !== 0 ? 1 : 0;
  const sequence = tcp.sequence(bytes, transport);
  records[source + PEER_STATE] = SYN_SENT;
  records[source + SEQ_LOW] = sequence;
  records[source + SEQ_HIGH] = (sequence + packet.payload + 1 + syn + fin) | 0;
  const window = Math.max(tcp.window(bytes, transport), 1);
  const scale = syn === 1 ? scaleOf(packet) : 0;
  records[source + WINDOW_SCALE] = scale;
  records[source + MAX_WINDOW] = scale === 0 ? window : divideUp(window, scale & SCALE_MASK);
  records[destination + PEER_STATE] = CLOSED;
  records[destination + SEQ_HIGH] = 1;
  records[destination + MAX_WINDOW] = 1;
}

/** Window scale of a SYN with the mark that it was there; 0 without the option. */
function scaleOf(packet: Descriptor): number {
  const { bytes, transport } = packet.packet;
  const at = tcpOptions.find(bytes, transport, tcpOptions.WINDOW_SCALE);
  return at < 0 ? 0 : WSCALE_SEEN | Math.min(tcpOptions.windowShift(bytes, at), MAXIMUM_SCALE);
}

function divideUp(value: number, shift: number): number {
  return (value + (1 << shift) - 1) >> shift;
}

function isAtLeast(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}

/**
 * A further packet in full tracking. `at` is the record, `source` and `destination` the peers that sent it and that it is for.
 */
export function track(
  records: Int32Array,
  at: number,
  source: number,
  destination: number,
  packet: Descriptor,
  now: number,
): number {
  const { bytes, transport } = packet.packet;
  const flags = packet.tcpFlags;
  const window = tcp.window(bytes, transport);
  const syn = (flags & tcp.FLAG_SYN) !== 0 ? 1 : 0;
  const fin = (flags & tcp.FLAG_FIN) !== 0 ? 1 : 0;
  let sourceShift = 0;
  let destinationShift = 0;
  const sourceScale = records[source + WINDOW_SCALE]!;
  const destinationScale = records[destination + WINDOW_SCALE]!;
  if ((sourceScale & WSCALE_SEEN) !== 0 && (destinationScale & WSCALE_SEEN) !== 0 && syn === 0) {
    sourceShift = sourceScale & SCALE_MASK;
    destinationShift = destinationScale & SCALE_MASK;
  }
  let sequence = tcp.sequence(bytes, transport);
  const originalSequence = sequence;
  let acknowledgment = tcp.acknowledgment(bytes, transport);
  let dataEnd = (sequence + packet.payload + syn) | 0;
  let end = (dataEnd + fin) | 0;
  let announced = window;

  if (records[source + SEQ_LOW] === 0) {
    // The first packet from this side.
    if (syn === 1 && (destinationScale & WSCALE_SEEN) !== 0) {
      const scale = scaleOf(packet);
      records[source + WINDOW_SCALE] = scale;
      if ((scale & WSCALE_SEEN) !== 0) {
        sourceShift = scale & SCALE_MASK;
        announced = divideUp(window, sourceShift);
        destinationShift = destinationScale & SCALE_MASK;
      } else {
        // No scaling from here: the other side's window was counted in units that do not apply.
        const whole = records[destination + MAX_WINDOW]! << (destinationScale & SCALE_MASK);
        records[destination + MAX_WINDOW] = Math.min(whole, 0xffff);
        records[destination + WINDOW_SCALE] = 0;
      }
    }
    records[source + SEQ_LOW] = sequence;
    if (records[source + PEER_STATE]! < SYN_SENT) records[source + PEER_STATE] = SYN_SENT;
    const reach = (end + Math.max(1, records[destination + MAX_WINDOW]! << destinationShift)) | 0;
    if (records[source + SEQ_HIGH] === 1 || isAtLeast(reach, records[source + SEQ_HIGH]!)) {
      records[source + SEQ_HIGH] = reach;
    }
    if (announced > records[source + MAX_WINDOW]!) records[source + MAX_WINDOW] = announced;
  }

  const hasAck = (flags & tcp.FLAG_ACK) !== 0;
  const isReset = (flags & tcp.FLAG_RST) !== 0;
  if (!hasAck || (isReset && acknowledgment === 0) || records[destination + PEER_STATE]! < SYN_SENT) {
    acknowledgment = records[destination + SEQ_LOW]!;
  }
  if (sequence === end) {
    sequence = records[source + SEQ_LOW]!;
    end = sequence;
    dataEnd = sequence;
  }
  const skew = (records[destination + SEQ_LOW]! - acknowledgment) | 0;
  const low = records[source + SEQ_LOW]!;
  const reset = isReset ? (originalSequence - low) | 0 : 0;
  const strict =
    isAtLeast(records[source + SEQ_HIGH]!, dataEnd) &&
    isAtLeast(sequence, (low - (records[destination + MAX_WINDOW]! << destinationShift)) | 0) &&
    skew >= -MAXIMUM_ACK_WINDOW &&
    skew <= MAXIMUM_ACK_WINDOW << sourceShift &&
    reset >= -1 &&
    reset <= 1;
  if (strict) {
    updateWindows(records, source, destination, end, acknowledgment, announced, sourceShift);
    advance(records, source, destination, flags);
    chooseTimeout(records, at, source, destination, now);
    return TRACK_PASS;
  }
  const loose =
    (records[destination + PEER_STATE]! < SYN_SENT ||
      records[destination + PEER_STATE]! >= FIN_WAIT_2 ||
      records[source + PEER_STATE]! >= FIN_WAIT_2) &&
    isAtLeast((records[source + SEQ_HIGH]! + MAXIMUM_ACK_WINDOW) | 0, end) &&
    isAtLeast(sequence, (low - MAXIMUM_ACK_WINDOW) | 0);
  if (!loose) return TRACK_MISMATCH;
  updateWindows(records, source, destination, end, acknowledgment, announced, sourceShift);
  if (fin === 1 && records[source + PEER_STATE]! < CLOSING) records[source + PEER_STATE] = CLOSING;
  if (isReset) {
    records[source + PEER_STATE] = TIME_WAIT;
    records[destination + PEER_STATE] = TIME_WAIT;
  }
  return TRACK_PASS;
}

function updateWindows(
  records: Int32Array,
  source: number,
  destination: number,
  end: number,
  acknowledgment: number,
  window: number,
  shift: number,
): void {
  if (window > records[source + MAX_WINDOW]!) records[source + MAX_WINDOW] = window;
  if (!isAtLeast(records[source + SEQ_LOW]!, end)) records[source + SEQ_LOW] = end;
  const reach = (acknowledgment + (window << shift)) | 0;
  if (isAtLeast(reach, records[destination + SEQ_HIGH]!)) {
    records[destination + SEQ_HIGH] = (acknowledgment + Math.max(window << shift, 1)) | 0;
  }
}

/** Flags move the peers on, in this order. */
function advance(records: Int32Array, source: number, destination: number, flags: number): void {
  if ((flags & tcp.FLAG_SYN) !== 0 && records[source + PEER_STATE]! < SYN_SENT) {
    records[source + PEER_STATE] = SYN_SENT;
  }
  if ((flags & tcp.FLAG_FIN) !== 0 && records[source + PEER_STATE]! < CLOSING) {
    records[source + PEER_STATE] = CLOSING;
  }
  if ((flags & tcp.FLAG_ACK) !== 0) {
    if (records[destination + PEER_STATE] === SYN_SENT) records[destination + PEER_STATE] = ESTABLISHED;
    else if (records[destination + PEER_STATE] === CLOSING) records[destination + PEER_STATE] = FIN_WAIT_2;
  }
  if ((flags & tcp.FLAG_RST) !== 0) {
    records[source + PEER_STATE] = TIME_WAIT;
    records[destination + PEER_STATE] = TIME_WAIT;
  }
}

function chooseTimeout(
  records: Int32Array,
  at: number,
  source: number,
  destination: number,
  now: number,
): void {
  const a = records[source + PEER_STATE]!;
  const b = records[destination + PEER_STATE]!;
  records[at + TOUCHED] = now;
  if (a >= FIN_WAIT_2 && b >= FIN_WAIT_2) records[at + TIMEOUT] = timeouts.TCP_CLOSED;
  else if (a >= CLOSING && b >= CLOSING) records[at + TIMEOUT] = timeouts.TCP_FINWAIT;
  else if (a < ESTABLISHED || b < ESTABLISHED) records[at + TIMEOUT] = timeouts.TCP_OPENING;
  else if (a >= CLOSING || b >= CLOSING) records[at + TIMEOUT] = timeouts.TCP_CLOSING;
  else records[at + TIMEOUT] = timeouts.TCP_ESTABLISHED;
}

/** A further packet where sequence numbers are not looked at: nothing is ever refused. */
export function trackSloppy(
  records: Int32Array,
  at: number,
  source: number,
  destination: number,
  packet: Descriptor,
  now: number,
): number {
  const flags = packet.tcpFlags;
  const raise = (peer: number, state: number) => {
    if (records[peer + PEER_STATE]! < state) records[peer + PEER_STATE] = state;
  };
  if ((flags & tcp.FLAG_SYN) !== 0) raise(source, SYN_SENT);
  if ((flags & tcp.FLAG_FIN) !== 0) raise(source, CLOSING);
  if ((flags & tcp.FLAG_ACK) !== 0) acknowledgeSloppy(records, source, destination);
  if ((flags & tcp.FLAG_RST) !== 0) {
    records[source + PEER_STATE] = TIME_WAIT;
    records[destination + PEER_STATE] = TIME_WAIT;
  }
  chooseTimeout(records, at, source, destination, now);
  return TRACK_PASS;
}

/** The steps of a half connection stand beside the ordinary ones: the other half's packets never come by here. */
function acknowledgeSloppy(records: Int32Array, source: number, destination: number): void {
  const from = records[source + PEER_STATE]!;
  const to = records[destination + PEER_STATE]!;
  if (to === SYN_SENT) records[destination + PEER_STATE] = ESTABLISHED;
  else if (to === CLOSING) records[destination + PEER_STATE] = FIN_WAIT_2;
  else if (from === SYN_SENT && to < SYN_SENT) {
    records[source + PEER_STATE] = ESTABLISHED;
    records[destination + PEER_STATE] = ESTABLISHED;
  } else if (from === CLOSING && to === ESTABLISHED && records[destination + SEQ_LOW] === 0) {
    records[destination + PEER_STATE] = CLOSING;
  }
}

/** Both sides of a closed connection are to be reset to how they began, so that the next try counts as a first packet. */
export function forget(records: Int32Array, source: number): void {
  records[source + SEQ_LOW] = 0;
  records[source + SEQ_HIGH] = 1;
  records[source + MAX_WINDOW] = 1;
  records[source + SEQ_DIFFERENCE] = 0;
}

/** Whether a new SYN may take the place of this state: both peers are done. */
export function isFinished(records: Int32Array, source: number, destination: number): boolean {
  return records[source + PEER_STATE]! >= FIN_WAIT_2 && records[destination + PEER_STATE]! >= FIN_WAIT_2;
}

/** A quoted sequence number lies in what its sender may have sent (pf_test_state_icmp). */
export function isQuotedInWindow(
  records: Int32Array,
  sender: number,
  receiver: number,
  sequence: number,
): boolean {
  const bothScale = (records[sender + WINDOW_SCALE]! & records[receiver + WINDOW_SCALE]! & WSCALE_SEEN) !== 0;
  const shift = bothScale ? records[receiver + WINDOW_SCALE]! & SCALE_MASK : 0;
  const low = (records[sender + SEQ_LOW]! - (records[receiver + MAX_WINDOW]! << shift)) | 0;
  return isAtLeast(records[sender + SEQ_HIGH]!, sequence) && isAtLeast(sequence, low);
}
