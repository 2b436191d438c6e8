// SPDX-License-Identifier: ISC
//
// F5: the load balancer.

import type { RelaydView } from '../../relayd/control.ts';
import type { Key } from '../keys.ts';
import { chooseInList, LIST_START, moveInList, settle } from '../list.ts';
import type { Row } from '../styled.ts';
import type { KeyHelp, Look, View, ViewHost } from '../view.ts';
import { balancingRows, type Item, itemsOf } from './balancingModel.ts';

/** Rows above the first item. */
const HEADING = 1;

const WORDS: Readonly<Record<string, string>> = { e: 'enable', d: 'disable', D: 'drain' };

export class BalancingView implements View {
  readonly title = 'load';
  readonly keys: readonly KeyHelp[] = [
    ['e', 'enable'],
    ['d', 'disable'],
    ['D', 'drain a host'],
    ['p', 'check now'],
    ['q', 'shell'],
  ];
  private readonly host: ViewHost;
  private items: readonly Item[] | undefined;
  private list = LIST_START;
  private page = 10;

  constructor(host: ViewHost) {
    this.host = host;
  }

  async refresh(): Promise<void> {
    const view = await this.host.machine.json<RelaydView>('relayctl', 'show', 'summary', '--json');
    this.items = itemsOf(view);
  }

  rows(look: Look): readonly Row[] {
    this.page = Math.max(1, look.rows - 1);
    this.list = settle(this.list, this.items?.length ?? 0, this.page);
    return balancingRows(this.items, this.list, look);
  }

  press(key: Key): boolean {
    const moved = moveInList(this.list, key, this.items?.length ?? 0, this.page);
    const word = Object.hasOwn(WORDS, key.name) ? WORDS[key.name] : undefined;
    if (moved !== undefined) this.list = moved;
    else if (word !== undefined) this.steer(word);
    else if (key.name === 'p')
      this.host.act(async () => void (await this.host.machine.text('relayctl', 'poll')));
    else return false;
    return true;
  }

  click(row: number): void {
    this.list = chooseInList(this.list, row - HEADING, this.items?.length ?? 0) ?? this.list;
  }

  private steer(word: string): void {
    const item = this.items?.[this.list.selected];
    if (item === undefined) return;
    const { kind, id, name } = item;
    const canDo = kind === 'host' || (word !== 'drain' && (kind === 'table' || kind === 'redirect'));
    if (!canDo) return this.host.say(`a ${kind} cannot be told to ${word}`);
    this.host.act(async () => {
      if (word !== 'enable' && !(await this.host.confirm(`${word} ${kind} ${name}?`))) return;
      await this.host.machine.text('relayctl', kind, word, String(id));
      this.host.say(`${kind} ${name}: ${word}d`.replace('draind', 'drains'), 'good');
    });
  }
}
