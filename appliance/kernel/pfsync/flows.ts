// SPDX-License-Identifier: ISC
//
// What a router remembers of the flows that it observes: the server's half and what was told of it. Of fixed size: in each of its sets
// whoever has been silent longest makes way.

import { mix } from '../pf/hash.ts';

const SETS = 1 << 14;
const WAYS = 4;
const WORDS = 24;

/** The client's address, the server's, ports (client's << 16 | server's), family; 0 where nobody is. */
export const CLIENT = 0;
export const SERVER = 4;
export const PORTS = 8;
export const FAMILY = 9;
/** Milliseconds, modulo 2^32. */
export const TOUCHED = 10;
/** The server's next sequence number, what it has acknowledged, its window in bytes, the scale of its message. */
export const SEQUENCE = 11;
export const ACKNOWLEDGMENT = 12;
export const WINDOW = 13;
export const SCALE = 14;
/** The edge and the window last told, and when. */
export const TOLD_EDGE = 15;
export const TOLD_WINDOW = 16;
export const TOLD_AT = 17;
/** The client's next sequence number. */
export const CLIENT_NEXT = 18;
/** MARK_*. */
export const MARKS = 19;

export const MARK_SERVER_FIN = 1;
/** The client has acknowledged it. */
export const MARK_ACKNOWLEDGED = 2;
export const MARK_CLIENT_FIN = 4;
export const MARK_CLIENT_SEEN = 8;

export class Flows {
  readonly rows = new Int32Array(SETS * WAYS * WORDS);
  /** What is looked for. */
  readonly key = new Int32Array(FAMILY + 1);
  private readonly salt: number;

  constructor(salt: number) {
    this.salt = salt;
  }

  /** Place of the row of `key`, -1 when there is none. */
  find(): number {
    const first = this.set();
    for (let way = 0; way < WAYS; way++) if (this.isAt(first + way * WORDS)) return first + way * WORDS;
    return -1;
  }

  /** A row for `key`, which has none: all but the key is zero. */
  claim(now: number): number {
    const { rows } = this;
    const first = this.set();
    let at = first;
    for (let way = 0; way < WAYS; way++) {
      const other = first + way * WORDS;
      if (rows[other + FAMILY] === 0) {
        at = other;
        break;
      }
      if (((rows[at + TOUCHED]! - rows[other + TOUCHED]!) | 0) > 0) at = other;
    }
    for (let i = 0; i < WORDS; i++) rows[at + i] = i <= FAMILY ? this.key[i]! : 0;
    rows[at + TOUCHED] = now;
    return at;
  }

  release(at: number): void {
    this.rows[at + FAMILY] = 0;
  }

  private isAt(at: number): boolean {
    for (let i = FAMILY; i >= 0; i--) if (this.rows[at + i] !== this.key[i]) return false;
    return true;
  }

  private set(): number {
    let hash = this.salt;
    for (let i = 0; i < FAMILY; i++) hash = mix(hash, this.key[i]!);
    return (hash & (SETS - 1)) * WAYS * WORDS;
  }
}
