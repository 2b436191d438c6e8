// SPDX-License-Identifier: ISC
//
// Sessions of a redirection, from the match counter of its pf table, once a minute (pfe_statistics).

/** Milliseconds between two readings. */
export const STATISTICS_INTERVAL = 60_000;
const TICKS_PER_HOUR = 60;
const TICKS_PER_DAY = 1440;

export class Statistics {
  total = 0;
  last = 0;
  average = 0;
  lastHour = 0;
  averageHour = 0;
  lastDay = 0;
  averageDay = 0;
  private ticks = 0;

  /** A minute is over, and the counter says `count`; it begins anew when the table was flushed. */
  tick(count: number): void {
    this.ticks++;
    this.last = Math.max(0, count - this.total);
    this.total = count;
    this.average = Math.floor((this.last + this.average) / 2);
    this.lastHour += this.last;
    this.lastDay += this.last;
    if (this.ticks % TICKS_PER_HOUR === 0) {
      this.averageHour = Math.floor((this.lastHour + this.averageHour) / 2);
      this.lastHour = 0;
    }
    if (this.ticks % TICKS_PER_DAY === 0) {
      this.averageDay = Math.floor((this.lastDay + this.averageDay) / 2);
      this.lastDay = 0;
    }
  }
}
