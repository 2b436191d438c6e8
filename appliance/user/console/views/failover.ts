// SPDX-License-Identifier: ISC
//
// F6: carp and pfsync, and handing over to the peer.

import type { Key } from '../keys.ts';
import { Rates } from '../rates.ts';
import type { Row } from '../styled.ts';
import type { KeyHelp, Look, View, ViewHost } from '../view.ts';
import { type FailoverData, failoverCounters, failoverRows } from './failoverModel.ts';

/** More than what a lost link or a failed check adds. */
const HAND_OVER = '128';

export class FailoverView implements View {
  readonly title = 'failover';
  readonly keys: readonly KeyHelp[] = [
    ['h', 'hand over now'],
    ['t', 'take back'],
    ['q', 'shell'],
  ];
  private readonly host: ViewHost;
  private readonly rates = new Rates();
  private data: FailoverData | undefined;

  constructor(host: ViewHost) {
    this.host = host;
  }

  async refresh(): Promise<void> {
    const { machine } = this.host;
    const [{ interfaces }, counters, info] = await Promise.all([
      machine.json<Pick<FailoverData, 'interfaces'>>('ifconfig', '--json'),
      machine.json<Pick<FailoverData, 'carp' | 'pfsync'>>('netstat', '-s', '--json'),
      machine.json<{ readonly states: { readonly current: number } }>('pfctl', '-si', '--json'),
    ]);
    const demotion = interfaces.some(({ carp }) => carp !== undefined) ? await this.demotion() : 0;
    const { carp, pfsync } = counters;
    this.data = { interfaces, demotion, carp, pfsync, states: info.states.current };
    this.rates.take(performance.now() / 1000, failoverCounters(this.data));
  }

  rows(look: Look): readonly Row[] {
    return failoverRows(this.data, this.rates, look);
  }

  press(key: Key): boolean {
    if (key.name === 'h') this.handOver();
    else if (key.name === 't') this.takeBack();
    else return false;
    return true;
  }

  /** `carp: carp demote count 0`. */
  private async demotion(): Promise<number> {
    return Number(/\d+\s*$/.exec(await this.host.machine.text('ifconfig', '-g', 'carp'))?.[0] ?? 0);
  }

  private get isMember(): boolean {
    return this.data?.interfaces.some(({ carp }) => carp !== undefined) === true;
  }

  private handOver(): void {
    if (!this.isMember) return this.host.say('there is no carp interface to hand over');
    this.host.act(async () => {
      if (!(await this.host.confirm('hand every virtual host over to the peer now?'))) return;
      await this.host.machine.text('ifconfig', '-g', 'carp', 'carpdemote', HAND_OVER);
      this.host.say(`demoted by ${HAND_OVER}: the peer takes over; t takes it back`, 'good');
    });
  }

  private takeBack(): void {
    if (!this.data?.demotion) return this.host.say('this member is not demoted');
    this.host.act(async () => {
      const by = String(this.data?.demotion ?? 0);
      if (!(await this.host.confirm(`take the demotion of ${by} back?`))) return;
      await this.host.machine.text('ifconfig', '-g', 'carp', '-carpdemote', by);
      this.host.say('the demotion is taken back', 'good');
    });
  }
}
