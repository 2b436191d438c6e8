// SPDX-License-Identifier: ISC
//
// What the others are to be told, gathered for at most a second (pfsync_q_ins, pfsync_sendout): acknowledgments, updates, deletions, new
// states, whole states, in this order; and when it goes.

import type { PfsyncLag } from '../../abi/pfsync.ts';
import * as pfsync from '../../wire/pfsync.ts';
import { COMPRESSED_LENGTH, STATE_LENGTH } from '../../wire/pfsyncState.ts';
import { SECOND } from '../clock.ts';
import type { PfParts } from '../pf/parts.ts';
import { CREATOR, DESTINATION, ID_HIGH, ID_LOW, SEQ_HIGH, SOURCE } from '../pf/stateRecord.ts';
import type { States } from '../pf/states.ts';
import { Timeout } from '../timeout.ts';
import type { Assembler } from './assembler.ts';
import type { Codec } from './codec.ts';
import type { Obituaries } from './obituaries.ts';
import {
  Identities,
  QUEUE_INSERT,
  QUEUE_NONE,
  QUEUE_UPDATE,
  QUEUE_UPDATE_COMPRESSED,
  StateQueue,
} from './queues.ts';
import {
  EDGE_DESTINATION,
  EDGE_SOURCE,
  MARK_DEFERRED,
  MARKS,
  QUEUE_MASK,
  type Rows,
  UPDATES,
} from './rows.ts';
import { isShared } from './sharing.ts';
import type { StateRules } from './stateRules.ts';
import type { Tombstones } from './tombstones.ts';
import type { Transmitter } from './transmitter.ts';

/** Something waits no longer than this, where there is a link; without one, states wait, and who missed a deletion will hear of it. */
const LONGEST = SECOND;
/** Packets that leave together; what is left over follows in a moment. */
const BURST = 64;
const MOMENT = SECOND / 1000;
/** Whole states in the largest packet there may be. */
const MOST_WHOLE = 256;
/** Records looked at for one packet of a bulk update. */
const LOOKED_AT = 4096;
/** What a packet of a bulk update says of itself, for machines that understand it. */
const PLACES_LENGTH = pfsync.SECTION_LENGTH + pfsync.BULK_RANGE_LENGTH;
/** The interface's name in a message that means all of them. */
const ALL_INTERFACES = '';

export class Outbox {
  private readonly pf: PfParts;
  private readonly states: States;
  private readonly rows: Rows;
  private readonly tombstones: Tombstones;
  private readonly codec: Codec;
  private readonly rules: StateRules;
  private readonly transmitter: Transmitter;
  private readonly compressed: StateQueue;
  private readonly inserts: StateQueue;
  private readonly whole: StateQueue;
  private readonly acknowledgments = new Identities();
  private readonly requests = new Identities();
  private readonly deletions = new Identities();
  private readonly timer: Timeout;
  /** Somebody understands our own messages. */
  private readonly speaksOwn: () => boolean;
  private readonly written = new Int32Array(MOST_WHOLE);
  /** When the oldest that waits began to, or one before it, microseconds; -1 when nothing does. */
  private waitingSince = -1;
  private reserved = 0;
  private many = 0;

  constructor(parts: {
    pf: PfParts;
    rows: Rows;
    tombstones: Tombstones;
    codec: Codec;
    rules: StateRules;
    transmitter: Transmitter;
    speaksOwn: () => boolean;
  }) {
    this.pf = parts.pf;
    this.states = parts.pf.states;
    this.rows = parts.rows;
    this.tombstones = parts.tombstones;
    this.codec = parts.codec;
    this.rules = parts.rules;
    this.transmitter = parts.transmitter;
    this.speaksOwn = parts.speaksOwn;
    this.compressed = new StateQueue(parts.rows, QUEUE_UPDATE_COMPRESSED);
    this.inserts = new StateQueue(parts.rows, QUEUE_INSERT);
    this.whole = new StateQueue(parts.rows, QUEUE_UPDATE);
    this.timer = new Timeout(parts.pf.timeouts, () => this.flush());
  }

  /** Nothing more is sent. */
  stop(): void {
    this.timer.clear();
  }

  // What goes in.

  queueOf(state: number): number {
    return this.rows.page(state)[this.rows.at(state) + MARKS]! & QUEUE_MASK;
  }

  insert(state: number): void {
    this.inserts.push(state);
    this.schedule();
  }

  /** Counts on an update that already waits; answers how many segments it stands for now. */
  update(state: number, segments: number): number {
    const page = this.rows.page(state);
    const at = this.rows.at(state);
    const queue = page[at + MARKS]! & QUEUE_MASK;
    if (queue === QUEUE_NONE) {
      page[at + UPDATES] = 0;
      this.compressed.push(state);
      this.schedule();
    }
    if (queue === QUEUE_INSERT) return 0;
    page[at + UPDATES] = page[at + UPDATES]! + segments;
    return page[at + UPDATES]!;
  }

  /** The next that is said of the state is all of it. */
  updateWhole(state: number): void {
    const queue = this.queueOf(state);
    if (queue === QUEUE_INSERT || queue === QUEUE_UPDATE) return;
    if (queue === QUEUE_UPDATE_COMPRESSED) this.compressed.remove(state);
    this.whole.push(state);
    this.schedule();
  }

  /** A state goes: what was to be said of it is not. Answers whether the others know of it. */
  withdraw(state: number): boolean {
    switch (this.queueOf(state)) {
      case QUEUE_INSERT:
        this.inserts.remove(state);
        return false;
      case QUEUE_UPDATE_COMPRESSED:
        this.compressed.remove(state);
        return true;
      case QUEUE_UPDATE:
        this.whole.remove(state);
        return true;
      default:
        return true;
    }
  }

  delete(high: number, low: number, creator: number): void {
    this.deletions.push(high, low, creator);
    this.schedule();
  }

  acknowledge(high: number, low: number, creator: number): void {
    this.acknowledgments.push(high, low, creator);
    this.flushNow();
  }

  request(high: number, low: number, creator: number): void {
    this.requests.push(high, low, creator);
    this.flushNow();
  }

  /** For ifconfig(8) and the console: what waits, and how long in seconds the oldest of it has at most. */
  get lag(): Pick<PfsyncLag, 'waiting' | 'oldest'> {
    const waiting = this.compressed.count + this.inserts.count + this.whole.count + this.deletions.count;
    const isLate = waiting > 0 && this.waitingSince >= 0;
    return { waiting, oldest: isLate ? (this.pf.clock.now - this.waitingSince) / SECOND : 0 };
  }

  // When it goes.

  private schedule(): void {
    if (!this.timer.armed) this.timer.set(LONGEST);
    if (this.waitingSince < 0) this.waitingSince = this.pf.clock.now;
    if (this.bytesWaiting() >= this.transmitter.mtu) this.flushNow();
  }

  private bytesWaiting(): number {
    return (
      this.compressed.count * COMPRESSED_LENGTH +
      (this.inserts.count + this.whole.count) * STATE_LENGTH +
      this.deletions.count * pfsync.REFERENCE_LENGTH
    );
  }

  /** As soon as what goes on now is done: a packet that is being filtered is not the time to send another. */
  flushNow(): void {
    this.timer.set(0);
  }

  private flush(): void {
    if (!this.transmitter.hasCarrier) return this.deletions.clear();
    for (let i = 0; i < BURST && this.isWaiting(); i++) this.sendOne();
    if (this.isWaiting()) this.timer.set(MOMENT);
    else this.waitingSince = -1;
  }

  /** There is a link again. */
  linkUp(): void {
    if (this.isWaiting()) this.flushNow();
  }

  private isWaiting(): boolean {
    return (
      this.compressed.count +
        this.inserts.count +
        this.whole.count +
        this.acknowledgments.count +
        this.requests.count +
        this.deletions.count >
      0
    );
  }

  private sendOne(): void {
    const packet = this.transmitter.begin();
    this.reserved = 0;
    this.many = 0;
    this.fillIdentities(packet, this.acknowledgments, pfsync.ACTION_INSERT_ACK);
    this.fillCompressed(packet);
    this.fillIdentities(packet, this.requests, pfsync.ACTION_UPDATE_REQUEST);
    this.fillIdentities(packet, this.deletions, pfsync.ACTION_DELETE_COMPRESSED);
    this.fillWhole(packet, this.inserts, pfsync.ACTION_INSERT);
    this.fillWhole(packet, this.whole, pfsync.ACTION_UPDATE);
    this.fillRules(packet);
    this.transmitter.send();
  }

  private fillIdentities(packet: Assembler, queue: Identities, action: number): void {
    while (queue.count > 0 && packet.hasRoom(action, pfsync.REFERENCE_LENGTH)) {
      const at = packet.add(action, pfsync.REFERENCE_LENGTH);
      pfsync.writeReference(packet.bytes, at, queue.word(0), queue.word(1), queue.word(2));
      queue.shift();
    }
  }

  private fillCompressed(packet: Assembler): void {
    const { compressed } = this;
    while (compressed.count > 0 && packet.hasRoom(pfsync.ACTION_UPDATE_COMPRESSED, COMPRESSED_LENGTH)) {
      const state = compressed.peek();
      compressed.remove(state);
      const at = packet.add(pfsync.ACTION_UPDATE_COMPRESSED, COMPRESSED_LENGTH);
      this.codec.writeCompressed(state, packet.bytes, at);
      this.remember(state);
    }
  }

  private fillWhole(packet: Assembler, queue: StateQueue, action: number): void {
    while (queue.count > 0) {
      const state = queue.peek();
      if (!this.isGoing(state) && !this.addWhole(packet, state, action)) return;
      queue.remove(state);
    }
  }

  /** It is one of those that are being removed, all at once, as the others have been told. */
  private isGoing(state: number): boolean {
    const records = this.states.records(state);
    const at = this.states.at(state);
    return this.tombstones.has(records[at + ID_HIGH]!, records[at + ID_LOW]!, records[at + CREATOR]!);
  }

  /** One whole state, with room for what is said of its rules behind all of them; false when it does not fit. */
  private addWhole(packet: Assembler, state: number, action: number): boolean {
    const more = this.speaksOwn() ? pfsync.SECTION_LENGTH + this.rules.length(state) : 0;
    if (this.many === MOST_WHOLE || !packet.hasRoom(action, STATE_LENGTH, this.reserved + more)) return false;
    const wantsAck = (this.rows.page(state)[this.rows.at(state) + MARKS]! & MARK_DEFERRED) !== 0;
    this.codec.write(state, packet.bytes, packet.add(action, STATE_LENGTH), wantsAck);
    this.remember(state);
    this.reserved += more;
    if (more > 0) this.written[this.many++] = state;
    return true;
  }

  private fillRules(packet: Assembler): void {
    for (let i = 0; i < this.many; i++) {
      const state = this.written[i]!;
      const at = packet.add(pfsync.ACTION_RULE, this.rules.length(state));
      this.rules.write(state, packet.bytes, at);
    }
  }

  /** What the others know of it from now on. */
  private remember(state: number): void {
    const records = this.states.records(state);
    const at = this.states.at(state);
    const page = this.rows.page(state);
    const row = this.rows.at(state);
    page[row + UPDATES] = 0;
    page[row + EDGE_SOURCE] = records[at + SOURCE + SEQ_HIGH]!;
    page[row + EDGE_DESTINATION] = records[at + DESTINATION + SEQ_HIGH]!;
  }

  /**
   * A packet of a bulk update: states from `from` on, as many as fit, with its start in front or its end behind where asked for. Answers the
   * first place that it has not; one more than `to` when the end is in it too.
   */
  sendBulk(from: number, to: number, creator: number, isFirst: boolean, isLast: boolean): number {
    const packet = this.transmitter.begin();
    this.reserved = 0;
    this.many = 0;
    if (isFirst) this.addBulkStatus(packet, creator, pfsync.BULK_START);
    const places = this.speaksOwn() ? PLACES_LENGTH : 0;
    this.reserved = places;
    const limit = Math.min(to, from + LOOKED_AT);
    let state = from;
    for (; state < limit; state++) {
      if (this.isForBulk(state) && !this.addWhole(packet, state, pfsync.ACTION_UPDATE)) break;
    }
    this.fillRules(packet);
    if (places > 0) this.addRange(packet, pfsync.ACTION_BULK_PLACES, creator, from, state);
    if (isLast && state >= to && packet.hasRoom(pfsync.ACTION_BULK_STATUS, pfsync.BULK_STATUS_LENGTH)) {
      this.addBulkStatus(packet, creator, pfsync.BULK_END);
      state = to + 1;
    }
    if (packet.isEmpty) packet.abandon();
    else this.transmitter.send();
    return state;
  }

  private addRange(packet: Assembler, action: number, host: number, from: number, to: number): void {
    const at = packet.add(action, pfsync.BULK_RANGE_LENGTH);
    pfsync.writeRange(packet.bytes, at, host, from, to);
  }

  /** Asks a host for parts of its bulk update again: pairs of places, as many as one packet holds. */
  sendAgain(host: number, ranges: readonly number[]): void {
    const packet = this.transmitter.begin();
    for (let i = 0; i < ranges.length; i += 2) {
      if (!packet.hasRoom(pfsync.ACTION_BULK_AGAIN, pfsync.BULK_RANGE_LENGTH)) break;
      this.addRange(packet, pfsync.ACTION_BULK_AGAIN, host, ranges[i]!, ranges[i + 1]!);
    }
    this.transmitter.send();
  }

  private isForBulk(state: number): boolean {
    return this.states.isUsed(state) && this.rows.has(state) && isShared(this.pf, state);
  }

  private addBulkStatus(packet: Assembler, creator: number, kind: number): void {
    const at = packet.add(pfsync.ACTION_BULK_STATUS, pfsync.BULK_STATUS_LENGTH);
    pfsync.writeBulkStatus(packet.bytes, at, creator, kind);
  }

  /** All states of one creator go, everywhere: said at once, in a packet of its own. */
  sendClear(creator: number): void {
    const packet = this.transmitter.begin();
    pfsync.writeClear(
      packet.bytes,
      packet.add(pfsync.ACTION_CLEAR, pfsync.CLEAR_LENGTH),
      ALL_INTERFACES,
      creator,
    );
    this.transmitter.send();
  }

  /** Asks everybody for all states. */
  sendBulkRequest(addRuleset: (packet: Assembler) => void): void {
    const packet = this.transmitter.begin();
    const at = packet.add(pfsync.ACTION_UPDATE_REQUEST, pfsync.REFERENCE_LENGTH);
    pfsync.writeReference(packet.bytes, at, 0, 0, 0);
    addRuleset(packet);
    this.transmitter.send();
  }

  /** Says up to which id all states of each creator were removed; nothing where none were. */
  sendCleared(obituaries: Obituaries): void {
    const packet = this.transmitter.begin();
    obituaries.tellCleared((high, low, creator) => {
      if (!packet.hasRoom(pfsync.ACTION_CLEARED, pfsync.REFERENCE_LENGTH)) return;
      const at = packet.add(pfsync.ACTION_CLEARED, pfsync.REFERENCE_LENGTH);
      pfsync.writeReference(packet.bytes, at, high, low, creator);
    });
    if (packet.isEmpty) packet.abandon();
    else this.transmitter.send();
  }

  /** Something of our own, alone in a packet: who is here, or a greeting. */
  sendOwn(write: (packet: Assembler) => void): void {
    write(this.transmitter.begin());
    this.transmitter.send();
  }

  /** The id of a state, to be said of it when it is no more. */
  deleteState(state: number): void {
    const records = this.states.records(state);
    const at = this.states.at(state);
    this.delete(records[at + ID_HIGH]!, records[at + ID_LOW]!, records[at + CREATOR]!);
  }
}
