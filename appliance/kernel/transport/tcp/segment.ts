// SPDX-License-Identifier: ISC
//
// An incoming segment, taken apart once (SEG.SEQ and its relatives of RFC 9293 3.3.1). One object serves all of them.

import * as tcp from '../../../wire/tcp.ts';
import * as tcpOptions from '../../../wire/tcpOptions.ts';
import { GSO_NONE, type Packet } from '../../packet.ts';

export class Segment {
  /** Its destination, ours, and its source. */
  readonly local: Int32Array = new Int32Array(4);
  readonly remote: Int32Array = new Int32Array(4);
  localPort = 0;
  remotePort = 0;

  sequence = 0;
  acknowledgment = 0;
  flags = 0;
  /** As it stands in the header, not scaled. */
  window = 0;

  /** The data: where it is, and how long. Trimming to the window changes these and `sequence`. */
  bytes: Uint8Array = NOTHING;
  at = 0;
  length = 0;
  /** Data bytes of each of the segments that were merged into this one, or of itself. */
  pieceLength = 0;

  /** Options; absent ones are 0, -1 (shift) or false. */
  mss = 0;
  shift = -1;
  sackPermitted = false;
  hasTimestamps = false;
  timestampValue = 0;
  timestampEcho = 0;
  /** Position of the SACK option in `bytes`, or -1. */
  sackAt = -1;

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** SEG.SEQ + SEG.LEN: sequence number behind it, its SYN and FIN counted. */
  get end(): number {
    const control = (this.has(tcp.FLAG_SYN) ? 1 : 0) + (this.has(tcp.FLAG_FIN) ? 1 : 0);
    return (this.sequence + this.length + control) | 0;
  }

  /** Reads the header at `packet.transport`, which is known to be whole. Addresses are the caller's to fill in. */
  read(packet: Packet): void {
    const bytes = packet.bytes;
    const offset = packet.transport;
    this.localPort = tcp.destinationPort(bytes, offset);
    this.remotePort = tcp.sourcePort(bytes, offset);
    this.sequence = tcp.sequence(bytes, offset);
    this.acknowledgment = tcp.acknowledgment(bytes, offset);
    this.flags = tcp.flags(bytes, offset);
    this.window = tcp.window(bytes, offset);
    this.bytes = bytes;
    this.at = tcp.payloadAt(bytes, offset);
    this.length = packet.end - this.at;
    this.pieceLength = packet.gsoType === GSO_NONE ? this.length : packet.segmentSize;
    this.readOptions(offset);
  }

  private readOptions(offset: number): void {
    this.mss = 0;
    this.shift = -1;
    this.sackPermitted = false;
    this.hasTimestamps = false;
    this.sackAt = -1;
    let at = tcpOptions.first(offset);
    while (at < this.at && tcpOptions.kind(this.bytes, at) !== tcpOptions.END) {
      const taken = tcpOptions.length(this.bytes, at, this.at);
      if (taken === 0) return;
      this.readOption(at);
      at += taken;
    }
  }

  private readOption(at: number): void {
    const bytes = this.bytes;
    switch (tcpOptions.kind(bytes, at)) {
      case tcpOptions.MSS:
        this.mss = tcpOptions.mss(bytes, at);
        return;
      case tcpOptions.WINDOW_SCALE:
        this.shift = tcpOptions.windowShift(bytes, at);
        return;
      case tcpOptions.SACK_PERMITTED:
        this.sackPermitted = true;
        return;
      case tcpOptions.SACK:
        this.sackAt = at;
        return;
      case tcpOptions.TIMESTAMPS:
        this.hasTimestamps = true;
        this.timestampValue = tcpOptions.timestampValue(bytes, at);
        this.timestampEcho = tcpOptions.timestampEcho(bytes, at);
    }
  }
}

const NOTHING = new Uint8Array(0);
