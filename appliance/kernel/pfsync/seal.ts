// SPDX-License-Identifier: ISC
//
// pfsync between machines that share a key: every packet is sealed on its way out, and opened, once, on its way in.

import * as ipv4 from '../../wire/ipv4.ts';
import * as wire from '../../wire/pfsyncSealed.ts';
import type { Packet } from '../packet.ts';
import { Acquaintance, type AcquaintanceParts } from './acquaintance.ts';

/** Bytes of a tag. */
export const { TAG_LENGTH } = wire;

/** AES-256-GCM under one key (NIST SP 800-38D). */
export interface Cipher {
  /** The encrypted text with its tag behind it. */
  seal(nonce: Uint8Array, authenticated: Uint8Array, text: Uint8Array): Uint8Array;
  /** Undefined when it was not sealed so under this key. */
  open(nonce: Uint8Array, authenticated: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
}

export type MakeCipher = (key: Uint8Array) => Cipher;

export class Seal {
  private readonly cipher: Cipher;
  private readonly acquaintance: Acquaintance;
  private readonly high: number;
  private low: number;
  private counter = 0;

  /** The stream is one that this key has never had. */
  constructor(cipher: Cipher, high: number, low: number, parts: AcquaintanceParts) {
    this.cipher = cipher;
    this.acquaintance = new Acquaintance(parts);
    this.high = high;
    this.low = low;
  }

  /** Seals what is behind the IP header. */
  seal(packet: Packet): void {
    const { bytes, transport: at } = packet;
    const text = bytes.slice(at, packet.end);
    // The number after the last one belongs to the next stream, so that no nonce comes twice.
    this.counter = (this.counter + 1) | 0;
    if (this.counter === 0) this.low = (this.low + 1) | 0;
    const length = text.length + wire.OVERHEAD;
    wire.write(bytes, at, length, this.high, this.low, this.counter);
    bytes.set(this.cipher.seal(wire.nonce(bytes, at), head(bytes, at), text), at + wire.HEADER_LENGTH);
    packet.end = at + length;
    ipv4.setTotalLength(bytes, packet.network, packet.end - packet.network);
  }

  /** There is a way to the others. */
  start(): void {
    this.acquaintance.start();
  }

  /** Nothing more is said of its own accord. */
  stop(): void {
    this.acquaintance.stop();
  }

  /**
   * Opens a packet in its place; false: it is not of a machine with this key, comes for the second time, or is of one that has not yet shown
   * that it speaks now.
   */
  open(packet: Packet): boolean {
    const { bytes, network, transport: at } = packet;
    const end = wire.endOf(bytes, at, packet.end);
    if (end < 0) return false;
    const [high, low, counter] = [
      wire.streamHigh(bytes, at),
      wire.streamLow(bytes, at),
      wire.counter(bytes, at),
    ];
    // Its own come back from somebody who wants them taken for another machine's.
    if (high === this.high && low === this.low) return false;
    if (!this.acquaintance.canBeNew(high, low, counter)) return false;
    const text = this.cipher.open(
      wire.nonce(bytes, at),
      head(bytes, at),
      bytes.subarray(at + wire.HEADER_LENGTH, end),
    );
    if (text === undefined) return false;
    bytes.set(text, at);
    packet.end = at + text.length;
    // What is captured is the packet as if it had never been sealed.
    ipv4.setTotalLength(bytes, network, packet.end - network);
    ipv4.fillChecksum(bytes, network);
    return this.acquaintance.believes(bytes, at, packet.end, high, low, counter);
  }
}

function head(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.subarray(at, at + wire.HEADER_LENGTH);
}
