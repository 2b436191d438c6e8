// SPDX-License-Identifier: ISC
//
// relayctl monitor: what happens in relayd, as it happens, until it is interrupted (relayd.md 5.3).

import type { MonitorEvent, MonitorEventName } from '../../relayd/control.ts';
import type { Action } from './words.ts';

/** Number and length of each message on the original's bus. They mean nothing here and stay what they are. */
const MESSAGES: Readonly<Record<MonitorEventName, { readonly type: number; readonly length: number }>> = {
  ctl_rdr_disable: { type: 12, length: 84 },
  ctl_rdr_enable: { type: 13, length: 84 },
  ctl_table_enable: { type: 14, length: 84 },
  ctl_table_disable: { type: 15, length: 84 },
  ctl_host_enable: { type: 16, length: 84 },
  ctl_host_disable: { type: 17, length: 84 },
  ctl_table_changed: { type: 21, length: 84 },
  ctl_pull_ruleset: { type: 22, length: 84 },
  ctl_push_ruleset: { type: 23, length: 84 },
  host_status: { type: 31, length: 28 },
  sync: { type: 32, length: 16 },
  ctl_host_drain: { type: 64, length: 84 },
  host_drained: { type: 65, length: 84 },
};

export const monitor: Action = async ({ relayd, options, context }) => {
  const end = relayd.monitor((event) => {
    context.stdout(options.json ? `${JSON.stringify(event)}\n` : eventText(event));
  });
  await untilAborted(context.signal);
  end();
  return 0;
};

/** Resolves when the command is interrupted. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** An event as the original dumps its messages. */
export function eventText({ event, time, id, name, state }: MonitorEvent): string {
  const { type, length } = MESSAGES[event];
  const details = [
    `timestamp: ${Math.floor(time / 1_000)}, ${ctime(time)}`,
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(name === undefined ? [] : [`name: ${name}`]),
    ...(state === undefined ? [] : [`state: ${state}`]),
  ];
  const lines = details.map((line) => `\t${line}\n`).join('');
  return `${event}: imsg type ${type} len ${length} peerid 0 pid 1\n${lines}`;
}

/** ctime(3) in UTC: `Tue Jun 10 00:00:00 2008`. */
function ctime(milliseconds: number): string {
  const [day, date, month, year, clock] = new Date(milliseconds).toUTCString().replace(',', '').split(' ');
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${clock} ${year}`;
}
