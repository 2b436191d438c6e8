// SPDX-License-Identifier: ISC
//
// Building one segment of a connection and handing it to IP. When to send is decided elsewhere.

import { INET } from '../../../abi/address.ts';
import * as tcps from '../../../abi/counters/tcp.ts';
import * as tcp from '../../../wire/tcp.ts';
import * as tcpOptions from '../../../wire/tcpOptions.ts';
import { errnoOf, NO_BUFFERS, OK, TOO_BIG } from '../../inet/errors.ts';
import { GSO_TCP4, GSO_TCP6, type Packet } from '../../packet.ts';
import { type Connection, IPPROTO_TCP, RECEIVE_SHIFT } from './connection.ts';
import type { TcpContext } from './context.ts';

/** Data of the largest segment: IPv4's total length and IPv6's payload length have 16 bits. */
export const LARGEST_DATA = 65_535 - 20 - tcp.MAXIMUM_HEADER_LENGTH;

/**
 * Sends one segment: FLAG_* bits, its sequence number, and `length` bytes of the buffer from there. More than one full segment
 * leaves as a large one. Answers an error of inet/errors.ts.
 */
export function transmit(
  context: TcpContext,
  c: Connection,
  flags: number,
  sequence: number,
  length: number,
): number {
  const packet = context.pool.take();
  c.network.begin(packet);
  const offset = packet.transport;
  const acknowledgment = (flags & tcp.FLAG_ACK) !== 0 ? c.receiveNext : 0;
  const window = advertise(c, flags);
  tcp.write(packet.bytes, offset, c.localPort, c.remotePort, sequence, acknowledgment, flags, window);
  const data = writeOptions(context, c, packet.bytes, offset, flags);
  c.buffer.read((sequence - c.bufferSequence) | 0, packet.bytes, data, length);
  packet.end = data + length;
  markLarge(c, packet, c.largestSegment - (data - offset - tcp.HEADER_LENGTH), length);
  const error = sendPacket(context, c, packet);
  context.pool.give(packet);
  if ((flags & tcp.FLAG_ACK) !== 0) noteAcknowledged(c);
  return error;
}

/** The window field, and what it promises (RFC 7323 2.3: never scaled in a SYN). */
function advertise(c: Connection, flags: number): number {
  const shift = (flags & tcp.FLAG_SYN) !== 0 ? 0 : c.receiveShift;
  const window = Math.min(c.receiveWindow >>> shift, 0xffff);
  const edge = (c.receiveNext + (window << shift)) | 0;
  if ((flags & tcp.FLAG_ACK) !== 0 && tcp.after(edge, c.receiveEdge)) c.receiveEdge = edge;
  return window;
}

function noteAcknowledged(c: Connection): void {
  c.lastAckSent = c.receiveNext;
  c.unacknowledged = 0;
  c.ackNow = false;
  c.delayed.clear();
}

/** Writes the options of the segment, sets the header's length; answers where the data goes. */
function writeOptions(
  context: TcpContext,
  c: Connection,
  bytes: Uint8Array,
  offset: number,
  flags: number,
): number {
  const first = tcpOptions.first(offset);
  if ((flags & tcp.FLAG_SYN) !== 0) return writeSynOptions(context, c, bytes, offset, first, flags);
  let at = first;
  if (c.timestamps) at = writeTimestamps(context, c, bytes, at, flags);
  if (c.sackPermitted && c.reassembly.blocks > 0) at = writeSack(context, c, bytes, at);
  return tcpOptions.finish(bytes, offset, at);
}

function writeSynOptions(
  context: TcpContext,
  c: Connection,
  bytes: Uint8Array,
  offset: number,
  first: number,
  flags: number,
): number {
  let at = tcpOptions.writeMss(bytes, first, c.advertisedMss);
  if (c.scaling) at = tcpOptions.writeWindowScale(bytes, tcpOptions.writeNop(bytes, at), RECEIVE_SHIFT);
  if (c.sackPermitted) {
    at = tcpOptions.writeNop(bytes, tcpOptions.writeNop(bytes, at));
    at = tcpOptions.writeSackPermitted(bytes, at);
  }
  if (c.timestamps) at = writeTimestamps(context, c, bytes, at, flags);
  return tcpOptions.finish(bytes, offset, at);
}

function writeTimestamps(
  context: TcpContext,
  c: Connection,
  bytes: Uint8Array,
  at: number,
  flags: number,
): number {
  const echo = (flags & tcp.FLAG_ACK) !== 0 ? c.timestampRecent : 0;
  const behind = tcpOptions.writeNop(bytes, tcpOptions.writeNop(bytes, at));
  return tcpOptions.writeTimestamps(bytes, behind, context.timestamp(c), echo);
}

function writeSack(context: TcpContext, c: Connection, bytes: Uint8Array, at: number): number {
  const room = c.timestamps ? tcpOptions.MAXIMUM_SACK_BLOCKS - 1 : tcpOptions.MAXIMUM_SACK_BLOCKS;
  const count = Math.min(c.reassembly.blocks, room);
  const option = tcpOptions.writeNop(bytes, tcpOptions.writeNop(bytes, at));
  c.reassembly.writeBlocks(bytes, option, count);
  context.counters.count(tcps.SACK_SENT);
  return tcpOptions.writeSack(bytes, option, count);
}

function markLarge(c: Connection, packet: Packet, piece: number, length: number): void {
  if (length <= piece) return;
  packet.gsoType = c.family === INET ? GSO_TCP4 : GSO_TCP6;
  packet.segmentSize = piece;
}

function sendPacket(context: TcpContext, c: Connection, packet: Packet): number {
  c.network.writeHeader(packet, c.local, c.remote, IPPROTO_TCP, c.hops || c.network.hops, c.dontFragment);
  leaveChecksum(c, packet);
  context.counters.count(tcps.SENT);
  const error = c.network.output(packet);
  if (error !== OK) {
    context.counters.count(tcps.SEND_ERRORS);
    noteError(c, error);
  }
  return error;
}

/** A full queue is loss like any other; a path that got narrower here is heeded; the rest is the reason should it time out. */
function noteError(c: Connection, error: number): void {
  if (error === NO_BUFFERS) return;
  if (error !== TOO_BIG) {
    c.softError = errnoOf(error);
    return;
  }
  const mtu = c.network.mtu(c.remote);
  if (mtu === 0 || mtu >= c.pathMtu) return;
  c.pathMtu = mtu;
  c.updateSegment();
}

/** The checksum is finished by the device, or in front of it: the field holds the pseudo header's sum (vnet.ts). */
function leaveChecksum(c: Connection, packet: Packet): void {
  const offset = packet.transport;
  tcp.setChecksum(packet.bytes, offset, c.network.pseudoSum(packet, IPPROTO_TCP));
  packet.needsChecksum = true;
  packet.checksumStart = offset;
  packet.checksumField = offset + tcp.CHECKSUM_OFFSET;
}

/** A bare acknowledgment (RFC 9293: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>). */
export function sendAck(context: TcpContext, c: Connection): void {
  context.counters.count(tcps.SENT_ACKS);
  transmit(context, c, tcp.FLAG_ACK, currentSequence(c), 0);
}

/** Resets the peer. */
export function sendReset(context: TcpContext, c: Connection): void {
  context.counters.count(tcps.SENT_CONTROL);
  transmit(context, c, tcp.FLAG_RST | tcp.FLAG_ACK, currentSequence(c), 0);
}

/**
 * A keepalive probe: an old sequence number, which a living peer answers (RFC 9293 3.8.4).
 */
export function sendKeepalive(context: TcpContext, c: Connection): void {
  context.counters.count(tcps.KEEPALIVE_PROBES);
  transmit(context, c, tcp.FLAG_ACK, (c.sendUnacknowledged - 1) | 0, 0);
}

/** SYN in SYN_SENT, SYN and ACK in SYN_RCVD; first or repeated. */
export function sendSyn(context: TcpContext, c: Connection, flags: number): number {
  context.counters.count(tcps.SENT_CONTROL);
  c.sendNext = (c.initialSend + 1) | 0;
  c.sendHighest = c.sendNext;
  return transmit(context, c, flags, c.initialSend, 0);
}

/**
 * The sequence number a segment without data carries: the highest, not one pulled back for retransmission, which the peer would drop
 * as old. A window probe in a closed window counts as not sent.
 */
function currentSequence(c: Connection): number {
  return c.persisting ? c.sendUnacknowledged : c.sendHighest;
}
