// SPDX-License-Identifier: ISC
//
// Keys and the mouse as the console knows them.

/** The mouse, where it is listened to. */
export interface Pointed {
  readonly row: number;
  readonly column: number;
  /** Pressed, or the wheel turned. */
  readonly action: 'press' | 'wheel up' | 'wheel down';
}

export interface Key {
  /** `a`, `up`, `enter`, `f1`, `C-c` with control, `M-b` with meta, `S-tab` with shift (never for letters, which have their case). */
  readonly name: string;
  /** What the key types; absent for those that type nothing. */
  readonly character?: string;
}
