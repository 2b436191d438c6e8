// SPDX-License-Identifier: ISC
//
// The numbers that states are sorted by, a page of the table at a time: addresses are those of the side that asked, the one that began
// the connection first, as pftop(8) shows them.

import type { Handlers } from '../../abi/client.ts';
import { CallError } from '../../abi/errno.ts';
import {
  STATE_COLUMNS,
  STATES_AT_ONCE,
  type StateColumn,
  type StateOrderCalls,
} from '../../abi/stateOrder.ts';
import { DIRECTION_IN } from '../filter.ts';
import type { PfParts } from './parts.ts';
import { describeState } from './stateCalls.ts';
import { COUNTERS, CREATED, FLAG_DIRECTION, FLAGS, KIND, STACK, WIRE } from './stateRecord.ts';
import { readAddress, readPort } from './states.ts';

/** Records looked at in one call, so that it holds the kernel for less than a millisecond. */
const PAGE = 4_096;

/** Writes the numbers of a state. */
type Write = (state: number, values: Float64Array, to: number) => void;

export function stateOrderCalls(parts: PfParts): Handlers<StateOrderCalls> {
  const writers = writersOf(parts);
  return {
    'pf.stateColumn': ({ cursor, column }) => readColumn(parts, cursor, column, writers[column]),
    'pf.statesAt': ({ places }) => {
      if (places.length > STATES_AT_ONCE) throw new CallError('EINVAL', 'too many states at once');
      const { states } = parts;
      const isUsed = (place: number) => place >= 0 && place < states.end && states.isUsed(place);
      return Array.from(places, (place) => (isUsed(place) ? describeState(parts, place) : undefined));
    },
  };
}

function readColumn(
  { states }: PfParts,
  cursor: number,
  column: StateColumn,
  write: Write,
): { places: Int32Array; values: Float64Array; next?: number } {
  const end = Math.min(states.end, cursor + PAGE);
  const width = STATE_COLUMNS[column];
  const places = new Int32Array(Math.max(0, end - cursor));
  const values = new Float64Array(places.length * width);
  let count = 0;
  for (let state = cursor; state < end; state++) {
    if (!states.isUsed(state)) continue;
    places[count] = state;
    write(state, values, count * width);
    count++;
  }
  const page = { places: places.slice(0, count), values: values.slice(0, count * width) };
  return end < states.end ? { ...page, next: end } : page;
}

function writersOf(parts: PfParts): Readonly<Record<StateColumn, Write>> {
  const { states, life, settings } = parts;
  const words = new Int32Array(4);
  /** The sum of a counter's two directions; `which`: 0 packets, 2 bytes. */
  const counted = (state: number, which: number) => {
    const counters = states.counters(state);
    const at = (states.at(state) >>> 1) + COUNTERS + which;
    return counters[at]! + counters[at + 1]!;
  };
  const end =
    (isSource: boolean): Write =>
    (state, values, to) => {
      const records = states.records(state);
      const at = states.at(state);
      const isIn = (records[at + FLAGS]! & FLAG_DIRECTION) === DIRECTION_IN;
      const side = isIn ? WIRE : STACK;
      const which = isIn === isSource ? 0 : 1;
      const isIpv4 = records[at + side + KIND]! >>> 8 === 4;
      readAddress(records, at, side, which, words);
      if (isIpv4) words.fill(0, 1);
      writeEnd(words, isIpv4 ? 4 : 6, readPort(records, at, side, which), values, to);
    };
  return {
    place: (state, values, to) => {
      values[to] = state;
    },
    packets: (state, values, to) => {
      values[to] = counted(state, 0);
    },
    bytes: (state, values, to) => {
      values[to] = counted(state, 2);
    },
    age: (state, values, to) => {
      values[to] = settings.seconds - states.records(state)[states.at(state) + CREATED]!;
    },
    expires: (state, values, to) => {
      values[to] = Math.max(0, life.expires(state) - settings.seconds);
    },
    source: end(true),
    destination: end(false),
  };
}

const WORD = 0x1_0000_0000;
const HALF = 0x1_0000;

/** Family, 128 bits of address and 16 of port in three doubles, of which each holds 53 bits exactly. */
function writeEnd(words: Int32Array, family: number, port: number, values: Float64Array, to: number): void {
  const second = words[1]! >>> 0;
  values[to] = (family * WORD + (words[0]! >>> 0)) * HALF + (second >>> 16);
  values[to + 1] = (second & 0xffff) * WORD + (words[2]! >>> 0);
  values[to + 2] = (words[3]! >>> 0) * HALF + port;
}
