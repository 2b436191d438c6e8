// SPDX-License-Identifier: ISC
//
// The bulk update: a machine that comes up asks for every state there is, and is demoted until it has them; whoever is asked sends them
// little by little, beside everything else (pfsync_request_full_update, pfsync_bulk_update).

import type { PfsyncInfo } from '../../abi/pfsync.ts';
import * as wire from '../../wire/pfsync.ts';
import { SECOND } from '../clock.ts';
import type { PfParts } from '../pf/parts.ts';
import { FLAG_NO_SYNC, FLAGS, KIND, WIRE } from '../pf/stateRecord.ts';
import { Timeout } from '../timeout.ts';
import { QUEUE_INSERT, QUEUE_UPDATE, type Sender } from './sender.ts';

const PROTOCOL_PFSYNC = 240;
/** Waiting for the link, for an answer, and how often it is asked for. */
const LINK_PATIENCE = 30 * SECOND;
const ANSWER_PATIENCE = 2 * SECOND;
const TRIES = 12;

/** The original's pace: a packet every 20 ms. Towards a peer of our kind: so many states a millisecond. */
const ORIGINAL_INTERVAL = SECOND / 50;
const ORIGINAL_STATES = 5;
const INTERVAL = SECOND / 1000;
const STATES = 40;
/** Records looked at in one turn: a table with holes is no reason to stop the machine. */
const LOOKED_AT = 4096;

/** Who asks. */
export class BulkRequest {
  state: PfsyncInfo['bulk'] = 'none';
  private readonly sender: Sender;
  private readonly timer: Timeout;
  private readonly limit: () => number;
  private readonly announce: () => void;
  /** Told when the machine has, or has given up waiting for, the states of others. */
  private readonly done: () => void;
  private tries = 0;

  constructor(parts: PfParts, sender: Sender, hooks: { announce: () => void; done: () => void }) {
    this.sender = sender;
    this.timer = new Timeout(parts.timeouts, () => this.timedOut());
    this.limit = () => parts.settings.maximumStates;
    this.announce = hooks.announce;
    this.done = hooks.done;
  }

  /** The interface came up: as soon as there is a link, everything is asked for. */
  begin(hasLink: boolean): void {
    this.tries = 0;
    this.state = 'start';
    this.timer.set(LINK_PATIENCE);
    if (hasLink) this.linkUp();
  }

  linkUp(): void {
    if (this.state !== 'start') return;
    this.state = 'sent';
    this.ask();
  }

  stop(): void {
    this.timer.clear();
    this.state = 'none';
  }

  private ask(): void {
    this.tries++;
    this.timer.set(ANSWER_PATIENCE);
    this.announce();
    this.sender.sendNow((builder) => {
      const { bytes, at } = builder.message(wire.ACTION_UPDATE_REQUEST, wire.REFERENCE_LENGTH);
      wire.writeReference(bytes, at, 0, 0, 0);
    });
  }

  /** A peer begins to send, or is through. */
  heard(status: number): void {
    if (status === wire.BULK_START && (this.state === 'sent' || this.state === 'bulk')) {
      this.state = 'bulk';
      this.timer.set(4 * Math.max(1, this.limit() / ORIGINAL_STATES / 50) * SECOND);
    } else if (status === wire.BULK_END && this.state === 'bulk') {
      this.finish();
    }
  }

  private timedOut(): void {
    if (this.state === 'start' || this.tries >= TRIES) return this.finish();
    this.state = 'sent';
    this.ask();
  }

  private finish(): void {
    this.timer.clear();
    this.state = 'done';
    this.done();
  }
}

/** Who is asked. */
export class BulkSend {
  private readonly parts: PfParts;
  private readonly sender: Sender;
  private readonly timer: Timeout;
  private next = 0;
  private end = 0;
  private again = false;
  private running = false;
  /** Whether all that listen understand a faster pace. */
  fast = false;

  constructor(parts: PfParts, sender: Sender) {
    this.parts = parts;
    this.sender = sender;
    this.timer = new Timeout(parts.timeouts, () => this.step());
  }

  /** Everything is wanted: from the beginning, after what is being sent already. */
  begin(): void {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    this.next = 0;
    this.end = this.parts.states.end;
    this.status(wire.BULK_START);
    this.step();
  }

  stop(): void {
    this.timer.clear();
    this.running = false;
    this.again = false;
  }

  private step(): void {
    const { states } = this.parts;
    let left = this.fast ? STATES : ORIGINAL_STATES;
    const last = Math.min(this.end, states.end, this.next + LOOKED_AT);
    for (; this.next < last && left > 0; this.next++) {
      if (!this.isWanted(this.next)) continue;
      this.sender.enqueue(this.next, QUEUE_UPDATE);
      left--;
    }
    this.sender.flush();
    if (this.next < Math.min(this.end, states.end)) {
      this.timer.set(this.fast ? INTERVAL : ORIGINAL_INTERVAL);
      return;
    }
    this.status(wire.BULK_END);
    this.running = false;
    if (!this.again) return;
    this.again = false;
    this.begin();
  }

  /** What is about to be told as new is told anyway. */
  private isWanted(state: number): boolean {
    const { states, life, settings } = this.parts;
    if (!states.isUsed(state) || this.sender.queueOf(state) === QUEUE_INSERT) return false;
    const records = states.records(state);
    const at = states.at(state);
    if ((records[at + FLAGS]! & FLAG_NO_SYNC) !== 0) return false;
    if ((records[at + WIRE + KIND]! & 0xff) === PROTOCOL_PFSYNC) return false;
    return life.expires(state) > settings.seconds;
  }

  private status(what: number): void {
    this.sender.sendNow((builder) => {
      const { bytes, at } = builder.message(wire.ACTION_BULK_STATUS, wire.BULK_STATUS_LENGTH);
      wire.writeBulkStatus(bytes, at, this.parts.settings.hostId | 0, what);
    });
  }
}
