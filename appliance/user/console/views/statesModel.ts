// SPDX-License-Identifier: ISC
//
// pf's states as rows, as pftop lays them out.

import type { TopState } from '../../commands/pftop/topState.ts';
import type { Order, TopStates } from '../../commands/pftop/topStates.ts';
import { bitRate, duration, scaled } from '../numbers.ts';
import type { Rates } from '../rates.ts';
import { type Row, row, span } from '../styled.ts';
import { type Column, table } from '../table.ts';
import type { Look } from '../view.ts';

/** Which of the states are asked for. */
export interface Question {
  readonly order: Order;
  readonly filter: string;
  /** The first rank, and how many. */
  readonly first: number;
  readonly count: number;
}

/** An answer, which is all that the view keeps of the machine's states. */
export interface Part extends Question {
  readonly top: TopStates;
}

export interface StatesShown {
  readonly part: Part | undefined;
  readonly selected: number;
  /** Rank of the first state to be seen. */
  readonly from: number;
}

/** Rows of the view that are no states: how many there are, and the heading. */
export const STATES_MARGIN = 2;

/** By which a state is told apart. */
export function keyOfState({ id, creatorId }: TopState): string {
  return `${id}/${creatorId}`;
}

/** What to ask for where `page` states from rank `from` on are seen: a page before and two behind, as one goes on reading. */
export function questionAround(from: number, page: number): Pick<Question, 'first' | 'count'> {
  const first = Math.max(0, from - page);
  return { first, count: from - first + 3 * page };
}

/** Whether what is seen is in the part, as far as there is something. */
export function covers(part: Part, from: number, page: number): boolean {
  const end = Math.min(from + page, part.top.matching);
  return part.first <= from && end <= part.first + part.count;
}

function columnsOf(rates: Rates): readonly Column<TopState>[] {
  const speed = (state: TopState) => rates.now(keyOfState(state));
  return [
    { title: 'Pr', width: 5, text: ({ protocol }) => protocol },
    { title: 'D', text: ({ direction }) => (direction === 'in' ? 'I' : 'O') },
    { title: 'Source', text: ({ source }) => source },
    { title: 'Destination', text: ({ destination }) => destination },
    { title: 'Gateway', optional: 2, text: ({ gateway }) => gateway },
    {
      title: 'State',
      optional: 1,
      text: ({ state }) => state,
      style: ({ state }) => (state === 'ESTABLISHED:ESTABLISHED' ? 'good' : 'text'),
    },
    { title: 'Age', align: 'right', optional: 3, text: ({ age }) => duration(age) },
    { title: 'Exp', align: 'right', optional: 4, text: ({ expires }) => duration(expires) },
    { title: 'Pkts', align: 'right', width: 5, optional: 6, text: ({ packets }) => scaled(packets) },
    { title: 'Bytes', align: 'right', width: 5, text: ({ bytes }) => scaled(bytes) },
    {
      title: 'Now',
      align: 'right',
      width: 8,
      optional: 5,
      text: (state) => (speed(state) === undefined ? '-' : bitRate(speed(state)!)),
    },
    { title: 'Rule', align: 'right', optional: 7, text: ({ rule }) => (rule < 0 ? '' : String(rule)) },
  ];
}

/** A state whose news are on their way has dots. */
function asFarAsKnown(column: Column<TopState>, i: number): Column<TopState | undefined> {
  const { text, style } = column;
  return {
    ...column,
    text: (state) => (state === undefined ? (i === 0 ? '...' : '') : text(state)),
    style: (state) => (state === undefined ? 'faint' : (style?.(state) ?? 'text')),
  };
}

export function statesRows(shown: StatesShown, rates: Rates, look: Look): readonly Row[] {
  const { part, selected, from } = shown;
  if (part === undefined) return [row(' no news of the states yet', 'faint')];
  const { top, order, filter, first } = part;
  const matching = filter === '' ? '' : `, ${top.matching} with '${filter}'`;
  const place = top.matching === 0 ? '' : `  ${selected + 1} of ${top.matching}`;
  const summary: Row = [
    span(` ${top.total} states${matching}`, 'strong'),
    span(`  by ${order}${place}`, 'faint'),
  ];
  if (top.matching === 0) return [summary, [], row(' no state', 'faint')];
  const count = Math.min(look.rows - STATES_MARGIN, top.matching - from);
  const seen = Array.from({ length: count }, (_, i) => top.states[from + i - first]);
  const columns = columnsOf(rates).map(asFarAsKnown);
  return [summary, ...table(columns, seen, look.columns, selected - from)];
}
