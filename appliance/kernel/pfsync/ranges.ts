// SPDX-License-Identifier: ISC
//
// What has come of a row of places that are sent one after the other, and which parts between are missing.

export class Ranges {
  /** Pairs: the first missing place, and the one behind the last. */
  readonly missing: number[] = [];
  /** Behind the last place that has come. */
  private next = 0;

  clear(): void {
    this.missing.length = 0;
    this.next = 0;
  }

  /** Places from `from` to in front of `to` have come. */
  note(from: number, to: number): void {
    if (from > this.next) this.missing.push(this.next, from);
    else if (from < this.next) this.found(from, to);
    if (to > this.next) this.next = to;
  }

  /** All missing places, as far as anybody knows: those behind the last that has come, too. */
  withRest(end: number): readonly number[] {
    return [...this.missing, this.next, end];
  }

  private found(from: number, to: number): void {
    const { missing } = this;
    for (let i = missing.length - 2; i >= 0; i -= 2) {
      const [low, high] = [missing[i]!, missing[i + 1]!];
      if (from >= high || to <= low) continue;
      const left = from > low ? [low, from] : [];
      const right = to < high ? [to, high] : [];
      missing.splice(i, 2, ...left, ...right);
    }
  }
}
