// SPDX-License-Identifier: ISC
//
// Counters over time: what was counted in a second, now and in the last minutes.

/** Values kept of each counter. */
const KEPT = 240;

interface Series {
  last: number;
  readonly rates: number[];
}

export class Rates {
  private readonly series = new Map<string, Series>();
  private at: number | undefined;

  /** Takes the counters of one moment, in seconds. A counter that went back was reset: it begins anew. */
  take(seconds: number, counters: ReadonlyMap<string, number>): void {
    const passed = this.at === undefined ? 0 : seconds - this.at;
    this.at = seconds;
    for (const name of this.series.keys()) if (!counters.has(name)) this.series.delete(name);
    for (const [name, value] of counters) {
      const one = this.series.get(name);
      if (one === undefined) {
        this.series.set(name, { last: value, rates: [] });
        continue;
      }
      if (passed > 0) one.rates.push(Math.max(0, value - one.last) / passed);
      if (one.rates.length > KEPT) one.rates.shift();
      one.last = value;
    }
  }

  /** A second's worth; undefined before the second look. */
  now(name: string): number | undefined {
    return this.series.get(name)?.rates.at(-1);
  }

  /** Oldest first. */
  history(name: string): readonly number[] {
    return this.series.get(name)?.rates ?? [];
  }
}
