// SPDX-License-Identifier: ISC
//
// F2: the interfaces.

import type { Key } from '../keys.ts';
import { chooseInList, LIST_START, moveInList } from '../list.ts';
import { Rates } from '../rates.ts';
import type { Row } from '../styled.ts';
import type { KeyHelp, Look, View, ViewHost } from '../view.ts';
import { countersOf, interfacesRows, interfacesWindow, type ShownInterface } from './interfacesModel.ts';

export class InterfacesView implements View {
  readonly title = 'interfaces';
  readonly keys: readonly KeyHelp[] = [
    ['Up/Down', 'select'],
    ['u', 'up'],
    ['d', 'down'],
    ['q', 'shell'],
  ];
  private readonly host: ViewHost;
  private readonly rates = new Rates();
  private interfaces: readonly ShownInterface[] = [];
  private list = LIST_START;
  private look: Look | undefined;

  constructor(host: ViewHost) {
    this.host = host;
  }

  async refresh(): Promise<void> {
    const answer = await this.host.machine.json<{ interfaces: readonly ShownInterface[] }>(
      'ifconfig',
      '--json',
    );
    this.interfaces = answer.interfaces;
    this.rates.take(performance.now() / 1000, countersOf(answer.interfaces));
  }

  rows(look: Look): readonly Row[] {
    this.look = look;
    return interfacesRows(this.interfaces, this.rates, this.list.selected, look);
  }

  press(key: Key): boolean {
    const moved = moveInList(this.list, key, this.interfaces.length, 10);
    if (moved !== undefined) this.list = moved;
    else if (key.name === 'u' || key.name === 'd') this.switch(key.name === 'u');
    else return false;
    return true;
  }

  click(row: number): void {
    const { interfaces, list, look } = this;
    if (look === undefined) return;
    const { top, height } = interfacesWindow(interfaces.length, list.selected, look);
    if (row <= height) this.list = chooseInList({ ...list, top }, row - 1, interfaces.length) ?? list;
  }

  private switch(up: boolean): void {
    const name = this.interfaces[this.list.selected]?.name;
    if (name === undefined) return;
    this.host.act(async () => {
      if (!up && !(await this.host.confirm(`set ${name} down?`))) return;
      await this.host.machine.text('ifconfig', name, up ? 'up' : 'down');
    });
  }
}
