// SPDX-License-Identifier: ISC
//
// How much may be under way: slow start and congestion avoidance (RFC 5681), the phases of recovery (RFC 6582, 6675). Bytes.

import * as tcp from '../../../wire/tcp.ts';

/** Nothing is missing that we know of. */
export const OPEN = 0;
/** Fast recovery: from the third duplicate acknowledgment until everything sent before it is acknowledged. */
export const RECOVERY = 1;
/** After a retransmission timeout, until everything sent before it is acknowledged. */
export const LOSS = 2;

const UNLIMITED = 0x3fff_ffff;

export class Congestion {
  /** Congestion window and slow start threshold (cwnd, ssthresh). */
  window = 0;
  threshold = UNLIMITED;
  phase = OPEN;
  /** What must be acknowledged for the phase to end. */
  private recoveryPoint = 0;
  /** There has been such a point. */
  private recovered = false;
  /** Bytes acknowledged towards the next segment of growth in congestion avoidance (RFC 3465). */
  private acknowledged = 0;

  /** The initial window: ten segments (RFC 6928); one if the SYN had to be repeated (RFC 5681 3.1). */
  start(segment: number, synRepeated: boolean): void {
    this.window = synRepeated ? segment : Math.min(10 * segment, Math.max(2 * segment, 14_600));
  }

  /** Nothing was sent for a retransmission timeout: what the window says is stale (RFC 5681 4.1). */
  restart(segment: number): void {
    const initial = Math.min(10 * segment, Math.max(2 * segment, 14_600));
    if (this.phase === OPEN && this.window > initial) this.window = initial;
  }

  /**
   * `bytes` of new data were acknowledged outside fast recovery. Counting bytes, not acknowledgments, so that a peer that
   * acknowledges large receive units at once does not slow us down.
   */
  grow(bytes: number, segment: number): void {
    if (this.window < this.threshold) {
      this.window = Math.min(this.window + bytes, UNLIMITED);
      return;
    }
    this.acknowledged += bytes;
    if (this.acknowledged < this.window) return;
    this.acknowledged -= this.window;
    this.window = Math.min(this.window + segment, UNLIMITED);
  }

  /** Enters fast recovery: half of what is under way (RFC 5681 3.2). `sent` is the highest number sent. */
  enterRecovery(underWay: number, segment: number, sent: number): void {
    this.phase = RECOVERY;
    this.recoveryPoint = sent;
    this.recovered = true;
    this.threshold = Math.max(Math.floor(underWay / 2), 2 * segment);
    this.window = this.threshold;
    this.acknowledged = 0;
  }

  /** A retransmission timeout. Repeated ones leave the threshold (RFC 5681 3.1); duplicates up to `sent` start nothing new. */
  timedOut(underWay: number, segment: number, sent: number, repeated: boolean): void {
    if (!repeated) this.threshold = Math.max(Math.floor(underWay / 2), 2 * segment);
    this.phase = LOSS;
    this.recoveryPoint = sent;
    this.recovered = true;
    this.window = segment;
    this.acknowledged = 0;
  }

  /** Whether an acknowledgment of `acknowledgment` ends the phase. */
  ends(acknowledgment: number): boolean {
    return this.phase !== OPEN && !tcp.before(acknowledgment, this.recoveryPoint);
  }

  /** Without SACK, duplicates of this acknowledgment may answer what the last recovery sent needlessly (RFC 6582 4.1). */
  mayBeEcho(acknowledgment: number): boolean {
    return this.recovered && !tcp.after(acknowledgment, this.recoveryPoint);
  }

  /** Everything of the phase is acknowledged: on from the threshold (RFC 6582 3.2 step 3, RFC 6675 5). */
  leave(underWay: number, segment: number): void {
    if (this.phase === RECOVERY) {
      this.window = Math.min(this.threshold, Math.max(underWay, segment) + segment);
    }
    this.phase = OPEN;
  }

  /** Without SACK each duplicate says that a segment has left the network (RFC 5681 3.2 step 4). */
  inflate(bytes: number): void {
    this.window = Math.min(this.window + bytes, UNLIMITED);
  }

  /** Without SACK: part of the data is acknowledged in fast recovery (RFC 6582 3.2 step 3). */
  deflate(bytes: number, segment: number): void {
    this.window = Math.max(this.window - bytes, 0) + (bytes >= segment ? segment : 0);
  }
}
