// SPDX-License-Identifier: ISC
//
// What the peers are to be told (pfsync_q_*, pfsync_sendout): each state waits in one queue at most, and what waits is put together in
// packets, a section for each kind of message.

import * as pfsyncs from '../../abi/counters/pfsync.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as wire from '../../wire/pfsync.ts';
import * as wireState from '../../wire/pfsyncState.ts';
import { SECOND } from '../clock.ts';
import type { Counters } from '../counters.ts';
import { OK } from '../inet/errors.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import type { PfParts } from '../pf/parts.ts';
import {
  CREATOR,
  DESTINATION,
  ID_HIGH,
  ID_LOW,
  MAX_WINDOW,
  SCALE_MASK,
  SEQ_HIGH,
  SOURCE,
  WINDOW_SCALE,
} from '../pf/stateRecord.ts';
import { Timeout } from '../timeout.ts';
import type { Codec } from './codec.ts';
import { QUEUE, type SyncRecords, TOLD_DESTINATION, TOLD_SOURCE, UPDATES } from './syncRecords.ts';

/** Queues of states, in the order they are sent. */
export const QUEUE_NONE = 0;
export const QUEUE_ACK = 1;
export const QUEUE_UPDATE_COMPRESSED = 2;
export const QUEUE_INSERT = 3;
export const QUEUE_UPDATE = 4;

/** What each queue is sent as. */
const ACTIONS = [
  0,
  wire.ACTION_INSERT_ACK,
  wire.ACTION_UPDATE_COMPRESSED,
  wire.ACTION_INSERT,
  wire.ACTION_UPDATE,
] as const;
const LENGTHS = [
  0,
  wire.REFERENCE_LENGTH,
  wireState.COMPRESSED_LENGTH,
  wireState.STATE_LENGTH,
  wireState.STATE_LENGTH,
] as const;
/** Deletions have no state any more, and so no queue; they go between the updates and the new states. */
const DELETIONS = -1;
const ORDER = [QUEUE_ACK, QUEUE_UPDATE_COMPRESSED, DELETIONS, QUEUE_INSERT, QUEUE_UPDATE] as const;

/** Something queued waits no longer than this. */
const LATEST = SECOND;
const TYPE_OF_SERVICE = 0x10;

/** Where packets go. */
export interface Route {
  /** The interface that states travel by. */
  readonly device: Interface | undefined;
  /** Unicast peer, 0 for the group. */
  readonly peer: number;
  readonly mtu: number;
}

export class Sender {
  private readonly parts: PfParts;
  private readonly codec: Codec;
  private readonly counters: Counters;
  private readonly route: () => Route;
  private readonly queues: readonly number[][] = [[], [], [], [], []];
  /** Id and creator of what was deleted: three numbers each. */
  private deletions: number[] = [];
  private readonly timer: Timeout;
  /** Bytes that wait, to know when a packet is full. */
  private waiting = 0;
  records: SyncRecords | undefined;
  /** What a packet says of the rules of states in it; towards peers that understand it. */
  speaksOwn = false;
  /** Told of packets that are about to go, for captures. */
  captured: ((packet: Packet) => void) | undefined;

  constructor(parts: PfParts, codec: Codec, counters: Counters, route: () => Route) {
    this.parts = parts;
    this.codec = codec;
    this.counters = counters;
    this.route = route;
    this.timer = new Timeout(parts.timeouts, () => this.flush());
  }

  // Queueing.

  queueOf(state: number): number {
    const { records } = this;
    return records === undefined ? QUEUE_NONE : records.page(state)[records.at(state) + QUEUE]!;
  }

  /** Puts a state into another queue. */
  enqueue(state: number, queue: number): void {
    const { records } = this;
    if (records === undefined) return;
    const page = records.page(state);
    const at = records.at(state);
    page[at + QUEUE] = queue;
    page[at + UPDATES] = 0;
    if (queue === QUEUE_NONE) return;
    this.queues[queue]!.push(state);
    this.waits(LENGTHS[queue]!);
  }

  private waits(bytes: number): void {
    this.waiting += bytes;
    if (this.waiting >= this.room()) this.soon();
    else if (!this.timer.armed) this.timer.set(LATEST);
  }

  /** Bytes for sections in one packet. */
  private room(): number {
    return this.route().mtu - ipv4.HEADER_LENGTH - wire.HEADER_LENGTH;
  }

  delete(high: number, low: number, creator: number): void {
    this.deletions.push(high, low, creator);
    this.waits(wire.REFERENCE_LENGTH);
  }

  /** Sends what waits as soon as the packet at hand is through: never within it. */
  soon(): void {
    this.timer.set(0);
  }

  /** Nothing is to be sent any more. */
  clear(): void {
    this.timer.clear();
    for (const queue of this.queues) queue.length = 0;
    this.deletions = [];
    this.waiting = 0;
  }

  // Sending.

  /** Sends everything that waits. */
  flush(): void {
    this.timer.clear();
    this.waiting = 0;
    const { mtu, device } = this.route();
    if (device === undefined) return this.clear();
    const builder = new Builder(mtu - ipv4.HEADER_LENGTH, (packet) => this.transmit(packet), this.parts);
    for (const queue of ORDER) {
      if (queue === DELETIONS) this.writeDeletions(builder);
      else this.writeQueue(builder, queue);
    }
    builder.finish();
  }

  private writeQueue(builder: Builder, queue: number): void {
    const states = this.queues[queue]!.splice(0);
    const told: number[] = [];
    for (const state of states) {
      // Those that were deleted or put elsewhere meanwhile are in this list still.
      if (this.queueOf(state) !== queue || !this.parts.states.isUsed(state)) continue;
      this.enqueue(state, QUEUE_NONE);
      this.noteTold(state);
      const { bytes, at } = builder.message(ACTIONS[queue]!, LENGTHS[queue]!);
      this.writeState(state, queue, bytes, at);
      if (queue >= QUEUE_INSERT) told.push(state);
    }
    if (this.speaksOwn) for (const state of told) this.writeRule(builder, state);
  }

  private writeState(state: number, queue: number, bytes: Uint8Array, at: number): void {
    if (queue === QUEUE_UPDATE_COMPRESSED) return this.codec.writeCompressed(state, bytes, at);
    if (queue >= QUEUE_INSERT) {
      return this.codec.write(state, bytes, at, queue === QUEUE_INSERT && this.deferred.has(state));
    }
    const { states } = this.parts;
    const records = states.records(state);
    const from = states.at(state);
    wire.writeReference(
      bytes,
      at,
      records[from + ID_HIGH]!,
      records[from + ID_LOW]!,
      records[from + CREATOR]!,
    );
  }

  /** States whose first packet waits for an acknowledgment. */
  readonly deferred = new Set<number>();

  /** The peers know these window edges now. */
  private noteTold(state: number): void {
    const { states } = this.parts;
    const records = states.records(state);
    const from = states.at(state);
    const page = this.records!.page(state);
    const at = this.records!.at(state);
    page[at + TOLD_SOURCE] = records[from + SOURCE + SEQ_HIGH]!;
    page[at + TOLD_DESTINATION] = records[from + DESTINATION + SEQ_HIGH]!;
  }

  /** Whether a window edge has moved by half a window since the peers were told. */
  hasMovedFar(state: number): boolean {
    const { states } = this.parts;
    const records = states.records(state);
    const from = states.at(state);
    const page = this.records!.page(state);
    const at = this.records!.at(state);
    return (
      isFar(records, from + SOURCE, from + DESTINATION, page[at + TOLD_SOURCE]!) ||
      isFar(records, from + DESTINATION, from + SOURCE, page[at + TOLD_DESTINATION]!)
    );
  }

  private writeRule(builder: Builder, state: number): void {
    const { states, life } = this.parts;
    const rule = life.ruleOf(state);
    if (rule === this.parts.defaultRule || rule.anchor.length >= wire.ANCHOR_LENGTH) return;
    const records = states.records(state);
    const from = states.at(state);
    const { bytes, at } = builder.message(wire.ACTION_RULE, wire.RULE_LENGTH);
    wire.writeReference(
      bytes,
      at,
      records[from + ID_HIGH]!,
      records[from + ID_LOW]!,
      records[from + CREATOR]!,
    );
    wire.writeRule(bytes, at, rule.number, rule.anchor);
  }

  private writeDeletions(builder: Builder): void {
    const ids = this.deletions;
    this.deletions = [];
    for (let i = 0; i < ids.length; i += 3) {
      const { bytes, at } = builder.message(wire.ACTION_DELETE_COMPRESSED, wire.REFERENCE_LENGTH);
      wire.writeReference(bytes, at, ids[i]!, ids[i + 1]!, ids[i + 2]!);
    }
  }

  /** Sends messages that are in no queue, in a packet of their own; `write` fills each. */
  sendNow(write: (builder: Builder) => void): void {
    const { mtu, device } = this.route();
    if (device === undefined) return;
    const builder = new Builder(mtu - ipv4.HEADER_LENGTH, (packet) => this.transmit(packet), this.parts);
    write(builder);
    builder.finish();
  }

  /** A packet whose pfsync part is whole. */
  private transmit(packet: Packet): void {
    const { device, peer } = this.route();
    const { bytes, network } = packet;
    const source = device!.addresses.find((one) => one.family === 4)?.words[0] ?? ipv4.ANY;
    const length = packet.end - network;
    const to = peer === 0 ? wire.GROUP : peer;
    const flags = ipv4.FRAGMENT_DF;
    ipv4.write(bytes, network, TYPE_OF_SERVICE, length, 0, flags, wire.TTL, ipv4.PROTOCOL_PFSYNC, source, to);
    packet.protocol = ipv4.PROTOCOL_PFSYNC;
    packet.family = 4;
    this.captured?.(packet);
    const { ipv4: ip } = this.parts;
    const outcome = peer === 0 ? ip.outputOn(packet, device!) : ip.output(packet);
    this.counters.count(outcome === OK ? pfsyncs.SENT : pfsyncs.SEND_ERRORS);
  }
}

function isFar(records: Int32Array, peer: number, other: number, told: number): boolean {
  const window = records[other + MAX_WINDOW]! << (records[other + WINDOW_SCALE]! & SCALE_MASK);
  return ((records[peer + SEQ_HIGH]! - told) | 0) > window >>> 1;
}

/** Puts messages into packets: sections begin where the kind changes, packets where there is no room. */
export class Builder {
  private readonly room: number;
  private readonly send: (packet: Packet) => void;
  private readonly parts: PfParts;
  private packet: Packet | undefined;
  private start = 0;
  /** The section at hand, and what it is of. */
  private section = 0;
  private action = -1;
  private length = 0;
  private many = 0;

  /** `room`: bytes of a pfsync packet without its IP header. */
  constructor(room: number, send: (packet: Packet) => void, parts: PfParts) {
    this.room = room;
    this.send = send;
    this.parts = parts;
  }

  /** Place for one message. */
  message(action: number, length: number): { readonly bytes: Uint8Array; readonly at: number } {
    const begins = this.packet === undefined || action !== this.action || length !== this.length;
    const wanted = length + (begins ? wire.SECTION_LENGTH : 0);
    if (this.packet !== undefined && this.packet.end - this.start + wanted > this.room) {
      this.finish();
      return this.message(action, length);
    }
    const packet = this.packet ?? this.begin();
    if (begins) this.beginSection(packet, action, length);
    const at = packet.end;
    packet.end += length;
    this.many++;
    wire.writeSection(packet.bytes, this.section, action, length, this.many);
    return { bytes: packet.bytes, at };
  }

  private begin(): Packet {
    const packet = this.parts.pool.take();
    this.packet = packet;
    this.start = packet.network + ipv4.HEADER_LENGTH;
    packet.transport = this.start;
    wire.writeHeader(packet.bytes, this.start);
    packet.end = this.start + wire.HEADER_LENGTH;
    this.action = -1;
    return packet;
  }

  private beginSection(packet: Packet, action: number, length: number): void {
    this.section = packet.end;
    packet.end += wire.SECTION_LENGTH;
    this.action = action;
    this.length = length;
    this.many = 0;
  }

  /** Sends what has been put together; nothing when there is nothing. */
  finish(): void {
    const { packet } = this;
    if (packet === undefined) return;
    this.packet = undefined;
    this.action = -1;
    wire.setLength(packet.bytes, this.start, packet.end - this.start);
    this.send(packet);
    this.parts.pool.give(packet);
  }
}
