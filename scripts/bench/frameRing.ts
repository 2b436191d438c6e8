// SPDX-License-Identifier: ISC
//
// Frames from one thread to another: a queue in shared memory as long as a TAP's, which drops what finds it full.

/** As many as a TAP keeps (txqueuelen). */
const SLOTS = 1024;
const SLOT = 2048;
/** Frames that were put, and that were taken, in all. */
const [PUT, TAKEN] = [0, 1] as const;

export interface RingMemory {
  readonly frames: SharedArrayBuffer;
  /** PUT and TAKEN, then the length of each slot's frame. */
  readonly numbers: SharedArrayBuffer;
}

export function ringMemory(): RingMemory {
  return { frames: new SharedArrayBuffer(SLOTS * SLOT), numbers: new SharedArrayBuffer(4 * (2 + SLOTS)) };
}

/** One end of it: one thread puts, one takes. */
export class FrameRing {
  /** Frames that found it full. */
  lost = 0;
  private readonly frames: Uint8Array;
  private readonly numbers: Int32Array;

  constructor({ frames, numbers }: RingMemory) {
    this.frames = new Uint8Array(frames);
    this.numbers = new Int32Array(numbers);
  }

  put(bytes: Uint8Array, from: number, end: number): void {
    const put = Atomics.load(this.numbers, PUT);
    if (((put - Atomics.load(this.numbers, TAKEN)) | 0) >= SLOTS) {
      this.lost++;
      return;
    }
    const slot = put & (SLOTS - 1);
    const at = slot * SLOT;
    this.frames.set(bytes.subarray(from, end), at);
    this.numbers[2 + slot] = end - from;
    Atomics.store(this.numbers, PUT, (put + 1) | 0);
  }

  /** Copies the next frame to `at`; answers its length, 0 when there is none. */
  take(into: Uint8Array, at: number): number {
    const taken = Atomics.load(this.numbers, TAKEN);
    if (taken === Atomics.load(this.numbers, PUT)) return 0;
    const slot = taken & (SLOTS - 1);
    const length = this.numbers[2 + slot]!;
    into.set(this.frames.subarray(slot * SLOT, slot * SLOT + length), at);
    Atomics.store(this.numbers, TAKEN, (taken + 1) | 0);
    return length;
  }
}
