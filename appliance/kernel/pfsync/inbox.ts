// SPDX-License-Identifier: ISC
//
// What messages of other machines do to the state table (pfsync_in_*). What comes from there is never told back.

import * as counts from '../../abi/counters/pfsync.ts';
import * as pfsync from '../../wire/pfsync.ts';
import * as wire from '../../wire/pfsyncState.ts';
import type { Counters } from '../counters.ts';
import type { PfParts } from '../pf/parts.ts';
import {
  CREATOR,
  DESTINATION,
  FLAG_HEARD_DESTINATION,
  FLAG_HEARD_SOURCE,
  FLAG_ROUTE_TO,
  FLAG_TOLD,
  FLAGS,
  ID_HIGH,
  ID_LOW,
  INTERFACE,
  PEER_STATE,
  SEQ_LOW,
  SOURCE,
  TIMEOUT,
  TOUCHED,
} from '../pf/stateRecord.ts';
import type { BulkAnswer } from './bulkAnswer.ts';
import type { BulkRequest } from './bulkRequest.ts';
import type { Codec } from './codec.ts';
import type { Defer } from './defer.ts';
import type { Foreign } from './foreign.ts';
import type { Halves } from './halves.ts';
import { merge } from './merge.ts';
import type { Outbox } from './outbox.ts';
import type { Peers } from './peers.ts';
import { MARK_PEERS, MARK_SILENT, MARKS, PEER_SECOND, type Rows } from './rows.ts';
import { isShared } from './sharing.ts';
import { timeoutOf } from './stateFields.ts';
import type { StateRules } from './stateRules.ts';
import type { Tombstones } from './tombstones.ts';

const NOTHING = new Uint8Array(0);

export interface InboxParts {
  readonly pf: PfParts;
  readonly counters: Counters;
  readonly rows: Rows;
  readonly outbox: Outbox;
  readonly tombstones: Tombstones;
  readonly codec: Codec;
  readonly rules: StateRules;
  readonly deferred: Defer;
  readonly peers: Peers;
  readonly bulkRequest: BulkRequest;
  readonly bulkAnswer: BulkAnswer;
  readonly halves: Halves;
  readonly foreign: Foreign;
  /** Tells who this machine is. */
  readonly introduce: () => void;
}

export class Inbox {
  private readonly parts: InboxParts;
  /** The state that is being made, for `givesWay`: creator, id, and where it stands in the message. */
  private creator = 0;
  private high = 0;
  private low = 0;
  private bytes: Uint8Array = NOTHING;
  private at = 0;

  constructor(parts: InboxParts) {
    this.parts = parts;
  }

  insert(bytes: Uint8Array, at: number, high: number, low: number, creator: number): void {
    const { rows, outbox } = this.parts;
    const wantsAck = (wire.flags(bytes, at) & wire.FLAG_ACK) !== 0;
    const known = rows.find(high, low, creator) >= 0;
    if (!known && !this.take(bytes, at, high, low, creator)) return;
    if (wantsAck) outbox.acknowledge(high, low, creator);
  }

  /** Makes a state of ours of it; false when that cannot be. */
  private take(bytes: Uint8Array, at: number, high: number, low: number, creator: number): boolean {
    const { tombstones, outbox, codec, rows, counters, foreign } = this.parts;
    if (tombstones.has(high, low, creator)) {
      outbox.delete(high, low, creator);
      return false;
    }
    if (foreign.refuses(bytes, at, high, low, creator)) return false;
    this.creator = creator;
    this.high = high;
    this.low = low;
    this.bytes = bytes;
    this.at = at;
    const state = codec.read(bytes, at, high, low, this.givesWay);
    if (typeof state === 'string') {
      counters.count(state === 'bad value' ? counts.BAD_VALUE : counts.BAD_STATE);
      return false;
    }
    rows.add(state);
    this.told(state);
    return true;
  }

  /** What is known of it is what another machine has told, until both ends have been heard here. */
  private told(state: number): void {
    const { pf, rows } = this.parts;
    const page = rows.page(state);
    const row = rows.at(state);
    page[row + MARKS] = page[row + MARKS]! | MARK_PEERS;
    page[row + PEER_SECOND] = pf.settings.seconds;
    const records = pf.states.records(state);
    const at = pf.states.at(state);
    const flags = records[at + FLAGS]! & ~(FLAG_HEARD_SOURCE | FLAG_HEARD_DESTINATION);
    records[at + FLAGS] = flags | FLAG_TOLD;
  }

  /**
   * Another state is in the place of a new one. It goes when it is an older one of the same machine, which has been replaced there; or when
   * both machines have seen the connection begin, and the other one has seen more of it. What leads elsewhere is nothing that one which does
   * not could stand for.
   */
  private readonly givesWay = (other: number): boolean => {
    const { pf, rows } = this.parts;
    const records = pf.states.records(other);
    const at = pf.states.at(other);
    if (records[at + CREATOR] !== this.creator) {
      const isRouted = (records[at + FLAGS]! & FLAG_ROUTE_TO) !== 0;
      const routes = wire.routeType(this.bytes, this.at) === wire.ROUTE_TO;
      return isRouted === routes && isFurther(this.bytes, this.at, records, at);
    }
    const high = records[at + ID_HIGH]! >>> 0;
    const isOlder =
      high === this.high >>> 0 ? records[at + ID_LOW]! >>> 0 < this.low >>> 0 : high < this.high >>> 0;
    if (isOlder && rows.has(other)) {
      const page = rows.page(other);
      const row = rows.at(other);
      page[row + MARKS] = page[row + MARKS]! | MARK_SILENT;
    }
    return isOlder;
  };

  update(bytes: Uint8Array, at: number, high: number, low: number, creator: number): void {
    const state = this.parts.rows.find(high, low, creator);
    if (state < 0) {
      this.take(bytes, at, high, low, creator);
      return;
    }
    this.merge(state, bytes, wire.peerAt(at, 0), wire.peerAt(at, 1), wire.timeout(bytes, at));
  }

  updateCompressed(bytes: Uint8Array, at: number, high: number, low: number, creator: number): void {
    const { rows, outbox, tombstones, foreign } = this.parts;
    const state = rows.find(high, low, creator);
    if (state >= 0) {
      const peers = [wire.compressedPeerAt(at, 0), wire.compressedPeerAt(at, 1)] as const;
      return this.merge(state, bytes, ...peers, wire.compressedTimeout(bytes, at));
    }
    if (foreign.has(high, low, creator)) return;
    // It has no keys: the whole state is asked for, or the sender told that there is none.
    if (tombstones.has(high, low, creator)) outbox.delete(high, low, creator);
    else outbox.request(high, low, creator);
  }

  private merge(
    state: number,
    bytes: Uint8Array,
    source: number,
    destination: number,
    timeout: number,
  ): void {
    const { pf, rows, counters, outbox, deferred } = this.parts;
    const { states, settings } = pf;
    const records = states.records(state);
    const place = states.at(state);
    const stale = merge(records, place, bytes, source, destination);
    rows.page(state)[rows.at(state) + PEER_SECOND] = settings.seconds;
    if (stale < 2) {
      records[place + TOUCHED] = settings.seconds;
      records[place + TIMEOUT] = timeoutOf(timeout)!;
      this.told(state);
    }
    deferred.release(state);
    if (stale === 0) return;
    counters.count(counts.STALE);
    outbox.update(state, 0);
  }

  /** Somebody lacks a state; no id asks for all. */
  request(high: number, low: number, creator: number): void {
    const { pf, rows, outbox, counters, bulkAnswer } = this.parts;
    if (high === 0 && low === 0 && creator === 0) return bulkAnswer.start();
    const state = rows.find(high, low, creator);
    if (state < 0 || !isShared(pf, state)) return counters.count(counts.BAD_STATE);
    outbox.updateWhole(state);
    outbox.flushNow();
  }

  delete(high: number, low: number, creator: number): void {
    const { pf, rows, counters, tombstones } = this.parts;
    // It is told twice.
    if (tombstones.has(high, low, creator)) return;
    const state = rows.find(high, low, creator);
    tombstones.add(high, low, creator);
    if (state < 0) return counters.count(counts.BAD_STATE);
    pf.life.remove(state);
  }

  /** All states of a machine go, or those on one interface. */
  clear(creator: number, name: string): void {
    const { pf, rows, tombstones } = this.parts;
    const { states, life, interfaces } = pf;
    const on = name === '' ? undefined : interfaces.find(name);
    if (name !== '' && on === undefined) return;
    for (let state = 0; state < states.end; state++) {
      if (!states.isUsed(state) || !rows.has(state)) continue;
      const records = states.records(state);
      const at = states.at(state);
      if (records[at + CREATOR] !== creator) continue;
      if (on !== undefined && records[at + INTERFACE] !== on.index) continue;
      if (on === undefined) tombstones.clear(records[at + ID_HIGH]!, records[at + ID_LOW]!, creator);
      else tombstones.add(records[at + ID_HIGH]!, records[at + ID_LOW]!, creator);
      life.remove(state);
    }
  }

  /** All states of a machine up to this id were removed a while ago. */
  cleared(high: number, low: number, creator: number): void {
    const { pf, rows, tombstones } = this.parts;
    if (tombstones.has(high, low, creator)) return;
    tombstones.clear(high, low, creator);
    const { states, life } = pf;
    for (let state = 0; state < states.end; state++) {
      if (!states.isUsed(state) || !rows.has(state)) continue;
      const records = states.records(state);
      const at = states.at(state);
      if (tombstones.isCleared(records[at + ID_HIGH]!, records[at + ID_LOW]!, records[at + CREATOR]!)) {
        life.remove(state);
      }
    }
  }

  acknowledged(high: number, low: number, creator: number): void {
    const state = this.parts.rows.find(high, low, creator);
    if (state >= 0) this.parts.deferred.release(state);
  }

  bulkStatus(kind: number, host: number): void {
    const { bulkRequest } = this.parts;
    if (kind === pfsync.BULK_START) bulkRequest.began(host);
    else if (kind === pfsync.BULK_END) bulkRequest.ended(host);
  }

  bulkPlaces(bytes: Uint8Array, at: number): void {
    const { bulkRequest } = this.parts;
    bulkRequest.came(pfsync.rangeHost(bytes, at), pfsync.rangeFrom(bytes, at), pfsync.rangeTo(bytes, at));
  }

  /** Somebody has missed a part of the bulk update. */
  bulkAgain(bytes: Uint8Array, at: number): void {
    const { pf, bulkAnswer } = this.parts;
    if (pfsync.rangeHost(bytes, at) !== (pf.settings.hostId | 0)) return;
    bulkAnswer.repeat(pfsync.rangeFrom(bytes, at), pfsync.rangeTo(bytes, at));
  }

  /** Somebody who was unknown is told who is here, so that both know at once what they may say. */
  ruleset(bytes: Uint8Array, at: number): void {
    const { peers, introduce } = this.parts;
    if (peers.heard(bytes, at)) introduce();
  }

  observation(bytes: Uint8Array, at: number): void {
    this.parts.halves.observations.hear(bytes, at);
  }

  balanced(bytes: Uint8Array, at: number): void {
    const { halves, foreign } = this.parts;
    if (halves.balancers.hear(bytes, at)) foreign.moreBalanced();
    halves.update();
  }

  rules(bytes: Uint8Array, at: number, length: number, high: number, low: number, creator: number): void {
    const state = this.parts.rows.find(high, low, creator);
    if (state >= 0) this.parts.rules.read(state, bytes, at, length);
  }
}

/** Whether a whole state in a message has seen more of its connection than another state of the same ends. */
function isFurther(bytes: Uint8Array, from: number, records: Int32Array, at: number): boolean {
  const [source, destination] = [wire.peerAt(from, 0), wire.peerAt(from, 1)];
  const theirs = wire.peerState(bytes, source) + wire.peerState(bytes, destination);
  const own = records[at + SOURCE + PEER_STATE]! + records[at + DESTINATION + PEER_STATE]!;
  if (theirs !== own) return theirs > own;
  const sent = (wire.seqLow(bytes, source) - records[at + SOURCE + SEQ_LOW]!) | 0;
  const answered = (wire.seqLow(bytes, destination) - records[at + DESTINATION + SEQ_LOW]!) | 0;
  return sent >= 0 && answered >= 0 && sent + answered > 0;
}
