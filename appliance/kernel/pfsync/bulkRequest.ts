// SPDX-License-Identifier: ISC
//
// Getting all states when pfsync0 comes up (pfsync_bulk_*), and staying the worse master until they are there. While pf is off nothing is
// heard, so that nothing is asked for either.

import type { PfsyncInfo } from '../../abi/pfsync.ts';
import { SECOND } from '../clock.ts';
import type { Settings } from '../pf/settings.ts';
import { Timeout, type Timeouts } from '../timeout.ts';

/** What a machine without the others' states is worse by. */
const DEMOTION = 32;
const LINK_WAIT = 30 * SECOND;
const ANSWER_WAIT = 2 * SECOND;
const TRIES = 12;
/** Packets that the original sends in a second, states in one of them, and how many times as long as that is waited. */
const PACKETS_PER_SECOND = 50;
const STATES_PER_PACKET = 5;
const PATIENCE = 4;

/** none: pfsync0 is down. start: no link yet, or pf is off. sent: nobody has answered. bulk: states arrive. done: as many are here as there will be. */
type Phase = PfsyncInfo['bulk'];

export class BulkRequest {
  phase: Phase = 'none';
  private readonly settings: Settings;
  private readonly demote: (amount: number, reason: string) => void;
  private readonly ask: () => void;
  private readonly timer: Timeout;
  private tries = 0;
  private received = 0;
  private isDemoted = false;

  constructor(parts: {
    settings: Settings;
    timeouts: Timeouts;
    demote: (amount: number, reason: string) => void;
    ask: () => void;
  }) {
    this.settings = parts.settings;
    this.demote = parts.demote;
    this.ask = parts.ask;
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

  private request(): void {
    this.phase = 'sent';
    this.timer.set(ANSWER_WAIT);
    this.ask();
  }

  private expired(): void {
    if (this.phase === 'start' || !this.settings.enabled || ++this.tries >= TRIES)
      return this.finish('pfsync done');
    this.request();
  }

  /** Somebody begins to send all he has. */
  began(): void {
    if (this.phase !== 'start' && this.phase !== 'sent') return;
    this.phase = 'bulk';
    this.received = 0;
    const packets = this.settings.maximumStates / STATES_PER_PACKET;
    this.timer.set(PATIENCE * Math.max(1, packets / PACKETS_PER_SECOND) * SECOND);
  }

  /** A state of it. */
  gotState(): void {
    if (this.phase === 'bulk') this.received++;
  }

  /** He tells how many there were; when some are missing they are asked for again. */
  total(states: number): void {
    if (this.phase !== 'bulk' || this.received >= states || ++this.tries >= TRIES) return;
    this.request();
  }

  /** He has sent the last one. */
  ended(): void {
    if (this.phase === 'bulk') this.finish('pfsync done');
  }

  private finish(reason: string): void {
    this.timer.clear();
    if (this.phase === 'done' || this.phase === 'none') return;
    this.phase = 'done';
    if (this.isDemoted) this.demote(-DEMOTION, reason);
    this.isDemoted = false;
  }
}
