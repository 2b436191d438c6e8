// SPDX-License-Identifier: ISC
//
// F3: pf's states.

import type { TopState } from '../../commands/pftop/topState.ts';
import { ORDERS, type Order, type TopStates } from '../../commands/pftop/topStates.ts';
import type { Key } from '../keys.ts';
import { chooseInList, LIST_START, type ListState, moveInList, settle } from '../list.ts';
import { Rates } from '../rates.ts';
import type { Row } from '../styled.ts';
import type { KeyHelp, Look, View, ViewHost } from '../view.ts';
import {
  covers,
  keyOfState,
  type Part,
  type Question,
  questionAround,
  STATES_MARGIN,
  statesRows,
} from './statesModel.ts';

/** Seconds between two readings that make a rate; scrolling asks more often. */
const RATE_INTERVAL = 0.9;

export class StatesView implements View {
  readonly title = 'states';
  readonly keys: readonly KeyHelp[] = [
    ['o', 'order'],
    ['/', 'filter'],
    ['k', 'kill'],
    ['Up/Down', 'select'],
    ['q', 'shell'],
  ];
  private readonly host: ViewHost;
  private readonly rates = new Rates();
  private ratedAt = 0;
  private part: Part | undefined;
  private isAsking = false;
  private order: Order = 'bytes';
  private filter = '';
  private list = LIST_START;
  private page = 10;

  constructor(host: ViewHost) {
    this.host = host;
  }

  /** Asks until what is seen now is there: one may have gone on meanwhile. */
  async refresh(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      do {
        await this.ask({ ...this.wanted, ...questionAround(this.list.top, this.page) });
        this.host.redraw();
      } while (!this.isThere);
    } finally {
      this.isAsking = false;
    }
  }

  rows(look: Look): readonly Row[] {
    this.page = Math.max(1, look.rows - STATES_MARGIN);
    this.list = settle(this.list, this.length, this.page);
    const { part, list } = this;
    return statesRows({ part, selected: list.selected, from: list.top }, this.rates, look);
  }

  press(key: Key): boolean {
    const moved = moveInList(this.list, key, this.length, this.page);
    if (moved !== undefined) this.move(moved);
    else if (key.name === 'o') this.nextOrder();
    else if (key.name === '/') this.changeFilter();
    else if (key.name === 'k') this.kill();
    else return false;
    return true;
  }

  click(row: number): void {
    this.list = chooseInList(this.list, row - STATES_MARGIN, this.length) ?? this.list;
  }

  private get length(): number {
    return this.part?.top.matching ?? 0;
  }

  private get wanted(): Pick<Question, 'order' | 'filter'> {
    return { order: this.order, filter: this.filter };
  }

  /** Whether what is wanted and seen has been answered. */
  private get isThere(): boolean {
    const { part, list, page } = this;
    return (
      part !== undefined &&
      part.order === this.order &&
      part.filter === this.filter &&
      covers(part, list.top, page)
    );
  }

  private async ask(question: Question): Promise<void> {
    const { order, filter, first, count } = question;
    const words = ['-o', order, ...(filter === '' ? [] : ['-f', filter]), '-s', String(first), String(count)];
    const top = await this.host.machine.json<TopStates>('pftop', '--json', ...words);
    this.part = { ...question, top };
    const now = performance.now() / 1000;
    if (now - this.ratedAt < RATE_INTERVAL) return;
    this.ratedAt = now;
    this.rates.take(now, new Map(top.states.map((state) => [keyOfState(state), state.bytes])));
  }

  private move(list: ListState): void {
    this.list = list;
    if (!this.isThere) this.host.refresh();
  }

  private nextOrder(): void {
    this.order = ORDERS[(ORDERS.indexOf(this.order) + 1) % ORDERS.length]!;
    this.host.refresh();
  }

  private changeFilter(): void {
    this.host.act(async () => {
      this.filter = (await this.host.ask('states with: ', this.filter)) ?? this.filter;
    });
  }

  private get selected(): TopState | undefined {
    const { part, list } = this;
    return part?.top.states[list.selected - part.first];
  }

  private kill(): void {
    const state = this.selected;
    if (state === undefined) return;
    this.host.act(async () => {
      const { protocol, source, destination } = state;
      if (!(await this.host.confirm(`kill ${protocol} ${source} -> ${destination}?`))) return;
      await this.host.machine.text('pfctl', '-k', 'id', '-k', keyOfState(state));
      this.host.say('1 state killed', 'good');
    });
  }
}
