// SPDX-License-Identifier: ISC
//
// What pfsync keeps of each state beside its record, by the state's number: the queue that it is in, what the peers were told last, when
// they spoke of it; and states by their ids. Pages and heads are made once, so that a packet never waits for memory to grow.

import { mix } from '../pf/hash.ts';
import { CREATOR, ID_HIGH, ID_LOW } from '../pf/stateRecord.ts';
import { NO_STATE, type States } from '../pf/states.ts';

const PAGE_BITS = 12;
const PAGE = 1 << PAGE_BITS;
const WORDS = 6;

/** The queue of a state, how often it was updated since it was sent. */
export const QUEUE = 0;
export const UPDATES = 1;
/** Second at which a peer spoke of it last, plus 1; 0 never. */
export const PEER_SPOKE = 2;
/** Upper window edges of both peers of the connection, as they were told last. */
export const TOLD_SOURCE = 3;
export const TOLD_DESTINATION = 4;
/** The next state with the same hash of its id, plus 1. */
const NEXT = 5;

export class SyncRecords {
  private readonly states: States;
  private readonly pages: Int32Array[] = [];
  /** By hash of the id: the first state, plus 1. */
  private readonly heads: Int32Array;

  /** For so many states at most; with more, chains get longer. */
  constructor(states: States, limit: number) {
    this.states = states;
    let size = 1 << 12;
    while (size < limit && size < 1 << 22) size *= 2;
    this.heads = new Int32Array(size);
    for (let state = 0; state < states.end; state++) if (states.isUsed(state)) this.add(state);
  }

  /** The page that holds a state's words; they begin at `at`. */
  page(state: number): Int32Array {
    const number = state >>> PAGE_BITS;
    while (this.pages.length <= number) this.pages.push(new Int32Array(PAGE * WORDS));
    return this.pages[number]!;
  }

  at(state: number): number {
    return (state & (PAGE - 1)) * WORDS;
  }

  private bucket(high: number, low: number, creator: number): number {
    return mix(mix(high, low), creator) & (this.heads.length - 1);
  }

  private bucketOf(state: number): number {
    const records = this.states.records(state);
    const at = this.states.at(state);
    return this.bucket(records[at + ID_HIGH]!, records[at + ID_LOW]!, records[at + CREATOR]!);
  }

  /** A new state, its id set. */
  add(state: number): void {
    const page = this.page(state);
    const at = this.at(state);
    page.fill(0, at, at + WORDS);
    const bucket = this.bucketOf(state);
    page[at + NEXT] = this.heads[bucket]!;
    this.heads[bucket] = state + 1;
  }

  /** A state that is about to go. */
  remove(state: number): void {
    const bucket = this.bucketOf(state);
    const after = this.page(state)[this.at(state) + NEXT]!;
    let node = this.heads[bucket]!;
    if (node === state + 1) {
      this.heads[bucket] = after;
      return;
    }
    while (node !== 0) {
      const page = this.page(node - 1);
      const at = this.at(node - 1);
      node = page[at + NEXT]!;
      if (node !== state + 1) continue;
      page[at + NEXT] = after;
      return;
    }
  }

  /** The state of that id; NO_STATE when there is none. */
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
      node = this.page(state)[this.at(state) + NEXT]!;
    }
    return NO_STATE;
  }
}
