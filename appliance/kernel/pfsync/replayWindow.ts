// SPDX-License-Identifier: ISC
//
// Which numbers of one stream have come (RFC 4303 3.4.3): those far behind the highest count as come, and so do those in front of the first.

const WIDTH = 32;
const ALL = -1;

export class ReplayWindow {
  /** As a signed word; it counts unsigned. */
  private highest: number;
  /** Bit n: highest - n has come. */
  private come = ALL;

  constructor(first: number) {
    this.highest = first;
  }

  isNew(counter: number): boolean {
    const behind = (this.highest >>> 0) - (counter >>> 0);
    if (behind < 0) return true;
    return behind < WIDTH && (this.come & (1 << behind)) === 0;
  }

  /** It has come, and is new. */
  note(counter: number): void {
    const ahead = (counter >>> 0) - (this.highest >>> 0);
    if (ahead <= 0) {
      this.come |= 1 << -ahead;
      return;
    }
    this.come = ahead < WIDTH ? (this.come << ahead) | 1 : 1;
    this.highest = counter;
  }
}
