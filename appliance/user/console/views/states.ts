// SPDX-License-Identifier: ISC
//
// F3: pf's states.

import { ORDERS, type Order, type TopState, type TopStates } from '../../commands/pftop.ts';
import type { Key } from '../keys.ts';
import { LIST_START, moveInList, settle } from '../list.ts';
import { Rates } from '../rates.ts';
import type { Row } from '../styled.ts';
import type { KeyHelp, Look, View, ViewHost } from '../view.ts';
import { keyOfState, STATES_MARGIN, statesRows } from './statesModel.ts';

/** States that are asked for: as many as one would scroll through. */
const COUNT = 1_000;

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
  private top: TopStates | undefined;
  private order: Order = 'bytes';
  private filter = '';
  private list = LIST_START;
  private page = 10;

  constructor(host: ViewHost) {
    this.host = host;
  }

  async refresh(): Promise<void> {
    const filter = this.filter === '' ? [] : ['-f', this.filter];
    const { machine } = this.host;
    const top = await machine.json<TopStates>('pftop', '--json', '-o', this.order, ...filter, String(COUNT));
    this.top = top;
    this.rates.take(
      performance.now() / 1000,
      new Map(top.states.map((state) => [keyOfState(state), state.bytes])),
    );
  }

  rows(look: Look): readonly Row[] {
    this.page = Math.max(1, look.rows - STATES_MARGIN);
    this.list = settle(this.list, this.states.length, this.page);
    const { top, order, filter, list } = this;
    return statesRows({ top, order, filter, selected: list.selected, from: list.top }, this.rates, look);
  }

  press(key: Key): boolean {
    const moved = moveInList(this.list, key, this.states.length, this.page);
    if (moved !== undefined) this.list = moved;
    else if (key.name === 'o') this.nextOrder();
    else if (key.name === '/') this.changeFilter();
    else if (key.name === 'k') this.kill();
    else return false;
    return true;
  }

  private get states(): readonly TopState[] {
    return this.top?.states ?? [];
  }

  private nextOrder(): void {
    this.order = ORDERS[(ORDERS.indexOf(this.order) + 1) % ORDERS.length]!;
    this.host.act(async () => {});
  }

  private changeFilter(): void {
    this.host.act(async () => {
      this.filter = (await this.host.ask('states with: ', this.filter)) ?? this.filter;
    });
  }

  private kill(): void {
    const state = this.states[this.list.selected];
    if (state === undefined) return;
    this.host.act(async () => {
      const { protocol, source, destination } = state;
      if (!(await this.host.confirm(`kill ${protocol} ${source} -> ${destination}?`))) return;
      await this.host.machine.text('pfctl', '-k', 'id', '-k', keyOfState(state));
      this.host.say('1 state killed', 'good');
    });
  }
}
