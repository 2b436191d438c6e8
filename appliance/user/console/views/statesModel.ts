// SPDX-License-Identifier: ISC
//
// pf's states as rows, as pftop lays them out.

import type { Order, TopState, TopStates } from '../../commands/pftop.ts';
import { bitRate, duration, scaled } from '../numbers.ts';
import type { Rates } from '../rates.ts';
import { type Row, row, span } from '../styled.ts';
import { type Column, table } from '../table.ts';
import type { Look } from '../view.ts';

export interface StatesShown {
  readonly top: TopStates | undefined;
  readonly order: Order;
  readonly filter: string;
  readonly selected: number;
  /** The first state to be seen. */
  readonly from: number;
}

/** Rows of the view that are no states: how many there are, and the heading. */
export const STATES_MARGIN = 2;

/** By which a state is told apart. */
export function keyOfState({ id, creatorId }: TopState): string {
  return `${id}/${creatorId}`;
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

export function statesRows(shown: StatesShown, rates: Rates, look: Look): readonly Row[] {
  const { top, order, filter, selected, from } = shown;
  if (top === undefined) return [row(' no news of the states yet', 'faint')];
  const matching = filter === '' ? '' : `, ${top.matching} with '${filter}'`;
  const cut = top.states.length < top.matching ? `, the first ${top.states.length} here` : '';
  const summary: Row = [
    span(` ${top.total} states${matching}${cut}`, 'strong'),
    span(`  by ${order}`, 'faint'),
  ];
  if (top.states.length === 0) return [summary, [], row(' no state', 'faint')];
  const seen = top.states.slice(from, from + look.rows - STATES_MARGIN);
  return [summary, ...table(columnsOf(rates), seen, look.columns, selected - from)];
}
