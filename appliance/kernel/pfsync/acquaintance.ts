// SPDX-License-Identifier: ISC
//
// Which sealed streams are of now, and not recorded long ago: those whose sender has said, in the stream, the salt that this machine drew
// when it began. Machines tell each other their salts, and those they have heard, until all believe each other.

import * as pfsync from '../../wire/pfsync.ts';
import * as greeting from '../../wire/pfsyncGreeting.ts';
import { type Clock, SECOND } from '../clock.ts';
import type { Random } from '../random.ts';
import { Timeout, type Timeouts } from '../timeout.ts';
import type { Assembler } from './assembler.ts';
import { ReplayWindow } from './replayWindow.ts';

/** Streams believed. To forget one of them would let it be replayed; when there are more, all begin anew. */
const MOST = 32;
/** Streams heard of that have not said the salt: anybody can repeat old ones. The one heard first makes way. */
const MOST_STRANGERS = 8;
/** Between two greetings. */
const PAUSE = SECOND / 50;

/** A sender from the setting of its key to the next: the first words of its nonces, its salt, and what has come since it is believed. */
interface Stream {
  readonly high: number;
  readonly low: number;
  saltHigh: number;
  saltLow: number;
  readonly window: ReplayWindow;
}

export interface AcquaintanceParts {
  readonly clock: Clock;
  readonly timeouts: Timeouts;
  readonly random: Random;
  /** Sends a packet of our own, if there is a way. */
  readonly send: (write: (packet: Assembler) => void) => void;
  /** One more stream is believed. */
  readonly met: () => void;
}

export class Acquaintance {
  private readonly parts: AcquaintanceParts;
  private readonly timer: Timeout;
  private saltHigh = 0;
  private saltLow = 0;
  private believed: Stream[] = [];
  private strangers: Stream[] = [];
  private greeted = -PAUSE;
  /** Somebody spoke who has not said our salt. */
  private isInDoubt = false;

  constructor(parts: AcquaintanceParts) {
    this.parts = parts;
    this.timer = new Timeout(parts.timeouts, () => this.greet());
    this.beginAnew();
  }

  private beginAnew(): void {
    this.saltHigh = this.parts.random.word();
    this.saltLow = this.parts.random.word();
    this.believed = [];
  }

  /** There is a way to the others, who do not know us yet. */
  start(): void {
    this.isInDoubt = true;
    this.greetSoon();
  }

  stop(): void {
    this.timer.clear();
  }

  /** Whether a packet can still be news: of no stream that is known to have had this number. */
  canBeNew(high: number, low: number, counter: number): boolean {
    return find(this.believed, high, low)?.window.isNew(counter) !== false;
  }

  /** An authentic packet from `at` to `end`; answers whether what it says is to be believed. */
  believes(bytes: Uint8Array, at: number, end: number, high: number, low: number, counter: number): boolean {
    const friend = find(this.believed, high, low);
    const isGreeting = greeting.isGreeting(bytes, at, end);
    if (friend !== undefined) {
      friend.window.note(counter);
      if (!isGreeting) return true;
      friend.saltHigh = greeting.saltHigh(bytes, at);
      friend.saltLow = greeting.saltLow(bytes, at);
      if (greeting.wantsAnswer(bytes, at)) this.greetSoon();
      return true;
    }
    if (isGreeting && this.hear(bytes, at, high, low, counter)) return true;
    this.isInDoubt = true;
    this.greetSoon();
    return false;
  }

  /** A stranger's greeting; answers whether it has our salt in it. */
  private hear(bytes: Uint8Array, at: number, high: number, low: number, counter: number): boolean {
    const [saltHigh, saltLow] = [greeting.saltHigh(bytes, at), greeting.saltLow(bytes, at)];
    if (saltHigh === this.saltHigh && saltLow === this.saltLow) return false;
    const stream = { high, low, saltHigh, saltLow, window: new ReplayWindow(counter) };
    this.strangers = this.strangers.filter((one) => one.high !== high || one.low !== low);
    if (!greeting.hasHeard(bytes, at, this.saltHigh, this.saltLow)) {
      if (this.strangers.length === MOST_STRANGERS) this.strangers.shift();
      this.strangers.push(stream);
      return false;
    }
    if (this.believed.length === MOST) {
      this.beginAnew();
      return false;
    }
    this.believed.push(stream);
    // First he must believe us, or he will not hear what we ask.
    this.greet();
    this.parts.met();
    return true;
  }

  private greetSoon(): void {
    if (this.timer.armed) return;
    this.timer.set(Math.max(0, this.greeted + PAUSE - this.parts.clock.now));
  }

  /** Says our salt and those that were heard, and asks for ours where somebody has not said it. */
  private greet(): void {
    this.timer.clear();
    this.greeted = this.parts.clock.now;
    const own = this.isInDoubt ? greeting.SALT_OWN_ASKING : greeting.SALT_OWN;
    this.isInDoubt = false;
    this.parts.send((packet) => {
      add(packet, own, this.saltHigh, this.saltLow);
      for (const { saltHigh, saltLow } of this.strangers) add(packet, greeting.SALT_HEARD, saltHigh, saltLow);
      for (const { saltHigh, saltLow } of this.believed) add(packet, greeting.SALT_HEARD, saltHigh, saltLow);
    });
  }
}

function find(streams: readonly Stream[], high: number, low: number): Stream | undefined {
  for (const one of streams) if (one.low === low && one.high === high) return one;
  return undefined;
}

function add(packet: Assembler, kind: number, high: number, low: number): void {
  if (!packet.hasRoom(pfsync.ACTION_GREETING, greeting.SALT_LENGTH)) return;
  greeting.writeSalt(packet.bytes, packet.add(pfsync.ACTION_GREETING, greeting.SALT_LENGTH), kind, high, low);
}
