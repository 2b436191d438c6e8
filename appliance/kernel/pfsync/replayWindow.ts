// SPDX-License-Identifier: ISC
//
// Which numbers of one sender have come (RFC 4303 3.4.3): those far behind the highest count as come, and so do older streams.

const WIDTH = 32;

export class ReplayWindow {
  private high = 0;
  private low = 0;
  private highest = 0;
  /** Bit n: highest - n has come. */
  private come = 0;

  /** Numbers are unsigned, the stream's two words first. */
  isNew(high: number, low: number, counter: number): boolean {
    const stream = this.compare(high, low);
    if (stream !== 0) return stream > 0;
    const behind = (this.highest >>> 0) - (counter >>> 0);
    if (behind < 0) return true;
    return behind < WIDTH && (this.come & (1 << behind)) === 0;
  }

  /** It has come, and is new. */
  note(high: number, low: number, counter: number): void {
    if (this.compare(high, low) > 0) {
      this.high = high;
      this.low = low;
      this.highest = counter;
      this.come = 1;
      return;
    }
    const ahead = (counter >>> 0) - (this.highest >>> 0);
    if (ahead <= 0) {
      this.come |= 1 << -ahead;
      return;
    }
    this.come = ahead < WIDTH ? (this.come << ahead) | 1 : 1;
    this.highest = counter;
  }

  private compare(high: number, low: number): number {
    return (high >>> 0) - (this.high >>> 0) || (low >>> 0) - (this.low >>> 0);
  }
}
