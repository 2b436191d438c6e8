// SPDX-License-Identifier: ISC
//
// TCP state tracking in full (pf_tcp_track_full): sequence numbers and acknowledgments against the windows that both sides announced.
// The steps are numbered as in the description that goes with pf(4): Guido van Rooij, Real Stateful TCP Packet Filtering.

import * as tcp from '../../wire/tcp.ts';
import * as tcpOptions from '../../wire/tcpOptions.ts';
import type { Random } from '../random.ts';
import type { Descriptor } from './descriptor.ts';
import {
  MAX_WINDOW,
  PEER_STATE,
  SCALE_MASK,
  SEQ_DIFFERENCE,
  SEQ_HIGH,
  SEQ_LOW,
  TIMEOUT,
  TOUCHED,
  WINDOW_SCALE,
  WSCALE_SEEN,
} from './stateRecord.ts';
import * as timeouts from './timeouts.ts';
import { changeAcknowledgment, changeSequence, lowerSack } from './translate.ts';

/** States of a peer (tcp_fsm.h); only these occur. */
export const CLOSED = 0;
export const LISTEN = 1;
export const SYN_SENT = 2;
export const ESTABLISHED = 4;
export const CLOSING = 7;
export const FIN_WAIT_2 = 9;
export const TIME_WAIT = 10;
/** Synproxy: pf speaks with the client, and with the server. */
export const PROXY_SRC = 11;
export const PROXY_DST = 12;

/** How far an acknowledgment may be off: a window without scaling, and a segment. */
const MAXIMUM_ACK_WINDOW = 0xffff + 1500;

export const TRACK_PASS = 0;
/** The packet does not belong to the connection as it is known. */
export const TRACK_MISMATCH = 1;
/** It passes, and the handshake is complete with it. */
export const TRACK_CONNECTED = 2;

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
export function scaleOf(packet: Descriptor): number {
  const { bytes, transport } = packet.packet;
  const at = tcpOptions.find(bytes, transport, tcpOptions.WINDOW_SCALE);
  if (at < 0) return 0;
  return WSCALE_SEEN | Math.min(tcpOptions.windowShift(bytes, at), tcpOptions.MAXIMUM_SHIFT);
}

function divideUp(value: number, shift: number): number {
  return (value + (1 << shift) - 1) >> shift;
}

function isAtLeast(a: number, b: number): boolean {
  return ((a - b) | 0) >= 0;
}

/** One segment on its way through `track`: read once, changed as the steps say. */
class Segment {
  flags = 0;
  sequence = 0;
  originalSequence = 0;
  acknowledgment = 0;
  /** Sequence number behind the data, and behind the FIN. */
  dataEnd = 0;
  end = 0;
  window = 0;
  sourceShift = 0;
  destinationShift = 0;
  /** It acknowledges to the byte what the receiver has sent, of which a stranger knows nothing. */
  isExact = false;

  read(records: Int32Array, source: number, destination: number, packet: Descriptor): void {
    const { bytes, transport } = packet.packet;
    this.flags = packet.tcpFlags;
    const syn = (this.flags & tcp.FLAG_SYN) !== 0 ? 1 : 0;
    const fin = (this.flags & tcp.FLAG_FIN) !== 0 ? 1 : 0;
    this.sequence = tcp.sequence(bytes, transport);
    this.originalSequence = this.sequence;
    this.acknowledgment = (tcp.acknowledgment(bytes, transport) - records[destination + SEQ_DIFFERENCE]!) | 0;
    const sent = records[destination + SEQ_LOW]!;
    this.isExact = sent !== 0 && (this.flags & tcp.FLAG_ACK) !== 0 && this.acknowledgment === sent;
    this.dataEnd = (this.sequence + packet.payload + syn) | 0;
    this.end = (this.dataEnd + fin) | 0;
    this.window = tcp.window(bytes, transport);
    const sourceScale = records[source + WINDOW_SCALE]!;
    const destinationScale = records[destination + WINDOW_SCALE]!;
    const scales = (sourceScale & destinationScale & WSCALE_SEEN) !== 0 && syn === 0;
    this.sourceShift = scales ? sourceScale & SCALE_MASK : 0;
    this.destinationShift = scales ? destinationScale & SCALE_MASK : 0;
  }
}

const segment = new Segment();

/**
 * A further packet. `at` is the record, `source` and `destination` the peers that sent it and that it is for. With modulated sequence
 * numbers the packet is rewritten. `isToday`: a FIN may lie behind the window. Answers TRACK_*.
 */
export function track(
  records: Int32Array,
  at: number,
  source: number,
  destination: number,
  packet: Descriptor,
  now: number,
  isToday: boolean,
  random: Random,
): number {
  segment.read(records, source, destination, packet);
  if (records[source + SEQ_LOW] === 0) firstOfSide(records, source, destination, packet, random);
  if ((records[source + SEQ_DIFFERENCE]! | records[destination + SEQ_DIFFERENCE]!) !== 0) {
    modulate(records, source, destination, packet);
  }
  repair(records, source, destination);
  if (isStrict(records, source, destination, packet, isToday)) {
    updateWindows(records, source, destination);
    const connected = advance(records, source, destination, segment.flags);
    chooseTimeout(records, at, source, destination, now);
    return connected ? TRACK_CONNECTED : TRACK_PASS;
  }
  if (!isLoose(records, source, destination)) return TRACK_MISMATCH;
  updateWindows(records, source, destination);
  if ((segment.flags & tcp.FLAG_FIN) !== 0) raise(records, source, CLOSING);
  if ((segment.flags & tcp.FLAG_RST) !== 0) finish(records, source, destination);
  return TRACK_PASS;
}

/** Refuses a packet that does not come as far as `track`; `resume` may look at it. */
export function refuse(
  records: Int32Array,
  source: number,
  destination: number,
  packet: Descriptor,
): typeof TRACK_MISMATCH {
  segment.read(records, source, destination, packet);
  repair(records, source, destination);
  return TRACK_MISMATCH;
}

/** Step 3, the first packet seen from this side. */
function firstOfSide(
  records: Int32Array,
  source: number,
  destination: number,
  packet: Descriptor,
  random: Random,
): void {
  if (records[destination + SEQ_DIFFERENCE] !== 0 && records[source + SEQ_DIFFERENCE] === 0) {
    records[source + SEQ_DIFFERENCE] = random.word() | 1;
  }
  const isSyn = (segment.flags & tcp.FLAG_SYN) !== 0;
  if (isSyn && (records[destination + WINDOW_SCALE]! & WSCALE_SEEN) !== 0) {
    agreeOnScale(records, source, destination, packet);
  }
  records[source + SEQ_LOW] = segment.sequence;
  raise(records, source, SYN_SENT);
  const allowed = Math.max(1, records[destination + MAX_WINDOW]! << segment.destinationShift);
  const reach = (segment.end + allowed) | 0;
  if (records[source + SEQ_HIGH] === 1 || isAtLeast(reach, records[source + SEQ_HIGH]!)) {
    records[source + SEQ_HIGH] = reach;
  }
  if (segment.window > records[source + MAX_WINDOW]!) records[source + MAX_WINDOW] = segment.window;
}

/** The answer to a SYN with window scaling: both scale, or neither does. */
function agreeOnScale(records: Int32Array, source: number, destination: number, packet: Descriptor): void {
  const scale = scaleOf(packet);
  const other = records[destination + WINDOW_SCALE]!;
  if (scale !== 0) {
    records[source + WINDOW_SCALE] = scale;
    segment.sourceShift = scale & SCALE_MASK;
    segment.window = divideUp(segment.window, segment.sourceShift);
    segment.destinationShift = other & SCALE_MASK;
    return;
  }
  const whole = records[destination + MAX_WINDOW]! << (other & SCALE_MASK);
  records[destination + MAX_WINDOW] = Math.min(whole, 0xffff);
  records[destination + WINDOW_SCALE] = other & ~0xffff;
}

/** Sequence numbers as the receiver is to see them, acknowledgments as the sender knows them. */
function modulate(records: Int32Array, source: number, destination: number, packet: Descriptor): void {
  const sent = records[source + SEQ_DIFFERENCE]!;
  const acknowledged = records[destination + SEQ_DIFFERENCE]!;
  if (sent !== 0) changeSequence(packet, (segment.sequence + sent) | 0);
  if ((segment.flags & tcp.FLAG_ACK) === 0 || acknowledged === 0) return;
  changeAcknowledgment(packet, segment.acknowledgment);
  lowerSack(packet, acknowledged);
}

/** Steps 4 and 5: what the packet does not say is taken as what is known. */
function repair(records: Int32Array, source: number, destination: number): void {
  const { flags } = segment;
  const isBareReset = (flags & tcp.FLAG_RST) !== 0 && segment.acknowledgment === 0;
  if ((flags & tcp.FLAG_ACK) === 0 || isBareReset || records[destination + PEER_STATE]! < SYN_SENT) {
    segment.acknowledgment = records[destination + SEQ_LOW]!;
  }
  if (segment.sequence !== segment.end) return;
  segment.sequence = records[source + SEQ_LOW]!;
  segment.end = segment.sequence;
  segment.dataEnd = segment.sequence;
}

function isStrict(
  records: Int32Array,
  source: number,
  destination: number,
  packet: Descriptor,
  isToday: boolean,
): boolean {
  const low = records[source + SEQ_LOW]!;
  const back = records[destination + MAX_WINDOW]! << segment.destinationShift;
  const skew = (records[destination + SEQ_LOW]! - segment.acknowledgment) | 0;
  return (
    isAtLeast(records[source + SEQ_HIGH]!, isToday ? segment.dataEnd : segment.end) &&
    isAtLeast(segment.sequence, (low - back) | 0) &&
    skew >= -MAXIMUM_ACK_WINDOW &&
    skew <= MAXIMUM_ACK_WINDOW << segment.sourceShift &&
    (isToday ? isResetInPlace(low, back) : !packet.isReassembled || isResetInPlace(low, 0))
  );
}

/**
 * A reset must hit the next sequence number, or one beside it: else a blind attacker closes connections. One of a sender whose data
 * got lost on the way may lie up to `back` behind, if it acknowledges all that it was sent.
 */
function isResetInPlace(low: number, back: number): boolean {
  if ((segment.flags & tcp.FLAG_RST) === 0) return true;
  const off = (segment.originalSequence - low) | 0;
  return off <= 1 && off >= (segment.isExact ? Math.min(-back, -1) : -1);
}

/** Repeated SYNs, connections picked up in their middle, stragglers behind the close. */
function isLoose(records: Int32Array, source: number, destination: number): boolean {
  const from = records[source + PEER_STATE]!;
  const to = records[destination + PEER_STATE]!;
  return (
    (to < SYN_SENT || to >= FIN_WAIT_2 || from >= FIN_WAIT_2) &&
    isAtLeast((records[source + SEQ_HIGH]! + MAXIMUM_ACK_WINDOW) | 0, segment.end) &&
    isAtLeast(segment.sequence, (records[source + SEQ_LOW]! - MAXIMUM_ACK_WINDOW) | 0)
  );
}

/**
 * The packet that `track` has just refused, of a connection that a peer has told of: what was told may be old by a window, for updates
 * are sent when an edge has moved by half of one. Within that it passes, and an acknowledgment shows what the other end has sent. Not a
 * reset: those must hit. Answers TRACK_PASS or TRACK_MISMATCH.
 */
export function resume(
  records: Int32Array,
  at: number,
  source: number,
  destination: number,
  now: number,
): number {
  const sent = records[source + MAX_WINDOW]! << segment.sourceShift;
  const back = records[destination + MAX_WINDOW]! << segment.destinationShift;
  const slack = Math.max(sent, back) + MAXIMUM_ACK_WINDOW;
  const skew = (records[destination + SEQ_LOW]! - segment.acknowledgment) | 0;
  const fits =
    (segment.flags & tcp.FLAG_RST) === 0 &&
    isAtLeast((records[source + SEQ_HIGH]! + slack) | 0, segment.dataEnd) &&
    isAtLeast(segment.sequence, (records[source + SEQ_LOW]! - back - slack) | 0) &&
    skew >= -slack &&
    skew <= slack;
  if (!fits) return TRACK_MISMATCH;
  if (skew < 0) records[destination + SEQ_LOW] = segment.acknowledgment;
  updateWindows(records, source, destination);
  advance(records, source, destination, segment.flags);
  chooseTimeout(records, at, source, destination, now);
  return TRACK_PASS;
}

function updateWindows(records: Int32Array, source: number, destination: number): void {
  const { window, sourceShift, acknowledgment, end } = segment;
  if (window > records[source + MAX_WINDOW]!) records[source + MAX_WINDOW] = window;
  if (!isAtLeast(records[source + SEQ_LOW]!, end)) records[source + SEQ_LOW] = end;
  if (isAtLeast((acknowledgment + (window << sourceShift)) | 0, records[destination + SEQ_HIGH]!)) {
    records[destination + SEQ_HIGH] = (acknowledgment + Math.max(window << sourceShift, 1)) | 0;
  }
}

export function raise(records: Int32Array, peer: number, state: number): void {
  if (records[peer + PEER_STATE]! < state) records[peer + PEER_STATE] = state;
}

export function finish(records: Int32Array, source: number, destination: number): void {
  records[source + PEER_STATE] = TIME_WAIT;
  records[destination + PEER_STATE] = TIME_WAIT;
}

/** Flags move the peers on, in this order. Answers whether the handshake is complete now. */
function advance(records: Int32Array, source: number, destination: number, flags: number): boolean {
  let connected = false;
  if ((flags & tcp.FLAG_SYN) !== 0) raise(records, source, SYN_SENT);
  if ((flags & tcp.FLAG_FIN) !== 0) raise(records, source, CLOSING);
  if ((flags & tcp.FLAG_ACK) !== 0) {
    if (records[destination + PEER_STATE] === SYN_SENT) {
      records[destination + PEER_STATE] = ESTABLISHED;
      connected = records[source + PEER_STATE] === ESTABLISHED;
    } else if (records[destination + PEER_STATE] === CLOSING) {
      records[destination + PEER_STATE] = FIN_WAIT_2;
    }
  }
  if ((flags & tcp.FLAG_RST) !== 0) finish(records, source, destination);
  return connected;
}

/** The timeout that the two peers' states call for; it runs from now on. */
export function chooseTimeout(
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

/** The side begins anew with its next packet: both sides seem to know another connection (pf_tcp_track_full's last resort). */
export function forget(records: Int32Array, source: number): void {
  records[source + SEQ_LOW] = 0;
  records[source + SEQ_HIGH] = 1;
  records[source + MAX_WINDOW] = 1;
}

/** Both peers have seen nothing but each other's SYN. */
export function isOpening(records: Int32Array, source: number, destination: number): boolean {
  return records[source + PEER_STATE] === SYN_SENT && records[destination + PEER_STATE] === SYN_SENT;
}

/** Whether a new SYN may take the place of this state: both peers are done. */
export function isFinished(records: Int32Array, source: number, destination: number): boolean {
  return records[source + PEER_STATE]! >= FIN_WAIT_2 && records[destination + PEER_STATE]! >= FIN_WAIT_2;
}

/** Whether a quoted sequence number lies in what its sender may have sent (pf_test_state_icmp). */
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
