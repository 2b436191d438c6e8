// SPDX-License-Identifier: ISC
//
// pfsync(4) from its coming up to its going down: the parts that live so long, and what is done when pf tells of a state.

import type { Counters } from '../counters.ts';
import type { Interface } from '../link/interface.ts';
import type { Packet } from '../packet.ts';
import { PROTOCOL_TCP } from '../pf/descriptor.ts';
import type { PfParts } from '../pf/parts.ts';
import type { Pf } from '../pf/pf.ts';
import {
  COUNTERS,
  CREATOR,
  DESTINATION,
  ID_HIGH,
  ID_LOW,
  KIND,
  MAX_WINDOW,
  SCALE_MASK,
  SEQ_DIFFERENCE,
  SEQ_HIGH,
  SOURCE,
  WINDOW_SCALE,
  WIRE,
  WSCALE_SEEN,
} from '../pf/stateRecord.ts';
import type { StateSync } from '../pf/sync.ts';
import { Timeout } from '../timeout.ts';
import { BulkAnswer } from './bulkAnswer.ts';
import type { BulkRequest } from './bulkRequest.ts';
import { Codec } from './codec.ts';
import { Defer } from './defer.ts';
import { Fingerprints } from './fingerprints.ts';
import { Foreign } from './foreign.ts';
import { Halves } from './halves.ts';
import { Inbox } from './inbox.ts';
import { Obituaries } from './obituaries.ts';
import { Outbox } from './outbox.ts';
import type { Peers } from './peers.ts';
import { QUEUE_INSERT } from './queues.ts';
import {
  EDGE_DESTINATION,
  EDGE_SOURCE,
  MARK_DEFERRED,
  MARK_PEERS,
  MARK_SILENT,
  MARKS,
  PEER_SECOND,
  Rows,
} from './rows.ts';
import type { PfsyncSettings } from './settings.ts';
import { isShared } from './sharing.ts';
import { StateRules } from './stateRules.ts';
import { Tombstones } from './tombstones.ts';
import type { Transmitter } from './transmitter.ts';

/** Another machine sees packets of the same connection if it told of it less than so many seconds ago. */
const SHARED_FOR = 2;
/** States that get a row in one step, when pfsync0 comes up on a machine that has some. */
const LISTED_AT_ONCE = 4096;
const MOMENT = 1000;

export interface SessionParts {
  readonly pf: Pf;
  readonly counters: Counters;
  readonly settings: PfsyncSettings;
  readonly transmitter: Transmitter;
  readonly peers: Peers;
  readonly bulkRequest: BulkRequest;
  /** Every state of before has its row. */
  readonly listed: () => void;
}

export class Session implements StateSync {
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  private readonly halves: Halves;
  private readonly foreign: Foreign;
  private readonly fingerprints: Fingerprints;
  private readonly peers: Peers;
  private readonly pf: PfParts;
  private readonly settings: PfsyncSettings;
  private readonly rows: Rows;
  private readonly tombstones = new Tombstones();
  private readonly obituaries = new Obituaries();
  private readonly deferred: Defer;
  private readonly bulkAnswer: BulkAnswer;
  private readonly bulkRequest: BulkRequest;
  private readonly listing: Timeout;
  private readonly listed: () => void;
  private place = 0;

  constructor(parts: SessionParts) {
    const { counters, transmitter, peers, bulkRequest } = parts;
    const pf = parts.pf.parts;
    this.pf = pf;
    this.peers = peers;
    this.bulkRequest = bulkRequest;
    this.settings = parts.settings;
    this.listed = parts.listed;
    const rows = new Rows(pf.states, pf.random.word(), pf.settings.maximumStates);
    this.rows = rows;
    this.fingerprints = new Fingerprints(pf.rulesets);
    const codec = new Codec(pf);
    const rules = new StateRules(pf, this.fingerprints);
    const speaksOwn = () => peers.speakOwn;
    const { tombstones } = this;
    const outbox = new Outbox({ pf, rows, tombstones, codec, rules, transmitter, speaksOwn });
    const deferred = new Defer(parts.pf);
    const bulkAnswer = new BulkAnswer({ ...pf, outbox, speaksOwn });
    this.outbox = outbox;
    this.deferred = deferred;
    this.bulkAnswer = bulkAnswer;
    const halves = new Halves(pf, transmitter, (state) => this.serverKnown(state));
    this.halves = halves;
    const foreign = new Foreign(pf, rows, halves.balancers);
    this.foreign = foreign;
    this.inbox = new Inbox({
      pf,
      counters,
      rows,
      outbox,
      tombstones,
      codec,
      rules,
      deferred,
      peers,
      bulkRequest,
      bulkAnswer,
      halves,
      foreign,
      introduce: () => {
        this.obituaries.rewind();
        this.retell();
        this.sayRuleset();
      },
    });
    this.listing = new Timeout(pf.timeouts, () => this.list());
    this.listing.set(0);
  }

  /** The end of it: nothing is held back, and nothing more is said. */
  stop(): void {
    this.listing.clear();
    this.deferred.releaseAll();
    this.bulkAnswer.stop();
    this.outbox.stop();
    this.halves.stop();
    this.foreign.stop();
  }

  /** A row for each state of before, some at a time. */
  private list(): void {
    const { states } = this.pf;
    const end = Math.min(states.end, this.place + LISTED_AT_ONCE);
    for (; this.place < end; this.place++) {
      const state = this.place;
      if (states.isUsed(state) && !this.rows.has(state) && isShared(this.pf, state)) this.rows.add(state);
    }
    if (this.place < states.end) this.listing.set(MOMENT);
    else this.listed();
  }

  // What pf tells.

  created(state: number): void {
    if (!isShared(this.pf, state)) return;
    this.rows.add(state);
    this.outbox.insert(state);
  }

  updated(state: number, segments: number): void {
    if (!this.rows.has(state)) return;
    const { states, settings } = this.pf;
    const records = states.records(state);
    const at = states.at(state);
    const page = this.rows.page(state);
    const row = this.rows.at(state);
    page[row + MARKS] = page[row + MARKS]! & ~MARK_PEERS;
    const isTcp = (records[at + WIRE + KIND]! & 0xff) === PROTOCOL_TCP;
    const waiting = this.outbox.update(state, segments);
    if (this.outbox.queueOf(state) === QUEUE_INSERT) return;
    if (
      (isTcp && (waiting >= this.settings.maxUpdates || windowsMoved(records, at, page, row))) ||
      settings.seconds - page[row + PEER_SECOND]! < SHARED_FOR
    ) {
      this.outbox.flushNow();
    }
  }

  /** The others may have heard of the server before they heard of this state: who made it tells them whole, with what its rule says. */
  private serverKnown(state: number): void {
    if (!this.rows.has(state)) return;
    const isOwn =
      this.pf.states.records(state)[this.pf.states.at(state) + CREATOR] === (this.pf.settings.hostId | 0);
    if (isOwn && this.halves.balancers.hasTwin) this.outbox.updateWhole(state);
  }

  defers(state: number, packet: Packet): boolean {
    if (!this.settings.defer || packet.linkBroadcast || packet.linkMulticast) return false;
    const { states } = this.pf;
    // What was given another sequence number already cannot come again as it came.
    const isModulated = states.records(state)[states.at(state) + SOURCE + SEQ_DIFFERENCE] !== 0;
    return !isModulated && this.rows.has(state) && this.outbox.queueOf(state) === QUEUE_INSERT;
  }

  hold(state: number, packet: Packet, on: Interface, direction: number): void {
    const { states } = this.pf;
    // It is counted when it goes on.
    const counters = (states.at(state) >>> 1) + COUNTERS;
    states.counters(state).fill(0, counters, counters + 4);
    this.deferred.hold(state, packet, on.index, direction);
    const page = this.rows.page(state);
    const row = this.rows.at(state);
    page[row + MARKS] = page[row + MARKS]! | MARK_DEFERRED;
    this.outbox.flushNow();
  }

  /** A state ends; its record is still there. */
  ended(state: number, expired: boolean): void {
    if (!this.rows.has(state)) return;
    const records = this.pf.states.records(state);
    const at = this.pf.states.at(state);
    const marks = this.rows.page(state)[this.rows.at(state) + MARKS]!;
    const isKnown = this.outbox.withdraw(state);
    this.deferred.drop(state);
    this.rows.remove(state);
    if ((marks & MARK_SILENT) !== 0) return;
    const high = records[at + ID_HIGH]!;
    const low = records[at + ID_LOW]!;
    const creator = records[at + CREATOR]!;
    // Another machine has removed it; or all are being removed, which the others know.
    if (this.tombstones.has(high, low, creator)) return;
    // Whoever sees its packets knows better whether it has expired.
    if (!isKnown || (expired && (marks & MARK_PEERS) !== 0)) return;
    this.tombstones.add(high, low, creator);
    // What has expired here will expire there, too.
    if (!expired) this.obituaries.add(high, low, creator);
    this.outbox.delete(high, low, creator);
  }

  clearing(): void {
    const { newest } = this.rows;
    for (let i = 0; i < newest.count; i++) {
      this.tombstones.clear(newest.high(i), newest.low(i), newest.creator(i));
      this.obituaries.clear(newest.high(i), newest.low(i), newest.creator(i));
      this.outbox.sendClear(newest.creator(i));
    }
  }

  /** What others told while pf was off was not heard. */
  switchedOn(): void {
    this.bulkRequest.again();
    if (this.place >= this.pf.states.end) this.listed();
  }

  rulesLoaded(): void {
    this.fingerprints.forget();
    if (this.halves.balancers.read(this.pf.rulesets)) this.foreign.moreBalanced();
    this.sayRuleset();
  }

  /** Tells again what was removed, those who remember it. */
  retell(): void {
    if (!this.peers.speakOwn) return;
    this.obituaries.tell((high, low, creator) => this.outbox.delete(high, low, creator));
    this.outbox.sendCleared(this.obituaries);
  }

  /** Tells the others who this is, which ruleset is in force, and which addresses it balances. */
  sayRuleset(): void {
    this.halves.announce();
    this.outbox.sendOwn(this.peers.writeRuleset);
  }
}

/** Whether either side may send by half a window more than the others know. */
function windowsMoved(records: Int32Array, at: number, page: Int32Array, row: number): boolean {
  return (
    hasMoved(records, at + SOURCE, at + DESTINATION, page[row + EDGE_SOURCE]!) ||
    hasMoved(records, at + DESTINATION, at + SOURCE, page[row + EDGE_DESTINATION]!)
  );
}

/** `sender`'s edge against half of what `receiver` offers at most; as long as that is not known there is nothing to compare. */
function hasMoved(records: Int32Array, sender: number, receiver: number, known: number): boolean {
  const scales = records[sender + WINDOW_SCALE]! & records[receiver + WINDOW_SCALE]! & WSCALE_SEEN;
  const shift = scales === 0 ? 0 : records[receiver + WINDOW_SCALE]! & SCALE_MASK;
  const half = (records[receiver + MAX_WINDOW]! << shift) >>> 1;
  return half > 0 && ((records[sender + SEQ_HIGH]! - known) | 0) >= half;
}
