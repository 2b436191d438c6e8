// SPDX-License-Identifier: ISC
//
// Capture taps, as bpf(4): copies of frames on their way to userland, in batches, bounded.

export interface CaptureCalls {
  /** `interface` may be pflog0. Frames longer than `snaplen` are cut in the copy. Answers the tap's id and link type. */
  'capture.open': [
    { readonly interface: string; readonly snaplen: number },
    { readonly id: number; readonly linkType: number },
  ];
  /** Asks for what has been buffered; answers at once, empty when there is nothing. */
  'capture.read': [{ readonly id: number }, CaptureBatch];
  'capture.close': [{ readonly id: number }, { readonly received: number; readonly dropped: number }];
}

/** `records` holds each frame as: microseconds since boot (float64), captured length, wire length (u32 each), bytes; little endian. */
export interface CaptureBatch {
  readonly count: number;
  readonly records: Uint8Array;
}

export interface CaptureEvents {
  /** Something can be read from this tap; sent once until it is read. */
  'capture.ready': { readonly id: number };
}
