// SPDX-License-Identifier: ISC
//
// Keys as the console knows them.

export interface Key {
  /** `a`, `up`, `enter`, `f1`, `C-c` with control, `M-b` with meta, `S-tab` with shift (never for letters, which have their case). */
  readonly name: string;
  /** What the key types; absent for those that type nothing. */
  readonly character?: string;
}
