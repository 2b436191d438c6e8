// SPDX-License-Identifier: ISC
//
// Sessions of a redirection by minute, hour and day, from the number of connections that its pf table was asked for
// (relayd.md 5.4).

/** Seconds between two readings. */
export const STATISTICS_PERIOD = 60;

const TICKS_PER_HOUR = 60;
const TICKS_PER_DAY = 24 * TICKS_PER_HOUR;

export class Statistics {
  /** The counter when it was last read: it starts again when the table is flushed. */
  total = 0;
  last = 0;
  average = 0;
  lastHour = 0;
  averageHour = 0;
  lastDay = 0;
  averageDay = 0;
  private ticks = 0;

  /** Takes the counter at the end of a period. */
  tick(counter: number): void {
    this.last = Math.max(0, counter - this.total);
    this.total = counter;
    this.average = Math.floor((this.last + this.average) / 2);
    this.lastHour += this.last;
    this.lastDay += this.last;
    this.ticks++;
    if (this.ticks % TICKS_PER_HOUR === 0) {
      this.averageHour = Math.floor((this.lastHour + this.averageHour) / 2);
      this.lastHour = 0;
    }
    // The original clears the hour here and lets the day grow for ever; its manual speaks of the last day.
    if (this.ticks % TICKS_PER_DAY === 0) {
      this.averageDay = Math.floor((this.lastDay + this.averageDay) / 2);
      this.lastDay = 0;
    }
  }

  /** Goes on where an equal redirection was before a reload. */
  adopt(old: Statistics): void {
    Object.assign(this, old);
  }
}
