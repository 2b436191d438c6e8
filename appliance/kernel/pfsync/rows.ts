// SPDX-License-Identifier: ISC
//
// What pfsync(4) keeps beside each state, in pages of integers like the state table's own: the queue it is in, what the others know of its
// windows, and a hash by id and creator, which is how the others name it.

import { mix } from '../pf/hash.ts';
import { CREATOR, ID_HIGH, ID_LOW } from '../pf/stateRecord.ts';
import type { States } from '../pf/states.ts';
import { Marks } from './marks.ts';

/** Rows in a page. */
const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
const ROW_WORDS = 8;

/** Words of a row: neighbours in the queue (state plus 1, 0 for none), which queue, packets since the last update that was sent. */
export const NEXT = 0;
export const PREVIOUS = 1;
export const MARKS = 2;
export const UPDATES = 3;
/** Second of the last update that came from another machine. */
export const PEER_SECOND = 4;
/** Window edges (SEQ_HIGH of source and destination) as they were last sent. */
export const EDGE_SOURCE = 5;
export const EDGE_DESTINATION = 6;
const NEXT_ID = 7;

/** MARKS: the queue in the low bits. */
export const QUEUE_MASK = 7;
/** Found by id. */
const MARK_LISTED = 1 << 3;
/** Its end is nobody's business: the machine that made it has another one in its place. */
export const MARK_SILENT = 1 << 4;
/** Another machine was the last to see a packet of it. */
export const MARK_PEERS = 1 << 5;
/** A packet waits until the others have it. */
export const MARK_DEFERRED = 1 << 6;

/** Long enough ago to be never. */
const NEVER = -1000;

export class Rows {
  private readonly states: States;
  private readonly pages: Int32Array[] = [];
  /** First state of each bucket plus 1. */
  private heads: Int32Array;
  private readonly salt: number;
  /** The newest state of each creator. */
  readonly newest = new Marks();

  /** `room`: states that there may be; more make the buckets longer. */
  constructor(states: States, salt: number, room: number) {
    this.states = states;
    this.salt = salt;
    let size = 1 << 10;
    while (size < room && size < 1 << 21) size *= 2;
    this.heads = new Int32Array(size);
  }

  /** The page that holds a row; its words begin at `at`. */
  page(state: number): Int32Array {
    return this.pages[state >>> PAGE_BITS]!;
  }

  at(state: number): number {
    return (state & (PAGE - 1)) * ROW_WORDS;
  }

  /** Whether there is a row for it; states of before pfsync was set up get theirs one after the other. */
  has(state: number): boolean {
    const page = this.pages[state >>> PAGE_BITS];
    return page !== undefined && (page[this.at(state) + MARKS]! & MARK_LISTED) !== 0;
  }

  /** A row for a state that has its id. */
  add(state: number): void {
    const number = state >>> PAGE_BITS;
    while (this.pages.length <= number) this.pages.push(new Int32Array(PAGE * ROW_WORDS));
    const page = this.page(state);
    const at = this.at(state);
    page.fill(0, at, at + ROW_WORDS);
    page[at + MARKS] = MARK_LISTED;
    page[at + PEER_SECOND] = NEVER;
    this.noteCreator(state);
    const bucket = this.bucketOf(state);
    page[at + NEXT_ID] = this.heads[bucket]!;
    this.heads[bucket] = state + 1;
  }

  remove(state: number): void {
    const bucket = this.bucketOf(state);
    const after = this.page(state)[this.at(state) + NEXT_ID]!;
    this.page(state)[this.at(state) + MARKS] = 0;
    let node = this.heads[bucket]!;
    if (node === state + 1) {
      this.heads[bucket] = after;
      return;
    }
    while (node !== 0) {
      const page = this.page(node - 1);
      const link = this.at(node - 1) + NEXT_ID;
      node = page[link]!;
      if (node === state + 1) page[link] = after;
    }
  }

  /** The state of that id; -1 when there is none. */
  find(high: number, low: number, creator: number): number {
    let node = this.heads[this.bucket(high, low, creator)]!;
    while (node !== 0) {
      const state = node - 1;
      const records = this.states.records(state);
      const at = this.states.at(state);
      if (
        records[at + ID_LOW] === low &&
        records[at + ID_HIGH] === high &&
        records[at + CREATOR] === creator
      ) {
        return state;
      }
      node = this.page(state)[this.at(state) + NEXT_ID]!;
    }
    return -1;
  }

  private noteCreator(state: number): void {
    const records = this.states.records(state);
    const at = this.states.at(state);
    this.newest.raise(records[at + ID_HIGH]!, records[at + ID_LOW]!, records[at + CREATOR]!);
  }

  private bucketOf(state: number): number {
    const records = this.states.records(state);
    const at = this.states.at(state);
    return this.bucket(records[at + ID_HIGH]!, records[at + ID_LOW]!, records[at + CREATOR]!);
  }

  private bucket(high: number, low: number, creator: number): number {
    return mix(mix(this.salt, low), high ^ creator) & (this.heads.length - 1);
  }
}
