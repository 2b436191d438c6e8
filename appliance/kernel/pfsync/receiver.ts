// SPDX-License-Identifier: ISC
//
// What peers tell (pfsync_input): packets are checked, their sections walked by the length that each says, messages obeyed.

import * as pfsyncs from '../../abi/counters/pfsync.ts';
import * as ipv4 from '../../wire/ipv4.ts';
import * as wire from '../../wire/pfsync.ts';
import * as wireState from '../../wire/pfsyncState.ts';
import type { Counters } from '../counters.ts';
import type { Packet } from '../packet.ts';
import type { PfParts } from '../pf/parts.ts';
import {
  CREATOR,
  FLAG_DIRECTION,
  FLAG_HEARD_DESTINATION,
  FLAG_HEARD_SOURCE,
  FLAG_NO_SYNC,
  FLAG_SLOPPY,
  FLAG_TOLD,
  FLAGS,
  INTERFACE,
  KIND,
  RULE,
  SOURCE_NODE,
  TIMEOUT,
  TOUCHED,
  WIRE,
} from '../pf/stateRecord.ts';
import { NO_STATE } from '../pf/states.ts';
import type { TransportProtocol } from '../transport/transport.ts';
import { type Codec, isValid, setRemaining, timeoutOf } from './codec.ts';
import { merge } from './merge.ts';
import { QUEUE_ACK, QUEUE_NONE, QUEUE_UPDATE, QUEUE_UPDATE_COMPRESSED, type Sender } from './sender.ts';
import { PEER_SPOKE, type SyncRecords } from './syncRecords.ts';
import type { Tombstones } from './tombstones.ts';

/** What the receiver hands on. */
export interface ReceiverHooks {
  /** Whether packets by this interface, now, are to be heard at all. */
  hears(interfaceIndex: number): 'yes' | 'no' | 'bad interface';
  /** Everything is asked for. */
  bulkWanted(): void;
  bulkStatus(status: number): void;
  /** A peer speaks our own messages; its main ruleset has this checksum. */
  ruleset(hostId: number, checksum: string): void;
  /** A state that a first packet waits for is known to the peer. */
  acknowledged(state: number): void;
  captured(packet: Packet): void;
}

export class Receiver implements TransportProtocol {
  private readonly parts: PfParts;
  private readonly codec: Codec;
  private readonly sender: Sender;
  private readonly tombstones: Tombstones;
  private readonly counters: Counters;
  private readonly hooks: ReceiverHooks;
  /** Ids of updates to states that are not known here: they are asked for when the section is through. */
  private unknown: number[] = [];

  constructor(
    parts: PfParts,
    own: { codec: Codec; sender: Sender; tombstones: Tombstones; counters: Counters; hooks: ReceiverHooks },
  ) {
    this.parts = parts;
    this.codec = own.codec;
    this.sender = own.sender;
    this.tombstones = own.tombstones;
    this.counters = own.counters;
    this.hooks = own.hooks;
  }

  input(packet: Packet): void {
    const { bytes, network, transport: at } = packet;
    this.counters.count(pfsyncs.RECEIVED);
    const heard = this.hooks.hears(packet.receivedOn);
    if (heard === 'bad interface') return this.counters.count(pfsyncs.BAD_INTERFACE);
    if (heard === 'no' || !this.parts.settings.enabled) return;
    if (ipv4.ttl(bytes, network) !== wire.TTL) return this.counters.count(pfsyncs.BAD_TTL);
    if (!wire.valid(bytes, at, packet.end)) return this.counters.count(pfsyncs.TOO_SHORT);
    if (wire.version(bytes, at) !== wire.VERSION) return this.counters.count(pfsyncs.BAD_VERSION);
    const end = wire.endOf(bytes, at, packet.end);
    if (end < 0) return this.counters.count(pfsyncs.BAD_LENGTH);
    this.hooks.captured(packet);
    this.sections(bytes, at + wire.HEADER_LENGTH, end);
  }

  /** Nobody quotes our packets to any purpose. */
  control(): void {}

  private sections(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (end - at >= wire.SECTION_LENGTH) {
      const action = wire.action(bytes, at);
      const length = wire.messageLength(bytes, at);
      const count = wire.count(bytes, at);
      const known = KNOWN[action];
      at += wire.SECTION_LENGTH;
      if (known === undefined || length < known) {
        if (length === 0 || count === 0) return this.counters.count(pfsyncs.BAD_ACTION);
      }
      if (length * count > end - at) return this.counters.count(pfsyncs.BAD_LENGTH);
      if (known !== undefined && length >= known) this.section(action, bytes, at, length, count);
      at += length * count;
    }
  }

  private section(action: number, bytes: Uint8Array, start: number, length: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const at = start + i * length;
      this.message(action, bytes, at);
      // Of a bulk's status only the first is looked at.
      if (action === wire.ACTION_BULK_STATUS) break;
    }
    if (action === wire.ACTION_UPDATE_COMPRESSED) this.ask();
  }

  private message(action: number, bytes: Uint8Array, at: number): void {
    switch (action) {
      case wire.ACTION_CLEAR:
        return this.clear(bytes, at);
      case wire.ACTION_INSERT:
        return this.insert(bytes, at);
      case wire.ACTION_UPDATE:
        return this.update(bytes, at);
      case wire.ACTION_UPDATE_COMPRESSED:
        return this.updateCompressed(bytes, at);
      case wire.ACTION_UPDATE_REQUEST:
        return this.request(bytes, at);
      case wire.ACTION_DELETE:
        return this.remove(this.stateAt(bytes, at, wireState.creator(bytes, at)));
      case wire.ACTION_DELETE_COMPRESSED:
        return this.remove(this.stateAt(bytes, at, wire.referenceCreator(bytes, at)));
      case wire.ACTION_INSERT_ACK:
        return this.acknowledged(this.stateAt(bytes, at, wire.referenceCreator(bytes, at)));
      case wire.ACTION_BULK_STATUS:
        return this.hooks.bulkStatus(wire.bulkStatus(bytes, at));
      case wire.ACTION_RULE:
        return this.adoptRule(bytes, at);
      case wire.ACTION_RULESET:
        return this.hooks.ruleset(wire.rulesetCreator(bytes, at) >>> 0, wire.rulesetChecksum(bytes, at));
    }
  }

  private get records(): SyncRecords {
    return this.sender.records!;
  }

  private stateAt(bytes: Uint8Array, at: number, creator: number): number {
    return this.records.find(wire.idHigh(bytes, at), wire.idLow(bytes, at), creator);
  }

  /** All states that a host has made go, or those of one interface. */
  private clear(bytes: Uint8Array, at: number): void {
    const { states, interfaces } = this.parts;
    const creator = wire.clearCreator(bytes, at);
    const name = wire.clearInterface(bytes, at);
    const on = name === '' ? undefined : interfaces.find(name);
    if (name !== '' && on === undefined) return;
    for (let state = 0; state < states.end; state++) {
      if (!states.isUsed(state)) continue;
      const records = states.records(state);
      const from = states.at(state);
      if (records[from + CREATOR] !== creator) continue;
      if (on === undefined || records[from + INTERFACE] === on.index) this.end(state);
    }
  }

  // New states.

  private insert(bytes: Uint8Array, at: number): void {
    if (!isValid(bytes, at)) return this.counters.count(pfsyncs.BAD_VALUE);
    const known = this.stateAt(bytes, at, wireState.creator(bytes, at));
    // It is known already: told twice, or by two.
    if (known !== NO_STATE) return this.acknowledge(known, bytes, at);
    this.import(bytes, at);
  }

  private import(bytes: Uint8Array, at: number): void {
    const [high, low, creator] = [
      wire.idHigh(bytes, at),
      wire.idLow(bytes, at),
      wireState.creator(bytes, at),
    ];
    if (this.tombstones.has(high, low, creator, this.parts.settings.seconds)) return;
    const state = this.codec.read(bytes, at, high, low);
    if (state === 'bad value') return this.counters.count(pfsyncs.BAD_VALUE);
    if (state === 'no room') return this.counters.count(pfsyncs.BAD_STATE);
    this.records.add(state as number);
    this.spoke(state as number);
    this.acknowledge(state as number, bytes, at);
  }

  /** The peer holds the connection's first packet until it hears of this. */
  private acknowledge(state: number, bytes: Uint8Array, at: number): void {
    if ((wireState.flags(bytes, at) & wireState.FLAG_ACK) === 0) return;
    if (this.sender.queueOf(state) === QUEUE_NONE) this.sender.enqueue(state, QUEUE_ACK);
    this.sender.soon();
  }

  private acknowledged(state: number): void {
    if (state === NO_STATE) return this.counters.count(pfsyncs.BAD_STATE);
    this.hooks.acknowledged(state);
  }

  // Updates.

  private update(bytes: Uint8Array, at: number): void {
    if (!isValid(bytes, at)) return this.counters.count(pfsyncs.BAD_VALUE);
    const state = this.stateAt(bytes, at, wireState.creator(bytes, at));
    if (state === NO_STATE) return this.import(bytes, at);
    const timeout = timeoutOf(wireState.timeout(bytes, at))!;
    this.merge(state, bytes, wireState.peerAt(at, 0), wireState.peerAt(at, 1), timeout);
  }

  private updateCompressed(bytes: Uint8Array, at: number): void {
    const source = wireState.compressedPeerAt(at, 0);
    const destination = wireState.compressedPeerAt(at, 1);
    const timeout = timeoutOf(wireState.compressedTimeout(bytes, at));
    const most = wireState.PEER_STATE_LIMIT;
    const tooHigh =
      wireState.peerState(bytes, source) > most || wireState.peerState(bytes, destination) > most;
    if (timeout === undefined || tooHigh) return this.counters.count(pfsyncs.BAD_VALUE);
    const creator = wireState.compressedCreator(bytes, at);
    const state = this.stateAt(bytes, at, creator);
    if (state !== NO_STATE) return this.merge(state, bytes, source, destination, timeout);
    const [high, low] = [wire.idHigh(bytes, at), wire.idLow(bytes, at)];
    if (this.tombstones.has(high, low, creator, this.parts.settings.seconds)) return;
    this.unknown.push(high, low, creator);
  }

  private merge(
    state: number,
    bytes: Uint8Array,
    source: number,
    destination: number,
    timeout: number,
  ): void {
    const { states, settings } = this.parts;
    const records = states.records(state);
    const at = states.at(state);
    const stale = merge(records, at, bytes, source, destination);
    if (stale < 2) {
      records[at + TIMEOUT] = timeout;
      records[at + TOUCHED] = settings.seconds;
      this.spoke(state);
      this.hooks.acknowledged(state);
    }
    if (stale === 0) return;
    // The peer is to know what is known here.
    this.counters.count(pfsyncs.STALE);
    if (this.sender.queueOf(state) === QUEUE_NONE) this.sender.enqueue(state, QUEUE_UPDATE_COMPRESSED);
    this.sender.soon();
  }

  private spoke(state: number): void {
    const { states } = this.parts;
    const records = states.records(state);
    const from = states.at(state);
    records[from + FLAGS] =
      (records[from + FLAGS]! & ~(FLAG_HEARD_SOURCE | FLAG_HEARD_DESTINATION)) | FLAG_TOLD;
    this.records.page(state)[this.records.at(state) + PEER_SPOKE] = this.parts.settings.seconds + 1;
  }

  /** States that updates were heard of but that are not known are asked for, all of a packet's together. */
  private ask(): void {
    const ids = this.unknown;
    if (ids.length === 0) return;
    this.unknown = [];
    this.sender.sendNow((builder) => {
      for (let i = 0; i < ids.length; i += 3) {
        const { bytes, at } = builder.message(wire.ACTION_UPDATE_REQUEST, wire.REFERENCE_LENGTH);
        wire.writeReference(bytes, at, ids[i]!, ids[i + 1]!, ids[i + 2]!);
      }
    });
  }

  private request(bytes: Uint8Array, at: number): void {
    const creator = wire.referenceCreator(bytes, at);
    if (creator === 0 && wire.idHigh(bytes, at) === 0 && wire.idLow(bytes, at) === 0) {
      return this.hooks.bulkWanted();
    }
    const state = this.stateAt(bytes, at, creator);
    if (state === NO_STATE || this.isNotSynced(state)) return this.counters.count(pfsyncs.BAD_STATE);
    this.sender.enqueue(state, QUEUE_UPDATE);
    this.sender.soon();
  }

  private isNotSynced(state: number): boolean {
    const { states } = this.parts;
    return (states.records(state)[states.at(state) + FLAGS]! & FLAG_NO_SYNC) !== 0;
  }

  // Deletions.

  private remove(state: number): void {
    if (state === NO_STATE) return this.counters.count(pfsyncs.BAD_STATE);
    this.end(state);
  }

  /** A state goes because a peer says so, and that is not told to anybody again. */
  private end(state: number): void {
    const { states, life } = this.parts;
    const records = states.records(state);
    const at = states.at(state);
    records[at + FLAGS] = records[at + FLAGS]! | FLAG_NO_SYNC;
    life.remove(state);
  }

  // Rules.

  /** The rule that made a state there is this machine's rule of that number, where both have the same rules. */
  private adoptRule(bytes: Uint8Array, at: number): void {
    const { states, life, slots, settings, rulesets, defaultRule } = this.parts;
    const state = this.stateAt(bytes, at, wire.referenceCreator(bytes, at));
    if (state === NO_STATE) return;
    const records = states.records(state);
    const from = states.at(state);
    if (slots.get(records[from + RULE]!) !== defaultRule || records[from + SOURCE_NODE] !== 0) return;
    const anchor = wire.ruleAnchor(bytes, at);
    const rule = rulesets.find(anchor)?.lists.filter?.rules[wire.ruleNumber(bytes, at)];
    if (rule === undefined || !this.agrees(rule.rule, records, from)) return;
    const left = life.expires(state) - settings.seconds;
    slots.release(records[from + RULE]!);
    records[from + RULE] = slots.hold(rule);
    records[from + TOUCHED] = settings.seconds;
    setRemaining(records, from, life.expires(state), settings.seconds, left);
  }

  /** A rule that could have made this state. */
  private agrees(
    rule: {
      readonly direction?: string | undefined;
      readonly state?: { readonly options: { readonly sloppy?: boolean } } | undefined;
    },
    records: Int32Array,
    at: number,
  ): boolean {
    const flags = records[at + FLAGS]!;
    const way = (flags & FLAG_DIRECTION) === 1 ? 'in' : 'out';
    const isTcp = (records[at + WIRE + KIND]! & 0xff) === 6;
    const sloppy = (flags & FLAG_SLOPPY) !== 0;
    return (
      rule.state !== undefined &&
      (rule.direction === undefined || rule.direction === way) &&
      (!isTcp || (rule.state.options.sloppy ?? false) === sloppy)
    );
  }
}

/** Actions that are understood, and how long a message of each is at least. */
const KNOWN: Readonly<Record<number, number>> = {
  [wire.ACTION_CLEAR]: wire.CLEAR_LENGTH,
  [wire.ACTION_INSERT_ACK]: wire.REFERENCE_LENGTH,
  [wire.ACTION_UPDATE_COMPRESSED]: wireState.COMPRESSED_LENGTH,
  [wire.ACTION_UPDATE_REQUEST]: wire.REFERENCE_LENGTH,
  [wire.ACTION_DELETE]: wireState.STATE_LENGTH,
  [wire.ACTION_DELETE_COMPRESSED]: wire.REFERENCE_LENGTH,
  [wire.ACTION_BULK_STATUS]: wire.BULK_STATUS_LENGTH,
  [wire.ACTION_INSERT]: wireState.STATE_LENGTH,
  [wire.ACTION_UPDATE]: wireState.STATE_LENGTH,
  [wire.ACTION_RULE]: wire.RULE_LENGTH,
  [wire.ACTION_RULESET]: wire.RULESET_LENGTH,
};
