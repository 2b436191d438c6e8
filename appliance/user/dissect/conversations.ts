// SPDX-License-Identifier: ISC
//
// The initial sequence numbers of TCP connections seen, so that later ones can be printed relative to them, as tcpdump(8) does.

/** More connections than this are not remembered; the oldest are forgotten. */
const MAXIMUM = 4096;

/** What to subtract from a segment's sequence number, from what it acknowledges, and from the edges of its SACK blocks. */
export interface Segment {
  readonly sequence: number;
  readonly acknowledgment: number;
  readonly blocks: number;
}

/** Every number as it is on the wire. */
export const ABSOLUTE: Segment = { sequence: 0, acknowledgment: 0, blocks: 0 };

/** First sequence number of each side of a connection; `low` is the end whose name sorts first. */
interface Start {
  readonly low: number;
  readonly high: number;
}

export class Conversations {
  private readonly starts = new Map<string, Start>();

  /**
   * How to print a segment with ACK between two ends, each named by address and port. The first one of a connection, and every
   * SYN, is printed as it is and sets the origin for those that follow; its blocks are relative already.
   */
  place(
    source: string,
    destination: string,
    sequence: number,
    acknowledgment: number,
    syn: boolean,
  ): Segment {
    const forward = source <= destination;
    const key = forward ? `${source} ${destination}` : `${destination} ${source}`;
    const known = syn ? undefined : this.starts.get(key);
    if (known !== undefined) {
      const [mine, theirs] = forward ? [known.low, known.high] : [known.high, known.low];
      return { sequence: mine, acknowledgment: theirs, blocks: theirs };
    }
    const theirs = (acknowledgment - 1) | 0;
    this.remember(key, forward ? { low: sequence, high: theirs } : { low: theirs, high: sequence });
    return { ...ABSOLUTE, blocks: theirs };
  }

  private remember(key: string, start: Start): void {
    this.starts.delete(key);
    this.starts.set(key, start);
    if (this.starts.size > MAXIMUM) this.starts.delete(this.starts.keys().next().value!);
  }
}
