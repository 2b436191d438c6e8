// SPDX-License-Identifier: ISC
//
// F4: pf's rules.

import type { Key } from '../keys.ts';
import { chooseInList, LIST_START, moveInList, settle } from '../list.ts';
import { Rates } from '../rates.ts';
import type { Row } from '../styled.ts';
import type { KeyHelp, Look, View, ViewHost } from '../view.ts';
import {
  explanationRows,
  packetFor,
  RULES_MARGIN,
  readRules,
  rulesRows,
  type ShownRule,
} from './rulesModel.ts';

export class RulesView implements View {
  readonly title = 'rules';
  readonly keys: readonly KeyHelp[] = [
    ['e', 'explain a packet'],
    ['Enter', 'rule'],
    ['a', 'anchor'],
    ['Esc', 'close'],
    ['q', 'shell'],
  ];
  private readonly host: ViewHost;
  private rates = new Rates();
  private rules: readonly ShownRule[] | undefined;
  private anchor = '';
  private explanation: readonly string[] = [];
  private list = LIST_START;
  private page = 10;

  constructor(host: ViewHost) {
    this.host = host;
  }

  async refresh(): Promise<void> {
    const anchor = this.anchor === '' ? [] : ['-a', this.anchor];
    const rules = readRules(await this.host.machine.text('pfctl', ...anchor, '-vvsr'));
    this.rules = rules;
    this.rates.take(
      performance.now() / 1000,
      new Map(rules.map(({ number, packets }) => [String(number), packets])),
    );
  }

  rows(look: Look): readonly Row[] {
    const below = explanationRows(this.explanation, look).length;
    this.page = Math.max(1, look.rows - RULES_MARGIN - below);
    this.list = settle(this.list, this.rules?.length ?? 0, this.page);
    const { anchor, rules, explanation, list } = this;
    const shown = { anchor, rules, explanation, selected: list.selected, from: list.top };
    return rulesRows(shown, this.rates, look);
  }

  press(key: Key): boolean {
    const moved = moveInList(this.list, key, this.rules?.length ?? 0, this.page);
    if (moved !== undefined) this.list = moved;
    else if (key.name === 'e') this.explain();
    else if (key.name === 'enter') this.showRule();
    else if (key.name === 'escape') this.explanation = [];
    else if (key.name === 'a') this.chooseAnchor();
    else return false;
    return true;
  }

  click(row: number): void {
    const length = this.rules?.length ?? 0;
    this.list = chooseInList(this.list, row - RULES_MARGIN, length) ?? this.list;
  }

  private get rule(): ShownRule | undefined {
    return this.rules?.[this.list.selected];
  }

  private showRule(): void {
    const { rule } = this;
    if (rule === undefined) return;
    const { number, text, evaluations, packets, bytes, states, statesCreated } = rule;
    this.explanation = [
      `rule ${number}`,
      text,
      `looked at ${evaluations} times; ${packets} packets, ${bytes} bytes; ${states} states of ${statesCreated}`,
    ];
  }

  private explain(): void {
    this.host.act(async () => {
      const packet = await this.host.ask('packet: ', packetFor(this.rule?.text ?? ''));
      if (packet === undefined) return;
      this.explanation = (await this.host.machine.text('pfctl', 'explain', packet)).trimEnd().split('\n');
    });
  }

  private chooseAnchor(): void {
    this.host.act(async () => {
      const anchor = await this.host.ask('anchor (empty: main ruleset): ', this.anchor);
      if (anchor === undefined) return;
      if (anchor !== '') await this.host.machine.text('pfctl', '-a', anchor, '-sr');
      this.anchor = anchor;
      this.rates = new Rates();
    });
  }
}
