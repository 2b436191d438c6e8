// SPDX-License-Identifier: ISC
//
// Pieces that several listings of pfctl share: counters in brackets, dates as ctime(3) writes them.

import type { Session } from './session.ts';

/** `[ Packets: 12                 Bytes: 912                ]`. */
export function counterBracket(packets: number, bytes: number): string {
  return `[ Packets: ${String(packets).padEnd(18)} Bytes: ${String(bytes).padEnd(18)} ]`;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Mon Jan 12 10:04:05 2026`, local time. */
export function dateText(milliseconds: number): string {
  const date = new Date(milliseconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
  const day = String(date.getDate()).padStart(2, ' ');
  return `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${clock} ${date.getFullYear()}`;
}

/** Turns seconds since boot into a date. */
export async function bootDate(session: Session): Promise<(seconds: number) => string> {
  const { uptime } = await session.kernel.call('system.time', {});
  const booted = session.context.clock.now() - uptime * 1000;
  return (seconds) => dateText(booted + seconds * 1000);
}
