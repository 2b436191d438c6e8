// SPDX-License-Identifier: ISC
//
// In front of a device: large segments are cut and checksums finished where the device cannot do it itself. The rules of cutting
// are those of the hardware (TSO, USO): sequence numbers go up, PSH and FIN are the last piece's, CWR the first one's, IP ids count up.

import { setU16 } from '../../wire/bytes.ts';
import * as checksum from '../../wire/checksum.ts';
import * as ethernet from '../../wire/ethernet.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as ipv6 from '../../wire/ipv6.ts';
import * as tcp from '../../wire/tcp.ts';
import * as udp from '../../wire/udp.ts';
import type { Capabilities } from '../device.ts';
import { GSO_ECN, GSO_NONE, GSO_TCP4, GSO_TCP6, GSO_UDP, type Packet, type PacketPool } from '../packet.ts';

/** Takes the pieces of a large segment one by one; each is the receiver's only until it returns. */
export interface PieceSink {
  piece(packet: Packet): void;
}

/** How many frames a packet counts as: the pieces of a large segment, else one. */
export function pieces(packet: Packet): number {
  if (packet.gsoType === GSO_NONE || packet.segmentSize === 0) return 1;
  const payload = packet.end - payloadAt(packet);
  return Math.max(1, Math.ceil(payload / packet.segmentSize));
}

/** Length of the IP packet that each piece of a large segment will be, or of the packet as it is. */
export function pieceLength(packet: Packet): number {
  const length = packet.end - packet.network;
  if (packet.gsoType === GSO_NONE) return length;
  return Math.min(length, payloadAt(packet) - packet.network + packet.segmentSize);
}

/**
 * Whether the notes on a received frame are about something in it: the sum begins behind the link header, its field and, in a large
 * segment, the transport header and some payload lie within. Whoever writes into the other end of a TAP chooses them.
 */
export function notesValid(packet: Packet): boolean {
  if (!packet.needsChecksum) return packet.gsoType === GSO_NONE;
  const { link, end, checksumStart, checksumField } = packet;
  const inside =
    checksumStart >= link + ethernet.HEADER_LENGTH &&
    checksumField >= checksumStart &&
    checksumField + 2 <= end;
  if (!inside || packet.gsoType === GSO_NONE) return inside;
  return packet.segmentSize > 0 && checksumStart + tcp.HEADER_LENGTH <= end && payloadAt(packet) < end;
}

/** Whether the device takes this large segment whole. */
export function takesWhole(capabilities: Capabilities, gsoType: number): boolean {
  switch (gsoType & ~GSO_ECN) {
    case GSO_TCP4:
      return capabilities.tso4;
    case GSO_TCP6:
      return capabilities.tso6;
    case GSO_UDP:
      return capabilities.uso;
    default:
      return false;
  }
}

/** Completes an unfinished transport checksum in place (the field holds the pseudo header's sum). */
export function finishChecksum(packet: Packet): void {
  if (!packet.needsChecksum) return;
  setU16(packet.bytes, packet.checksumField, finishedChecksum(packet));
  packet.needsChecksum = false;
}

/** The transport checksum of a packet in which it is unfinished. */
export function finishedChecksum(packet: Packet): number {
  const { checksumStart, checksumField } = packet;
  const isUdp = checksumField - checksumStart === udp.CHECKSUM_OFFSET;
  const sum = checksum.sum(packet.bytes, checksumStart, packet.end - checksumStart);
  return isUdp ? checksum.finishUdp(sum) : checksum.finish(sum);
}

function payloadAt(packet: Packet): number {
  return packet.checksumStart + transportHeaderLength(packet);
}

function transportHeaderLength(packet: Packet): number {
  return (packet.gsoType & ~GSO_ECN) === GSO_UDP
    ? udp.HEADER_LENGTH
    : tcp.headerLength(packet.bytes, packet.checksumStart);
}

/** Cuts a large segment and hands each piece, an ordinary frame with finished checksums, to `sink`. The original stays whole. */
export function cut(packet: Packet, pool: PacketPool, sink: PieceSink): void {
  const headerEnd = payloadAt(packet);
  const size = packet.segmentSize;
  for (let at = headerEnd, index = 0; at < packet.end; at += size, index++) {
    const end = Math.min(at + size, packet.end);
    const piece = pool.take();
    makePiece(packet, piece, headerEnd, at, end, index);
    sink.piece(piece);
    pool.give(piece);
  }
}

/** The first piece of a large segment, into an empty packet: what an ICMP error about it quotes. */
export function firstPiece(whole: Packet, piece: Packet): void {
  const at = payloadAt(whole);
  makePiece(whole, piece, at, at, Math.min(at + whole.segmentSize, whole.end), 0);
}

function makePiece(
  whole: Packet,
  piece: Packet,
  headerEnd: number,
  at: number,
  end: number,
  index: number,
): void {
  piece.copyNotes(whole);
  piece.clearOffload();
  piece.bytes.set(whole.bytes.subarray(whole.link, headerEnd), whole.link);
  piece.bytes.set(whole.bytes.subarray(at, end), headerEnd);
  piece.end = headerEnd + (end - at);
  const offset = at - headerEnd;
  const transport = whole.checksumStart;
  if ((whole.gsoType & ~GSO_ECN) === GSO_UDP) {
    udp.setLength(piece.bytes, transport, piece.end - transport);
  } else {
    adjustTcp(piece.bytes, transport, offset, end === whole.end);
  }
  if (whole.family === 4) finishPiece4(whole, piece, transport, index);
  else finishPiece6(whole, piece, transport);
}

function adjustTcp(bytes: Uint8Array, transport: number, offset: number, last: boolean): void {
  tcp.setSequence(bytes, transport, (tcp.sequence(bytes, transport) + offset) | 0);
  let flags = tcp.flags(bytes, transport);
  if (!last) flags &= ~(tcp.FLAG_FIN | tcp.FLAG_PSH);
  if (offset > 0) flags &= ~tcp.FLAG_CWR;
  tcp.setFlags(bytes, transport, flags);
}

function finishPiece4(whole: Packet, piece: Packet, transport: number, index: number): void {
  const { bytes, network } = piece;
  ipv4.setTotalLength(bytes, network, piece.end - network);
  ipv4.setIdentification(bytes, network, (ipv4.identification(bytes, network) + index) & 0xffff);
  ipv4.fillChecksum(bytes, network);
  if ((whole.gsoType & ~GSO_ECN) === GSO_UDP) udp.fillChecksum4(bytes, network, transport, piece.end);
  else tcp.fillChecksum4(bytes, network, transport, piece.end);
}

function finishPiece6(whole: Packet, piece: Packet, transport: number): void {
  const { bytes, network } = piece;
  ipv6.setPayloadLength(bytes, network, piece.end - ipv6.payloadAt(network));
  if ((whole.gsoType & ~GSO_ECN) === GSO_UDP) udp.fillChecksum6(bytes, network, transport, piece.end);
  else tcp.fillChecksum6(bytes, network, transport, piece.end);
}
