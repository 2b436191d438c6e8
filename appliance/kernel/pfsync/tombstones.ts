// SPDX-License-Identifier: ISC
//
// Ids of states that were deleted here of late: what a peer still says of them is not to bring them back.

/** Seconds that an id is remembered; a peer has told everything that it had on its way by then. */
const KEPT = 60;
const MAXIMUM = 65_536;

export class Tombstones {
  /** Id to the second at which it may be forgotten, oldest first. */
  private readonly until = new Map<string, number>();

  add(high: number, low: number, creator: number, now: number): void {
    for (const [id, second] of this.until) {
      if (second > now && this.until.size < MAXIMUM) break;
      this.until.delete(id);
    }
    this.until.set(name(high, low, creator), now + KEPT);
  }

  has(high: number, low: number, creator: number, now: number): boolean {
    return (this.until.get(name(high, low, creator)) ?? 0) > now;
  }

  clear(): void {
    this.until.clear();
  }
}

function name(high: number, low: number, creator: number): string {
  return `${high}.${low}.${creator}`;
}
