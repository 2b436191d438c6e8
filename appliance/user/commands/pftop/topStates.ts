// SPDX-License-Identifier: ISC
//
// Some ranks of the states in an order. All states give the numbers that they are sorted by, in columns; only those that are shown are
// described, and where a text chooses, those that it is looked for in.

import type { Answer, KernelClient } from '../../../abi/client.ts';
import type { StateInfo } from '../../../abi/pf.ts';
import { STATE_COLUMNS, STATES_AT_ONCE, type StateColumn } from '../../../abi/stateOrder.ts';
import { type Compare, ranked } from './rank.ts';
import { hasText, type TopState, topState } from './topState.ts';

/** The orders of pftop, and the numbers of each; -1: the greatest first. */
const COLUMNS = {
  bytes: ['bytes', -1],
  pkts: ['packets', -1],
  age: ['age', -1],
  exp: ['expires', 1],
  source: ['source', 1],
  dest: ['destination', 1],
  none: ['place', 1],
} as const satisfies Record<string, readonly [StateColumn, 1 | -1]>;

export type Order = keyof typeof COLUMNS;
export const ORDERS = Object.keys(COLUMNS) as readonly Order[];

export interface TopStates {
  /** All that there are, and those that the text fits. */
  readonly total: number;
  readonly matching: number;
  /** Those of the ranks that were asked for, as far as they are there. */
  readonly states: readonly TopState[];
}

export interface Wanted {
  readonly order: Order;
  /** Only states with this text; empty: all. */
  readonly text: string;
  /** The first rank, from 0 on. */
  readonly first: number;
  readonly count: number;
  readonly signal: AbortSignal;
}

export async function topStates(kernel: KernelClient, wanted: Wanted): Promise<TopStates> {
  const [column, direction] = COLUMNS[wanted.order];
  const { places, values } = await readColumn(kernel, column, wanted.signal);
  const chosen = wanted.text === '' ? undefined : await withText(kernel, places, wanted);
  const item = (i: number) => (chosen === undefined ? i : chosen[i]!);
  const compare = comparison(values, STATE_COLUMNS[column], direction);
  const matching = chosen?.length ?? places.length;
  const ranks = ranked(matching, wanted.first, wanted.count, (a, b) => compare(item(a), item(b)));
  const states: TopState[] = [];
  const shown = Int32Array.from(ranks, (rank) => places[item(rank)]!);
  await describe(kernel, shown, wanted.signal, (state) => states.push(topState(state)));
  return { total: places.length, matching, states };
}

/** The column of all states. */
async function readColumn(
  kernel: KernelClient,
  column: StateColumn,
  signal: AbortSignal,
): Promise<{ places: Int32Array; values: Float64Array }> {
  const pages: Answer<'pf.stateColumn'>[] = [];
  for (let cursor: number | undefined = 0; cursor !== undefined && !signal.aborted; ) {
    const page: Answer<'pf.stateColumn'> = await kernel.call('pf.stateColumn', { cursor, column });
    pages.push(page);
    cursor = page.next;
  }
  const count = pages.reduce((sum, { places }) => sum + places.length, 0);
  const places = new Int32Array(count);
  const values = new Float64Array(count * STATE_COLUMNS[column]);
  let at = 0;
  for (const page of pages) {
    places.set(page.places, at);
    values.set(page.values, at * STATE_COLUMNS[column]);
    at += page.places.length;
  }
  return { places, values };
}

/** Which of the states have the text. */
async function withText(
  kernel: KernelClient,
  places: Int32Array,
  { text, signal }: Wanted,
): Promise<readonly number[]> {
  const chosen: number[] = [];
  await describe(kernel, places, signal, (state, i) => {
    if (hasText(topState(state), text)) chosen.push(i);
  });
  return chosen;
}

/** Describes the states at these places, without those that are gone; `index` is that of the place. */
async function describe(
  kernel: KernelClient,
  places: Int32Array,
  signal: AbortSignal,
  see: (state: StateInfo, index: number) => void,
): Promise<void> {
  for (let at = 0; at < places.length && !signal.aborted; at += STATES_AT_ONCE) {
    const answer = await kernel.call('pf.statesAt', { places: places.slice(at, at + STATES_AT_ONCE) });
    for (const [i, state] of answer.entries()) if (state !== undefined) see(state, at + i);
  }
}

/** Compares states by their numbers, the first of which counts most; equal ones by where they lie. */
function comparison(values: Float64Array, width: number, direction: 1 | -1): Compare {
  if (width === 1) return (a, b) => direction * (values[a]! - values[b]!) || a - b;
  return (a, b) => {
    for (let i = 0; i < width; i++) {
      const difference = values[a * width + i]! - values[b * width + i]!;
      if (difference !== 0) return direction * difference;
    }
    return a - b;
  };
}
