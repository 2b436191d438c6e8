// SPDX-License-Identifier: ISC
//
// Getting all states when pfsync0 comes up (pfsync_bulk_*), and staying the worse master until they are there. While pf is off nothing is
// heard, so that nothing is asked for either.

import type { PfsyncInfo } from '../../abi/pfsync.ts';
import { SECOND } from '../clock.ts';
import type { Settings } from '../pf/settings.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import { Ranges } from './ranges.ts';

/** What a machine without the others' states is worse by. */
const DEMOTION = 32;
const LINK_WAIT = 30 * SECOND;
const ANSWER_WAIT = 2 * SECOND;
const TRIES = 12;
/** Packets that the original sends in a second, states in one of them, and how many times as long as that is waited. */
const PACKETS_PER_SECOND = 50;
const STATES_PER_PACKET = 5;
const PATIENCE = 4;

/** Behind all places there may be. */
const END = 0x7fffffff;

/** none: pfsync0 is down. start: no link yet, or pf is off. sent: nobody has answered. bulk: states arrive. done: as many are here as there will be. */
type Phase = PfsyncInfo['bulk'];

export class BulkRequest {
  phase: Phase = 'none';
  private readonly settings: Settings;
  private readonly demote: (amount: number, reason: string) => void;
  private readonly ask: () => void;
  private readonly askAgain: (host: number, ranges: readonly number[]) => void;
  private readonly timer: Timeout;
  private tries = 0;
  private isDemoted = false;
  /** Who sends, what has come of it, and whether he says what a packet has. */
  private host = 0;
  private readonly ranges = new Ranges();
  private isPlaced = false;

  constructor(parts: {
    settings: Settings;
    timeouts: Timeouts;
    demote: (amount: number, reason: string) => void;
    ask: () => void;
    /** Asks a host for pairs of places. */
    askAgain: (host: number, ranges: readonly number[]) => void;
  }) {
    this.settings = parts.settings;
    this.demote = parts.demote;
    this.ask = parts.ask;
    this.askAgain = parts.askAgain;
    this.timer = new Timeout(parts.timeouts, () => this.expired());
  }

  start(): void {
    this.demote(DEMOTION, 'pfsync start');
    this.isDemoted = true;
    this.phase = 'start';
    this.tries = 0;
    this.timer.set(LINK_WAIT);
  }

  stop(): void {
    this.finish('pfsync down');
    this.phase = 'none';
  }

  /** pf has been enabled: what is missing is asked for, by a master that is none the worse for it. */
  again(): void {
    if (this.phase !== 'done') return;
    this.phase = 'start';
    this.tries = 0;
    this.timer.set(LINK_WAIT);
  }

  /** The syncdev has carrier, and everything is ready. */
  ready(): void {
    if (this.phase === 'start' && this.settings.enabled) this.request();
  }

  /** Somebody new hears: asks again if nobody has answered. */
  repeat(): void {
    if (this.phase === 'sent') this.request();
  }

  private request(): void {
    this.phase = 'sent';
    this.timer.set(ANSWER_WAIT);
    this.ask();
  }

  private expired(): void {
    if (this.phase === 'start' || !this.settings.enabled || ++this.tries >= TRIES)
      return this.finish('pfsync done');
    if (this.phase !== 'bulk' || !this.isPlaced) return this.request();
    this.askAgain(this.host, this.ranges.withRest(END));
    this.timer.set(ANSWER_WAIT);
  }

  /** Somebody begins to send all he has. */
  began(host: number): void {
    if (this.phase !== 'start' && this.phase !== 'sent') return;
    this.phase = 'bulk';
    this.host = host;
    this.ranges.clear();
    this.isPlaced = false;
    const packets = this.settings.maximumStates / STATES_PER_PACKET;
    this.timer.set(PATIENCE * Math.max(1, packets / PACKETS_PER_SECOND) * SECOND);
  }

  /** A packet of it has come, and had these places of his table. */
  came(host: number, from: number, to: number): void {
    if (this.phase !== 'bulk' || host !== this.host || to < from) return;
    this.isPlaced = true;
    this.ranges.note(from, to);
    this.timer.set(ANSWER_WAIT);
  }

  /** He has sent the last one. What was lost on the way is asked for again. */
  ended(host: number): void {
    if (this.phase !== 'bulk' || host !== this.host) return;
    const { missing } = this.ranges;
    if (missing.length === 0 || ++this.tries >= TRIES) return this.finish('pfsync done');
    this.askAgain(host, missing);
    this.timer.set(ANSWER_WAIT);
  }

  private finish(reason: string): void {
    this.timer.clear();
    if (this.phase === 'done' || this.phase === 'none') return;
    this.phase = 'done';
    if (this.isDemoted) this.demote(-DEMOTION, reason);
    this.isDemoted = false;
  }
}
