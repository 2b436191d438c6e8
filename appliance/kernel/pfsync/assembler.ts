// SPDX-License-Identifier: ISC
//
// Puts a packet together: messages one behind the other, a section for each row of them with the same action and length.

import * as ipv4 from '../../wire/ipv4.ts';
import * as pfsync from '../../wire/pfsync.ts';
import type { Packet, PacketPool } from '../packet.ts';

/** Low delay (RFC 791). */
const TYPE_OF_SERVICE = 0x10;

export class Assembler {
  private readonly pool: PacketPool;
  private packet: Packet | undefined;
  private header = 0;
  private end = 0;
  private limit = 0;
  private section = 0;
  private action = 0;
  private length = 0;
  private many = 0;

  constructor(pool: PacketPool) {
    this.pool = pool;
  }

  get bytes(): Uint8Array {
    return this.packet!.bytes;
  }

  get isEmpty(): boolean {
    return this.end === this.header + pfsync.HEADER_LENGTH;
  }

  /** An empty packet that, with its IP header, gets no longer than `mtu`. */
  begin(mtu: number): void {
    const packet = this.pool.take();
    this.packet = packet;
    this.header = packet.network + ipv4.HEADER_LENGTH;
    this.limit = packet.network + mtu;
    pfsync.writeHeader(packet.bytes, this.header);
    this.end = this.header + pfsync.HEADER_LENGTH;
    this.many = 0;
  }

  /** Whether a message still has room, and `more` bytes behind it, sections counted. */
  hasRoom(action: number, length: number, more = 0): boolean {
    const section = this.many > 0 && action === this.action && length === this.length;
    return this.end + (section ? 0 : pfsync.SECTION_LENGTH) + length + more <= this.limit;
  }

  /** Place of one more message, for which there is room. */
  add(action: number, length: number): number {
    if (this.many === 0 || action !== this.action || length !== this.length) {
      this.section = this.end;
      this.action = action;
      this.length = length;
      this.many = 0;
      this.end += pfsync.SECTION_LENGTH;
    }
    this.many++;
    pfsync.writeSection(this.bytes, this.section, action, length, this.many);
    const at = this.end;
    this.end += length;
    return at;
  }

  /** There is nothing to be sent after all. */
  abandon(): void {
    this.pool.give(this.packet!);
    this.packet = undefined;
  }

  /** The packet with its headers, to be given back to the pool by whoever sends it. IP fills in what it alone knows. */
  finish(source: number, destination: number): Packet {
    const packet = this.packet!;
    this.packet = undefined;
    pfsync.setLength(packet.bytes, this.header, this.end - this.header);
    ipv4.write(
      packet.bytes,
      packet.network,
      TYPE_OF_SERVICE,
      this.end - packet.network,
      0,
      ipv4.FRAGMENT_DF,
      pfsync.TTL,
      ipv4.PROTOCOL_PFSYNC,
      source,
      destination,
    );
    packet.transport = this.header;
    packet.end = this.end;
    packet.protocol = ipv4.PROTOCOL_PFSYNC;
    return packet;
  }
}
